"""Where a warehouse listens and how to log in."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlencode

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Endpoint:
    """The address of a PostgreSQL and its one role; the repr hides the password."""

    port: int
    password: str = field(repr=False)
    host: str = HOST
    database: str = "vendas"
    user: str = "vendas"
    log: Path | None = field(default=None, repr=False, compare=False)  # of a server on this machine

    @property
    def url(self) -> str:
        """The address with the password in it, for psycopg, SQLAlchemy and psql."""
        return f"postgresql://{quote(self.user)}:{quote(self.password, '')}@{self.host}:{self.port}/{self.database}"

    @property
    def jdbc_url(self) -> str:
        """The address without user and password, which JDBC takes as properties."""
        return f"jdbc:postgresql://{self.host}:{self.port}/{self.database}"


@dataclass(frozen=True)
class RedshiftEndpoint(Endpoint):
    """The address of an Amazon Redshift, whose name and certificate every connection verifies.

    `copy_role` is the ARN of the role that COPY reads S3 with; `root_certificate` a file that is trusted in place of
    what the machine trusts.
    """

    copy_role: str = ""
    root_certificate: str | None = None

    @property
    def url(self) -> str:
        """The address with the password in it, for drivers of PostgreSQL; few of them know how Redshift asks for it."""
        trusted = self.root_certificate or ssl.get_default_verify_paths().cafile or "system"
        # Redshift calls its encoding UNICODE, which Python does not know.
        options = {"sslmode": "verify-full", "sslrootcert": trusted, "client_encoding": "utf8"}
        return f"{super().url}?{urlencode(options)}"

    @property
    def jdbc_url(self) -> str:
        """The address without user and password, which JDBC takes as properties."""
        return f"jdbc:redshift://{self.host}:{self.port}/{self.database}"
