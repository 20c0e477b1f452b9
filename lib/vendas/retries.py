"""Work that is done again after a conflict with others; how long to wait before is in `tuning`."""

import time
from collections.abc import Callable, Sequence
from random import uniform
from typing import TypeVar

Result = TypeVar("Result")


def retry_on(conflict: type[Exception], pauses: Sequence[float], work: Callable[[], Result]) -> Result:
    """Return what `work` returns; after a conflict, do it again, once for each pause (about so many seconds).

    Raises: the conflict of the last time.
    """
    for pause in pauses:
        try:
            return work()
        except conflict:
            time.sleep(pause * uniform(0.5, 1.5))  # random, else both would begin again at the same time
    return work()
