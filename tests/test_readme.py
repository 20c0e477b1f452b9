"""The documentation: its commands work, its links resolve, its facts are true, and both languages agree."""

import re
import shlex
import tomllib
from pathlib import Path

import papermill
import pytest
import typer

from helpers.drills import PAYMENT
from helpers.inprocess import run_all_stages
from helpers.terminal import FIXTURES, real_files, vendas, vendas_here
from test_project import LIB, NOTEBOOKS, ROOT
from vendas import __version__, errors, schema
from vendas.cli.commands import app
from vendas.rules.gold import TURNOS
from vendas.settings import DEFAULT_LAKE, Settings
from vendas.warehouse.embedded import stop

README, PORTUGUESE = ROOT / "README.md", ROOT / "README.pt-BR.md"
DOCS = sorted((ROOT / "docs").glob("*.md"))
IMAGES = sorted(path for path in (ROOT / "docs" / "images").iterdir() if path.suffix in (".png", ".svg"))
TEXT = {path.name: path.read_text(encoding="utf-8") for path in (README, PORTUGUESE, *DOCS)}
IMPORTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
BOTH = pytest.mark.parametrize("readme", [README.name, PORTUGUESE.name])
ALL = pytest.mark.parametrize("page", TEXT)

# A command line of vendas is in a block, maybe after a path, or in a code span, where the name alone is enough.
COMMAND_LINE = re.compile(r"(^|`|/)vendas ([a-z][^`#&\n]*?) *(?:2>>.*|#.*|&&.*|`|$)", re.MULTILINE)
PLACEHOLDERS = {"ROWS": "10", "[": "", "]": "", "…": ""}
QUICK = ("run", "status", "quarantine list", "quarantine export", "check", "sample", "dw url", "dw psql", "dw stop")
A_BRONZE_NAME = re.compile(r"registros_loja_\w+\.csv")
LARGEST, LARGEST_TOGETHER = 250_000, 1_000_000  # bytes of images


def blocks(page, language="sh"):
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT[page], re.MULTILINE | re.DOTALL)


def shell_commands(page):
    """Return each command in the page's blocks as words, without comments."""
    lines = "".join(blocks(page)).splitlines()
    return [words for line in lines for part in line.split("&&") if (words := shlex.split(part, comments=True))]


def find(words):
    """Return the command that these words call, its name, and the remaining words."""
    command, prefix = typer.main.get_command(app), "vendas"
    while hasattr(command, "commands"):
        name, *words = words
        command, prefix = command.commands[name], f"{prefix} {name}"
    return command, prefix, words


def commands(group, prefix="vendas"):
    for name, command in group.commands.items():
        yield from commands(command, f"{prefix} {name}") if hasattr(command, "commands") else [f"{prefix} {name}"]


def anchors(page):
    """Return the anchors of a page, in order: its headings in GitHub's form."""
    text = TEXT.get(page) or (ROOT / page).read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]


def links(page):
    return re.findall(r"\]\(([^)]+)\)", TEXT[page])


def in_english(link):
    """Return a link; one to a translation leads to the same heading of the English page."""
    path, _, anchor = link.partition("#")
    page, english = Path(path).name, Path(path).name.replace(".pt-BR", "")
    if anchor and page != english:
        anchor = anchors(english)[anchors(page).index(anchor)]
    return "#".join(filter(None, [path.replace(".pt-BR", ""), anchor]))


# --- commands


@BOTH
def test_the_readme_lists_every_command_and_no_other(readme):
    listed = re.findall(r"^\| `(vendas [a-z ]+[a-z])", TEXT[readme], re.MULTILINE)
    assert sorted(listed) == sorted(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("command", [*commands(typer.main.get_command(app))])
def test_every_command_tells_of_the_lake_that_it_takes_by_default(command, capsys):
    assert DEFAULT_LAKE in vendas_here(capsys, *command.split()[1:], "--help").stdout


@ALL
def test_every_command_line_can_be_read(page):
    for before, line in COMMAND_LINE.findall(TEXT[page]):
        for placeholder, value in PLACEHOLDERS.items():
            line = line.replace(placeholder, value)
        command, name, words = find(shlex.split(line))
        if words or before != "`":
            command.make_context(name, words)  # parses the words without running the command


@ALL
def test_whatever_else_is_called_is_there(page):
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    for words in shell_commands(page):
        while "=" in words[0]:
            assert words.pop(0).split("=")[0].removeprefix("VENDAS_").lower() in Settings.model_fields
        match Path(words[0]).name, words[1:]:
            case "make", called:
                assert all(word in targets or re.match(r"[A-Z]+=", word) for word in called)
            case "python", ["-m", "pytest", path, *chosen]:
                named = re.findall(r"def (test_\w+)", (ROOT / path).read_text(encoding="utf-8"))
                assert not chosen or any(chosen[1] in name for name in named)
            case program, _:
                assert program in ("vendas", "aws", "cp", "git", "xdg-open")


def test_quick_commands_do_what_they_say(engine, tmp_path, monkeypatch):
    """As in the blocks, in their order; the bronze file of an example is replaced by one of this lake."""
    lake = tmp_path / "lago"
    run_all_stages(lake, files=real_files())
    arquivo = sorted(path.name for path in (lake / "bronze").iterdir())[0]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "registros_loja.csv").write_bytes((FIXTURES / "registros_website.csv").read_bytes())
    lines = [line for page in TEXT for block in blocks(page) for _, line in COMMAND_LINE.findall(block)]
    quick = [line for line in dict.fromkeys(lines) if line.startswith(QUICK)]
    assert len(quick) > 5
    for line in quick:
        done = vendas(*shlex.split(A_BRONZE_NAME.sub(arquivo, line)), VENDAS_LAKE=str(lake))
        assert done.returncode == 0 and "Traceback" not in done.stderr, f"{line}\n{done.stderr}"
    stop(lake / "dw")


# --- links and images


@ALL
def test_every_link_leads_somewhere(page):
    folder = ROOT if page.startswith("README") else ROOT / "docs"
    assert links(page)
    for link in [link for link in links(page) if "://" not in link]:
        path, _, anchor = link.partition("#")
        assert (folder / path).exists(), link
        assert not anchor or anchor in anchors(Path(path).name or page), link


def test_pictures_are_small_and_all_shown():
    shown = {link for page in TEXT for link in links(page)}
    assert [path.name for path in IMAGES if f"docs/images/{path.name}" not in shown] == []
    sizes = [path.stat().st_size for path in IMAGES]
    assert max(sizes) < LARGEST and sum(sizes) < LARGEST_TOGETHER


# --- facts


def test_operations_tells_of_every_setting():
    rows = re.findall(r"^\| `VENDAS_(\w+)` \| (.*?) \|", TEXT["operations.md"], re.MULTILINE)
    assert {name.lower() for name, _ in rows} == set(Settings.model_fields)
    told = {name.lower(): default.strip("`") for name, default in rows}
    known = {name: field.default for name, field in Settings.model_fields.items() if field.default is not None}
    for name in known.keys() - {"landing"}:
        assert told[name] == (str(known[name]).lower() if isinstance(known[name], bool) else str(known[name]))


@BOTH
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_readme_names_every_notebook_parameter(readme, path):
    assert [name for name in papermill.inspect_notebook(path) if f"`{name}` (" not in TEXT[readme]] == []


def test_the_readme_adds_the_column_that_the_drill_adds():
    assert blocks(README.name, "python")[-1].splitlines() == [edit.text.strip().rstrip(",") for edit in PAYMENT]


def test_the_contract_names_every_column_default_and_part_of_the_day():
    text = " ".join(TEXT["contract.md"].replace("\n> ", " ").split())
    columns = {*schema.names(schema.SILVER_COLUMNS), *schema.names(schema.GOLD_COLUMNS)}
    assert [name for name in (*columns, schema.MISSING, schema.MISSING_CODE) if name not in text] == []
    turnos = ", ".join(f"`{name}` from {hour} h" for name, hour in TURNOS.items())
    assert turnos in text, f"docs/contract.md should say of turno_compra: {turnos}"


def test_the_architecture_lists_the_layers_of_imports_and_every_module():
    (layers,) = [c["layers"] for c in IMPORTS["contracts"] if c["type"] == "layers"]
    table = TEXT["architecture.md"].partition("| packages | modules |")[2].partition("\n\n")[0]
    rows = [line.split(" | ") for line in table.splitlines()[2:]]
    assert [name for first, _ in rows for name in re.findall(r"`(\w+)`", first)] == re.findall(r"\w+", " ".join(layers))
    for first, second in rows:
        names = re.findall(r"`(\w+)`", first)
        inside = [path.stem for name in names for path in (LIB / name).glob("[!_]*.py")]
        assert sorted(set(inside) - set(re.findall(r"`(\w+)`", second))) == [], names


def test_what_contributing_names_is_there():
    named = re.findall(r"`([\w./]+/[\w.]*)`", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    assert len(named) > 20 and [name for name in named if not (ROOT / name).exists()] == []


def test_the_changelog_has_this_version_and_what_is_unreleased():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## \[(.+)\](?: - (\d{4}-\d\d-\d\d))?$", text, re.MULTILINE)
    kinds = re.findall(r"^### (.+)$", text, re.MULTILINE)
    assert versions[0] == ("Unreleased", "") and dict(versions)[__version__]
    assert len(kinds) > 2 and set(kinds) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert [link for link in re.findall(r"\]\((\w[^:)#]*)[#)]", text) if not (ROOT / link).exists()] == []


def test_operations_knows_the_errors_there_are():
    named = re.findall(r"^\| `(\w+)` \|", TEXT["operations.md"].partition("## Settings")[0], re.MULTILINE)
    assert named and [name for name in named if not hasattr(errors, name)] == []


# --- two languages


@pytest.mark.parametrize(
    "part",
    [
        lambda page: re.findall(r"^(#+) ", TEXT[page], re.MULTILINE),
        shell_commands,
        lambda page: blocks(page, "python"),
        lambda page: [in_english(link) for link in links(page)],
        lambda page: re.findall(r"^\| `(.+?)` \|", TEXT[page], re.MULTILINE),
        lambda page: re.findall(r"VENDAS_[A-Z_]+(?:=\w+)?", TEXT[page]),
    ],
    ids=["headings", "commands", "code", "links and pictures", "tables", "settings"],
)
def test_both_languages_have_the_same(part):
    assert part(PORTUGUESE.name) == part(README.name) != []
