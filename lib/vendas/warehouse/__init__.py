"""The star schema in PostgreSQL or Redshift: the server, and loads, each in one transaction."""
