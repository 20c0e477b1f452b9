"""The validated settings, read once by the command line or a notebook and then passed on."""

import os
import sys
from pathlib import Path
from typing import Any, NoReturn

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from vendas.errors import SettingsError
from vendas.storage import SCHEME, Location, S3Lake, S3Path
from vendas.tuning import QUIET_SECONDS

DEFAULT_LAKE = "./lago"


class Settings(BaseSettings):
    """The location of a lake and the options of its runs; each field can be set by `VENDAS_<FIELD>` or in `.env`."""

    model_config = SettingsConfigDict(
        env_prefix="VENDAS_",
        env_file=".env",
        env_file_encoding="utf-8-sig",
        env_ignore_empty=True,  # scripts set variables that they have no value for
        extra="ignore",
        frozen=True,
    )

    glue_database: str = Field(
        default="vendas", pattern=r"^[a-z0-9_]+$", description="the Glue database that knows the tables of a lake in S3"
    )
    glue_role: str | None = Field(
        default=None, pattern=r"^arn:aws[\w-]*:iam::\d{12}:role/.+$", description="the role of interactive sessions"
    )
    glue_modules: str | None = Field(
        default=None, pattern=r"^s3://.+", description="the project on S3, which interactive sessions install"
    )
    lake: Path | S3Lake = Field(
        default=DEFAULT_LAKE, validate_default=True, description="the lake's folder, or s3://bucket"
    )
    landing: Location = Field(
        default_factory=lambda given: given["lake"] / "landing", description="where channels drop their files"
    )
    quiet_seconds: float = Field(
        default=QUIET_SECONDS, ge=0, le=3600, description="seconds for which a complete file in landing has not changed"
    )
    maven_url: str | None = Field(
        default=None, pattern=r"^https?://.+", description="a mirror of Maven Central, for Spark's jars"
    )
    spark_master: str | None = Field(
        default=None,
        pattern=r"^(local|spark://|k8s://|yarn).*$",
        description="Spark's master, for much work on a lake in a folder; else forks of a run's processes do it",
    )
    spark_memory: str = Field(default="4g", pattern=r"^[1-9][0-9]*[mg]$", description="heap of Spark's driver")
    spark_ui: bool = Field(default=False, description="serve Spark's web page on 127.0.0.1")
    cell_timeout: int = Field(default=3600, gt=0, description="seconds one notebook cell may take")
    redshift_secret: str | None = Field(
        default=None, description="secret with the address of the Redshift of a lake in S3"
    )
    redshift_copy_role: str | None = Field(
        default=None, pattern=r"^arn:aws[a-z-]*:iam::\d{12}:role/.+$", description="role that Redshift reads S3 with"
    )
    privacy_secret: str | None = Field(
        default=None, description="secret with the key by which a lake in S3 recognizes erased people"
    )
    report: bool = Field(default=True, description="explore the star and write the pages of each run")
    debug: bool = Field(default=False, description="show the traceback of what fails")

    @field_validator("lake", "landing", mode="plain")
    @classmethod
    def under_one_name(cls, place: object, info: ValidationInfo) -> Location:
        """Make a folder absolute, without `..` and symbolic links: to Iceberg, a file under another path is another."""
        if not str(place).startswith(SCHEME):
            return _absolute(str(place))
        if info.field_name == "landing":
            return S3Path.parse(str(place))
        return S3Lake.parse(str(place), database=info.data.get("glue_database", ""))

    @property
    def bronze(self) -> Location:
        """The folder of the files as they were received."""
        return self.lake / "bronze"

    @property
    def runs(self) -> Location:
        """The folder of executed notebooks, pages and logs, with one folder per run."""
        return self.lake / "runs"

    @property
    def dw(self) -> Location:
        """The folder of this lake's embedded PostgreSQL."""
        return self.lake / "dw"

    @property
    def staging(self) -> Location:
        """The folder of temporary files of a run: validated rows, and rows to load into the warehouse."""
        return self.lake / "staging"

    @property
    def uses_spark(self) -> bool:
        """Whether much work on a lake in a folder is Spark's: if its master is given, or processes cannot be forked."""
        return self.spark_master is not None or sys.platform != "linux"

    def as_environment(self) -> dict[str, str]:
        """Return the variables that give another process these settings; defaults are left out, except the lake."""
        prefix = self.model_config["env_prefix"]
        return {f"{prefix}{name.upper()}": str(getattr(self, name)) for name in self.model_fields_set | {"lake"}}


def _absolute(place: str) -> Path:
    if not place.strip():
        raise ValueError("the path is blank; `.` is the working folder")
    try:
        place = os.path.realpath(Path(place).expanduser())
        place.encode()
    except UnicodeError:
        raise ValueError("the path is not in UTF-8, and Java could not open it; rename the folder") from None
    except (RuntimeError, FileNotFoundError) as error:  # there is no home for ~, or the working folder was deleted
        raise ValueError(f"{error}; give an absolute path") from None
    return Path(place)


def check_lake_exists(settings: Settings) -> None:
    """Check that the lake's folder exists, so that a mistyped path makes no lake; one in S3 is not looked up.

    Raises: SettingsError if there is none.
    """
    if isinstance(settings.lake, Path) and not settings.lake.is_dir():
        raise SettingsError(f"There is no lake at {settings.lake}. Give another lake, or make it with: vendas run")


def _refuse_env_file(why: str) -> NoReturn:
    raise SettingsError(f"{os.path.abspath('.env')} {why}: no setting was read. Save it as UTF-8 text, or delete it.")


def _check_env_file() -> None:
    """Check that `.env` has no NUL bytes, as in UTF-16: its lines would be ignored.

    Raises: SettingsError if it has, or cannot be read.
    """
    try:
        if os.path.isfile(".env") and b"\0" in Path(".env").read_bytes():
            _refuse_env_file("is not in UTF-8 (it has bytes of zero, as UTF-16 has)")
    except OSError as error:
        _refuse_env_file(f"cannot be read ({error.strerror})")


def load_settings(**given: Any) -> Settings:
    """Load the settings from the environment and `.env`; the given values override them unless they are None.

    Raises: SettingsError naming the key, the value and what was expected.
    """
    _check_env_file()
    try:
        return Settings(**{key: value for key, value in given.items() if value is not None})
    except UnicodeDecodeError as error:
        _refuse_env_file(f"is not in UTF-8 ({error.reason} at byte {error.start})")
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, p['loc']))} (VENDAS_{'_'.join(map(str, p['loc'])).upper()}): "
            f"{p['msg']}, got {p['input']!r}"
            for p in error.errors()
            if p["type"] != "default_factory_not_called"  # only follows from another error
        )
        raise SettingsError(f"Settings are not usable: {problems}. Correct the option, variable or .env.") from None
