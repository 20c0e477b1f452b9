"""The analyst's copies of the notebooks: which ones follow the project's, and which ones stay as edited."""

import json
import os
import sys

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_output

from helpers.small_notebooks import write_notebook
from vendas import resources
from vendas.cli import commands
from vendas.jupyter.lab import jupyterlab, prepare_notebooks
from vendas.settings import load_settings

REFUSED = r"from vendas.errors import ConcurrentChange; raise ConcurrentChange('A mesa mudou.\nTente de novo.')"
PARAMETERS = 'lake: str = "../lago"  # the lake\nrun_id: str = "manual"'


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Replace the project's notebooks by a folder that the test writes to."""
    folder, real = tmp_path / "project", resources.folder
    monkeypatch.setattr(resources, "folder", lambda name: folder if name == "notebooks" else real(name))
    folder.mkdir()
    write(folder, "2 + 2")
    return folder


@pytest.fixture
def settings(tmp_path):
    return load_settings(lake=tmp_path / "lago")


@pytest.fixture
def copy(project, settings):
    """Return the prepared copy of the only notebook."""
    assert prepare_notebooks(settings) == {}
    return settings.lake / "notebooks" / "05_exploracao.ipynb"


def write(folder, *cells):
    write_notebook(folder / "05_exploracao.ipynb", *cells, parameters=PARAMETERS)


def edit(copy, source):
    """Change the last cell as JupyterLab does."""
    notebook = nbformat.read(copy, 4)
    notebook.cells[-1].source = source
    nbformat.write(notebook, copy)


def execute(copy):
    """Add the outputs that an execution of the cells leaves."""
    notebook = nbformat.read(copy, 4)
    notebook.cells[-1].update(execution_count=4, outputs=[new_output("stream", text="4")])
    notebook.cells[-1].metadata["execution"] = {"iopub.status.busy": "2024-03-31T14:05:09Z"}
    nbformat.write(notebook, copy)


def sources(copy):
    return [cell.source for cell in nbformat.read(copy, 4).cells]


def test_a_copy_is_the_notebook_with_a_cell_that_names_the_lake(copy, settings):
    heading, declared, given, code = sources(copy)
    assert (heading, declared, code) == ("# x", PARAMETERS, "2 + 2")
    assert f'lake = "{settings.lake}"' in given.splitlines()


@pytest.mark.parametrize("done", [lambda copy: None, execute, lambda copy: edit(copy, "3 + 3")])
def test_a_copy_whose_original_is_the_same_is_left_alone(copy, settings, done):
    done(copy)
    before = copy.read_bytes()
    assert prepare_notebooks(settings) == {} and copy.read_bytes() == before


@pytest.mark.parametrize("done", [lambda copy: None, execute])
def test_a_copy_nobody_worked_on_follows_its_original(copy, project, settings, done):
    done(copy)
    write(project, "2 + 2", "5 + 5")
    assert prepare_notebooks(settings) == {} and sources(copy)[-2:] == ["2 + 2", "5 + 5"]
    write(project, "6 + 6")
    assert prepare_notebooks(settings) == {} and sources(copy)[-1] == "6 + 6"


def test_a_copy_somebody_worked_on_stays_and_is_told(copy, project, settings):
    edit(copy, "3 + 3")
    before = copy.read_bytes()
    write(project, "5 + 5")
    assert list(prepare_notebooks(settings)) == [copy] and copy.read_bytes() == before


def test_the_difference_of_such_a_copy_is_told(copy, project, settings):
    edit(copy, "3 + 3")
    write(project, "2 + 2", "5 + 5")
    (told,) = prepare_notebooks(settings).values()
    changed = [line.strip() for line in told.splitlines() if line.strip().startswith(("-", "+"))]
    assert "-  3 + 3" in changed and "5 + 5" in told and "execution_count" not in told


def test_a_copy_changed_to_what_the_original_became_is_left_alone(copy, project, settings):
    edit(copy, "5 + 5")
    write(project, "5 + 5")
    assert prepare_notebooks(settings) == {}


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"nbformat": 4, "nbformat_minor": 5}', "não é um notebook"])
def test_a_copy_that_cannot_be_read_stays_and_is_told(copy, settings, content):
    copy.write_text(content)
    assert list(prepare_notebooks(settings)) == [copy] and copy.read_text() == content


def test_a_copy_that_does_not_tell_what_was_prepared_stays_and_is_told(copy, project, settings):
    notebook = nbformat.read(copy, 4)
    del notebook.metadata["vendas"]
    nbformat.write(notebook, copy)
    write(project, "5 + 5")
    assert list(prepare_notebooks(settings)) == [copy]


def test_a_notebook_of_the_owners_is_none_of_the_projects_business(copy, settings):
    own = copy.rename(copy.with_name("minha_analise.ipynb"))
    before = own.read_bytes()
    assert prepare_notebooks(settings) == {} and copy.exists() and own.read_bytes() == before


def test_every_notebook_of_the_project_is_prepared(settings):
    prepare_notebooks(settings)
    named = [path.name for path in sorted((settings.lake / "notebooks").glob("*"))]
    assert named == [path.name for path in sorted(resources.folder("notebooks").glob("*.ipynb"))] and len(named) == 5


def test_copies_of_the_stages_rehearse(settings):
    prepare_notebooks(settings)
    for copy in sorted((settings.lake / "notebooks").glob("*.ipynb")):
        given = [source for source in sources(copy) if source.startswith("# Parameters")]
        assert len(given) == 1 and ("ensaio = True" in given[0]) is (copy.stem != "05_exploracao")


def test_kernels_get_the_settings_of_who_opened_jupyterlab(tmp_path, monkeypatch):
    """The `.env` is in the working folder of the command, not in that of the kernels."""
    (tmp_path / ".env").write_text("VENDAS_SPARK_MEMORY=1g\nVENDAS_SPARK_UI=true\n")
    monkeypatch.chdir(tmp_path)
    given = load_settings(lake="lago", cell_timeout=60)
    (tmp_path / "lago").mkdir()
    monkeypatch.chdir(tmp_path / "lago")
    for name, value in jupyterlab(given)[1].items():
        monkeypatch.setenv(name, value)
    assert load_settings() == given


def test_what_is_refused_on_purpose_is_told_without_a_traceback(tmp_path):
    notebook = nbformat.read(write_notebook(tmp_path / "x.ipynb", REFUSED), 4)
    NotebookClient(notebook, kernel_name="python3", allow_errors=True).execute()
    (shown,) = notebook.cells[-1].outputs
    assert shown.traceback == ["ConcurrentChange: A mesa mudou.\nTente de novo."]


def test_the_command_becomes_jupyterlab_with_what_follows_the_dashes(copy, project, settings, monkeypatch, capsys):
    edit(copy, "3 + 3")
    write(project, "5 + 5")
    became = []
    monkeypatch.setattr(os, "execve", lambda *given: became.append(given))
    monkeypatch.setattr(
        sys, "argv", ["vendas", "notebook", "--lake", str(settings.lake), "--json", "--", "--no-browser"]
    )
    with pytest.raises(SystemExit):
        commands.main()
    ((program, command, environment),) = became
    assert (program, command) == (sys.executable, [*jupyterlab(settings)[0], "--no-browser"])
    assert environment["VENDAS_LAKE"] == str(settings.lake) and environment["PATH"] == os.environ["PATH"]
    said = capsys.readouterr()
    assert json.loads(said.out) == {"folder": str(copy.parent), "outdated": [copy.name]}
    assert f"{copy} stays as you changed it" in said.err


def test_a_mistyped_option_is_refused(settings, monkeypatch, capsys):
    monkeypatch.setattr(os, "execve", lambda *given: pytest.fail("went on"))
    monkeypatch.setattr(sys, "argv", ["vendas", "notebook", "--lkae", str(settings.lake)])
    with pytest.raises(SystemExit) as ended:
        commands.main()
    assert ended.value.code == 1 and "--lkae" in capsys.readouterr().err and not settings.lake.exists()
