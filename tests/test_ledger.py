from datetime import datetime, timedelta

import pytest

from vendas.lake.ledger import (
    Event,
    find_drifted,
    find_unsurveyed,
    list_entries,
    list_outdated,
    mark_undone,
    pending,
)
from vendas.landing.arrivals import Arrival, BronzeFile

A = "registros_a_20240101T000000000Z_aaaaaaaa.csv"
B = "registros_b_20230101T000000000Z_bbbbbbbb.csv"


def event(arquivo, etapa, minute, **fields):
    received = BronzeFile.parse(arquivo).received_as
    moment = datetime(2024, 1, 1) + timedelta(minutes=minute)
    return Event(
        **{"run_id": "r1", **fields}, arquivo=arquivo, arquivo_recebido=received, etapa=etapa, registrado_em=moment
    )


def test_pending_files_come_in_bronze_order():
    events = [event(A, "bronze", 0), event(B, "bronze", 1)]
    assert [e.arquivo for e in pending(events, "silver")] == [B, A]


def test_a_rejected_file_is_not_pending():
    assert pending([event(A, "bronze", 0, situacao="rejeitado")], "silver") == []


def test_a_done_file_is_not_pending():
    assert pending([event(A, "bronze", 0), event(A, "silver", 1)], "silver") == []


def test_a_file_whose_previous_stage_was_done_again_is_pending_again():
    events = [event(A, "bronze", 0), event(A, "silver", 1), event(A, "bronze", 2)]
    assert [e.registrado_em.minute for e in pending(events, "silver")] == [2]


def test_a_file_that_is_undone_leaves_every_stage_it_is_in():
    events = [event(A, "bronze", 0), event(A, "silver", 1), event(A, "bronze", 2, situacao="desfeito")]
    assert [e.situacao for e in pending(events, "silver")] == ["desfeito"]
    assert pending(events, "gold") != []  # silver's rows of before have not been taken up


@pytest.mark.parametrize("situacao", ["desfeito", "rejeitado"])
def test_a_file_that_is_out_before_a_stage_took_it_up_is_not_pending(situacao):
    assert pending([event(A, "bronze", 0), event(A, "bronze", 1, situacao=situacao)], "silver") == []


def test_files_that_a_stage_holds_come_before_new_ones():
    events = [event(A, "bronze", 0), event(A, "silver", 1), event(A, "bronze", 2), event(B, "bronze", 3)]
    assert [e.arquivo for e in pending(events, "silver")] == [A, B]


def test_files_that_were_undone_come_back_in_bronze_order():
    events = [event(A, "silver", 1, situacao="desfeito"), event(A, "bronze", 2), event(B, "bronze", 3)]
    assert [e.arquivo for e in pending(events, "silver")] == [B, A]


def test_files_of_which_a_stage_lost_rows_are_missing():
    events = [event(name, stage, 0, gravadas=2) for name in (A, B) for stage in ("bronze", "silver", "gold", "dw")]
    assert [e.etapa + e.arquivo for e in find_drifted(events, "dw", {B: 2})] == ["gold" + A]


def test_a_file_is_undone_once():
    files = [BronzeFile.parse(B), BronzeFile.parse(A)]
    told = mark_undone([event(A, "bronze", 0, situacao="desfeito")], files, "r2")
    assert [(e.arquivo, e.situacao, e.run_id, e.lidas) for e in told] == [(B, "desfeito", "r2", 0)]


def test_new_files_are_unsurveyed():
    files = [BronzeFile.parse(B), BronzeFile.parse(A)]
    assert find_unsurveyed([event(A, "bronze", 0)], files, []) == [BronzeFile.parse(B)]


def test_a_rejected_file_sent_again_is_unsurveyed():
    sent_again = Arrival("registros_a.csv", datetime(2024, 1, 1), "aaaaaaaa")
    events = [event(A, "bronze", 0, situacao="rejeitado")]
    assert find_unsurveyed(events, [BronzeFile.parse(A)], [sent_again]) == [BronzeFile.parse(A)]


@pytest.mark.parametrize(("situacao", "again"), [("processado", True), ("rejeitado", True), ("desfeito", False)])
def test_a_file_that_an_older_contract_read_is_read_again_unless_it_is_undone(situacao, again):
    events, files = [event(A, "bronze", 0, situacao=situacao, contrato=1)], [BronzeFile.parse(A)]
    assert list_outdated(events) == [A] * again
    assert find_unsurveyed(events, files, []) == files * again
    assert list_outdated([*events, event(A, "bronze", 1)]) == []


def test_a_good_file_sent_again_as_the_same_event_is_not():
    sent_again = Arrival("registros_a.csv", datetime(2024, 1, 1), "aaaaaaaa")
    assert find_unsurveyed([event(A, "bronze", 0)], [BronzeFile.parse(A)], [sent_again]) == []


STAGES = ("bronze", "silver", "gold", "dw")


def test_an_entry_gathers_a_files_stages():
    counts = {"lidas": 10, "duplicadas": 2, "quarentena": 1, "duvidosas": 3, "gravadas": 7}
    events = [event(A, stage, minute, **(counts if minute else {})) for minute, stage in enumerate(STAGES)]
    assert list_entries(events) == [
        {
            "arquivo": A,
            "arquivo_recebido": "registros_a.csv",
            "situacao": "processado",
            "motivo": None,
            "lidas": 10,
            "duplicadas": 2,
            "quarentena": 1,
            "duvidosas": 3,
            "silver": 7,
            "gold": 7,
            "dw": 7,
        }
    ]


def test_a_rejected_file_counts_nothing_and_says_why():
    entry = list_entries([event(A, "bronze", 0, situacao="rejeitado", motivo="vazio")])[0]
    counts = [entry[name] for name in ("lidas", "duplicadas", "quarentena", "duvidosas", "silver", "gold", "dw")]
    assert (entry["situacao"], entry["motivo"], counts) == ("rejeitado", "vazio", [0] * 7)


@pytest.mark.parametrize("stages", [1, 2, 3])
def test_a_file_on_its_way_is_pending(stages):
    events = [event(A, stage, minute) for minute, stage in enumerate(STAGES[:stages])]
    assert list_entries(events)[0]["situacao"] == "pendente"


def test_a_file_that_is_out_counts_nothing_and_says_so():
    events = [event(A, stage, minute, situacao="desfeito") for minute, stage in enumerate(STAGES)]
    entry = list_entries(events)[0]
    assert [entry[name] for name in ("situacao", "lidas", "silver", "dw")] == ["desfeito", 0, 0, 0]


def test_entries_of_a_run_are_the_files_it_touched():
    events = [event(A, "bronze", 0, run_id="r1"), event(B, "bronze", 1, run_id="r2")]
    assert [entry["arquivo"] for entry in list_entries(events, "r2")] == [B]
