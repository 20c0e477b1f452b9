"""What the notebooks of a run call: files surveyed, validated, made silver and gold, reconciled, undone."""
