"""Quality warnings: the accepted rows that look damaged, compared with literal cases and a twin in plain Python."""

import re
from datetime import datetime

import pyarrow as pa
import pytest
from hypothesis import given, settings, strategies as st

from helpers.rules_twin import is_token
from vendas.csvfile.records import RECORD_SCHEMA
from vendas.rules.quality_warnings import MOJIBAKE, WORDS_WITHOUT_VALUE, QualityWarning, codes_of, has_quality_warning
from vendas.rules.validate import validate
from vendas.schema import INPUT_NAMES, TEXT_COLUMNS, names

NOW = datetime(2024, 6, 30)
SALE = {"Timestamp do Registro": "2024-03-31 14:05", "Nome": "Ana", "Email": "a@b.example", "Valor da Compra": "50"}


def both(*rows):
    """Return rows with these fields changed, as read and as validated."""
    records = [
        {"linha": number, "texto": "", "problemas": [], "origem": None}
        | {name: (SALE | row).get(name, "") for name in INPUT_NAMES}
        for number, row in enumerate(rows)
    ]
    (batch,) = pa.Table.from_pylist(records, RECORD_SCHEMA).to_batches()
    return batch, validate(batch)


def warnings_of(row):
    return set(codes_of(*both(row), NOW).to_pylist()[0].split()) & set(QualityWarning)


CASES = [
    ({}, None),
    ({"Telefone": "1,19988E+10"}, "telefone_cientifico"),
    ({"Telefone": "1.19988e10"}, "telefone_cientifico"),
    ({"Telefone": "5E+12"}, "telefone_cientifico"),
    ({"Telefone": "11 9998E-7766"}, None),
    ({"Telefone": "11999887766.0"}, "telefone_decimal"),
    ({"Telefone": "(11) 99988-7766,0"}, "telefone_decimal"),
    ({"Telefone": "11999887766.00"}, None),
    ({"Telefone": "tel. 11.999.887.0"}, "telefone_decimal"),
    ({"Telefone": "11.999.887.760"}, None),
    ({"Telefone": "(11) 99988-7766"}, None),
    ({"Telefone": "########"}, "campo_estreito"),
    ({"Nome": "##"}, "campo_estreito"),
    ({"Produto Adquirido": "#1"}, None),
    ({"Produto Adquirido": "#"}, None),
    ({"Produto Adquirido": "Caderno ####"}, None),
    ({"Email": "sem arroba"}, "email_suspeito"),
    ({"Email": "a@b@c"}, "email_suspeito"),
    ({"Email": ""}, None),
    ({"Email": "ANONIMIZADO-0123456789ab"}, None),
    ({"Email": "ANONIMIZADO-"}, "email_suspeito"),
    ({"Email": "Ana <a@b.example>"}, None),
    ({"Nome": "JoÃ£o"}, "texto_mal_decodificado"),
    ({"Vendedor": "\ufffd"}, "texto_mal_decodificado"),
    ({"Nome": "PatrÃ\xadcia"}, "texto_mal_decodificado"),  # í; cleaning drops the soft hyphen
    ({"Produto Adquirido": "Ã\xa0 prova d'Ã¡gua"}, "texto_mal_decodificado"),
    ({"Campanha de Marketing": "RumoÃ\xa0 praia"}, "texto_mal_decodificado"),
    ({"Nome": "Jo├úo"}, "texto_mal_decodificado"),
    ({"Nome": "Jo√£o"}, "texto_mal_decodificado"),
    ({"Produto Adquirido": "TV n┬║ 1"}, "texto_mal_decodificado"),
    ({"Produto Adquirido": "TV n¬∫ 1"}, "texto_mal_decodificado"),
    ({"Campanha de Marketing": "Verão ðŸ˜€"}, "texto_mal_decodificado"),
    ({"Produto Adquirido": "MAÇÃ\xa0VERDE"}, None),
    ({"Produto Adquirido": "√ 9, ├ e ¬"}, None),
    ({"Nome": "Câmera â", "Vendedor": "JOÃO"}, None),
    *(({"Nome": word}, "palavra_sem_valor") for word in WORDS_WITHOUT_VALUE),
    ({"Nome": "NULL"}, "palavra_sem_valor"),
    ({"Nome": " nan\u200b"}, "palavra_sem_valor"),
    ({"Canal": "#REF!"}, "palavra_sem_valor"),
    ({"Canal": "\\N"}, "palavra_sem_valor"),
    ({"Nome": "Nana"}, None),
    ({"Nome": "Null Silva"}, None),
    ({"Valor da Compra": "0"}, None),
    ({"Timestamp do Registro": "2030-01-01 00:00"}, None),
    ({"Telefone": "1E+10", "Valor da Compra": ""}, None),  # refused, so without a warning
]


@pytest.mark.parametrize(("row", "warning"), CASES)
def test_a_row_is_doubtful_by_its_code(row, warning):
    assert warnings_of(row) == ({warning} if warning else set())
    assert has_quality_warning(*both(row)).to_pylist() == [warning is not None]


TEXTS = st.one_of(
    st.sampled_from([text for row, _ in CASES for text in row.values()]),
    st.text(st.sampled_from("ÃÂâïðŸ£€»¿├┬ú√¬∫#@.,0E+-1n aN\ufffd\x80\xa0\xad\u200b"), max_size=6),
)
ROWS = st.lists(st.dictionaries(st.sampled_from(INPUT_NAMES), TEXTS, max_size=4), min_size=1, max_size=30)


@pytest.mark.slow
@settings(max_examples=200)
@given(ROWS)
def test_what_a_look_at_bytes_leaves_out_is_nothing(rows):
    batches = both(*rows)
    pairs = zip(*(batch.to_pylist() for batch in batches), strict=True)
    slow = [bool(twins_doubts(uncleaned, row)) and not row["motivos"] for uncleaned, row in pairs]
    assert has_quality_warning(*batches).to_pylist() == slow
    assert [bool(set(codes.split()) & set(QualityWarning)) for codes in codes_of(*batches, NOW).to_pylist()] == slow


def twins_doubts(uncleaned, row):
    texts = [value for name, value in row.items() if name in INPUT_NAMES and isinstance(value, str)]
    email, phone = row["Email"], row["Telefone"]
    return [
        *(name for name in names(TEXT_COLUMNS) if re.search(MOJIBAKE, uncleaned[name])),
        *(text for text in texts if len(text) > 1 and not text.strip("#")),
        *(text for text in texts if text.lower() in WORDS_WITHOUT_VALUE),
        *re.findall(r"\A[+-]?[0-9]+(?:[.,][0-9]+)?[Ee][+-]?[0-9]+\Z", phone),
        *re.findall(r"[0-9][.,]0\Z", phone),
        *([email] if email != "NÃO INFORMADO" and email.count("@") != 1 and not is_token(email) else []),
    ]
