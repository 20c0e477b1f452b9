"""Notebooks opened by hand: JupyterLab on a lake, and interactive sessions of AWS Glue."""
