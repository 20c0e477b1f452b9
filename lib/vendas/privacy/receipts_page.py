"""The page of all receipts of a lake's erasures; it has no personal value."""

from datetime import datetime
from pathlib import Path

from vendas.lake.erasures import RECEIPTS, read_receipts
from vendas.reports.pages import render, write


def write_receipts_page(lake: Path) -> None:
    """Write `recibos/index.html` anew."""
    receipts = [vars(receipt) | {"quando": datetime.fromisoformat(receipt.quando)} for receipt in read_receipts(lake)]
    write(lake / RECEIPTS / "index.html", render("receipts", lake=lake, receipts=list(reversed(receipts))))
