"""The contract's rules, without Spark: pure functions from Arrow to Arrow, a trial of others, and a fingerprint."""
