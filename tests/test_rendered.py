"""The committed files rendered from the declaration: SQL, tables of docs/contract.md, the data contract (ODCS)."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
import yaml
from open_data_contract_standard.model import OpenDataContractStandard

from docs import render as docs
from sql import render as sql
from vendas.declaration import SALES
from vendas.declaration_types import Input, Type
from vendas.resources import REPOSITORY

RENDERED = dict(sql.render(SALES))


@pytest.mark.parametrize("path", RENDERED, ids=str)
def test_sql_is_as_make_sql_renders_it(path):
    assert (sql.SQL / path).read_text(encoding="utf-8") == RENDERED[path], "say `make sql`"


def test_an_apostrophe_in_a_comment_ends_no_literal():
    water = Input("Marca", Type.TEXT, "Marca d'água", "-", optional=True)
    rendered = dict(sql.render(replace(SALES, columns=(*SALES.columns, water))))
    assert "registros_vendas.marca is 'Marca d''água';" in rendered[Path("ddl/registros_vendas.sql")]


def test_no_file_is_left_of_what_is_declared_no_more():
    assert sql.were_rendered() == RENDERED.keys()


def test_contract_md_is_as_make_docs_renders_it():
    text = docs.CONTRACT.read_text(encoding="utf-8")
    assert text == docs.contract(text, SALES), "say `make docs`"


def test_the_data_contract_is_as_make_docs_renders_it():
    assert docs.ODCS.read_text(encoding="utf-8") == docs.odcs(SALES), "say `make docs`"


def test_the_data_contract_is_of_the_standard():
    text = docs.ODCS.read_text(encoding="utf-8")
    read = OpenDataContractStandard.from_string(text)
    jsonschema.validate(yaml.safe_load(text), json.loads(OpenDataContractStandard.json_schema()))
    personal = {
        f"{table.name}.{column.name}"
        for table in read.schema_
        for column in table.properties
        if column.classification == "personal"
    }
    assert personal == {
        *(f"{table}.{name}" for table in ("arquivo", "silver") for name in ("Nome", "Sobrenome", "Email", "Telefone")),
        *(
            f"{table}.{name}"
            for table in ("gold", "registros_vendas", "membros_pendentes", "dim_cliente")
            for name in ("nome_completo", "email", "telefone")
        ),
    }


@pytest.mark.parametrize("target", ["sql", "docs", "golden"])
def test_make_asks_the_command_line_first_whether_the_declaration_is_refused(target):
    command = ["make", "--no-print-directory", "--dry-run", "--old-file=.venv/.installed", target]
    steps = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout.splitlines()
    assert [Path(step.split()[0]).name for step in steps] == ["vendas", "python"]
