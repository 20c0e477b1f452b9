"""E-mails and telephones in what is shown: enough is left to tell rows apart, too little to reach anybody."""

import pytest
from hypothesis import given, strategies as st

from vendas.declaration import SALES
from vendas.declaration_types import Input, Type
from vendas.reports.masking import (
    MASKED_COLUMNS,
    PAGE_MASKS,
    mask_email,
    mask_name,
    mask_row,
    mask_telephone,
    mask_text,
    masks_of,
)


@pytest.mark.parametrize(
    ("email", "masked"),
    [
        ("ana@exemplo.com.br", "a***@exemplo.com.br"),
        ("Ana@Exemplo.com", "A***@Exemplo.com"),
        ("Ana Souza <ana@exemplo.com>", "A***@exemplo.com"),
        ("ana@casa@exemplo.com", "a***@exemplo.com"),
        ("ana@exemplo.com / 11 98765-4321", "a***@exemplo.com"),
        ("ana", "a***"),
        ("@exemplo.com", "e***@exemplo.com"),
        ("NÃO INFORMADO", "NÃO INFORMADO"),
        ("", ""),
        (None, None),
    ],
)
def test_an_email_keeps_its_first_letter_and_its_domain(email, masked):
    assert mask_email(email) == masked


@pytest.mark.parametrize(
    ("telephone", "masked"),
    [
        ("11987654321", "*** 4321"),
        ("+55 (11) 98765-4321", "*** 4321"),
        ("987-654", "***"),
        ("sem", "***"),
        ("NÃO INFORMADO", "NÃO INFORMADO"),
        ("", ""),
        (None, None),
    ],
)
def test_a_telephone_keeps_its_last_four_digits(telephone, masked):
    assert mask_telephone(telephone) == masked


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("31/12/2023 23:59;ana@x.com;11987654321;R$ 1.234,56", "31/12/2023 23:59;a***@x.com;*** 4321;R$ 1.234,56"),
        ("2024-03-31 14:05,(11) 98765-4321,1.234.567,89", "2024-03-31 14:05,*** 4321,1.234.567,89"),
        ("31-12-2023 10:00|98765-4321|5,5%", "31-12-2023 10:00|*** 4321|5,5%"),
        ('"Ana <ana@exemplo.com>",11 8765-4321', '"Ana <a***@exemplo.com>",*** 4321'),
        ("2024-03-31T14:05:09.123456", "2024-03-31T14:05:09.123456"),
    ],
)  # fmt: skip
def test_a_record_keeps_its_dates_and_amounts(text, masked):
    assert mask_text(text) == masked


@given(st.from_regex(r"[a-z]{2,8}@[a-z]{2,8}\.com", fullmatch=True), st.from_regex(r"\d{10,11}", fullmatch=True))
def test_no_email_and_no_telephone_is_left_in_a_record(email, telephone):
    masked = mask_text(f"Ana;{email};{telephone};10,00")
    assert email not in masked and telephone not in masked and mask_text(masked) == masked


def test_a_row_is_masked_by_its_columns_in_every_layer():
    row = {
        "Nome": "Ana",
        "Email": "ana@x.com",
        "Telefone": "11987654321",
        "email": "ana@x.com",
        "telefone": "1198765432",
    }
    assert list(mask_row(row).values()) == ["Ana", "a***@x.com", "*** 4321", "a***@x.com", "*** 5432"]


def test_a_long_text_is_masked_in_one_pass():
    """A record may have many megabytes; looking from each character on would take hours."""
    text = "x" * 3_000_000
    assert mask_text(f"{text} ana@exemplo.com.br") == f"{text} a***@exemplo.com.br"


@pytest.mark.parametrize(
    ("name", "masked"),
    [("Ana Souza", "A***"), ("Ó", "Ó***"), ("NÃO INFORMADO", "NÃO INFORMADO"), ("", ""), (None, None)],
)
def test_a_name_keeps_its_first_letter(name, masked):
    assert mask_name(name) == masked


def test_pages_mask_every_personal_column():
    named = {column.name for column in (*SALES.columns, *SALES.gold_columns) if column.personal}
    assert named == PAGE_MASKS.keys() and {"Nome", "Sobrenome", "nome_completo"} < named


def test_notebooks_mask_every_personal_column_but_names():
    assert PAGE_MASKS.keys() - MASKED_COLUMNS.keys() == {"Nome", "Sobrenome", "nome_completo"}
    cpf = Input("CPF", Type.TEXT, "CPF do cliente", "NÃO INFORMADO", personal=True)
    assert masks_of([*SALES.columns, cpf])["CPF"]("123.456.789-00") == "1***"
