"""Members of the parts of a load, told apart by ranges of their keys."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, strategies as st

from vendas.warehouse.distinct_members import LARGE_DIMENSIONS, distinct_members, find_shared_key, park_members
from vendas.warehouse.star_rows import pending_members

(CLIENTE,) = LARGE_DIMENSIONS
ENDS = np.iinfo(np.int64)
EDGES = st.sampled_from([ENDS.min, ENDS.min + 1, -1, 0, 1, ENDS.max - 1, ENDS.max])
keys = st.lists(st.one_of(EDGES, st.integers(ENDS.min, ENDS.max)), max_size=20)


def customers(*rows):
    names = ("cliente_id", "nome_completo", "email", "dominio_email", "telefone")
    columns = {"cliente_id": pa.int64()} | dict.fromkeys(names[1:], pa.string())
    return pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows], pa.schema(columns.items()))


def customer(key, name="Ana"):
    return (key, name, "ana@exemplo.com", "exemplo.com", "11")


def told_apart(folder, parts, ranges):
    """Return the customers of each range, and all other members."""
    parked, left = [], []
    for part in parts:
        files, others = park_members(pending_members(part), folder, ranges)
        parked += files
        left += others.to_pylist()
    found = [distinct_members(parked, number)[CLIENTE].to_pylist() for number in range(ranges)]
    return [[(row["cliente_id"], row["nome_completo"]) for row in rows] for rows in found], left


@given(parts=st.lists(keys, min_size=1, max_size=4), ranges=st.integers(1, 5))
def test_each_customer_of_any_part_comes_once_in_the_order_of_keys(tmp_path_factory, parts, ranges):
    rows = [[customers(*map(customer, part))] for part in parts]
    found, _ = told_apart(tmp_path_factory.mktemp("parked"), rows, ranges)
    assert [key for of_range in found for key, _ in of_range] == sorted({key for part in parts for key in part})


def test_members_that_differ_and_share_a_key_both_come(tmp_path):
    parts = [[customers(customer(7))], [customers(customer(7, "Bia"), customer(7))]]
    (found,), _ = told_apart(tmp_path, parts, 1)
    assert sorted(found) == [(7, "Ana"), (7, "Bia")]


def test_members_of_small_dimensions_are_left_as_they_are(tmp_path):
    canal = pa.table({"canal_id": pa.array([5], pa.int64()), "canal": ["Loja"]})
    found, left = told_apart(tmp_path, [[customers(customer(1)), canal]], 2)
    assert [len(rows) for rows in found] == [0, 1]
    assert [(row["canal_id"], row["canal"], row["cliente_id"]) for row in left] == [(5, "Loja", None)]


@pytest.mark.parametrize(("keys", "shared"), [([], None), ([ENDS.min], None), ([-1, 0, 1], None), ([-1, 0, 0, 1], 0)])
def test_a_key_that_two_members_share_is_found(keys, shared):
    assert find_shared_key(pa.chunked_array([pa.array(keys, pa.int64())])) == shared
