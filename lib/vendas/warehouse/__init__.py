"""The star schema in PostgreSQL or Redshift: the server, the load, its transaction."""
