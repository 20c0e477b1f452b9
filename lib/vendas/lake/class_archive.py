"""Java's archive of Spark's classes (class data sharing): with it, a JVM does not read and verify them again.

A run that finds none has its JVM write one as it ends, once for each version of Java and jars. The archive is a cache:
Java ignores one that is missing, damaged or of other jars, and only starts slower.
"""

import fcntl
import hashlib
import shutil
import subprocess
import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from os import fsencode, fsync, utime
from pathlib import Path

from vendas.tuning import ARCHIVE_FREE_BYTES, ARCHIVE_UNUSED_SECONDS

_SILENT = "-Xlog:cds*=off"


class ClassArchive:
    """The archive for a Java home and a class path; its files, Java's own classes and Spark's, are in `folder`."""

    def __init__(self, folder: Path, java: Path, jars: Sequence[Path]):
        self._folder, self._java = folder, java
        self._key = hashlib.sha256(b"\n".join(map(_describe, (java / "lib" / "modules", *jars)))).hexdigest()[:16]
        self._of_java = folder / f"java-{self._key}.jsa"

    def options(self) -> list[str]:
        """Return the options with which a JVM uses the archive; none if it is not there."""
        for of_spark in self._folder.glob(f"spark-{self._key}-*.jsa"):
            if of_spark.name == self._name(of_spark):  # else it was cut off later, and Java would crash
                with suppress(OSError):  # of a read-only cache
                    for file in (self._of_java, of_spark):
                        utime(file)  # so that it does not count as unused
                return [f"-XX:SharedArchiveFile={of_spark}", _SILENT]
        return []

    def _name(self, of_spark: Path) -> str:
        return f"spark-{self._key}-{of_spark.stat().st_size}.jsa"

    @contextmanager
    def used_or_made(self) -> Generator[list[str]]:
        """Yield the options with which a JVM, within the block, uses the archive, or writes it if it is not there."""
        using = self.options()
        with nullcontext(using) if using else self.made() as options:
            yield options

    @contextmanager
    def made(self) -> Generator[list[str]]:
        """Yield the options with which a JVM writes the archive as it ends, within the block.

        No options if the archive cannot be kept, or another process is making it. It is not kept after an error.
        """
        with ExitStack() as held:
            part = self._folder / "part"
            try:
                self._prepare(held, part)
            except (OSError, subprocess.SubprocessError):
                yield []
                return
            try:
                yield [f"-XX:SharedArchiveFile={self._of_java}", f"-XX:ArchiveClassesAtExit={part}", _SILENT]
                with suppress(OSError):
                    self._keep(part)
            finally:
                part.unlink(missing_ok=True)

    def _prepare(self, held: ExitStack, part: Path) -> None:
        """Lock the folder, and write the archive of Java's own classes, on which that of Spark's classes is based.

        Raises: OSError or SubprocessError if this is not possible.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        fcntl.flock(held.enter_context((self._folder / "lock").open("w")), fcntl.LOCK_EX | fcntl.LOCK_NB)
        part.unlink(missing_ok=True)  # of a process that was killed
        if shutil.disk_usage(self._folder).free < ARCHIVE_FREE_BYTES:
            raise OSError("There is too little space on the disk.")
        command = [self._java / "bin" / "java", "-Xshare:dump", f"-XX:SharedArchiveFile={part}", _SILENT]
        subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=True)
        part.replace(self._of_java)

    def _keep(self, part: Path) -> None:
        with part.open("rb") as file:
            if not any(file.read(4)):
                return  # Java writes the beginning last, so it has not come to the end
            fsync(file.fileno())
        part.replace(self._folder / self._name(part))
        for file in self._folder.glob("*.jsa"):
            if time.time() - file.stat().st_mtime > ARCHIVE_UNUSED_SECONDS:
                file.unlink()


def _describe(path: Path) -> bytes:
    found = path.stat()
    return b"%s %d %d" % (fsencode(path), found.st_size, found.st_mtime_ns)
