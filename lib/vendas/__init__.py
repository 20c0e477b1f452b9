"""Retail sales lake: CSV exports in, a trustworthy star schema out."""

__version__ = "0.1.0"
