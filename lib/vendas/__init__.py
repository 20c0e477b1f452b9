"""Retail sales lake: CSV exports in, a trustworthy star schema out."""

import sys

__version__ = "0.1.0"

# jsonschema, and so nbformat, spends a second of its import on a grammar of IRIs, a format that no schema here has.
sys.modules["rfc3987_syntax"] = None  # pyrefly: ignore[unsupported-operation]  # Python's own way to make an import fail
