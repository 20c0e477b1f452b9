"""The Lambda function, event by event."""

import pytest

from arrival_world import world

ODD_KEYS = [
    "registros loja 1+2.csv",
    "registros_São João & filhos.csv",
    "registros_100%.csv",
    "registros_%2B%20.csv",
    "registros_'aspas'_\"duplas\".csv",
    "registros_🛒=?#;:@$,.csv",
    "REGISTROS_MAIÚSCULAS.CSV",
    "registros_quebra\nde linha.csv",
    "registros.csv",
]
FOREIGN_KEYS = [
    "outros.csv",
    "registros.txt",
    "pasta/registros.csv",
    "/registros.csv",
    "registros.csv/",
    "registros/",
    ".registros.csv",
]


@pytest.fixture
def aws():
    with world() as made:
        yield made


@pytest.mark.parametrize("key", ODD_KEYS)
def test_a_file_moves_under_the_name_of_its_event(aws, key):
    upload = aws.upload(key, "açúcar\n".encode() * 1000)
    assert aws.deliver([upload.event()]) == []
    assert aws.in_bronze() == {upload.bronze_name: upload.body} and aws.in_landing() == []


@pytest.mark.parametrize("key", FOREIGN_KEYS)
def test_what_is_no_sales_file_in_landing_itself_stays(aws, key):
    upload = aws.upload(key)
    assert aws.deliver([upload.event()]) == [] and aws.sweep() == {"moved": [], "workflow_run": None}
    assert aws.in_landing() == [(key, upload.body)] and aws.in_bronze() == {}


def test_the_event_names_the_millisecond(aws):
    upload = aws.upload("registros_loja.csv", b"a,b\n")
    aws.deliver([upload.event()])
    assert list(aws.in_bronze()) == ["registros_loja_20240331T140510124Z_f69f5b72.csv"]
