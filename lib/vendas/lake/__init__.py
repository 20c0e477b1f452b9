"""The lake's tables: Spark, Iceberg, data files, and the ledger of each file's stages."""
