"""A daemon for Spark's Python workers that saves each of their tasks a tenth of a second.

Workers are forks of this process, so the modules that they need are imported here, once for all of them. The daemon
avoids three delays of each task. Before a task, a worker drops Python's caches of the archives on its path, Spark's own
included, and reading their directories again takes 50 ms. After a task, the garbage collector scans all imported
modules, which takes 10 ms. And the JVM sends a task in two parts: the second part waits until the operating system
acknowledges the first, which takes 40 ms.

Spark runs this module in place of `pyspark.daemon` because its configuration says so (`vendas.lake.spark`).
"""

import os
import socket
import sys
from importlib import import_module
from io import BufferedReader, BufferedWriter
from zipimport import zipimporter

from pyspark import daemon

from vendas.machine.imports import lasting_imports

IMPORTED = ("vendas.warehouse.staging", "vendas.stages.transform")

_work = daemon.worker_main


def _work_at_once(infile: BufferedReader, outfile: BufferedWriter) -> None:
    for finder in sys.path_importer_cache.values():
        if isinstance(finder, zipimporter):
            finder.invalidate_caches = lambda: None
    infile.peek(1)  # wait for the first part
    with socket.socket(fileno=os.dup(infile.fileno())) as connection:
        if connection.family != socket.AF_UNIX and hasattr(socket, "TCP_QUICKACK"):  # only Linux has it
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
    _work(infile, outfile)


if __name__ == "__main__":
    with lasting_imports():
        for module in IMPORTED:
            import_module(module)
    daemon.worker_main = _work_at_once
    daemon.manager()
