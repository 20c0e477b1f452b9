"""What starts Spark's Python workers, and saves each of their tasks a tenth of a second.

Workers are forks of this process, so what their work needs is imported here, once for all of them. Before a task, a
worker has Python forget what it knows of the archives on its path, Spark's own among them, and reading their lists
again takes 50 ms; after it, it looks for garbage among all that was ever imported, for 10 ms. And the JVM sends a task
in two parts, the second of which waits for the kernel to acknowledge the first, which takes it 40 ms.

Spark runs this in place of `pyspark.daemon` where its configuration says so (`vendas.lake.spark`).
"""

import gc
import os
import socket
import sys
from importlib import import_module
from io import BufferedReader, BufferedWriter
from zipimport import zipimporter

from pyspark import daemon

IMPORTED = ("vendas.warehouse.staging", "vendas.stages.transform")

_work = daemon.worker_main


def _work_at_once(infile: BufferedReader, outfile: BufferedWriter) -> None:
    for finder in sys.path_importer_cache.values():
        if isinstance(finder, zipimporter):
            finder.invalidate_caches = lambda: None
    gc.freeze()
    infile.peek(1)  # until the first part is here
    with socket.socket(fileno=os.dup(infile.fileno())) as connection:
        if connection.family != socket.AF_UNIX and hasattr(socket, "TCP_QUICKACK"):  # Linux has it
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
    _work(infile, outfile)


if __name__ == "__main__":
    for module in IMPORTED:
        import_module(module)
    daemon.worker_main = _work_at_once
    daemon.manager()
