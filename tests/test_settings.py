import re

import pytest

from vendas.errors import SettingsError
from vendas.settings import load_settings


def test_a_lake_has_one_name_however_it_is_given(tmp_path):
    """Iceberg writes the path into its tables; upkeep would delete files that it finds under another path."""
    (tmp_path / "lago").mkdir()
    (tmp_path / "atalho").symlink_to(tmp_path / "lago")
    for way in ("lago", "notebooks/../lago", "atalho", "atalho/../lago/."):
        assert load_settings(lake=tmp_path / way).lake == tmp_path.resolve() / "lago"


def test_a_relative_lake_becomes_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_settings(lake="meu lago").lake == tmp_path / "meu lago"


def test_the_environment_is_read(monkeypatch, tmp_path):
    monkeypatch.setenv("VENDAS_LAKE", str(tmp_path))
    assert load_settings().lake == tmp_path


def test_what_is_given_wins_over_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("VENDAS_LAKE", "/elsewhere")
    assert load_settings(lake=tmp_path).lake == tmp_path


def test_none_means_not_given(monkeypatch, tmp_path):
    monkeypatch.setenv("VENDAS_LAKE", str(tmp_path))
    assert load_settings(lake=None).lake == tmp_path


@pytest.mark.parametrize("name", ["LAKE", "LANDING", "GLUE_ROLE", "QUIET_SECONDS"])
def test_an_empty_variable_counts_as_not_set(name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    unset = load_settings()
    monkeypatch.setenv(f"VENDAS_{name}", "")
    assert load_settings() == unset
    monkeypatch.delenv(f"VENDAS_{name}")
    (tmp_path / ".env").write_text(f"VENDAS_{name}=\n")
    assert load_settings() == unset


@pytest.mark.parametrize("blank", ["", " ", "\t"])
@pytest.mark.parametrize("place", ["lake", "landing"])
def test_a_blank_place_is_refused_and_not_the_working_folder(place, blank):
    with pytest.raises(SettingsError, match=rf"VENDAS_{place.upper()}\).*the path is blank.*{re.escape(repr(blank))}"):
        load_settings(**{place: blank})


def test_a_role_is_given_by_its_arn(tmp_path):
    with pytest.raises(SettingsError, match=r"VENDAS_REDSHIFT_COPY_ROLE\).*'copy'"):
        load_settings(lake=tmp_path, redshift_copy_role="copy")


def test_an_unusable_value_is_refused_with_key_variable_and_value(monkeypatch):
    monkeypatch.setenv("VENDAS_CELL_TIMEOUT", "soon")
    with pytest.raises(SettingsError, match=r"cell_timeout \(VENDAS_CELL_TIMEOUT\).*'soon'"):
        load_settings()
