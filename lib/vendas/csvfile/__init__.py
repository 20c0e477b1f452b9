"""CSV files: encoding, delimiter and header, and records with their lines and texts."""
