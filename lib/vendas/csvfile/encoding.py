"""The character encoding of a CSV file, detected from all of its bytes, and the bounds of its text."""

import codecs
import re
from dataclasses import dataclass
from typing import BinaryIO

from vendas.csvfile.code_pages import ForeignLetters
from vendas.csvfile.grammar import reject
from vendas.csvfile.mixed_encodings import Utf8Characters
from vendas.tuning import ENCODING_CHUNK_BYTES

UTF8, CP1252 = "utf-8", "cp1252"
UNDEFINED_IN_CP1252 = b"\x81\x8d\x8f\x90\x9d"
EDGE_BYTES = 4 << 10  # bytes kept of the start and the end of a file, for searches there

_NO_TEXT = (b"PK\x03\x04", b"PK\x05\x06", b"\xd0\xcf\x11\xe0")  # how .xlsx and .zip begin, an empty .zip, and .xls
_CTRL_Z = re.compile(rb"\x1a[\x1a\s]*\Z")  # how DOS ended a text

_SAVE_AS_UTF8 = "Salve-o como CSV UTF-8"


@dataclass(frozen=True)
class Encoded:
    """A file's encoding (UTF8 or CP1252), its first EDGE_BYTES, and the end offset of its text (before a Ctrl-Z)."""

    encoding: str
    head: bytes
    end: int

    @property
    def bom(self) -> bool:
        """Whether the file begins with a byte order mark."""
        return self.head.startswith(codecs.BOM_UTF8)

    @property
    def begin(self) -> int:
        """The offset of the first byte of text."""
        return len(codecs.BOM_UTF8) if self.bom else 0


def detect_encoding(file: BinaryIO, chunk_bytes: int = ENCODING_CHUNK_BYTES) -> Encoded:
    """Return UTF8 if all of the file is valid UTF-8, else CP1252, with the bounds of the text.

    Raises: FileRejected if the file is empty, a spreadsheet or an archive, is in UTF-16 or UTF-32, has NUL bytes or
    bytes that are valid in neither encoding, mixes both, or has text that only makes sense in another code page.
    """
    file.seek(0)
    invalid, characters, letters, undefined, offset = _FirstInvalid(), Utf8Characters(), ForeignLetters(), None, 0
    head = tail = b""
    while chunk := file.read(chunk_bytes):
        head, tail = _edges(head, tail, chunk)
        if head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):  # UTF-32 begins with these or with NUL bytes
            raise reject("O arquivo está em UTF-16 ou UTF-32; são aceitos UTF-8 e Windows-1252", _SAVE_AS_UTF8)
        if head.startswith(_NO_TEXT):
            raise reject("O arquivo é uma planilha do Excel ou um zip, não um CSV", "Salve a planilha como CSV UTF-8")
        if (nul := chunk.find(0)) >= 0:
            raise _nul_bytes(line_at(file, offset + nul))
        invalid.add(chunk, offset)
        characters.add(chunk, offset)
        if characters.first is None:  # the bytes of UTF-8 characters look like letters of other code pages
            letters.add(chunk, offset)
        if undefined is None:
            places = [place for byte in UNDEFINED_IN_CP1252 if (place := chunk.find(byte)) >= 0]
            undefined = offset + min(places) if places else None
        offset += len(chunk)
    if not offset:
        raise reject("O arquivo está vazio (0 bytes)", "Exporte-o outra vez")
    not_utf8 = invalid.finish(offset)
    ending = _CTRL_Z.search(tail)
    end = offset - len(tail) + ending.start() if ending else offset
    if not_utf8 is None:
        return Encoded(UTF8, head, end)
    if characters.first is not None:
        raise _mixture(line_at(file, characters.first), line_at(file, not_utf8))
    if found := letters.describe(file):
        page, place, word, meant = found
        raise _code_page(page, word, meant, line_at(file, place))
    if undefined is None:
        return Encoded(CP1252, head, end)
    raise reject(
        f"O arquivo não está em UTF-8 (há um byte inválido na linha {line_at(file, not_utf8)}) nem em Windows-1252 "
        f"(há um byte sem significado na linha {line_at(file, undefined)})",
        _SAVE_AS_UTF8,
    )


def line_at(file: BinaryIO, offset: int) -> int:
    """Return the physical line number, from 1, of the byte at `offset`."""
    file.seek(0)
    line = 1
    while offset > 0 and (chunk := file.read(min(ENCODING_CHUNK_BYTES, offset))):
        line += chunk.count(b"\n")
        offset -= len(chunk)
    return line


def _edges(head: bytes, tail: bytes, chunk: bytes) -> tuple[bytes, bytes]:
    """Return the first and the last EDGE_BYTES of the bytes read so far, this chunk included."""
    return head + chunk[: EDGE_BYTES - len(head)], (tail + chunk[-EDGE_BYTES:])[-EDGE_BYTES:]


class _FirstInvalid:
    """Finds the first byte that is not valid UTF-8; chunks may be cut anywhere."""

    def __init__(self) -> None:
        self.decoder = codecs.getincrementaldecoder(UTF8)()
        self.offset: int | None = None

    def add(self, chunk: bytes, offset: int, final: bool = False) -> None:
        if self.offset is not None:
            return
        held = len(self.decoder.getstate()[0])  # bytes of a character begun in the chunk before
        try:
            self.decoder.decode(chunk, final)
        except UnicodeDecodeError as error:
            self.offset = offset - held + error.start

    def finish(self, offset: int) -> int | None:
        self.add(b"", offset, final=True)
        return self.offset


def _nul_bytes(line: int) -> Exception:
    return reject(
        f"O arquivo tem bytes nulos (NUL), o primeiro na linha {line}: está danificado, em UTF-16 ou não é um CSV",
        _SAVE_AS_UTF8,
    )


def _mixture(utf8_line: int, other_line: int) -> Exception:
    return reject(
        f"O arquivo mistura codificações: a linha {utf8_line} tem texto em UTF-8, e a linha {other_line} tem bytes "
        "que não são UTF-8",
        "Salve-o inteiro como CSV UTF-8",
    )


def _code_page(page: str, word: str, meant: str, line: int) -> Exception:
    return reject(
        f"O arquivo parece estar na página de código {page}, e são aceitos UTF-8 e Windows-1252: na linha {line} há "
        f"'{word}', que em {page} é '{meant}'",
        _SAVE_AS_UTF8,
    )
