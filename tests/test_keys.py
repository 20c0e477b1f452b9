"""Keys of the star: literal values, which must never change."""

import hashlib
from datetime import datetime
from decimal import Decimal

import pyarrow as pa
from hypothesis import given, strategies as st

from vendas.rules.keys import day_key, member_key, sale_id

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\n"), max_size=20)


def test_a_members_key_is_the_one_that_was_published():
    assert member_key(pa.array(["NÃO INFORMADO", "Pix"])).to_pylist() == [-6026931443687484337, 1323719042778544869]


def test_attributes_are_joined_by_line_feeds_and_decimals_have_all_their_places():
    key = member_key(pa.array(["V10"]), pa.array([Decimal("0.1")], pa.decimal128(5, 4)))
    expected = int.from_bytes(hashlib.md5(b"V10\n0.1000").digest()[:8], "big", signed=True)
    assert key.to_pylist() == [expected]


@given(rows=st.lists(st.tuples(texts, texts), min_size=2, max_size=20))
def test_two_members_have_one_key_only_if_they_are_equal(rows):
    left, right = map(pa.array, zip(*rows, strict=True))
    keys = member_key(left, right).to_pylist()
    assert len(set(keys)) == len(set(rows))
    assert dict(zip(rows, keys, strict=True)) == dict(zip(reversed(rows), reversed(keys), strict=True))


def test_a_sale_is_identified_by_its_files_hash_and_its_line():
    found = sale_id(pa.array(["a.csv", "a.csv", "b.csv"]), pa.array([2, 13, 2]))
    a, b = (hashlib.md5(name).hexdigest()[:16] for name in (b"a.csv", b"b.csv"))
    assert found.to_pylist() == [f"{a}-2", f"{a}-13", f"{b}-2"]


def test_a_day_is_yyyymmdd():
    moments = pa.array([datetime(1990, 1, 2), datetime(2100, 12, 31, 23, 59)], pa.timestamp("us"))
    days = day_key(moments)
    assert (days.to_pylist(), days.type) == ([19900102, 21001231], pa.int32())
