"""The lake's Iceberg tables, their data files, who works on rows, and the ledger of each file's stages."""
