"""What a CSV file is: its encoding, delimiter and header, and its records with their lines and texts."""
