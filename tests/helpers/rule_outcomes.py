"""What rules make of texts, for the tests that compare them with tables and with their twins."""

import pyarrow as pa
from hypothesis import HealthCheck, settings

A_BATCH = settings(max_examples=50, suppress_health_check=list(HealthCheck))


def texts_array(texts):
    """Return the texts as Arrow may pass them: as a slice of a longer array."""
    return pa.array(["x", *texts, None], pa.string()).slice(1, len(texts))


def outcomes(texts, *given):
    """Return for each text the values of these rules."""
    return list(zip(*(rule(texts_array(texts)).to_pylist() for rule in given), strict=True))


def itself(text):
    """Return the texts as they are, so that an outcome shows them."""
    return text
