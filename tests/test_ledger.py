from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from vendas.lake.events import STAGES, Event, Events
from vendas.lake.ledger import (
    attention_order,
    count_rows_in,
    done_before,
    find_drifted,
    find_unsurveyed,
    is_refused,
    last_done,
    latest,
    list_entries,
    list_of_older_contract,
    list_of_older_rules,
    list_processed,
    list_waiting,
    mark_undone,
    pending,
    read_events,
    record,
    with_duplicates,
)
from vendas.landing.arrivals import Arrival, BronzeFile

A = "registros_a_20240101T000000000Z_aaaaaaaa.csv"
B = "registros_b_20230101T000000000Z_bbbbbbbb.csv"
C = "registros_c_20220101T000000000Z_cccccccc.csv"


def event(arquivo, etapa, minute, year=2024, **fields):
    received = BronzeFile.parse(arquivo).received_as
    moment = datetime(year, 1, 1) + timedelta(minutes=minute)
    return Event(
        **{"run_id": "r1", **fields}, arquivo=arquivo, arquivo_recebido=received, etapa=etapa, registrado_em=moment
    )


class Recorder:
    """Replaces the lake's tables, and keeps what is recorded in each commit."""

    opened_at = datetime(2024, 1, 1, 8)

    def __init__(self):
        self.commits = []

    def record(self, rows):
        self.commits.append(rows.to_pylist())


def recorded(known, *events):
    """Return the rows that these events become."""
    recorder = Recorder()
    record(recorder, known, list(events))
    return [row for commit in recorder.commits for row in commit]


# --- what is recorded


def test_a_clock_that_was_set_back_makes_no_event_older_than_those_of_its_file():
    known = [event(A, "bronze", 2, year=2999), event(A, "bronze", 1, year=2999), event(B, "bronze", 3, year=2999)]
    (row,) = recorded(known, event(A, "silver", 0))
    assert row["registrado_em"] == datetime(2999, 1, 1, 0, 2, 0, 1)


def test_an_event_has_the_moment_at_which_it_is_recorded():
    before = datetime.now(UTC).replace(tzinfo=None)
    (row,) = recorded([event(A, "bronze", 0)], event(A, "silver", 0))
    assert before <= row["registrado_em"] <= datetime.now(UTC).replace(tzinfo=None)


def test_what_a_stage_finishes_is_one_commit_and_nothing_is_none():
    recorder = Recorder()
    record(recorder, [], [event(A, "silver", 0), event(B, "silver", 0)])
    record(recorder, [], [])
    assert [[row["arquivo"] for row in commit] for commit in recorder.commits] == [[A, B]]


@pytest.mark.parametrize(
    ("etapa", "run_id", "notebook"),
    [
        ("bronze", "r1", "runs/r1/01_bronze.ipynb"),
        ("dw", "r2", "runs/r2/04_dw.ipynb"),
        ("dw", "manual", None),
    ],
)
def test_an_event_names_the_executed_notebook_if_a_run_executed_it(etapa, run_id, notebook):
    (row,) = recorded([], event(A, etapa, 0, run_id=run_id))
    assert (row["notebook"], row["iniciado_em"]) == (notebook, datetime(2024, 1, 1, 8))


# --- what is pending


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
    assert pending(events, "gold") != []  # gold has yet to process silver's earlier rows


@pytest.mark.parametrize("situacao", ["desfeito", "rejeitado"])
def test_a_file_that_is_out_before_a_stage_took_it_up_is_not_pending(situacao):
    assert pending([event(A, "bronze", 0), event(A, "bronze", 1, situacao=situacao)], "silver") == []


def test_files_that_a_stage_holds_come_before_new_ones():
    events = [event(A, "bronze", 0), event(A, "silver", 1), event(A, "bronze", 2), event(B, "bronze", 3)]
    assert [e.arquivo for e in pending(events, "silver")] == [A, B]


def test_files_that_a_stage_holds_come_in_the_order_in_which_it_took_them():
    first = [event(name, "bronze", 1) for name in (A, B, C)] + [event(A, "silver", 2), event(B, "silver", 2)]
    later = [event(C, "silver", 3), event(A, "silver", 4)]
    again = [event(name, "bronze", 9) for name in (A, B, C)]
    assert [e.arquivo for e in pending(first + later + again, "silver")] == [B, A, C]


def test_a_file_that_was_undone_has_its_place_from_when_it_came_back():
    taken = [event(A, "silver", 2), event(A, "silver", 3, situacao="desfeito"), event(A, "silver", 5)]
    events = [event(A, "bronze", 1), event(B, "bronze", 1), *taken, event(B, "silver", 4)]
    assert [e.arquivo for e in pending([*events, event(A, "bronze", 9), event(B, "bronze", 9)], "silver")] == [B, A]


def test_files_that_were_undone_come_back_in_bronze_order():
    events = [event(A, "silver", 1, situacao="desfeito"), event(A, "bronze", 2), event(B, "bronze", 3)]
    assert [e.arquivo for e in pending(events, "silver")] == [B, A]


def test_files_of_which_a_stage_lost_rows_are_missing():
    events = [event(name, stage, 0, gravadas=2) for name in (A, B) for stage in ("bronze", "silver", "gold", "dw")]
    assert [e.etapa + e.arquivo for e in find_drifted(events, "dw", {B: 2})] == ["gold" + A]


def test_files_that_a_stage_has_yet_to_take_up_again_are_not_missing():
    events = [event(A, "bronze", 0), event(A, "silver", 1, gravadas=2), event(A, "bronze", 2)]
    assert find_drifted(events, "silver", {}) == []


def test_a_file_of_which_a_stage_wrote_no_row_is_not_missing():
    assert find_drifted([event(A, "bronze", 0), event(A, "silver", 1, gravadas=0)], "silver", {}) == []


def test_of_pending_files_those_were_done_before_that_the_stage_took_up_once():
    events = [event(A, "bronze", 0), event(A, "silver", 1), event(A, "bronze", 2), event(B, "bronze", 3)]
    assert done_before(events, "silver", pending(events, "silver")) == [A]


def test_files_that_leave_may_give_other_files_their_duplicates_back():
    events = [event(A, "silver", 0, duplicadas=1), event(B, "silver", 1, duplicadas=1), event(C, "silver", 2)]
    assert [e.arquivo for e in with_duplicates(events, [event(A, "bronze", 3)])] == [B]


def test_where_no_file_leaves_none_gets_its_duplicates_back():
    assert with_duplicates([event(A, "silver", 0, duplicadas=1)], []) == []


def test_the_rows_in_a_stages_table_are_those_that_each_file_wrote_last():
    events = [event(A, "silver", 0, gravadas=9), event(A, "silver", 1, gravadas=2), event(B, "silver", 2, gravadas=3)]
    assert (count_rows_in(events, "silver"), count_rows_in(events, "gold")) == (5, 0)


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
    assert list_of_older_contract(events) == [A] * again
    assert find_unsurveyed(events, files, []) == files * again
    assert list_of_older_contract([*events, event(A, "bronze", 1)]) == []


@pytest.mark.parametrize("etapa", ["bronze", "silver", "gold"])
@pytest.mark.parametrize("regras", ["0123456789abcdef", None])
def test_a_file_that_other_rules_processed_in_any_stage_is_of_older_rules(etapa, regras):
    stages = [
        event(A, stage, 1, **({"regras": regras} if stage == etapa else {})) for stage in ("bronze", "silver", "gold")
    ]
    assert list_of_older_rules([*stages, event(B, "bronze", 1)]) == [A]


def test_only_the_last_event_of_a_stage_tells_its_rules():
    assert list_of_older_rules([event(A, "bronze", 1, regras="0123456789abcdef"), event(A, "bronze", 2)]) == []


def test_the_warehouse_has_no_rules_of_its_own():
    assert list_of_older_rules([event(A, "bronze", 1), event(A, "dw", 2, regras="0123456789abcdef")]) == []


@pytest.mark.parametrize(("situacao", "older"), [("processado", [A]), ("rejeitado", [A]), ("desfeito", [])])
def test_a_rejected_file_may_be_of_older_rules_and_an_undone_one_is_not(situacao, older):
    assert list_of_older_rules([event(A, "bronze", 1, situacao=situacao, regras=None)]) == older


def test_a_good_file_sent_again_as_the_same_event_is_not():
    sent_again = Arrival("registros_a.csv", datetime(2024, 1, 1), "aaaaaaaa")
    assert find_unsurveyed([event(A, "bronze", 0)], [BronzeFile.parse(A)], [sent_again]) == []


def test_a_file_that_is_known_is_unsurveyed_only_if_it_is_to_be_replayed():
    files = [BronzeFile.parse(B), BronzeFile.parse(A)]
    events = [event(A, "bronze", 0), event(B, "bronze", 0, situacao="rejeitado")]
    assert find_unsurveyed(events, files, [], replay=[BronzeFile.parse(A)]) == [BronzeFile.parse(A)]


# --- what is displayed


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


@pytest.mark.parametrize(
    ("situacao", "lidas", "quarentena", "refused"),
    [
        ("rejeitado", 0, 0, True),
        ("processado", 3, 3, True),
        ("processado", 3, 2, False),
        ("processado", 0, 0, False),
        ("pendente", 0, 0, False),
    ],
)
def test_a_file_is_refused_if_intake_took_nothing_of_it(situacao, lidas, quarentena, refused):
    assert is_refused({"situacao": situacao, "lidas": lidas, "quarentena": quarentena}) is refused


def test_what_a_person_should_look_at_comes_first():
    entries = {
        "fine": {"situacao": "processado", "lidas": 3, "quarentena": 0, "duvidosas": 0},
        "with doubtful rows": {"situacao": "processado", "lidas": 3, "quarentena": 0, "duvidosas": 1},
        "with refused rows": {"situacao": "processado", "lidas": 3, "quarentena": 1, "duvidosas": 0},
        "pending": {"situacao": "pendente", "lidas": 0, "quarentena": 0, "duvidosas": 0},
        "refused": {"situacao": "processado", "lidas": 3, "quarentena": 3, "duvidosas": 0},
    }
    ordered = sorted(entries, key=lambda name: attention_order(entries[name]))
    assert ordered == ["refused", "pending", "with refused rows", "with doubtful rows", "fine"]


def test_an_entry_joins_the_reasons_of_bronze_and_silver():
    events = [event(A, "bronze", 0, motivo="desfeito"), event(A, "silver", 1, motivo="duplicada")]
    assert list_entries(events)[0]["motivo"] == "desfeito; duplicada"


# --- all of it, against a twin that keeps objects


NAMES = [f"registros_{n}_20240{n % 3 + 1}01T000000000Z_{n:08x}.csv" for n in range(5)]
histories = st.lists(
    st.builds(
        event,
        st.sampled_from(NAMES),
        st.sampled_from(STAGES),
        st.integers(0, 5),  # minutes: some events are of one moment
        situacao=st.sampled_from(["processado", "processado", "rejeitado", "desfeito"]),
        gravadas=st.integers(0, 2),
        duplicadas=st.integers(0, 1),
        run_id=st.sampled_from(["r1", "r2"]),
        contrato=st.sampled_from([1, 2]),
    ),
    max_size=25,
).map(lambda events: [event(name, "bronze", 0) for name in sorted({e.arquivo for e in events})] + events)


def twin_of_latest(events):
    newest = {(e.arquivo, e.etapa): e for e in sorted(events, key=lambda e: e.registrado_em)}
    files = sorted({e.arquivo for e in events}, key=BronzeFile.parse)
    return {name: {stage: newest[name, stage] for stage in STAGES if (name, stage) in newest} for name in files}


def twin_of_pending(done, stage):
    previous = STAGES[STAGES.index(stage) - 1]
    if previous not in done:
        return False
    if stage not in done:
        return done[previous].situacao == "processado"
    return done[stage].registrado_em < done[previous].registrado_em


@settings(max_examples=200)
@given(histories, st.sampled_from(STAGES[1:]), st.dictionaries(st.sampled_from(NAMES), st.integers(0, 2)))
def test_the_ledger_is_its_twin(events, stage, held):
    files, previous = twin_of_latest(events), STAGES[STAGES.index(stage) - 1]
    assert latest(events) == files and list(latest(events)) == list(files)
    assert latest(events, [NAMES[0], "another"]) == {name: files[name] for name in NAMES[:1] if name in files}
    waiting = {name: done for name, done in files.items() if twin_of_pending(done, stage)}
    assert {e.arquivo: e for e in pending(events, stage)} == {name: d[previous] for name, d in waiting.items()}
    assert find_drifted(events, stage, held) == [
        done[previous]
        for name, done in files.items()
        if stage in done and previous in done and name not in waiting and held.get(name, 0) != done[stage].gravadas
    ]
    assert done_before(events, stage, waiting_events := pending(events, stage)) == [
        e.arquivo for e in waiting_events if stage in files[e.arquivo]
    ]
    assert count_rows_in(events, stage) == sum(done[stage].gravadas for done in files.values() if stage in done)
    anywhere = [name for name, done in files.items() if any(twin_of_pending(done, s) for s in STAGES[1:])]
    assert list_waiting(events) == anywhere
    assert [e["arquivo"] for e in list_entries(events) if e["situacao"] == "pendente"] == anywhere
    assert [e["arquivo"] for e in list_entries(events, "r2")] == [
        name for name, done in files.items() if any(e.run_id == "r2" for e in done.values())
    ]
    assert [(e["silver"], e["dw"]) for e in list_entries(events)] == [
        tuple(done[s].gravadas if s in done else 0 for s in ("silver", "dw")) for done in files.values()
    ]
    bronze = {name: done["bronze"] for name, done in files.items()}
    assert list_processed(events) == [name for name, e in bronze.items() if e.situacao == "processado"]
    assert list_of_older_contract(events) == [
        n for n, e in bronze.items() if e.contrato == 1 and e.situacao != "desfeito"
    ]


@pytest.mark.parametrize(
    "ask", [latest, list_entries, list_of_older_contract, list_of_older_rules, list_processed, list_waiting]
)
def test_an_empty_ledger_has_nothing(ask):
    assert not ask([]) and not ask(read_events(Path("/there/is/no/lake")))
    assert pending([], "dw") == find_drifted([], "dw", {}) == last_done([], "dw") == []
    assert find_unsurveyed([], [BronzeFile.parse(A)], []) == [BronzeFile.parse(A)]


def test_what_a_stage_did_last_is_of_the_run_that_began_last():
    begun = [datetime(2024, 1, 1, hour) for hour in (1, 2)]
    events = [event(A, "silver", 0, iniciado_em=begun[1]), event(B, "silver", 1, iniciado_em=begun[0])]
    assert [e.arquivo for e in last_done([*events, event(C, "silver", 2, iniciado_em=begun[1])], "silver")] == [C, A]
    assert last_done([*events, event(A, "silver", 2, situacao="desfeito")], "silver") == events[1:]
    assert [e.arquivo for e in last_done([event(A, "silver", 0), event(B, "silver", 1)], "silver")] == [B]


def test_events_are_a_sequence_of_events():
    events = Events.of(made := [event(A, "bronze", 0), event(A, "silver", 1), event(B, "bronze", 2)])
    assert [*events] == made and events[1] == made[1] and events[-1] == made[2] and [*events[1:]] == made[1:]
    assert events.of_files([B, C]) == made[2:] and Events.of(events) is events
    with pytest.raises(IndexError):
        events[3]
