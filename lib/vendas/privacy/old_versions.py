"""Old versions of a lake's objects on S3: what was replaced or deleted, and can still be read by its version.

Which of them may hold a person follows from where they are. All old versions of tables' files, of staged rows and of
plans are deleted; of other objects (bronze, landing, notebooks, pages, logs), those whose text holds a value of theirs.
"""

from collections.abc import Iterator

from vendas import schema
from vendas.lake.lock import LOCK
from vendas.landing.anonymized_files import PRIVACY
from vendas.landing.s3_claims import CLAIMS
from vendas.landing.s3_objects import prefix
from vendas.landing.s3_versions import Version, delete_versions, list_versions
from vendas.privacy.layers import LONGEST_TEXT_BYTES, as_text
from vendas.privacy.record_edits import decode
from vendas.rules.people import Values
from vendas.settings import Settings
from vendas.storage import Location, S3Path, as_s3, client

_STAGING = "staging"
_NOT_READ = {*schema.TABLES, _STAGING, PRIVACY}  # Parquet, Avro and plans: their old versions go unread
_WITHOUT_TEXTS = {*_NOT_READ, LOCK}


def old_texts(settings: Settings, values: Values) -> list[Version]:
    """Return the old versions of texts of a lake in S3, and of its landing, that hold a value of the person's."""
    return [version for versions in _texts(settings) for version in _holding(versions, values)]


def purge_old_versions(settings: Settings, values: Values) -> int:
    """Delete all staged rows, and the old versions that may hold the person; return how many versions.

    A delete marker goes only with the last version below it, which would come back without it.
    """
    s3, lake = client("s3"), as_s3(settings.lake)
    doomed = [version for versions in list_versions(s3, lake / _STAGING) for version in versions]
    for name in sorted(_NOT_READ - {_STAGING}):
        for versions in list_versions(s3, lake / name):
            doomed += _with_markers(versions, [version for version in versions if not version.is_latest])
    for versions in _texts(settings):
        doomed += _with_markers(versions, _holding(versions, values))
    by_bucket: dict[str, list[Version]] = {}
    for version in doomed:
        by_bucket.setdefault(version.path.bucket, []).append(version)
    return sum(delete_versions(s3, versions) for versions in by_bucket.values())


def _texts(settings: Settings) -> Iterator[list[Version]]:
    """Yield the versions of each object that is searched as a text, and has an old one; in landing, only if it is gone.

    An upload that was replaced in landing waits there like any other, for the next sweep takes it up, too.
    """
    s3, lake, landing = client("s3"), as_s3(settings.lake), settings.landing
    for versions in list_versions(s3, lake):
        path = versions[0].path
        top = path.key.removeprefix(prefix(lake)).partition("/")[0]
        if top not in _WITHOUT_TEXTS and not _is_in(path, settings.bronze / CLAIMS) and not _is_in(path, landing):
            yield versions
    if isinstance(landing, S3Path):
        yield from (versions for versions in list_versions(s3, landing) if versions[0].is_marker)


def _is_in(path: S3Path, place: Location) -> bool:
    return isinstance(place, S3Path) and path.bucket == place.bucket and path.key.startswith(prefix(place))


def _with_markers(versions: list[Version], doomed: list[Version]) -> list[Version]:
    kept = [version for version in versions if not version.is_marker and version not in doomed]
    if kept:
        return [version for version in doomed if not version.is_marker]
    return [version for version in versions if version.is_marker or version in doomed] if doomed else []


def _holding(versions: list[Version], values: Values) -> list[Version]:
    return [v for v in versions if not v.is_latest and not v.is_marker and _holds(v, values)]


def _holds(version: Version, values: Values) -> bool:
    """Return whether an old version holds a value, in any encoding that files come in; one too long to be read does."""
    if version.size > LONGEST_TEXT_BYTES:
        return True
    found = client("s3").get_object(Bucket=version.path.bucket, Key=version.path.key, VersionId=version.id)
    data = found["Body"].read()
    return values.found_in(as_text(data)) or values.found_in(decode(data)[1])
