"""Runs: the workflow's notebooks in order, on this machine or as jobs of AWS Glue."""
