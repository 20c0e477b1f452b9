"""Make every Python that the tests of `make check` start refuse to start a JVM or PostgreSQL.

Python imports a module of this name automatically from a folder in PYTHONPATH.
"""

import os
import sys

ENGINES = ("java", "spark-submit", "initdb", "pg_ctl", "postgres")
LEADS_TO = "setpriv"  # the program with which root starts PostgreSQL as another user
ENDS_AT_ONCE = "-version"  # the option with which `vendas doctor` checks Java
STARTS = ("subprocess.Popen", "os.exec", "os.posix_spawn")


def refuse_engines(event, details):
    if event in STARTS:
        words = [os.path.basename(os.fsdecode(word)) for word in details[1]]
        program = next((word for word in words if not word.startswith("-") and word != LEADS_TO), "")
        if program in ENGINES and ENDS_AT_ONCE not in words:
            raise RuntimeError(f"A test that starts {program} needs @pytest.mark.engine: `make check` leaves it out.")


sys.addaudithook(refuse_engines)
