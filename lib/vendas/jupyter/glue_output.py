"""The value that a cell shows, transferred as text, because the API of Glue's sessions returns nothing else.

The kernel on this machine sends `wrap_last_value(cell)`; in the session `show` prints the value in all MIME types; the
kernel extracts it with `split_output`.
"""

import ast
import json
from base64 import b64encode

SHOWN = "vendas-shown:"  # what follows it, to the end of the output, is a MIME bundle and its metadata as JSON


def wrap_last_value(code: str) -> str:
    """Return the cell with its last expression, if it ends with one, passed to `show`; line numbers stay the same."""
    try:
        body = ast.parse(code).body
    except SyntaxError:
        return code  # Python in the session reports it better
    if not body or not isinstance(body[-1], ast.Expr) or code.rstrip().endswith(";"):
        return code
    value, encoded = body[-1], code.encode()  # because ast counts columns in bytes
    assert value.end_lineno is not None and value.end_col_offset is not None  # parsed nodes always have an end
    lines = encoded.splitlines(keepends=True)
    begin = sum(map(len, lines[: value.lineno - 1])) + value.col_offset
    end = sum(map(len, lines[: value.end_lineno - 1])) + value.end_col_offset
    show = f"__import__('{__name__}').jupyter.glue_output.show".encode()
    return b"".join([encoded[:begin], show, b"((", encoded[begin:end], b"))", encoded[end:]]).decode()


def show(value: object) -> None:
    """Print a value in all MIME types that Jupyter has for it; nothing for None."""
    if value is None:
        return
    from IPython.core.formatters import DisplayFormatter  # here, because only the session needs it

    forms = DisplayFormatter().format(value)
    print(f"{SHOWN}{json.dumps(forms, default=lambda image: b64encode(image).decode())}")


def split_output(text: str) -> tuple[str, dict | None, dict]:
    """Return what a cell printed, the MIME bundle of its value (None if it showed none), and the bundle's metadata."""
    printed, mark, told = text.rpartition(SHOWN)
    try:
        data, metadata = json.loads(told) if mark else (None, {})
    except (ValueError, TypeError):  # the output was truncated, or the cell itself printed the mark
        data, metadata = None, {}
    return text if data is None else printed, data, metadata
