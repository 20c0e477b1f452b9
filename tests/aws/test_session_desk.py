"""`vendas notebook` on a lake in S3: copies on this machine, for the Glue PySpark kernel."""

import json
import os
import sys

import nbformat
import pytest

from vendas import resources
from vendas.cli import commands
from vendas.jupyter import glue_sessions

SET = {
    "VENDAS_GLUE_ROLE": "arn:aws:iam::123456789012:role/vendas-sessions",
    "VENDAS_GLUE_MODULES": "s3://artifacts/vendas/1.gluewheels.zip",
    "AWS_DEFAULT_REGION": "sa-east-1",
}


@pytest.fixture
def opens(monkeypatch, tmp_path, capsys):
    """Return a function that runs the command; it returns exit code, output, and the environment for JupyterLab."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("AWS_", "glue_", "VENDAS_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setattr(glue_sessions, "find_spec", lambda name: name)  # as if the kernel were installed

    def opens(lake="s3://lago-1", **variables):
        became = [{}]
        for name, value in {**SET, **variables}.items():
            monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name, raising=False)
        monkeypatch.setattr(os, "execve", lambda program, command, environment: became.append(environment))
        monkeypatch.setattr(sys, "argv", ["vendas", "notebook", "--lake", lake, "--json"])
        with pytest.raises(SystemExit) as ended:
            commands.main()
        said = capsys.readouterr()
        return ended.value.code, said.err if ended.value.code else json.loads(said.out), became[-1]

    return opens


def test_the_copies_are_for_the_glue_kernel_and_name_the_lake(opens, tmp_path):
    code, said, _ = opens()
    assert code == 0 and said == {"folder": str(tmp_path / "vendas-notebooks" / "lago-1"), "outdated": []}
    copies = {path.name: nbformat.read(path, 4) for path in (tmp_path / "vendas-notebooks" / "lago-1").iterdir()}
    assert copies.keys() == {path.name for path in resources.folder("notebooks").glob("*.ipynb")}
    for notebook in copies.values():
        assert notebook.metadata.kernelspec == glue_sessions.KERNEL
        code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
        assert 'lake = "s3://lago-1"' in code[1] and not any(
            line.startswith("%") for line in "\n".join(code).split("\n")
        )


def test_lakes_in_one_bucket_have_copies_of_their_own(opens, tmp_path):
    assert opens("s3://dados/lago-1")[1]["folder"] == str(tmp_path / "vendas-notebooks" / "dados" / "lago-1")


def test_sessions_end_by_themselves_unless_the_user_says_when(opens):
    assert opens()[2]["glue_idle_timeout"] == "15"
    assert opens(glue_idle_timeout="60")[2]["glue_idle_timeout"] == "60"


def test_a_lake_in_a_folder_knows_of_no_session(opens, tmp_path):
    code, _, environment = opens(str(tmp_path / "lago"))
    assert code == 0 and not any(name.startswith("glue_") for name in environment) and "JUPYTER_PATH" not in environment


@pytest.mark.parametrize(
    ("lacking", "said"),
    [
        ({"VENDAS_GLUE_ROLE": ""}, "needs glue_role (VENDAS_GLUE_ROLE): the ARN"),
        ({"VENDAS_GLUE_MODULES": ""}, "needs glue_modules (VENDAS_GLUE_MODULES): the s3:// address"),
        ({"AWS_DEFAULT_REGION": ""}, "No AWS region is known"),
        ({"VENDAS_GLUE_ROLE": "vendas"}, "glue_role (VENDAS_GLUE_ROLE)"),
    ],
)
def test_what_a_session_needs_is_asked_for_first(opens, tmp_path, lacking, said):
    code, error, _ = opens(**lacking)
    assert code == 1 and said in error and not (tmp_path / "vendas-notebooks").exists()


def test_without_the_kernel_it_says_how_to_get_it(opens, monkeypatch):
    monkeypatch.setattr(glue_sessions, "find_spec", lambda name: None)
    code, error, _ = opens()
    assert code == 1 and "pip install 'vendas[glue]'" in error
