"""Generator of realistic input files from a seed."""
