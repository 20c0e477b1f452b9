"""What a lake keeps of erased people: their tokens, keyed hashes that recognize them, and receipts.

    privacy/              mode 0700, each file 0600
        key               of the hashes; without it they lead nowhere
        people.json       per person the token, and a keyed hash of each e-mail and telephone
        lines.json        per anonymized line a keyed hash of the values that stood there: see `read_variants`
        exports.json      the folders that `vendas quarantine export` wrote to
        erasure.json      the plan of an unfinished erasure, with the values to erase; gone when it is finished
    recibos/              a receipt for each erasure, without a personal value

A lake in S3 has none of this yet, so nothing is looked up there.
"""

import hmac
import json
import os
import secrets
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from vendas.landing.anonymized_files import LINES, PRIVACY, anonymized_files
from vendas.storage import Location, S3Path, sync_folder

RECEIPTS = "recibos"
EMAIL_KIND, TELEPHONE_KIND, VALUES_KIND = "email", "telefone", "valores"
_KEY_BYTES, _HASH_DIGITS, _VARIANT_DIGITS = 32, 32, 12

Variants = Mapping[str, Mapping[int, str]]  # by bronze file and line


@dataclass(frozen=True)
class Erased:
    """An erased person: the token, and the hashes of e-mails and telephones.

    `named` are those that the request named, `seen` those that stood beside them (`rules.people.Keys`).
    """

    token: str
    named: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Receipt:
    """What an erasure did: when (UTC), on what ground, in how many bronze files and lines, and rows by layer."""

    recibo: str
    quando: str
    fundamento: str
    token: str
    arquivos: int
    linhas: int
    camadas: dict[str, int] = field(default_factory=dict)

    def as_json(self) -> dict:
        """Return the document that `vendas person erase --json` prints."""
        return {"recibo": self.recibo, "arquivos": self.arquivos, "linhas": self.linhas, "token": self.token}


def has_erasures(lake: Location) -> bool:
    """Return whether anybody was ever erased from a lake."""
    return not isinstance(lake, S3Path) and (lake / PRIVACY / "people.json").exists()


def read_key(lake: Path) -> bytes:
    """Return the key of a lake's hashes; the first call makes it."""
    path = lake / PRIVACY / "key"
    if not path.exists():
        write_private(path, secrets.token_hex(_KEY_BYTES))
    return path.read_bytes()


def keyed_hash(key: bytes, kind: str, value: str) -> str:
    """Return the hash by which an erased e-mail or telephone is recognized; only with the key can it be guessed."""
    return hmac.digest(key, f"{kind}:{value}".encode(), "sha256").hex()[:_HASH_DIGITS]


def variant_of(key: bytes, values: Iterable[str]) -> str:
    """Return the hash of the personal values that a line had, which tells apart lines that differed in these alone."""
    return keyed_hash(key, VALUES_KIND, "\n".join(values))[:_VARIANT_DIGITS]


def read_people(lake: Path) -> list[Erased]:
    """Return the people who were erased."""
    return [Erased(**person) for person in _read(lake / PRIVACY / "people.json", [])]


def remember_person(lake: Path, person: Erased) -> None:
    """Add a person's hashes, or further ones of a person already erased."""
    people = {known.token: known for known in read_people(lake)}
    known = people.get(person.token, Erased(person.token))
    named = sorted({*known.named, *person.named})
    people[person.token] = Erased(person.token, named, sorted({*known.seen, *person.seen} - {*named}))
    write_private(lake / PRIVACY / "people.json", json.dumps([asdict(erased) for erased in people.values()], indent=1))


def read_variants(lake: Location) -> Variants:
    """Return by bronze file and line the hash of the values that stood in each anonymized line.

    Sales that differed only in personal values stay different sales after these became the token: their lines have
    different hashes.
    """
    held = {} if isinstance(lake, S3Path) else anonymized_files(lake)
    return {arquivo: {int(linha): variant for linha, variant in lines.items()} for arquivo, lines in held.items()}


def remember_variants(lake: Path, variants: Variants) -> None:
    """Add the hashes of anonymized lines; a line keeps the first, because it has only the token later."""
    held = {arquivo: dict(lines) for arquivo, lines in read_variants(lake).items()}
    for arquivo, lines in variants.items():
        held[arquivo] = {**lines, **held.get(arquivo, {})}
    write_private(lake / LINES, json.dumps(held, indent=1, sort_keys=True))


def note_export(lake: Location, folder: Path) -> None:
    """Remember a folder with exported rows: whoever erases a person must clean it, too. Only for lakes in folders."""
    if isinstance(lake, Path):
        folders = {*exported_folders(lake), folder.resolve()}
        write_private(lake / PRIVACY / "exports.json", json.dumps(sorted(map(str, folders)), indent=1))


def exported_folders(lake: Path) -> list[Path]:
    """Return the folders that rows were exported to."""
    return [Path(folder) for folder in _read(lake / PRIVACY / "exports.json", [])]


def read_receipts(lake: Path) -> list[Receipt]:
    """Return the receipts of all erasures, the first one first."""
    return [Receipt(**_read(path, {})) for path in sorted((lake / RECEIPTS).glob("*.json"))]


def write_receipt(lake: Path, receipt: Receipt) -> None:
    """Keep a receipt; one of the same name is replaced."""
    text = json.dumps(asdict(receipt), ensure_ascii=False, indent=1)
    write_private(lake / RECEIPTS / f"{receipt.recibo}.json", text, mode=0o644)


def plan_of(lake: Path) -> Path:
    """Return the path of the plan of an unfinished erasure."""
    return lake / PRIVACY / "erasure.json"


def write_private(path: Path, text: str, mode: int = 0o600) -> None:
    """Write a file whole or not at all, and flush it and its folder to disk; others may not read it."""
    if not path.parent.exists():
        path.parent.mkdir(parents=True)
        path.parent.chmod(0o700 if mode == 0o600 else 0o755)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except BaseException:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def _read(path: Path, otherwise):
    return json.loads(path.read_bytes()) if path.exists() else otherwise
