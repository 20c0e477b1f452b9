"""Who a person is: an e-mail or a telephone, however people write it. Pure."""

import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vendas.arrays import where
from vendas.rules.cleaning import address, clean_text
from vendas.rules.gold import email as lower_email
from vendas.rules.patterns import SCIENTIFIC
from vendas.schema import MISSING
from vendas.text import INVISIBLE, WHITE_SPACE

MIN_TELEPHONE_DIGITS = 8  # fewer digits belong to too many people
NATIONAL_DIGITS, _COUNTRY = 11, "55"  # the longest number with its area code; Brazil's country code
_DASHES = "\\-\u2010\u2011\u2012\u2013\u2014\u2015\u2212"  # word processors and web pages have many
_SEPARATORS = rf"[{WHITE_SPACE}{INVISIBLE}()./+{_DASHES}]{{0,4}}"  # what people write between the digits of a telephone
_LIKE_TELEPHONES = rf"[0-9](?:{_SEPARATORS}[0-9]){{{MIN_TELEPHONE_DIGITS - 1},}}"
_MOST_TELEPHONE_DIGITS = 18  # with zeros and country codes
# Between first name and surname in a text, a table of HTML or a line of a CSV file.
_BETWEEN_NAMES = rf"(?:[{WHITE_SPACE}{INVISIBLE}]|&nbsp;|[;,|\t\"']|<[^<>]*>)+"
_ADDRESS = re.compile(r"[^\s@,;|<>\"']+@[^\s@,;|<>\"']+")
_MIN_NAME = 3  # letters of a name that may be searched for alone
Span = tuple[int, int]  # where a value begins in a text, and where it ends


def normalize_emails(raw: pa.StringArray) -> pa.StringArray:
    """Return the e-mails of raw fields as a person is known by: cleaned, the address alone, in lower case.

    A missing one becomes an empty text.
    """
    cleaned = lower_email(address(clean_text(raw)))
    return pc.if_else(pc.equal(cleaned, MISSING), "", cleaned)


def normalize_telephones(raw: pa.StringArray) -> pa.StringArray:
    """Return the telephones of raw fields as a person is known by: area code and number, digits only.

    Leading zeros and the country code 55 are dropped, and so is a final `.0`, which spreadsheets add. A text in
    scientific notation, which has lost digits, and one of fewer than 8 digits become empty.
    """
    cleaned = clean_text(raw)
    plain = pc.match_substring_regex(cleaned, r"^[0-9]*\z")
    digits = where(pc.invert(plain), _digits, cleaned, cleaned)
    digits = pc.ascii_ltrim(digits, characters="0")
    abroad = pc.and_(pc.greater(pc.binary_length(digits), NATIONAL_DIGITS), pc.starts_with(digits, _COUNTRY))
    digits = where(abroad, _without_country, digits, digits)
    return pc.if_else(pc.less(pc.binary_length(digits), MIN_TELEPHONE_DIGITS), "", digits)


def _digits(cleaned: pa.StringArray) -> pa.StringArray:
    scientific = pc.match_substring_regex(cleaned, rf"^{SCIENTIFIC}\z")
    digits = pc.replace_substring_regex(pc.replace_substring_regex(cleaned, r"([0-9])[.,]0\z", r"\1"), "[^0-9]+", "")
    return pc.if_else(scientific, "", digits)


def _without_country(digits: pa.StringArray) -> pa.StringArray:
    return pc.ascii_ltrim(pc.utf8_slice_codeunits(digits, len(_COUNTRY)), characters="0")


def normalize_email(text: str) -> str:
    """Return one e-mail as `normalize_emails` does."""
    return normalize_emails(pa.array([text]))[0].as_py()


def normalize_telephone(text: str) -> str:
    """Return one telephone as `normalize_telephones` does."""
    return normalize_telephones(pa.array([text]))[0].as_py()


def find_emails(text: str) -> set[str]:
    """Return all e-mails in a text, as `normalize_emails` does."""
    return {*normalize_emails(pa.array(_ADDRESS.findall(text), pa.string())).to_pylist()} - {""}


def find_telephones(text: str) -> set[str]:
    """Return all that may be a telephone in a text, as `normalize_telephones` does.

    Digits with only separators between them may be one telephone, or a number and a telephone beside it.
    """
    found = set()
    for run in re.findall(_LIKE_TELEPHONES, text):
        groups = re.findall("[0-9]+", run)
        for begin in range(len(groups)):
            digits = ""
            for group in groups[begin:]:
                digits += group
                if len(digits) > _MOST_TELEPHONE_DIGITS:
                    break
                found.add(digits)
    return {*normalize_telephones(pa.array(sorted(found), pa.string())).to_pylist()} - {""}


def count_like_telephones(texts: pa.StringArray) -> pa.Int32Array:
    """Return how often digits that may be telephones stand in each text."""
    return pc.count_substring_regex(texts, _LIKE_TELEPHONES)


@dataclass(frozen=True)
class Keys:
    """What a person is known by, normalized.

    Each row with one of `emails` or `telephones`, by which the request names the person, is the person's. Those in
    `seen_emails` and `seen_telephones` stand in such rows: a row that has one of these, and none of the other kind, is
    the person's, too; one with another person's may be either's.
    """

    emails: frozenset[str] = frozenset()
    telephones: frozenset[str] = frozenset()
    seen_emails: frozenset[str] = frozenset()
    seen_telephones: frozenset[str] = frozenset()

    @property
    def all_emails(self) -> frozenset[str]:
        """All e-mails of the person."""
        return self.emails | self.seen_emails

    @property
    def all_telephones(self) -> frozenset[str]:
        """All telephones of the person."""
        return self.telephones | self.seen_telephones

    def is_theirs(self, emails: pa.Array, telephones: pa.Array) -> pa.BooleanArray:
        """Return which rows with these normalized e-mails and telephones are the person's."""
        named = pc.or_(_among(emails, self.emails), _among(telephones, self.telephones))
        alone = pc.or_(
            pc.and_(_among(telephones, self.seen_telephones), pc.equal(emails, "")),
            pc.and_(_among(emails, self.seen_emails), pc.equal(telephones, "")),
        )
        return pc.or_(named, alone)

    def may_be_theirs(self, emails: pa.Array, telephones: pa.Array) -> pa.BooleanArray:
        """Return which rows have an e-mail or a telephone of the person, whosever they are."""
        return pc.or_(_among(emails, self.all_emails), _among(telephones, self.all_telephones))


def _among(texts: pa.Array, values: frozenset[str]) -> pa.BooleanArray:
    return pc.is_in(texts, pa.array(sorted(values), pa.string()))


class Contacts:
    """E-mails and telephones to find in any text, however people write them.

    Most texts are long and hold none. That is found out fifteen times faster without a look at what stands around.
    """

    def __init__(self, emails: frozenset[str], telephones: frozenset[str]):
        self._alone = [*map(_email_pattern, sorted(emails)), *map(_SEPARATORS.join, sorted(telephones))]
        self._looks = [re.compile(pattern, re.IGNORECASE) for pattern in self._alone]
        found = [rf"(?<![\w.+%-]){_email_pattern(email)}(?![\w-]|\.\w)" for email in sorted(emails)]
        found += [
            rf"(?<![0-9])(?:\+|00)?(?:{_COUNTRY}{_SEPARATORS})?\(?0?{_SEPARATORS.join(digits)}(?![0-9])"
            for digits in sorted(telephones)
        ]
        self._pattern = re.compile("|".join(found) or "(?!)", re.IGNORECASE)

    def spans_in(self, text: str) -> Iterator[Span]:
        """Yield begin and end of each in a text."""
        if self._may_be_in(text):
            yield from (found.span() for found in self._pattern.finditer(text))

    def are_in(self, text: str) -> bool:
        """Return whether a text holds any of them."""
        return any(True for _ in self.spans_in(text))

    def replaced_in(self, text: str, token: str) -> str:
        """Return the text with the token in the place of each."""
        return replace_spans(text, self.spans_in(text), token)

    def may_be_in(self, texts: pa.StringArray) -> pa.BooleanArray:
        """Return which of many texts may hold any of them, by the first look alone."""
        found = pa.array(np.zeros(len(texts), bool))
        for pattern in self._alone:
            found = pc.or_(found, pc.match_substring_regex(texts, pattern, ignore_case=True))
        return found

    def _may_be_in(self, text: str) -> bool:
        return any(look.search(text) for look in self._looks)


@dataclass(frozen=True)
class Values:
    """The values of a person to find in any text: keys, full names, and names that nobody else has.

    A full name is a pair of first name and surname; names are as people wrote them, cleaned. Among them are the texts
    of further personal columns.
    """

    keys: Keys
    full_names: frozenset[tuple[str, str]] = frozenset()
    own_names: frozenset[str] = field(default_factory=frozenset)

    @cached_property
    def by_request(self) -> Contacts:
        """The e-mails and telephones that the request names."""
        return Contacts(self.keys.emails, self.keys.telephones)

    @cached_property
    def by_contact(self) -> Contacts:
        """All e-mails and telephones of the person."""
        return Contacts(self.keys.all_emails, self.keys.all_telephones)

    @cached_property
    def _names(self) -> list[re.Pattern[str]]:
        pairs = [
            rf"(?<!\w)({_either(first)}){_BETWEEN_NAMES}({_either(last)})(?!\w)"
            for first, last in sorted(self.full_names, key=lambda pair: (-len("".join(pair)), pair))  # longest first
            if first and last
        ]
        return [re.compile(pair, re.IGNORECASE) for pair in pairs]

    @cached_property
    def _own(self) -> re.Pattern[str]:
        names = [name for name in sorted(self.own_names, key=len, reverse=True) if len(name) >= _MIN_NAME]
        return re.compile(rf"(?<!\w)({'|'.join(map(_either, names)) or '(?!)'})(?!\w)")

    def spans_in(self, text: str) -> Iterator[Span]:
        """Yield begin and end of each value in a text, of a full name those of both names."""
        yield from self.by_contact.spans_in(text)
        for pattern in (*self._names, self._own):
            for found in pattern.finditer(text):
                yield from (found.span(group) for group in range(1, pattern.groups + 1))

    def found_in(self, text: str) -> bool:
        """Return whether a text holds any of the values."""
        return any(True for _ in self.spans_in(text))

    def replaced_in(self, text: str, token: str) -> str:
        """Return the text with the token in the place of each value."""
        return replace_spans(text, self.spans_in(text), token)


def replace_spans(text: str, spans: Iterable[Span], token: str) -> str:
    """Return the text with the token in the place of each span, one for those that overlap."""
    parts, done = [], 0
    for begin, end in sorted(spans):
        if begin >= done:
            parts += [text[done:begin], token]
        done = max(done, end)
    return "".join([*parts, text[done:]])


def _email_pattern(email: str) -> str:
    """Return the expression (for RE2 and Python) of an e-mail with or without invisible characters in it."""
    return f"[{INVISIBLE}]*".join(map(re.escape, email))


def _either(text: str) -> str:
    """Return the expression for a text as it is or escaped in HTML; blanks match any white space."""
    forms = dict.fromkeys([text, html.escape(text), html.escape(text).replace("&#x27;", "&#39;")])
    blanks = f"[{WHITE_SPACE}]+"
    return "(?:" + "|".join(blanks.join(map(re.escape, form.split(" "))) for form in forms) + ")"
