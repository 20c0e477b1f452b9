"""What a stage took, and what it says it did: the value of a notebook's last cell."""

from dataclasses import asdict, dataclass
from typing import Any, Self

RESULT_MIME = "application/vnd.vendas.result+json"


@dataclass(frozen=True)
class Stage:
    """A notebook that ran, and for how many seconds."""

    notebook: str
    seconds: float


@dataclass(frozen=True)
class StageResult:
    """Counts of one stage in one run; rows, except `files` (bronze names taken up) and `rejected` (files)."""

    stage: str
    run_id: str
    files: tuple[str, ...] = ()
    read: int = 0
    written: int = 0
    duplicates: int = 0
    quarantined: int = 0
    rejected: int = 0

    def _repr_mimebundle_(self, **_: object) -> dict:
        """Jupyter shows the text; the runner reads the JSON."""
        return {RESULT_MIME: asdict(self), "text/plain": str(self)}

    def __str__(self) -> str:
        return (
            f"{self.stage}: {len(self.files)} files ({self.rejected} rejected), {self.read} rows read, "
            f"{self.written} written, {self.duplicates} duplicates, {self.quarantined} quarantined"
        )

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """The result a notebook's output holds; raises TypeError when its fields are not a result's."""
        result = cls(**value | {"files": tuple(value["files"])})
        for name, field in cls.__dataclass_fields__.items():
            if field.type is int and type(getattr(result, name)) is not int:
                raise TypeError(f"{name} is not a whole number: {getattr(result, name)!r}")
        return result
