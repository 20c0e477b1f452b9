"""A person is erased from a file with stray quotes: each record begins, ends and is refused as before."""

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from vendas import schema
from vendas.csvfile.dialect import survey
from vendas.errors import FileRejected
from vendas.privacy.anonymize import Kind, anonymize
from vendas.privacy.record_edits import read_records, replace_records, survey_or_none
from vendas.privacy.search import CsvFile, Request, layout_of, search
from vendas.rules.validate import validate
from vendas.schema import LINHA, MOTIVOS, PROBLEMAS, TEXTO

E_MAIL, OTHER_TELEPHONE, NAMES = "zelia@x.example", "11977771234", ["Zélia", "Quixotinha", "Maria"]
HEADER = ";".join(schema.INPUT_NAMES)
RUI = "02/02/2024 10:00;Rui;Sá;rui@x.example;;Mesa;10,00;Site;Web;;Rui;;"

stray = st.lists(st.sampled_from([*NAMES, '"', '""', " ", "\r", "\n", "\r\n", "'"]), max_size=5).map("".join)
gap = st.sampled_from([";", ";;", ";;;", " "])  # delimiters too many or too few
emails = [E_MAIL, f'"{E_MAIL}"', f'"{E_MAIL}"x', f" {E_MAIL}\r", f"Zélia <{E_MAIL}>", f'"Maria\n<{E_MAIL}>"']
telephones = ["", OTHER_TELEPHONE, f'"{OTHER_TELEPHONE}"x', f'"{OTHER_TELEPHONE}', f"\r{OTHER_TELEPHONE}"]
products = st.sampled_from(["Mesa", 'TV 24"', '"TV 24', '"a"b', "a\rb", '"x\r\ny"', '"a;b"', '"'])
hers = st.tuples(
    st.tuples(stray, gap, stray).map("".join), st.sampled_from(emails), st.sampled_from(telephones), products
).map(lambda row: f"01/02/2024 10:00;{';'.join(row)};10,00;Site;Web;;Rui;;")
others = st.lists(
    products.map(lambda product: RUI.replace("Mesa", product)) | st.sampled_from(["", "solta"]), max_size=2
)


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(others, hers, others)
def test_no_record_changes_but_hers_and_each_is_refused_as_before(tmp_path, before, row, after):
    path = tmp_path / "registros.csv"
    path.write_bytes("\r\n".join([HEADER, RUI, *before, row, *after, RUI, ""]).encode())
    rejection, records = rejection_of(path), records_of(path)

    found = erase(path)

    assert (rejection_of(path), reasons(records_of(path))) == (rejection, reasons(records))
    assert texts(records_of(path), records.keys() - found) == texts(records, records.keys() - found)
    refused = {line for line, (text, problems, _) in records.items() if row in text and problems}
    left = "".join(texts(records_of(path), refused))
    assert [value for value in (E_MAIL, OTHER_TELEPHONE, *NAMES) if value in left] == []


def erase(path):
    """Erase the person from a file; return the lines of her records."""
    file = CsvFile(path, survey_or_none(path))
    found = search([file], Request(frozenset({E_MAIL})))
    kinds = {record.linha: record.tipo for record in found.of_kind(Kind.ROW, Kind.TEXT, Kind.MENTION)}

    def change(line, text):
        return anonymize(text, layout_of(file, text), kinds[line], found.values, "ANONIMIZADO-0123456789ab")

    replace_records(path, file.survey, kinds, change)
    return kinds.keys()


def rejection_of(path):
    try:
        survey(path)
    except FileRejected as error:
        return str(error)


def records_of(path):
    """Return by line text, problems, and the reasons to refuse each record of a file."""
    return {
        line: (text, problems, motivos)
        for records in read_records(path, survey_or_none(path))
        for line, text, problems, motivos in zip(
            *(records[name].to_pylist() for name in (LINHA, TEXTO, PROBLEMAS)),
            validate(records)[MOTIVOS].to_pylist(),
            strict=True,
        )
    }


def reasons(records):
    return {line: held[1:] for line, held in records.items()}


def texts(records, lines):
    return [records[line][0] for line in sorted(lines)]
