"""Named exceptions. A message says where, what was expected, what was found, and what to do next.

VendasError
  · SettingsError
  · DeclarationError
  · RuleError
  · DownloadError
  · WorkerError
  · SparkStartError
  · ArrivalError
  · FileRejected
  · ConservationError
  · ConcurrentChange
  · QuarantineError
  · PersonError
  · WarehouseError
    · WarehouseConflict
    · CheckFailed
  · ChartError
  · UpkeepError
  · ProbeFailed
  · NotebookError
"""

import os
import traceback

DEBUG = "VENDAS_DEBUG"


def is_debugging() -> bool:
    """Return whether VENDAS_DEBUG asks for tracebacks."""
    return os.environ.get(DEBUG, "").lower() in {"1", "true", "t", "yes", "y", "on"}  # what settings parse as true


class VendasError(Exception):
    """The base of all expected errors; shown as one message, with VENDAS_DEBUG=1 also as a traceback."""

    def _render_traceback_(self) -> list[str]:
        """Return the lines that IPython shows for the error."""
        if is_debugging():
            return traceback.format_exception(self)
        return [f"{type(self).__name__}: {self}", *getattr(self, "__notes__", [])]


class SettingsError(VendasError):
    """A setting is missing, unknown or of the wrong type."""


class DeclarationError(VendasError):
    """The declaration of the shop's columns contradicts itself."""


class RuleError(VendasError):
    """A rule on trial is for no column, or its values do not fit the column."""


class DownloadError(VendasError):
    """An artifact could not be fetched from Maven Central."""


class WorkerError(VendasError):
    """A process that worked on rows was killed."""


class SparkStartError(VendasError):
    """The Java gateway of Spark did not start."""


class ArrivalError(VendasError):
    """A file could not be moved from landing to bronze."""


class FileRejected(VendasError):
    """A CSV file is rejected as a whole; the message, in Portuguese, is stored in the ledger as the reason."""


class ConservationError(VendasError):
    """Rows read and rows accounted for differ; nothing was published."""


class ConcurrentChange(VendasError):
    """A table of the lake was changed by another writer while a stage worked on it; the stage published nothing."""


class QuarantineError(VendasError):
    """Quarantined rows could not be exported."""


class PersonError(VendasError):
    """A person cannot be shown or erased as asked; nothing was changed."""


class WarehouseError(VendasError):
    """The warehouse could not be started, reached or loaded."""


class WarehouseConflict(WarehouseError):
    """A transaction was refused because it conflicts with a concurrent one; if it is repeated, it may succeed."""


class CheckFailed(WarehouseError):
    """A check before the commit found invalid rows; the load was rolled back."""


class ChartError(VendasError):
    """A data frame does not have the shape that the chart draws."""


class UpkeepError(VendasError):
    """The upkeep of a lake table failed; its rows are unchanged."""


class ProbeFailed(VendasError):
    """A probe of a stack on AWS found a problem that would make a stage fail."""


class NotebookError(VendasError):
    """A notebook was refused, failed, or ended without a result."""


def without_java_frames(message: str) -> str:
    """Return a message of Java without its stack frames."""
    return "\n".join(line for line in message.splitlines() if not line.startswith(("\tat ", "\t... "))).strip()
