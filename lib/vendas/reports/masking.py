"""Mask personal values in rows that are shown, because executed notebooks and pages are stored.

Notebooks show names, by which people find the rows they work on; pages, which are passed on, show none.
"""

import re
from collections.abc import Callable, Iterable, Mapping

from vendas import schema
from vendas.declaration_types import Column

_PLACEHOLDERS = {"", schema.MISSING}
_ENDS_ADDRESS = r"\s@,;|/<>\"'"
# The lookbehind starts a match only where a word starts: otherwise a long text without '@' takes quadratic time.
_ADDRESS = re.compile(rf"(?<![^{_ENDS_ADDRESS}])[^{_ENDS_ADDRESS}]++@[^{_ENDS_ADDRESS}]*+")
# Must not match dates, times or amounts: `2024-03-31 14:05`, `31-12-2023 10:00`, `1.234.567,89`.
_TELEPHONE = re.compile(r"(?<!\d)(?:\+?\d{2}[ -]?)?(?:\(\d{2}\)|\d{2})?[ -]?\d{4,5}[ -]?\d{4}(?!\d)|\d{8,}")
_DIGITS_SHOWN, _TELEPHONE_DIGITS = 4, 8


def mask_email(text: str | None) -> str | None:
    """Return `a***@exemplo.com.br` for `ana@exemplo.com.br`: first character and domain; without '@', `a***`."""
    if text is None or text in _PLACEHOLDERS:
        return text
    name, at, domain = text.rpartition("@")
    return f"{(name or domain)[:1]}***{at}{re.split(f'[{_ENDS_ADDRESS}]', domain)[0] if at else ''}"


def mask_telephone(text: str | None) -> str | None:
    """Return `*** 4321` for `11 98765-4321`: the last four digits; of a number of fewer than 8 digits, none."""
    if text is None or text in _PLACEHOLDERS:
        return text
    digits = re.sub(r"\D", "", text)
    return f"*** {digits[-_DIGITS_SHOWN:]}" if len(digits) >= _TELEPHONE_DIGITS else "***"


def mask_name(text: str | None) -> str | None:
    """Return `A***` for `Ana Souza`: the first character."""
    return text if text is None or text in _PLACEHOLDERS else f"{text[:1]}***"


def mask_text(text: str) -> str:
    """Return a text with all that looks like an e-mail or a telephone masked."""
    masked = _ADDRESS.sub(lambda found: mask_email(found[0]) or "", text)
    return _TELEPHONE.sub(lambda found: mask_telephone(found[0]) or "", masked)


Masks = Mapping[str, Callable[[str | None], str | None]]  # by column

_CONTACT_MASKS: Masks = {
    schema.EMAIL.name: mask_email,
    schema.TELEFONE.name: mask_telephone,
    "email": mask_email,
    "telefone": mask_telephone,
}
_NAMES = {schema.NOME.name, schema.SOBRENOME.name, "nome_completo"}


def masks_of(columns: Iterable[Column]) -> Masks:
    """Return the mask of each personal column among these."""
    return {column.name: _CONTACT_MASKS.get(column.name, mask_name) for column in columns if column.personal}


PAGE_MASKS = masks_of(column for columns in schema.TABLES.values() for column in columns)
"""The mask of each personal column, names included, for pages."""

MASKED_COLUMNS = {name: mask for name, mask in PAGE_MASKS.items() if name not in _NAMES}
"""The mask of each personal column of input, silver, gold and warehouse that holds no name, for notebooks."""


def mask_row(row: dict) -> dict:
    """Return a row, given by column, with all personal values masked but names."""
    return {name: MASKED_COLUMNS[name](value) if name in MASKED_COLUMNS else value for name, value in row.items()}
