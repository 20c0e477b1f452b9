"""A second implementation of the contract's CSV rules, slow and simple, one character at a time, to test the parser."""

import re
import unicodedata
from dataclasses import dataclass

from vendas.schema import INPUT_COLUMNS, INPUT_NAMES
from vendas.text import INVISIBLE, WHITE_SPACE

BEHIND_A_LETTER = set("…’”–—™›»®\u00a0".encode("cp1252"))
CAPITALS = {bytes([byte]) for byte in (*range(ord("A"), ord("Z") + 1), *range(0xC0, 0xDF))}
LETTERS = CAPITALS | {bytes([byte]) for byte in (*range(ord("a"), ord("z") + 1), *range(0xDF, 0x100))}
FOREIGN = "€‚ƒ„†‡ˆ‰‹“™›¡¢£¶"  # letters of CP850, CP860 or MacRoman as shown in Windows-1252


class Refused(Exception):
    """The file is rejected."""


@dataclass
class Field:
    quoted: str | None
    plain: str  # what follows the closing quote, or the whole unquoted field

    @property
    def content(self) -> str:
        return (self.quoted or "") + self.plain

    @property
    def is_loose(self) -> bool:
        return self.quoted is not None and self.plain != ""


@dataclass
class Record:
    line: int
    text: str
    fields: list[Field]
    lone_return: bool

    @property
    def names(self) -> list[str]:
        return [key(field.content) for field in self.fields]

    @property
    def is_blank(self) -> bool:
        return not any(field.content.strip(WHITE_SPACE) or field.is_loose for field in self.fields)


@dataclass
class Twin:
    encoding: str
    delimiter: str
    positions: list[int | None]
    rows: list[dict]


def read(data: bytes) -> Twin:
    """Return the rows of a file. Raises: Refused if the file is rejected."""
    encoding = encoding_of(data)
    text = data.removeprefix(b"\xef\xbb\xbf").decode(encoding)
    text = re.sub("\x1a[\x1a \t\n\v\f\r]*\\Z", "", text)
    for delimiter in ",;\t|":
        try:
            return read_delimited(text, delimiter, encoding)
        except NoHeader:
            continue
    raise Refused


class NoHeader(Exception):
    """The first record is not a header with this delimiter."""


def read_delimited(text: str, delimiter: str, encoding: str) -> Twin:
    sep = re.match('"?sep=([^\r\n"]?)"?([^\r\n]*)\r{0,2}(\n|\\Z)', text, re.IGNORECASE)
    begin, line = (sep.end(), 2) if sep else (0, 1)
    try:
        header = next((record for record in split(text, begin, line, delimiter) if not record.is_blank), None)
    except NeverClosed:
        raise NoHeader from None
    if header is None or header.lone_return or (positions := places(header.names)) is None:
        raise NoHeader
    if sep and (sep[1] != delimiter or sep[2].strip(f" {delimiter}")):
        raise Refused
    try:
        records = [record for record in split(text, begin, line, delimiter) if not record.is_blank][1:]
    except NeverClosed:
        raise Refused from None
    if any(places(record.names) not in (None, positions) for record in records):
        raise Refused
    rows = [record for record in records if places(record.names) is None]
    width = fields_of_rows(header, rows)
    return Twin(encoding, delimiter, positions, [row(record, width, positions, delimiter) for record in rows])


def fields_of_rows(header: Record, rows: list[Record]) -> int:
    width = len(header.fields)
    if rows and all(len(r.fields) == width + 1 and r.fields[-1] in (Field(None, ""), Field("", "")) for r in rows):
        return width + 1
    widths = {len(record.fields) for record in rows}
    any_as_header = any(len(r.fields) == width and r.fields[-1] in (Field(None, ""), Field("", "")) for r in rows)
    if header.names[-1] == "" and width - 1 in widths and not any_as_header:
        return width - 1
    return width


def encoding_of(data: bytes) -> str:
    if not data or b"\0" in data or data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise Refused
    if is_valid(data, "utf-8"):
        return "utf-8"
    if has_utf8(data) or not is_valid(data, "cp1252") or is_of_another_page(data):
        raise Refused
    return "cp1252"


def is_of_another_page(data: bytes) -> bool:
    """Return whether half of the odd letters in words, or more, make sense in one other code page."""
    text = data.decode("cp1252")
    letters = [letter.isalpha() or letter in FOREIGN for letter in text]
    odd = [
        place
        for place in range(1, len(text) - 1)
        if letters[place - 1]
        and ((text[place] in FOREIGN and letters[place + 1]) or (text[place] in "ÆŽ" and "a" <= text[place + 1] <= "z"))
    ]
    known = [sum(is_portuguese(data.decode(page), place) for place in odd) for page in ("cp850", "mac_roman", "cp860")]
    return bool(odd) and max(known) > 0 and 2 * max(known) >= len(odd)


def is_portuguese(text: str, place: int) -> bool:
    """Return whether this letter of a text stands between such as it does in Portuguese words."""
    before, letter, behind = text[place - 1], text[place], text[place + 1 : place + 3]
    if letter.isupper() and not (before.isupper() and behind[0].isupper()):
        return False
    if not letter.isupper() and not (letter.islower() and behind[0].islower() and is_latin(before)):
        return False
    before, letter, behind = before.lower(), letter.lower(), behind.lower()
    one, two = behind[0], behind[1:]
    consonant = one in "bcdfghjklmnpqrstvwxyzç"
    if letter in "ãõ":
        ends = two in ("m", "z") or not is_latin(two)
        ends = ends or (two == "s" and not is_latin(text[place + 3 : place + 4]))
        return (one in {"ã": "oe", "õ": "e"}[letter] and ends) or (letter == "ã" and one in "sz")
    if letter == "ç":
        return before in "aeiouáâãéêíóõúclnprs" and one in "aouáâãóôõú"
    if letter in "âê":
        return consonant
    if letter == "ô":
        stands = one in "bdfmnprtv" or (one == "l" and two in tuple("aeo"))
        stands = stands or (one == "s" and (two == "t" or not is_latin(two)))
        return stands and before in "bcdfghjklmnpqrstvwxyzç"
    if letter in "áéíóú":
        return (
            consonant and (is_latin(two) or one in "lmnrsxz")
        ) or letter + one in "áu éa éi éo éu ói ía íe ío".split()
    return False


def is_latin(letter: str) -> bool:
    """Return whether this is a letter of Western Europe's alphabets."""
    return letter.lower() in set("abcdefghijklmnopqrstuvwxyzàáâãäåæçèéêëìíîïðñòóôõöøùúûüýþÿ")


def has_utf8(data: bytes) -> bool:
    """Return whether the data has a non-ASCII character in UTF-8 that is not one by chance."""
    for place, byte in enumerate(data):
        size = 2 if 0xC2 <= byte < 0xE0 else 3 if 0xE0 <= byte < 0xF0 else 4 if 0xF0 <= byte < 0xF5 else 0
        whole = data[place : place + size]
        if len(whole) == size > 0 and is_valid(whole, "utf-8") and not ends_a_word(data, place, whole):
            return True
    return False


def ends_a_word(data: bytes, place: int, whole: bytes) -> bool:
    """Return whether these bytes may also be the last letter of a word in Windows-1252 and what follows it."""
    if not set(whole[1:]) <= BEHIND_A_LETTER or whole[0] in "Ââ".encode("cp1252"):
        return False
    if whole[0] != ord("Ã"):
        return True
    if whole[1] == ord("\u00a0"):
        return data[place - 1 : place] in CAPITALS
    opened = data[max(0, place - 200) : place].replace(b"\x94", b"\x93").split(b"\x93")
    quoted = len(opened) > 1 and data[place - len(opened[-1]) - 1] == 0x93
    in_capitals = data[place - 1 : place] in CAPITALS and data[place + 2 : place + 3] not in LETTERS
    return in_capitals and (quoted or whole[1] != 0x94)


def is_valid(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def places(names: list[str]) -> list[int | None] | None:
    """Return the position of each column, None for an optional one that is absent; or None for no header."""
    found = []
    for column in INPUT_COLUMNS:
        there = [at for at, name in enumerate(names) if name == key(column.name)]
        there = there or [at for at, name in enumerate(names) if name in map(key, column.other_names)]
        if len(there) > 1 or (not there and not column.optional):
            return None
        found.append(there[0] if there else None)
    return found


def key(name: str) -> str:
    seen = "".join(letter for letter in name if letter not in INVISIBLE)
    words = " ".join(filter(None, re.split(f"[{WHITE_SPACE}]+", seen)))
    unit = re.fullmatch(r"(.+)\([^()]*\)(?:[^\w()]|_)*", unicodedata.normalize("NFC", words), re.DOTALL)
    plain = unicodedata.normalize("NFD", (unit[1] if unit else words).casefold())
    return "".join(letter for letter in plain if letter.isalnum())


def row(record: Record, width: int, positions: list[int | None], delimiter: str) -> dict:
    swallows = any(
        "\n" in (field.quoted or "") and field.quoted.count(delimiter) >= width - 1 for field in record.fields
    )
    problems = (
        ["numero_de_campos"] * (len(record.fields) != width)
        + ["texto_apos_aspas"] * any(field.is_loose for field in record.fields)
        + ["retorno_de_carro"] * record.lone_return
        + ["aspas_engolem_linhas"] * swallows
    )
    known = {"linha": record.line, "texto": record.text, "problemas": problems}
    if problems:
        return known | dict.fromkeys((*INPUT_NAMES, "origem"))
    fields = ["" if place is None else record.fields[place].content for place in positions]
    return known | dict(zip(INPUT_NAMES, fields, strict=True)) | {"origem": None}  # the tests' headers have no origin


class NeverClosed(Exception):
    """A quote is never closed."""


def split(text: str, begin: int, line: int, delimiter: str) -> list[Record]:
    """Yield the records of a text from `begin` on, blank ones included. Raises: NeverClosed for an open quote."""
    at = begin
    while at < len(text):
        record, end = take_record(text, at, line, delimiter)
        yield record
        line += text.count("\n", at, end)
        at = end


def take_record(text: str, begin: int, line: int, delimiter: str) -> tuple[Record, int]:
    fields, at = [], begin
    while True:
        quoted, at = take_quoted(text, at)
        plain, at = take_plain(text, at, delimiter)
        fields.append(Field(quoted, plain))
        if at == len(text) or text[at] != delimiter:
            break
        at += 1
    end = at + len(re.match("(\r{0,2}\n)?", text[at:])[0])
    return Record(line, text[begin:at], fields, any("\r" in field.plain for field in fields)), end


def take_quoted(text: str, at: int) -> tuple[str | None, int]:
    if text[at : at + 1] != '"':
        return None, at
    content, at = "", at + 1
    while at < len(text):
        if text[at : at + 2] == '""':
            content, at = content + '"', at + 2
        elif text[at] == '"':
            return content, at + 1
        else:
            content, at = content + text[at], at + 1
    raise NeverClosed


def take_plain(text: str, at: int, delimiter: str) -> tuple[str, int]:
    content = ""
    while at < len(text) and text[at] != delimiter and not re.match("\r{0,2}\n", text[at : at + 3]):
        content, at = content + text[at], at + 1
    return content, at
