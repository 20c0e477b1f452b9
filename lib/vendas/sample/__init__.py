"""Realistic input files from a seed."""
