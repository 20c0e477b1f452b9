"""The contract's rules, pure: from one Arrow array or table to another, without I/O and without Spark."""
