"""The Python process of a stub's session: it reads one statement per line and prints its output as in the API."""

import ast
import json
import sys
import traceback
from contextlib import redirect_stdout
from io import StringIO


def execute(code, names):
    """Execute a statement and return its output as in the API, or None if it was cancelled."""
    printed, output = StringIO(), {"Status": "ok"}
    try:
        with redirect_stdout(printed):
            *before, last = ast.parse(code, "<stdin>").body
            exec(compile(ast.Module(before, []), "<stdin>", "exec"), names)
            exec(compile(ast.Interactive([last]), "<stdin>", "single"), names)
    except KeyboardInterrupt:
        return None
    except BaseException as error:
        lines = traceback.format_exception(error)
        output = {"Status": "error", "ErrorName": type(error).__name__, "ErrorValue": str(error), "Traceback": lines}
    return output | {"Data": {"TextPlain": printed.getvalue()}}


if __name__ == "__main__":
    names: dict = {"__name__": "__main__"}
    for line in sys.stdin:
        print(json.dumps(execute(json.loads(line), names)), flush=True)
