"""One validated settings object, read at the edge (command line, notebook) and passed on."""

import os
from pathlib import Path

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from vendas.errors import SettingsError

DEFAULT_LAKE = "./lago"


class Settings(BaseSettings):
    """Where a lake is and how it is worked on; each field can come from `VENDAS_<FIELD>` or `.env`."""

    model_config = SettingsConfigDict(env_prefix="VENDAS_", env_file=".env", extra="ignore", frozen=True)

    lake: Path = Field(default=Path(DEFAULT_LAKE), description="the lake's folder")
    spark_master: str = Field(
        default="local[*]", pattern=r"^(local|spark://|k8s://|yarn).*$", description="Spark's master"
    )
    spark_memory: str = Field(default="4g", pattern=r"^[1-9][0-9]*[mg]$", description="heap of Spark's driver")
    spark_ui: bool = Field(default=False, description="serve Spark's web page on 127.0.0.1")
    cell_timeout: int = Field(default=3600, gt=0, description="seconds one notebook cell may take")
    redshift_secret: str | None = Field(
        default=None, description="secret with Redshift's address; without one, PostgreSQL in the lake"
    )
    redshift_copy_role: str | None = Field(
        default=None, pattern=r"^arn:aws[a-z-]*:iam::\d{12}:role/.+$", description="role that Redshift reads S3 with"
    )
    report: bool = Field(default=True, description="explore the star and write the pages of each run")

    @field_validator("lake")
    @classmethod
    def under_one_name(cls, lake: Path) -> Path:
        """Absolute, and without `..` or symbolic links: Iceberg takes files under another name for another's."""
        return Path(os.path.realpath(lake.expanduser()))

    @property
    def landing(self) -> Path:
        """Where channels drop their files."""
        return self.lake / "landing"

    @property
    def bronze(self) -> Path:
        """The files as they came."""
        return self.lake / "bronze"

    @property
    def runs(self) -> Path:
        """Executed notebooks and logs, one folder a run."""
        return self.lake / "runs"

    @property
    def dw(self) -> Path:
        """The embedded PostgreSQL of this lake."""
        return self.lake / "dw"

    @property
    def staging(self) -> Path:
        """Files on their way into the warehouse; nothing here outlives a load."""
        return self.lake / "staging"


def load_settings(**given: object) -> Settings:
    """Settings from the environment and `.env`, overridden by what is given (None: not given).

    Raises SettingsError naming the key, what came and what was expected.
    """
    try:
        return Settings(**{key: value for key, value in given.items() if value is not None})
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, p['loc']))} (VENDAS_{'_'.join(map(str, p['loc'])).upper()}): "
            f"{p['msg']}, got {p['input']!r}"
            for p in error.errors()
        )
        raise SettingsError(f"Settings are not usable: {problems}. Correct the option, variable or .env.") from None
