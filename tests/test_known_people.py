"""Whom a record's e-mail and telephone tell: an erased person, or somebody who shares a value with one."""

import pytest

from vendas.lake.erasures import EMAIL_KIND, TELEPHONE_KIND, Erased, keyed_hash
from vendas.privacy.anonymize import Kind
from vendas.privacy.intake import _in_text, _KnownPeople
from vendas.privacy.search import _kind_of_malformed
from vendas.rules.people import Keys, Values

KEY, TOKEN = b"k" * 32, "ANONIMIZADO-0123456789ab"
HERS, SHARED, OTHER = "ana@x.example", "casa@x.example", "rui@x.example"
TELEPHONE, OTHER_TELEPHONE = "11999887766", "21912345678"


@pytest.fixture
def known():
    """Return a person who asked by her e-mail; her rows also had an e-mail and a telephone of others."""
    seen = [(EMAIL_KIND, SHARED), (TELEPHONE_KIND, TELEPHONE)]
    return _KnownPeople(
        KEY, [Erased(TOKEN, [keyed_hash(KEY, EMAIL_KIND, HERS)], [keyed_hash(KEY, *one) for one in seen])]
    )


@pytest.mark.parametrize(
    ("email", "telephone", "hers"),
    [
        (HERS, "", True),
        (HERS, OTHER_TELEPHONE, True),
        (SHARED, "", True),
        ("", TELEPHONE, True),
        (SHARED, TELEPHONE, True),
        (SHARED, OTHER_TELEPHONE, False),
        (OTHER, TELEPHONE, False),
        (OTHER, "", False),
        ("", OTHER_TELEPHONE, False),
        ("", "", False),
    ],
)
def test_a_value_of_others_tells_her_only_alone_or_beside_hers(known, email, telephone, hers):
    assert known.owners_of(email, telephone) == ({0} if hers else set())


@pytest.mark.parametrize(
    ("text", "values"),
    [
        (f"1;{HERS};2", {HERS}),
        (f"1;{HERS};{OTHER}", {HERS}),
        (f"1;{SHARED};2", {SHARED}),
        (f"1;{SHARED};{TELEPHONE}", {SHARED, TELEPHONE}),
        (f"1;{SHARED};{OTHER}", set()),  # the row may be the other one's
        (f"1;{OTHER};2", set()),
        ("1;2;3", set()),
    ],
)
def test_of_a_text_only_her_values_are_told(known, text, values):
    found = _in_text(text, known)
    assert {value for one in found for value in one.values.keys.emails | one.values.keys.telephones} == values
    assert [(one.kind, one.token) for one in found] == [(Kind.TEXT, TOKEN)] * bool(values)


def test_her_email_with_a_character_that_nobody_sees_is_no_strangers():
    keys = Keys(frozenset({HERS}), seen_emails=frozenset({SHARED}), seen_telephones=frozenset({TELEPHONE}))
    texts = [f"1;{SHARED.replace('@', chr(0x200B) + '@')};{TELEPHONE}", f"1;{OTHER};{TELEPHONE}"]
    assert [_kind_of_malformed(text, Values(keys)) for text in texts] == [Kind.TEXT, Kind.POSSIBLE]
