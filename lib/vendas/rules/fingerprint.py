"""A fingerprint of the rules: of all code and all declared values that decide what becomes of a file's rows.

The ledger keeps it with each event, which tells the files that older rules processed from the others.
"""

import ast
import hashlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from vendas import declaration

_LIBRARY = Path(__file__).parents[1]
_SOURCES = ("arrays.py", "reasons.py", "text.py", "csvfile/*.py", "rules/*.py")
# Nothing in a row of the lake depends on these.
_WITHOUT_EFFECT = {"keys.py", "fingerprint.py", "people.py", "trial.py"}
_DIGITS = 16
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef)


def rules_fingerprint() -> str:
    """Return the fingerprint of the rules in the library's files as they are now, and of the declaration.

    It stays the same if only comments, docstrings, layout, or the declaration's descriptions change.
    """
    files = [
        file for pattern in _SOURCES for file in sorted(_LIBRARY.glob(pattern)) if file.name not in _WITHOUT_EFFECT
    ]
    code = _of_files(tuple((file, file.stat().st_mtime_ns, file.stat().st_size) for file in files))
    return hashlib.sha256(f"{code} {_declared()}".encode()).hexdigest()[:_DIGITS]


@lru_cache(maxsize=1)
def _of_files(files: tuple[tuple[Path, int, int], ...]) -> str:
    """Return the fingerprint of these files; their times and sizes are arguments so that edited ones are read again."""
    digest = hashlib.sha256()
    for file, *_ in files:
        digest.update(f"{file.relative_to(_LIBRARY).as_posix()} {normalize(file.read_text('utf-8'))}\n".encode())
    return digest.hexdigest()


def normalize(source: str) -> str:
    """Return Python code without what does not change its meaning: comments, layout, docstrings."""
    return " ".join(_words(ast.parse(source)))


def _words(node: object) -> Iterator[str]:
    """Yield the syntax tree in order; unlike `ast.dump`, in the same words in all versions of Python."""
    if isinstance(node, list):
        yield from (word for inner in node for word in ("[", *_words(inner), "]"))
    elif isinstance(node, ast.AST):
        yield type(node).__name__
        for name, value in ast.iter_fields(node):
            if name == "body" and isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
                value = value[1:]
            if value is not None and value != []:
                yield from (name, *_words(value))
    else:
        yield repr(node)


def _declared() -> list[tuple]:
    sales = declaration.SALES
    read = [(c.name, c.type, c.default, c.optional, c.other_names, c.max_bytes) for c in sales.columns]
    return read + [(column.name, column.type, column.default, column.of) for column in sales.gold_columns]
