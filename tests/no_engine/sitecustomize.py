"""What `make check` holds in every Python that its tests start: none of them starts a JVM or PostgreSQL.

Python imports a module of this name by itself, from the folder that PYTHONPATH names.
"""

import os
import sys

ENGINES = ("java", "spark-submit", "initdb", "pg_ctl", "postgres")
LEADS_TO = "setpriv"  # by which root starts PostgreSQL as somebody else
ENDS_AT_ONCE = "-version"  # by which `vendas doctor` looks for Java
STARTS = ("subprocess.Popen", "os.exec", "os.posix_spawn")


def refuse_engines(event, details):
    if event in STARTS:
        words = [os.path.basename(os.fsdecode(word)) for word in details[1]]
        program = next((word for word in words if not word.startswith("-") and word != LEADS_TO), "")
        if program in ENGINES and ENDS_AT_ONCE not in words:
            raise RuntimeError(f"A test that starts {program} needs @pytest.mark.engine: `make check` leaves it out.")


sys.addaudithook(refuse_engines)
