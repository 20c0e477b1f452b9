"""Named exceptions. A message says where, what was expected, what came, and what to do next.

VendasError
  · SettingsError
  · DeclarationError
  · DownloadError
  · SparkStartError
  · ArrivalError
  · FileRejected
  · ConservationError
  · ConcurrentChange
  · QuarantineError
  · WarehouseError
    · WarehouseConflict
    · CheckFailed
  · UpkeepError
  · ProbeFailed
  · NotebookError
"""

import os
import traceback

DEBUG = "VENDAS_DEBUG"


def is_debugging() -> bool:
    """Return whether VENDAS_DEBUG asks for tracebacks."""
    return os.environ.get(DEBUG, "").lower() in {"1", "true", "t", "yes", "y", "on"}  # what settings take for true


class VendasError(Exception):
    """Whatever this project refuses on purpose; shown as one message, and with VENDAS_DEBUG=1 its traceback."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows of it."""
        if is_debugging():
            return traceback.format_exception(self)
        return [f"{type(self).__name__}: {self}", *getattr(self, "__notes__", [])]


class SettingsError(VendasError):
    """A setting is missing, unknown or of the wrong type."""


class DeclarationError(VendasError):
    """The declaration of the shop's columns contradicts itself."""


class DownloadError(VendasError):
    """An artifact could not be fetched from Maven Central."""


class SparkStartError(VendasError):
    """The Java gateway of Spark did not start."""


class ArrivalError(VendasError):
    """A file could not be moved from landing to bronze."""


class FileRejected(VendasError):
    """A CSV file that intake takes no row of; the message is the reason kept in the ledger, in Portuguese."""


class ConservationError(VendasError):
    """Rows read and rows accounted for differ; nothing was published."""


class ConcurrentChange(VendasError):
    """Somebody else changed a table of the lake while a stage worked on it; the stage published nothing."""


class QuarantineError(VendasError):
    """Quarantined rows could not be exported."""


class WarehouseError(VendasError):
    """The warehouse could not be started, reached or loaded."""


class WarehouseConflict(WarehouseError):
    """A transaction was refused because of what another did at the same time; tried again, it may succeed."""


class CheckFailed(WarehouseError):
    """A check before the commit selected offending rows; the load was rolled back."""


class UpkeepError(VendasError):
    """The upkeep of a lake table failed; its rows are what they were."""


class ProbeFailed(VendasError):
    """A look at a stack on AWS found what a stage would fail by."""


class NotebookError(VendasError):
    """A notebook was refused, failed, or ended without its result."""


def without_java_frames(message: str) -> str:
    """What Java said, without where in its code it said so."""
    return "\n".join(line for line in message.splitlines() if not line.startswith(("\tat ", "\t... "))).strip()
