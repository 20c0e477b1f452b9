"""The machine that a process runs on: its environment and its disk."""
