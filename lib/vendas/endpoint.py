"""Where a warehouse listens and how to log in."""

from dataclasses import dataclass, field
from urllib.parse import quote

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Endpoint:
    """The address of a warehouse and its one role; the repr hides the password."""

    port: int
    password: str = field(repr=False)
    host: str = HOST
    database: str = "vendas"
    user: str = "vendas"

    @property
    def url(self) -> str:
        """The address with the password in it, for psycopg, SQLAlchemy and psql."""
        return f"postgresql://{quote(self.user)}:{quote(self.password, '')}@{self.host}:{self.port}/{self.database}"

    @property
    def jdbc_url(self) -> str:
        """The address without user and password, which JDBC takes as properties."""
        return f"jdbc:postgresql://{self.host}:{self.port}/{self.database}"
