"""Sizes, limits and times that one might tune, each with its effect.

What a run may be told without a change of code is in `settings` (memory, a cell's time, the quiet of landing). Limits
that the data contract promises stand where their rule is.
"""

from datetime import timedelta

MIB = 1 << 20

# Arrival.
QUIET_SECONDS = 2.0  # default of VENDAS_QUIET_SECONDS: higher is safer with slow writers, and later
COPY_CHUNK_BYTES = 8 * MIB  # of a file copied to bronze: memory, against the number of reads
S3_PART_BYTES = 512 * MIB  # of an object copied in parts: smaller parts mean more requests
BRONZE_LISTED_EVERY = timedelta(days=1)  # how soon a run finds what no claim tells of; a request per 1,000 files
CLAIM_STALE_AFTER = timedelta(days=1)  # when a claim without an object or a copy goes: by then no copy is on its way

# Reading CSV: memory per worker grows with these, the number of passes shrinks.
ENCODING_CHUNK_BYTES = 4 * MIB  # looked at in one step to tell the encoding
CSV_WINDOW_BYTES = 4 * MIB  # parsed in one step
CSV_SCAN_BYTES = 1 * MIB  # scanned for quotes in one step: bounds the scratch arrays, whatever a record's size
CSV_BLOCK_BYTES = 16 * MIB  # the unit in which a file is spread over workers: smaller is more even, larger cheaper

# What the intake notebook shows of new files.
SAMPLE_FILES, SAMPLE_ROWS, SAMPLE_BYTES = 20, 1000, 1 * MIB

# Work of Spark's Python workers.
TASKS_PER_PROCESSOR = 8  # at most: more tasks even out, fewer start quicker
TASK_BYTES = 64 * MIB  # of CSV that a worker validates and sorts at a time: its memory, against the number of files
RANGE_ROWS = 300_000  # sales that a worker holds at a time, about; all of one moment stay together
STAGED_GROUP_ROWS = 1 << 14  # of a row group of sorted sales: what a range of time must read at least
QUICK_JVM_BYTES = 64 * MIB  # below so much CSV, Java starts without its second compiler: quicker start, slower work

# Tables of the lake.
ROW_GROUP_ROWS = 1 << 17  # of a data file: what a reader that wants a few rows must read whole
LEDGER_SMALL_FILE_BYTES = 1 * MIB  # each stage rewrites the ledger's files up to this size: some 15,000 events
AUDIT_BRANCH_MS = 24 * 60 * 60 * 1000  # how long rows of a killed run stay on a branch that nobody reads
COMPACTED_FROM_FILES = 2  # small files of a partition that upkeep makes one of

# The lock of a lake in S3.
LOCK_BEAT_SECONDS = 30  # after which the holder shows again that it lives: a request each
LOCK_DEAD_SECONDS = 300  # without a beat a lock is another's: ten beats, or a network that is away for long
LOCK_LOOK_SECONDS = 10  # between two looks of who waits

# Downloads of Spark's jars.
DOWNLOAD_ATTEMPTS, DOWNLOAD_PAUSE_SECONDS, DOWNLOAD_TIMEOUT_SECONDS = 3, 2, 60  # the pause grows with each attempt

# The warehouse.
WAREHOUSE_BATCH_ROWS = 100_000  # gold's rows that a worker encodes at a time: its memory
LARGE_LOAD_ROWS = 10_000  # from here on the planner is given new statistics; fewer rows hardly change them
CONFLICT_PAUSES = (1, 4, 16)  # seconds, about, before a transaction that conflicted is tried again: one try for each
POSTGRESQL_START_SECONDS, POSTGRESQL_STOP_SECONDS = 300, 120  # a start may include the recovery after a crash
POSTGRESQL_ORPHAN_SECONDS = 30  # for which processes of a server that died may take to end

# Notebooks.
KERNEL_START_SECONDS = 60  # until a kernel that does not answer is an error; a busy machine needs some
GLUE_SESSION_WORKER, GLUE_SESSION_WORKERS = "G.1X", 2  # of an interactive session: its speed, and its price
GLUE_SESSION_IDLE_MINUTES, GLUE_SESSION_MINUTES = 15, 8 * 60  # after which AWS ends one, and stops charging

# Waiting.
WATCH_LONGEST_WAIT_SECONDS = 600  # until `vendas watch` tries again what keeps failing
PREFLIGHT_POLL_SECONDS = 5  # between two looks at a preflight's job
DOCTOR_TIMEOUT_SECONDS = 10  # for which `vendas doctor` waits for Maven Central
DOCTOR_FREE_BYTES = 1024 * MIB  # of disk, below which `vendas doctor` warns

# What people are shown.
FILES_SHOWN, FILES_DRAWN = 200, 20  # of a run, in its page's table and chart
FILES_IN_TERMINAL = 30  # of a run, in the table that it ends with
RUNS_LISTED = 50  # on the page of all runs of a lake in S3

# What the notebooks of the stages show of the files that they took up: more of it costs each scheduled run time.
PREVIEW_ROWS, PREVIEW_FILES, PREVIEW_CHARACTERS = 10, 10, 600  # of a table; of a run; of a text
PREVIEW_CSV_BYTES = MIB // 4  # of each bronze file, from its start: some 2,000 records
PREVIEW_DATA_FILES, PREVIEW_SALES = 32, 20_000  # of a table: read until so many rows are found, by row group
PREVIEW_LOADED_ROWS = 100_000  # files with more together are not summed up in the warehouse
