"""The duration and the result of a stage; the result is the value of its notebook's last cell."""

from dataclasses import asdict, dataclass
from typing import Any, Self

RESULT_MIME = "application/vnd.vendas.result+json"


@dataclass(frozen=True)
class Stage:
    """A notebook that was executed, and its duration in seconds."""

    notebook: str
    seconds: float


@dataclass(frozen=True)
class StageResult:
    """The counts of one stage in one run: rows, except `files` (the bronze names processed) and `rejected` (files).

    A `rehearsal` published nothing, so a run does not take its result.
    """

    stage: str
    run_id: str
    files: tuple[str, ...] = ()
    read: int = 0
    written: int = 0
    duplicates: int = 0
    quarantined: int = 0
    rejected: int = 0
    rehearsal: bool = False

    def _repr_mimebundle_(self, **_: object) -> dict:
        """Return the text that Jupyter shows, in Portuguese, and the JSON that the runner reads."""
        return {RESULT_MIME: asdict(self), "text/plain": self._in_portuguese()}

    def _in_portuguese(self) -> str:
        return (
            f"{self.stage}: {len(self.files)} arquivos ({self.rejected} rejeitados), {self.read} linhas lidas, "
            f"{self.written} gravadas, {self.duplicates} duplicadas, {self.quarantined} em quarentena"
            f"{'; ensaio: nada foi publicado' if self.rehearsal else ''}"
        )

    def __str__(self) -> str:
        return (
            f"{self.stage}: {len(self.files)} files ({self.rejected} rejected), {self.read} rows read, "
            f"{self.written} written, {self.duplicates} duplicates, {self.quarantined} quarantined"
            f"{'; a rehearsal: nothing was published' if self.rehearsal else ''}"
        )

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Return the result in a notebook's output.

        Raises: TypeError or KeyError if the value does not have the fields of a result, or a count is no integer.
        """
        result = cls(**value | {"files": tuple(value["files"])})
        for name, field in cls.__dataclass_fields__.items():
            if field.type is int and type(getattr(result, name)) is not int:
                raise TypeError(f"{name} is not a whole number: {getattr(result, name)!r}")
        return result
