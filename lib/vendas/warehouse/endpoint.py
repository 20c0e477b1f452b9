"""The address and login of a warehouse, and what is said of one that refuses."""

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from vendas.machine import full_disk

HOST = "127.0.0.1"
UNCHANGED = "Nothing was changed there; mend it and run again."  # of a transaction
_TOO_LONG = "value too long for type"  # as PostgreSQL says it; rows for Redshift are measured before
_TOO_NARROW = (
    "\nGold has a longer text than its column's declared max_bytes: declare it wider again, or call `vendas replay "
    "--outdated`, which refuses such rows."
)


@dataclass(frozen=True)
class Endpoint:
    """The address, role and password of a PostgreSQL; the repr hides the password."""

    port: int
    password: str = field(repr=False)
    host: str = HOST
    database: str = "vendas"
    user: str = "vendas"
    log: Path | None = field(default=None, repr=False, compare=False)  # the log of a server on this machine

    @property
    def url(self) -> str:
        """The URL with the password, for psycopg, SQLAlchemy and psql."""
        return f"postgresql://{quote(self.user)}:{quote(self.password, '')}@{self.host}:{self.port}/{self.database}"

    @property
    def address(self) -> str:
        """The URL without user and password, for people."""
        return f"postgresql://{self.host}:{self.port}/{self.database}"


@dataclass(frozen=True)
class RedshiftEndpoint(Endpoint):
    """The address of an Amazon Redshift; every connection verifies its name and certificate.

    `copy_role` is the ARN of the role with which COPY reads S3; `root_certificate` is a file of certificates to trust
    instead of the machine's.
    """

    copy_role: str = ""
    root_certificate: str | None = None

    @property
    def address(self) -> str:
        """The URL without user and password, which JDBC takes as properties."""
        return f"jdbc:redshift://{self.host}:{self.port}/{self.database}"


def explain_refusal(endpoint: Endpoint, said: str, then: str = UNCHANGED) -> str:
    """Return the message for what the database, or the connection to it, refused; `then` says what to do."""
    disk = full_disk.explain(said, endpoint.log.parent, endpoint.log) if endpoint.log else ""
    wide = _TOO_NARROW if _TOO_LONG in said else ""
    return f"The warehouse at {endpoint.address} refused: {said}\n{then}{disk}{wide}"
