"""The fingerprint of the rules: what moves it, and what does not."""

import re
import shutil
from dataclasses import replace

import pytest

from test_project import ROOT
from vendas import declaration
from vendas.rules import fingerprint
from vendas.rules.fingerprint import normalize, rules_fingerprint


@pytest.fixture
def library(tmp_path, monkeypatch):
    """Return a copy of the library's modules whose fingerprint is taken."""
    copy = shutil.copytree(ROOT / "lib" / "vendas", tmp_path / "vendas")
    monkeypatch.setattr(fingerprint, "_LIBRARY", copy)
    return copy


def edit(file, pattern, by):
    text = file.read_text()
    edited, times = re.subn(pattern, by, text, count=1)
    assert times == 1 and edited != text
    file.write_text(edited)


def test_a_fingerprint_is_sixteen_digits_wherever_the_library_lies(library):
    assert re.fullmatch("[0-9a-f]{16}", rules_fingerprint())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fingerprint, "_LIBRARY", ROOT / "lib" / "vendas")
        there = rules_fingerprint()
    assert rules_fingerprint() == there


@pytest.mark.parametrize(
    ("module", "pattern", "by"),
    [
        ("rules/gold.py", r'"turno_compra": turno', '"turno_compra": email'),
        ("rules/gold.py", r'"Madrugada": 0', '"Madrugada": 1'),
        ("csvfile/header.py", r"DELIMITERS = \{", "DELIMITERS = {'!': 'x', "),
        ("reasons.py", r'"numero_de_campos",\n', '"campos",\n'),
        ("text.py", r"def clean\(", "def clean_all("),
        ("arrays.py", r"def where\(", "def there("),
    ],
)
def test_code_that_decides_about_rows_moves_it(library, module, pattern, by):
    before = rules_fingerprint()
    edit(library / module, pattern, by)
    assert rules_fingerprint() != before


def test_a_new_module_of_rules_moves_it(library):
    before = rules_fingerprint()
    (library / "rules" / "region.py").write_text("REGION = 'Sul'\n")
    assert rules_fingerprint() != before


def test_other_modules_do_not_move_it(library):
    before = rules_fingerprint()
    for module in "formatting rules/keys rules/trial lake/ledger reports/pages cli/commands".split():
        (library / f"{module}.py").write_text("x = 1\n")
    assert rules_fingerprint() == before


def test_comments_docstrings_and_layout_do_not_move_it(library):
    before = rules_fingerprint()
    for file in (library / "rules").glob("*.py"):
        file.write_text('"""Another docstring."""\n' + re.sub(r'^"""', '# "', file.read_text().partition('"""\n')[2]))
    edit(library / "rules" / "input_columns.py", r"\ndef ", "\n\n\n# A comment.\ndef ")
    assert rules_fingerprint() == before


def test_of_the_declaration_what_describes_it_does_not_move_it(monkeypatch):
    sales, before = declaration.SALES, rules_fingerprint()
    first, *others = sales.columns
    monkeypatch.setattr(declaration, "SALES", replace(sales, columns=(replace(first, comment="?"), *others)))
    assert rules_fingerprint() == before
    monkeypatch.setattr(declaration, "SALES", replace(sales, columns=(replace(first, other_names=("Dia",)), *others)))
    assert rules_fingerprint() != before


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("x = 1  # one", "x = 1", True),
        ("x = (1)", "x = 1", True),
        ("x = 'a'", 'x = "a"', True),
        ('def f():\n    "a"\n    return 1', "def f(): return 1", True),
        ('class A:\n    "a"\n    b = 1', 'class A:\n    """c"""\n    b = 1', True),
        ("x = 1", "x = 2", False),
        ("x = 1", "x = 1.0", False),
        ("x = 1", "x = '1'", False),
        ("x = a < b", "x = a <= b", False),
        ("x = f(a, b)", "x = f(b, a)", False),
        ("x = [[1], 2]", "x = [1, [2]]", False),
        ("x = 'a'", "x = 'b'", False),
        ("if a:\n    b\nc", "if a:\n    b\n    c", False),
    ],
)
def test_code_is_the_same_if_it_means_the_same(one, other, same):
    assert (normalize(one) == normalize(other)) is same
