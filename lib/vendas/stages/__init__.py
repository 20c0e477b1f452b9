"""The functions that a run's notebooks call: survey, validate, transform to silver and gold, reconcile, undo."""
