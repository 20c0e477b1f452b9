"""A second implementation of the contract's rules, in plain Python, to test the Arrow rules.

It is written to be obviously correct: one value at a time, with datetime, Decimal and str, which Arrow lacks.
"""

import re
import unicodedata
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

MISSING = "NÃO INFORMADO"
MINUS = "-−–—"
BLANKS = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
UNSEEN = {
    0xAD, 0x61C, 0x180E, 0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2060, 0x2065), *range(0x2066, 0x206A),
    0xFEFF,
}  # fmt: skip


def clean(text: str | None) -> str:
    words, word = [], ""
    for letter in (text or "") + " ":
        if letter in BLANKS:
            words, word = words + [word] * bool(word), ""
        elif ord(letter) not in UNSEEN:
            word += letter
    text = unicodedata.normalize("NFC", " ".join(words))
    if len(text) > 2 and text.startswith('="') and text.endswith('"'):
        text = text[2:-1].strip(" ")
    if text[:1] == "'" and text[1:2] and text[1] in "0123456789+-=@":
        text = text[1:]
    return text


def clean_text(text: str | None, default: str) -> str:
    return clean(text) or default


def clean_email(text: str | None, default: str) -> str:
    cleaned = clean(text)
    if cleaned.endswith(">") and cleaned.count("<") == cleaned.count(">") == 1:
        address = cleaned[cleaned.index("<") + 1 : -1].strip(" ")
        cleaned = address if address and " " not in address else cleaned
    return cleaned or default


def parse_timestamp(text: str) -> datetime | None:
    return _judge_timestamp(text)[0]


def timestamp_reason(text: str) -> str | None:
    return _judge_timestamp(text)[1]


def _day(text: str) -> tuple[str, str, str, str, bool] | None:
    """Return year, first and second other number, the text after the date, and whether the year comes first."""
    iso = re.match(r"(\d\d\d\d)([-/])(\d\d)\2(\d\d)", text, re.ASCII)
    br = re.match(r"(\d\d)([-/.])(\d\d)\2(\d\d\d\d)", text, re.ASCII)
    if iso:
        return iso[1], iso[3], iso[4], text[iso.end() :], True
    return (br[4], br[1], br[3], text[br.end() :], False) if br else None


def _clock(rest: str, year_first: bool) -> re.Match | None:
    behind = "T| |, |," if year_first else " |, |,"
    time = r"(?P<hour>\d\d?):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?(?P<zone>.*)"
    return re.fullmatch(rf"(?:{behind}){time}", rest, re.ASCII)


def _judge_timestamp(text: str) -> tuple[datetime | None, str | None]:
    if not text:
        return None, "timestamp_ausente"
    day = _day(text)
    if not day:
        return None, "timestamp_invalido"
    year, first, second, rest, year_first = day
    if not rest:
        return None, "timestamp_sem_hora"
    clock = _clock(rest, year_first)
    if not clock:
        return None, "timestamp_invalido"
    if clock["zone"]:
        known = re.fullmatch(r" ?(Z|z|UTC|GMT|((UTC|GMT)?[+-]\d\d(:?\d\d)?))", clock["zone"], re.ASCII)
        return None, "timestamp_com_fuso" if known else "timestamp_invalido"
    if not 1990 <= int(year) <= 2100:
        return None, "timestamp_fora_do_intervalo"
    month, number = (first, second) if year_first else (second, first)
    fraction = (clock["fraction"] or "")[:6].ljust(6, "0")
    time = [int(clock["hour"]), int(clock["minute"]), int(clock["second"] or 0), int(fraction)]
    try:
        return datetime(int(year), int(month), int(number), *time), None
    except ValueError:
        return None, "timestamp_impossivel"


def _both_ways(text: str) -> tuple[datetime | None, datetime | None]:
    """Return the day of a timestamp with the year last, read day-first and month-first (None if there is none)."""
    day = _day(text)
    clock = day and not day[4] and _clock(day[3], False)
    if not clock or clock["zone"]:
        return None, None
    year, first, second = map(int, day[:3])
    return _existing(year, second, first), _existing(year, first, second)


def _existing(year: int, month: int, day: int) -> datetime | None:
    try:
        return datetime(year, month, day) if 1990 <= year <= 2100 else None
    except ValueError:
        return None


def shows_month_first(text: str) -> bool:
    day_first, month_first = _both_ways(text)
    return day_first is None and month_first is not None


def is_another_day_month_first(text: str) -> bool:
    day_first, month_first = _both_ways(text)
    return None not in (day_first, month_first) and day_first != month_first


def parse_valor(text: str) -> Decimal | None:
    return _judge_valor(text)[0]


def valor_reason(text: str) -> str | None:
    return _judge_valor(text)[1]


def _judge_valor(text: str) -> tuple[Decimal | None, str | None]:
    amount = _without_currency(text)
    if amount in ("", *MINUS):
        return None, "valor_ausente"
    if amount[0] in MINUS and _is_digits(_without_currency(amount[1:].removeprefix(" "))):
        return None, "valor_negativo"
    if amount[-1] in MINUS and _is_digits(amount[:-1]):
        return None, "valor_negativo"
    if amount[0] == "(" and amount[-1] == ")" and _is_digits(_without_currency(amount[1:-1].removeprefix(" "))):
        return None, "valor_negativo"
    whole, decimals, reason = _read_number(amount)
    if reason == "valor_invalido" and _has_other_currency(text):
        reason = "valor_moeda"
    if reason:
        return None, reason
    if len(whole.lstrip("0")) > 10:
        return None, "valor_fora_do_limite"
    return Decimal(f"{whole.lstrip('0') or '0'}.{decimals.ljust(2, '0')}"), None


def _without_currency(text: str) -> str:
    return text[2:].removeprefix(" ") if text.startswith("R$") else text


def _is_digits(text: str) -> bool:
    return text[:1] in set("0123456789") and not set(text) - set("0123456789., '’")


def _has_other_currency(text: str) -> bool:
    if text.startswith("R$"):
        return False
    before = re.fullmatch(r"([^0-9., '’]+) ?([0-9][0-9., '’]*)", text)
    behind = re.fullmatch(r"([0-9][0-9., '’]*?) *([^0-9., '’]+)", text)
    sign = before[1] if before else behind[2] if behind else ""
    letters = sign.rstrip("$€£¥")
    if letters and not (letters.isascii() and letters.isalpha()):
        return False
    return len(letters) in (1, 2, 3) if letters == sign else len(letters) <= 2 and len(sign) == len(letters) + 1


def _read_number(amount: str) -> tuple[str, str, str | None]:
    """Return the integer digits and the decimals, or the reason why the amount is not a number."""
    pieces = re.split("[., '’]", amount)
    signs = [character for character in amount if character in "., '’"]
    if not all(re.fullmatch("[0-9]+", piece) for piece in pieces):
        return "", "", "valor_invalido"
    if not signs:
        return pieces[0], "", None
    if len(signs) == 1 and signs[0] in ".,":
        decimals = pieces[1]
        if len(decimals) == 3:
            return "", "", "valor_ambiguo"
        if len(decimals) > 3 and decimals[2:].strip("0"):
            return "", "", "valor_casas_decimais"
        return pieces[0], decimals[:2], None
    if len(set(signs)) == 1 and signs[0] in " '’":
        in_groups = all(len(piece) == 3 for piece in pieces[1:])
        return "", "", "valor_sem_centavos" if in_groups else "valor_invalido"
    same = len(set(signs)) == 1
    groups, decimals = (pieces, "") if same else (pieces[:-1], pieces[-1])
    grouped = len(set(signs[: len(groups) - 1])) == 1 and all(len(group) == 3 for group in groups[1:])
    if not grouped or len(groups[0]) > 3 or groups[0].startswith("0") or signs[-1] not in ".,":
        return "", "", "valor_invalido"
    return ("".join(groups), decimals, None) if len(decimals) <= 2 else ("", "", "valor_casas_decimais")


def parse_desconto(text: str) -> Decimal | None:
    return _judge_desconto(text)[0]


def desconto_reason(text: str) -> str | None:
    return _judge_desconto(text)[1]


def _judge_desconto(text: str) -> tuple[Decimal | None, str | None]:
    if not text:
        return Decimal(0), None
    for opening, closing in (*((sign, "") for sign in MINUS), *(("", sign) for sign in MINUS), ("(", ")")):
        inner = text.removesuffix("%").removesuffix(" ") if closing == ")" else text
        if inner.startswith(opening) and inner.endswith(closing):
            inner = inner[len(opening) : len(inner) - len(closing)]
            inner = inner.removeprefix(" ") if not closing else inner.removesuffix(" ") if closing in MINUS else inner
            if re.fullmatch("[0-9][0-9.,]*( ?%)?", inner):
                return None, "desconto_negativo"
    if _is_fraction(text):
        return None, "desconto_ambiguo"
    percent = text.endswith("%")
    number = text[:-1].removesuffix(" ") if percent else text
    if not re.fullmatch("[0-9]+([.,][0-9]+)?", number):
        return None, "desconto_invalido"
    whole, _, decimals = number.replace(",", ".").partition(".")
    whole, decimals = whole.lstrip("0"), decimals.rstrip("0")
    if len(decimals) > 2:
        return None, "desconto_casas_decimais"
    if len(whole) > 3 or Decimal(f"{whole or 0}.{decimals or 0}") > 100:
        return None, "desconto_acima_de_100"
    return Decimal(f"{whole or 0}.{decimals or 0}") / 100, None


def _is_fraction(text: str) -> bool:
    """Return whether the text is a number above 0 and below 1, without exponent or with a first digit that counts."""
    written = re.fullmatch(r"\+?(?:\d*[.,]\d+|[1-9](?:[.,]\d+)?[Ee]-\d+)", text, re.ASCII)
    return bool(written) and 0 < Decimal(text.replace(",", ".")) < 1


def shows_fraction(text: str) -> bool:
    return _judge_desconto(text)[1] == "desconto_ambiguo"


def is_one_without_sign(text: str) -> bool:
    return "%" not in text and _judge_desconto(text)[0] == Decimal("0.01")


def texto_reason(cleaned: str, max_bytes: int) -> str | None:
    return "texto_longo" if len(cleaned.encode()) > max_bytes else None


TURNO_BY_HOUR = ["Madrugada"] * 6 + ["Manhã"] * 6 + ["Tarde"] * 6 + ["Noite"] * 6


def turno(timestamp: datetime) -> str:
    return TURNO_BY_HOUR[timestamp.hour]


def is_token(text: str) -> bool:
    return bool(re.fullmatch("ANONIMIZADO-[0-9a-f]{12}", text))


def nome_completo(nome: str, sobrenome: str) -> str:
    if nome == sobrenome and is_token(nome):
        return nome
    return " ".join(name for name in (nome, sobrenome) if name != MISSING) or MISSING


def email(cleaned: str) -> str:
    return cleaned if cleaned == MISSING or is_token(cleaned) else cleaned.lower()


def dominio_email(cleaned: str) -> str:
    _, at, domain = email(cleaned).rpartition("@")
    return domain if at and domain else MISSING


def valor_com_desconto(valor: Decimal, desconto: Decimal) -> Decimal:
    return (valor * (1 - desconto)).quantize(Decimal("0.01"), ROUND_HALF_UP)
