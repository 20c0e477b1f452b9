"""The page of all receipts of a lake's erasures; it has no personal value."""

from datetime import datetime

from vendas.lake.erasures import RECEIPTS, read_receipts
from vendas.reports.pages import render, write
from vendas.storage import Location, S3Path, client


def write_receipts_page(lake: Location) -> None:
    """Write `recibos/index.html` anew."""
    receipts = [vars(receipt) | {"quando": datetime.fromisoformat(receipt.quando)} for receipt in read_receipts(lake)]
    page = lake / RECEIPTS / "index.html"
    text = render("receipts", lake=lake, receipts=list(reversed(receipts)))
    if isinstance(page, S3Path):
        client("s3").put_object(Bucket=page.bucket, Key=page.key, Body=text.encode(), ContentType="text/html")
    else:
        write(page, text)
