"""Runs: the notebooks of all stages in order, on this machine or as jobs of AWS Glue."""
