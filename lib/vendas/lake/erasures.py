"""What a lake keeps of erased people: their tokens, keyed hashes that recognize them, and receipts.

privacy/              in a folder: mode 0700, each file 0600
    key               of the hashes; without it they lead nowhere. Of a lake in S3 it is in Secrets Manager
    people.json       per person the token, and a keyed hash of each e-mail and telephone
    lines.json        per anonymized line a keyed hash of the values that stood there: see `read_variants`
    exports.json      the folders that `vendas quarantine export` wrote to; of a lake in S3 each with its machine
    requests/         in S3: whom the erasure's job shall erase, each gone once it is answered
    answers/          in S3: what the job answers, each gone once the command that asked has read it
    erasure.json      the plan of an unfinished erasure, with the values to erase; gone when it is finished
recibos/              a receipt for each erasure, without a personal value
"""

import hmac
import json
import platform
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from vendas import schema
from vendas.declaration_types import Column
from vendas.errors import PersonError
from vendas.lake.private_files import change_private, read_private, write_private
from vendas.landing.anonymized_files import LINES, PRIVACY
from vendas.landing.s3_objects import list_objects
from vendas.settings import Settings
from vendas.storage import Location, S3Path, client

RECEIPTS = "recibos"
EMAIL_KIND, TELEPHONE_KIND, VALUES_KIND, KEY_KIND = "email", "telefone", "valores", "chave"
_KEY_BYTES, _HASH_DIGITS, _VARIANT_DIGITS = 32, 32, 12

Variants = Mapping[str, Mapping[int, str]]  # by bronze file and line


@dataclass(frozen=True)
class Erased:
    """An erased person: the token, and the hashes of e-mails and telephones.

    `named` are those that the request named, `seen` those that stood beside them (`rules.people.Keys`).
    `key_mark` tells whether a key is the one of these hashes.
    """

    token: str
    named: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    key_mark: str | None = None


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
    return read_private(lake / PRIVACY / "people.json") is not None


def read_key(settings: Settings) -> bytes:
    """Return the key of a lake's hashes; in a folder, the first call makes it.

    Raises: PersonError if the key of a lake in S3 cannot be read.
    """
    if isinstance(settings.lake, S3Path):
        return _key_in_secret(settings)
    path = settings.lake / PRIVACY / "key"
    if not path.exists():
        write_private(path, secrets.token_hex(_KEY_BYTES))
    return path.read_bytes()


def _key_in_secret(settings: Settings) -> bytes:
    if not settings.privacy_secret:
        raise PersonError(
            f"The key by which erased people of {settings.lake} are recognized is in Secrets Manager. Set "
            "VENDAS_PRIVACY_SECRET to the secret's name or ARN, which the stack's output PrivacySecret tells."
        )
    try:
        held = client("secretsmanager").get_secret_value(SecretId=settings.privacy_secret)["SecretString"]
    except (BotoCoreError, ClientError, KeyError) as error:
        raise PersonError(
            f"The secret {settings.privacy_secret} of VENDAS_PRIVACY_SECRET cannot be read: {error}\n"
            "Without this key no erased person can be recognized. Let the role read it, or bring it back."
        ) from error
    if len(held) < _KEY_BYTES:
        raise PersonError(
            f"The secret {settings.privacy_secret} of VENDAS_PRIVACY_SECRET has {len(held)} characters; expected a "
            f"random text of {_KEY_BYTES} or more. Nothing was changed."
        )
    return held.encode()


def read_key_and_people(settings: Settings) -> tuple[bytes, list[Erased]]:
    """Return the key of a lake's hashes, and the people who were erased.

    Raises: PersonError if the key cannot be read, or is another one: nobody would be recognized by it.
    """
    key, people = read_key(settings), read_people(settings.lake)
    if any(person.key_mark not in (None, mark_of(key)) for person in people):
        raise PersonError(
            f"The key of erased people of {settings.lake} is not the one by which they were erased, so nobody would be "
            "recognized. Bring the old one back: privacy/key in the lake's folder, of a lake in S3 the secret's value."
        )
    return key, people


def mark_of(key: bytes) -> str:
    """Return a mark by which a key is told from another one."""
    return keyed_hash(key, KEY_KIND, "")


def keyed_hash(key: bytes, kind: str, value: str) -> str:
    """Return the hash by which an erased e-mail or telephone is recognized; only with the key can it be guessed."""
    return hmac.digest(key, f"{kind}:{value}".encode(), "sha256").hex()[:_HASH_DIGITS]


def variant_of(key: bytes, values: Mapping[Column, str]) -> str:
    """Return the hash of the personal values that a line had, which tells apart lines that differed in these alone.

    Further personal columns count only where they have a value, so a hash stays the same when one is declared.
    """
    held = [values[column] for column in schema.NAME_AND_CONTACT]
    further = values.keys() - {*schema.NAME_AND_CONTACT}
    held += sorted(f"{one.name}:{values[one]}" for one in further if values[one] != one.default)
    return keyed_hash(key, VALUES_KIND, "\n".join(held))[:_VARIANT_DIGITS]


def read_people(lake: Location) -> list[Erased]:
    """Return the people who were erased."""
    return _people(read_private(lake / PRIVACY / "people.json"))


def _people(text: str | None) -> list[Erased]:
    return [Erased(**person) for person in json.loads(text or "[]")]


def remember_person(lake: Location, person: Erased) -> None:
    """Add a person's hashes, or further ones of a person already erased."""

    def add(text: str | None) -> str:
        people = {known.token: known for known in _people(text)}
        known = people.get(person.token, Erased(person.token))
        named = sorted({*known.named, *person.named})
        seen = sorted({*known.seen, *person.seen} - {*named})
        people[person.token] = Erased(person.token, named, seen, person.key_mark or known.key_mark)
        return json.dumps([asdict(erased) for erased in people.values()], indent=1)

    change_private(lake / PRIVACY / "people.json", add)


def read_variants(lake: Location) -> Variants:
    """Return by bronze file and line the hash of the values that stood in each anonymized line.

    Sales that differed only in personal values stay different sales after these became the token: their lines have
    different hashes.
    """
    return _variants(read_private(lake / LINES))


def _variants(text: str | None) -> dict[str, dict[int, str]]:
    held = json.loads(text or "{}")
    return {arquivo: {int(linha): variant for linha, variant in lines.items()} for arquivo, lines in held.items()}


def remember_variants(lake: Location, variants: Variants) -> None:
    """Add the hashes of anonymized lines; a line keeps the first, because it has only the token later."""

    def add(text: str | None) -> str:
        held = _variants(text)
        for arquivo, lines in variants.items():
            held[arquivo] = {**lines, **held.get(arquivo, {})}
        return json.dumps(held, indent=1, sort_keys=True)

    change_private(lake / LINES, add)


def note_export(lake: Location, folder: Path) -> None:
    """Remember a folder that rows are about to be exported to: whoever erases a person must clean it, too.

    Raises: PersonError if S3 refuses to keep the note.
    """
    noted = _prefix_here(lake) + str(folder.resolve())
    place = lake / PRIVACY / "exports.json"

    def add(text: str | None) -> str:
        return json.dumps(sorted({*json.loads(text or "[]"), noted}), indent=1)

    try:
        change_private(place, add)
    except (BotoCoreError, ClientError) as error:
        raise PersonError(
            f"Nothing was exported, because it cannot be noted in {place} where the rows are, and whoever erases a "
            f"person from this lake would not know of them: {error}\nReading and writing that object must be allowed."
        ) from error


def exported_folders(lake: Location) -> tuple[list[Path], list[str]]:
    """Return the folders of this machine that rows were exported to, and those of others as `machine:folder`."""
    here = _prefix_here(lake)
    noted = json.loads(read_private(lake / PRIVACY / "exports.json") or "[]")
    elsewhere = [folder for folder in noted if not folder.startswith(here)]
    return [Path(folder.removeprefix(here)) for folder in noted if folder.startswith(here)], elsewhere


def _prefix_here(lake: Location) -> str:
    """Return by which exports to this machine are told from others; a lake in a folder is used on one machine."""
    return f"{platform.node()}:" if isinstance(lake, S3Path) else ""


def read_receipts(lake: Location) -> list[Receipt]:
    """Return the receipts of all erasures, the first one first."""
    return [Receipt(**json.loads(text)) for path in _receipts(lake) if (text := read_private(path))]


def _receipts(lake: Location) -> list[Path] | list[S3Path]:
    if not isinstance(lake, S3Path):
        return sorted((lake / RECEIPTS).glob("*.json"))
    return sorted(path for path in list_objects(client("s3"), lake / RECEIPTS) if path.name.endswith(".json"))


def write_receipt(lake: Location, receipt: Receipt) -> None:
    """Keep a receipt; one of the same name is replaced."""
    text = json.dumps(asdict(receipt), ensure_ascii=False, indent=1)
    write_private(lake / RECEIPTS / f"{receipt.recibo}.json", text, mode=0o644)


def plan_of(lake: Location) -> Location:
    """Return the path of the plan of an unfinished erasure."""
    return lake / PRIVACY / "erasure.json"


def is_unfinished(lake: Location) -> bool:
    """Return whether an erasure has begun that is not finished; on S3 by a list, which needs no right to read it."""
    plan = plan_of(lake)
    if not isinstance(plan, S3Path):
        return plan.exists()
    found = client("s3").list_objects_v2(Bucket=plan.bucket, Prefix=plan.key, MaxKeys=1).get("Contents", [])
    return any(one["Key"] == plan.key for one in found)
