"""The lake's tables: Spark, Iceberg, data files, and the ledger of what happened to each file."""
