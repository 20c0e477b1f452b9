"""The contract's rules once more, in plain Python, to hold the Arrow rules against.

Written for being obviously right, a value at a time, with the means that Arrow does not have: datetime, Decimal, str.
"""

import re
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

MISSING = "NÃO INFORMADO"
BLANKS = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"


def clean_text(text: str | None, default: str) -> str:
    return (text or "").strip(BLANKS) or default


def parse_timestamp(text: str | None) -> datetime | None:
    return _judge_timestamp(text)[0]


def timestamp_reason(text: str | None) -> str | None:
    return _judge_timestamp(text)[1]


def _judge_timestamp(text: str | None) -> tuple[datetime | None, str | None]:
    text = (text or "").strip(BLANKS)
    if not text:
        return None, "timestamp_ausente"
    if re.fullmatch(r"\d\d\d\d-\d\d-\d\d|\d\d/\d\d/\d\d\d\d", text, re.ASCII):
        return None, "timestamp_sem_hora"
    iso = re.fullmatch(r"(?P<y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)[ T](?P<clock>[0-9:.]+)(?P<zone>.*)", text, re.ASCII)
    br = re.fullmatch(r"(?P<d>\d\d)/(?P<m>\d\d)/(?P<y>\d{4}) (?P<clock>[0-9:]+)(?P<zone>.*)", text, re.ASCII)
    match = iso or br
    clock = match and re.fullmatch(r"(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?", match["clock"], re.ASCII)
    if not clock:
        return None, "timestamp_invalido"
    if match["zone"]:
        known = re.fullmatch(r" ?(Z|z|UTC|GMT|((UTC|GMT)?[+-]\d\d(:?\d\d)?))", match["zone"], re.ASCII)
        return None, "timestamp_com_fuso" if known else "timestamp_invalido"
    if not 1990 <= int(match["y"]) <= 2100:
        return None, "timestamp_fora_do_intervalo"
    hour, minute, second, fraction = clock.groups(default="0")
    try:
        day = [int(match[part]) for part in "ymd"]
        return datetime(*day, int(hour), int(minute), int(second), int(fraction[:6].ljust(6, "0"))), None
    except ValueError:
        return None, "timestamp_impossivel"


def parse_valor(text: str | None) -> Decimal | None:
    return _judge_valor(text)[0]


def valor_reason(text: str | None) -> str | None:
    return _judge_valor(text)[1]


def _judge_valor(text: str | None) -> tuple[Decimal | None, str | None]:
    text = (text or "").strip(BLANKS)
    if not text:
        return None, "valor_ausente"
    amount = text.removeprefix("R$").lstrip(BLANKS) if text.startswith("R$") else text
    if amount.startswith("-"):
        rest = amount[1:].lstrip(BLANKS).removeprefix("R$").lstrip(BLANKS)
        return None, "valor_negativo" if re.fullmatch(r"[0-9][0-9.,]*", rest) else "valor_invalido"
    number = _read_number(amount)
    if number is None:
        return None, "valor_invalido"
    whole, decimals, separators = number
    if separators == 1 and len(decimals) == 3:
        return None, "valor_ambiguo"
    if len(decimals) > 2:
        return None, "valor_casas_decimais"
    if len(whole.lstrip("0")) > 10:
        return None, "valor_fora_do_limite"
    return Decimal(f"{whole.lstrip('0') or '0'}.{decimals.ljust(2, '0')}"), None


def _read_number(amount: str) -> tuple[str, str, int] | None:
    """Whole digits, decimals and how many separators there were; None where it is no number at all."""
    pieces = re.split("[.,]", amount)
    separators = [character for character in amount if character in ".,"]
    if not all(re.fullmatch("[0-9]+", piece) for piece in pieces):
        return None
    if len(separators) < 2:
        return pieces[0], pieces[1] if separators else "", len(separators)
    same = len(set(separators)) == 1
    groups, decimals = (pieces, "") if same else (pieces[:-1], pieces[-1])
    grouped = len(set(separators[: len(groups) - 1])) == 1 and all(len(group) == 3 for group in groups[1:])
    if not grouped or len(groups[0]) > 3 or groups[0].startswith("0"):
        return None
    return "".join(groups), decimals, len(separators)


def parse_desconto(text: str | None) -> Decimal | None:
    return _judge_desconto(text)[0]


def desconto_reason(text: str | None) -> str | None:
    return _judge_desconto(text)[1]


def _judge_desconto(text: str | None) -> tuple[Decimal | None, str | None]:
    text = (text or "").strip(BLANKS)
    if not text:
        return Decimal(0), None
    percent = text.endswith("%")
    number = text[:-1].rstrip(BLANKS) if percent else text
    if number.startswith("-"):
        readable = re.fullmatch(r"[0-9][0-9.,]*", number[1:].lstrip(BLANKS))
        return None, "desconto_negativo" if readable else "desconto_invalido"
    if not re.fullmatch("[0-9]+([.,][0-9]+)?", number):
        return None, "desconto_invalido"
    whole, _, decimals = number.replace(",", ".").partition(".")
    whole = whole.lstrip("0")
    if not percent and not whole and decimals.strip("0"):
        return None, "desconto_ambiguo"
    if len(decimals) > 2:
        return None, "desconto_casas_decimais"
    if len(whole) > 3 or Decimal(f"{whole or 0}.{decimals or 0}") > 100:
        return None, "desconto_acima_de_100"
    return Decimal(f"{whole or 0}.{decimals or 0}") / 100, None


def texto_reason(cleaned: str) -> str | None:
    return "texto_longo" if len(cleaned.encode()) > 1000 else None


TURNO_BY_HOUR = ["Madrugada"] * 6 + ["Manhã"] * 6 + ["Tarde"] * 6 + ["Noite"] * 6


def turno(timestamp: datetime) -> str:
    return TURNO_BY_HOUR[timestamp.hour]


def nome_completo(nome: str, sobrenome: str) -> str:
    return " ".join(name for name in (nome, sobrenome) if name != MISSING) or MISSING


def email(cleaned: str) -> str:
    return cleaned if cleaned == MISSING else cleaned.lower()


def dominio_email(cleaned: str) -> str:
    _, at, domain = email(cleaned).rpartition("@")
    return domain if at and domain else MISSING


def valor_com_desconto(valor: Decimal, desconto: Decimal) -> Decimal:
    return (valor * (1 - desconto)).quantize(Decimal("0.01"), ROUND_HALF_UP)
