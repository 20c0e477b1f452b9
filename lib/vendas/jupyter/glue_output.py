"""What a cell shows, carried as text: the API of Glue's sessions has no other way back.

The kernel here sends `wrap_last_value(cell)`; there `show` prints all forms of its value; `split_output` finds them.
"""

import ast
import json
from base64 import b64encode

SHOWN = "vendas-shown:"  # behind it, to the end: a MIME bundle and its metadata as JSON


def wrap_last_value(code: str) -> str:
    """The same cell with its value, where it ends with one, handed to `show`; its lines keep their numbers."""
    try:
        body = ast.parse(code).body
    except SyntaxError:
        return code  # Python there says it better
    if not body or not isinstance(body[-1], ast.Expr) or code.rstrip().endswith(";"):
        return code
    value, encoded = body[-1], code.encode()  # ast counts columns in bytes
    assert value.end_lineno is not None and value.end_col_offset is not None  # what was parsed has an end
    lines = encoded.splitlines(keepends=True)
    begin = sum(map(len, lines[: value.lineno - 1])) + value.col_offset
    end = sum(map(len, lines[: value.end_lineno - 1])) + value.end_col_offset
    show = f"__import__('{__name__}').jupyter.glue_output.show".encode()
    return b"".join([encoded[:begin], show, b"((", encoded[begin:end], b"))", encoded[end:]]).decode()


def show(value: object) -> None:
    """Prints a value in all forms that Jupyter knows of it; nothing for None."""
    if value is None:
        return
    from IPython.core.formatters import DisplayFormatter  # here, because the session alone needs it

    forms = DisplayFormatter().format(value)
    print(f"{SHOWN}{json.dumps(forms, default=lambda image: b64encode(image).decode())}")


def split_output(text: str) -> tuple[str, dict | None, dict]:
    """What a cell printed; the MIME bundle of its value, None where it showed none; that bundle's metadata."""
    printed, mark, told = text.rpartition(SHOWN)
    try:
        data, metadata = json.loads(told) if mark else (None, {})
    except (ValueError, TypeError):  # it was cut short on its way, or the cell itself printed the mark
        data, metadata = None, {}
    return text if data is None else printed, data, metadata
