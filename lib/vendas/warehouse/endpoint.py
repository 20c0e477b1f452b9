"""The address and login of a warehouse."""

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

HOST = "127.0.0.1"


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
    def jdbc_url(self) -> str:
        """The URL without user and password, which JDBC takes as properties."""
        return f"jdbc:postgresql://{self.host}:{self.port}/{self.database}"


@dataclass(frozen=True)
class RedshiftEndpoint(Endpoint):
    """The address of an Amazon Redshift; every connection verifies its name and certificate.

    `copy_role` is the ARN of the role with which COPY reads S3; `root_certificate` is a file of certificates to trust
    instead of the machine's.
    """

    copy_role: str = ""
    root_certificate: str | None = None

    @property
    def jdbc_url(self) -> str:
        """The URL without user and password, which JDBC takes as properties."""
        return f"jdbc:redshift://{self.host}:{self.port}/{self.database}"
