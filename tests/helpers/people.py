"""A person in every corner of a lake, and the search for what is left of her: every byte, decoded as far as it goes."""

import base64
import gzip
import io
import re
from functools import cache
from pathlib import Path

import pyarrow.parquet as pq

from helpers import avro_files
from helpers.inprocess import drop
from vendas import schema

E_MAIL, TELEPHONE = "zuleica.quaresma@exemplo.com.br", "11987654321"
HEADER = ";".join(schema.INPUT_NAMES)
REST = "Mesa;10,50;Site;Web;;Rui;5%;"
ANA = f"02/02/2024 11:00;Ana;Lima;ana@exemplo.com.br;(11) 91111-2222;{REST}"

# What must be gone, as bytes: other people share none of it.
VALUES = ["zuleica", "quaresma", "quarésma", "98765-4321", "987654321", "98765 4321", "zuzu@outro.example"]

FILES = {
    "registros_a.csv": (
        "cp1252",
        [
            f"01/02/2024 10:00;Zuleica;Quarésma;Zuleica.Quaresma@Exemplo.com.br;(11) 98765-4321;{REST}",
            # the same sale but for how the person is written: not a duplicate, and none later
            f"01/02/2024 10:00;Zuleica;Quaresma;zuleica.quaresma@exemplo.com.br;+55 11 98765-4321;{REST}",
            f"01/02/2024 10:00;Zuleica;Quaresma;zuleica.quaresma@exemplo.com.br;+55 11 98765-4321;{REST}",
            f'03/02/2024 10:00;"Zuleica";"Quaresma\r\n";"Zuleica Q <zuleica.quaresma@exemplo.com.br>";;{REST}',
            ANA,
            f"04/02/2024 10:00;Zuleica;;;011 98765 4321;{REST}",  # her telephone, and no e-mail
            "05/02/2024 10:00;Zuleica;Quaresma;zuleica.quaresma@exemplo.com.br;;Mesa;1.234;Site;Web;;Rui;5%;",
            "06/02/2024 10:00;Zuleica;de;Quaresma;zuleica.quaresma@exemplo.com.br;11987654321;Mesa;10",
            f"07/02/2024 10:00;Rui;Sá;rui@exemplo.com.br;;{REST}zuleica.quaresma@exemplo.com.br",
        ],
    ),
    "registros_b.csv": (
        "utf-8-sig",
        [
            f"01/02/2024 10:00;Zuleica;Quaresma;zuleica.quaresma@exemplo.com.br;+55 11 98765-4321;{REST}",
            f"08/02/2024 10:00;Zuleica;Quaresma;zuleica.quaresma\u200b@exemplo.com.br;;{REST}",
            ANA,
        ],
    ),
    "registros_engolido.csv": (
        "utf-8",
        [
            f'09/02/2024 10:00;Eva;Reis;eva@exemplo.com.br;;"TV 24;1;a;b;c;d;e;f\r\n'
            f'09/02/2024 11:00;Zuleica;Quaresma;zuleica.quaresma@exemplo.com.br;;{REST}";9;a;b;c;d;e;f',
            f"09/02/2024 12:00;Eva;Reis;eva@exemplo.com.br;;{REST}",
        ],
    ),
}
REJECTED = "Nome;Email;zuleica.quaresma@exemplo.com.br\r\nZuleica;zuleica.quaresma@exemplo.com.br;x\r\n"
IN_HEADER = "\r\n".join([f"{HEADER};de {E_MAIL}", f"{ANA};x", f'{HEADER};"de {E_MAIL}"', ""])


def send_files(lake):
    """Put files with the person, and with other people, into the lake's landing."""
    for number, (name, data) in enumerate(all_files().items()):
        drop(lake, name, data, at=1_700_000_000 + 1000 * number)


def all_files():
    """Return the bytes of each file to send: the person's, one that names her in headers, rejected, and in UTF-16."""
    files = {name: as_csv(encoding, rows) for name, (encoding, rows) in FILES.items()}
    files["registros_cabecalho.csv"] = IN_HEADER.encode()
    files["registros_rejeitado.csv"] = REJECTED.encode("cp1252")
    files["registros_utf16.csv"] = as_csv("utf-16", FILES["registros_b.csv"][1])
    return files


def as_csv(encoding, rows):
    return ("\r\n".join([HEADER, *rows]) + "\r\n").encode(encoding)


def send(lake, name, encoding, rows, at):
    return drop(lake, name, as_csv(encoding, rows), at=at)


def find_left(lake, values=VALUES):
    """Return each file below the lake that holds one of the values, and which, in any of its encodings."""
    paths = sorted(path for path in Path(lake).rglob("*") if path.is_file())
    left = {str(path.relative_to(lake)): values_in(texts_of(path.name, path.read_bytes()), values) for path in paths}
    return {path: found for path, found in left.items() if found}


def values_in(texts, values=VALUES):
    """Return which of the values stand in one of these texts, in any encoding."""
    texts = list(texts)
    return sorted({value for value in values for text in texts if _holds(text, value)})


def _holds(data, value):
    return any(form in data for form in _forms(value))


@cache
def _forms(value):
    """Return the bytes of a value in each encoding; without its last byte, UTF-16 stands in both byte orders."""
    return {value.encode("utf-8"), value.encode("cp1252"), value.encode("utf-16-le")[:-1]}


def texts_of(name, data):
    """Yield a file's bytes in lower case, and those that are compressed or encoded in it."""
    yield data.lower()  # Parquet's statistics are plain in it
    if name.endswith(".parquet"):
        with pq.ParquetFile(io.BytesIO(data)) as file:
            yield repr(file.read().to_pylist()).lower().encode()
    if name.endswith(".avro"):
        yield _decoded(avro_files.read(data).records).lower()
    if data[:2] == b"\x1f\x8b":
        yield gzip.decompress(data).lower()
    if name.endswith((".ipynb", ".html")):
        for part in re.findall(rb"[A-Za-z0-9+/]{40,}={0,2}", data):
            yield base64.b64decode(part + b"=" * (-len(part) % 4)).lower()


def _decoded(value):
    """Return all bytes and texts in an Avro value, one behind the other."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, dict):
        value = value.values()
    return b" ".join(map(_decoded, value)) if hasattr(value, "__iter__") else b""
