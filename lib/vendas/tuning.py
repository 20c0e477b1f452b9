"""Sizes, limits and times that can be tuned, each with its effect.

Values that can be set without a change of code are in `settings` (memory, a cell's time, the quiet time of landing).
Limits that the data contract promises are beside their rule.
"""

from datetime import timedelta

MIB = 1 << 20

# Arrival.
QUIET_SECONDS = 2.0  # default of VENDAS_QUIET_SECONDS: a higher one is safer with slow writers, but slower
CLOSED_QUIET_SECONDS = 0.5  # instead, if `watch` saw its closing: for writers that open it again for each of its parts
COPY_CHUNK_BYTES = 8 * MIB  # per read of a file copied to bronze: trades memory against the number of reads
S3_PART_BYTES = 512 * MIB  # per part of an object copied in parts: smaller parts mean more requests
BRONZE_LISTED_EVERY = timedelta(days=1)  # how soon a run finds files without a claim; costs a request per 1,000 files
CLAIM_STALE_AFTER = timedelta(days=1)  # age at which a claim without object and copy is deleted: no copy runs so long

EDITED_BYTES = 5 * 1024 * MIB  # the longest bronze object that an erasure can change: S3 takes no more in one request

# Reading CSV: larger values need more memory per worker, but fewer passes.
ENCODING_CHUNK_BYTES = 4 * MIB  # read in one step to detect the encoding
CSV_WINDOW_BYTES = 4 * MIB  # parsed in one step
CSV_SCAN_BYTES = 1 * MIB  # scanned for quotes in one step: bounds the temporary arrays, even for long records
CSV_BLOCK_BYTES = 16 * MIB  # unit of a file's distribution to workers: smaller is more even, larger cheaper

# A rehearsal, and a plan.
SAMPLE_FILES, SAMPLE_ROWS, SAMPLE_BYTES = 20, 1000, 1 * MIB  # of a rehearsal: newest files, and the start of each
COMPARED_ROWS = 300_000  # about how many rows a worker compares at a time: bounds its memory
EXAMPLES_KEPT = 3  # of changed values, by file and column

# Work on rows.
TASKS_PER_PROCESSOR = 8  # maximum: more tasks balance better, fewer start faster
TASK_BYTES = 64 * MIB  # of CSV that a worker validates and sorts at a time: trades memory against the number of files
RANGE_ROWS = 300_000  # approximate number of sales that a worker holds at a time; sales of equal time stay together
STAGED_GROUP_ROWS = 1 << 14  # per row group of sorted sales: the minimum that is read for a range of time
LITTLE_WORK_BYTES = 8 * MIB  # with less CSV, a stage's own process does all work: forks or Spark would take longer
ORPHAN_LOOK_SECONDS = 1  # interval at which a fork looks whether the process that made it is still there
QUICK_JVM_BYTES = 64 * MIB  # with less CSV, Java starts without its second compiler: faster start, slower work

# Tables of the lake.
ROW_GROUP_ROWS = 1 << 17  # per row group of a data file: what a reader of a few rows must read whole
PAGE_BYTES = 8 * MIB  # as long as a row group's longest column, which is read whole, and compressed better so
ZSTD_LEVEL = 3  # zstd's own default; pyarrow's is 1
LEDGER_SMALL_FILE_BYTES = 1 * MIB  # each stage merges the ledger's files up to this size: some 15,000 events
LEDGER_CONFLICT_PAUSES = (0.1, 0.4, 1.6)  # approximate seconds before each retry of a commit that conflicted
LEDGER_KEPT_ROWS = 10_000  # in a file of the ledger: from so many on, a process keeps them for its next reading
MANIFEST_BYTES, MANIFESTS_MERGED = 1 * MIB, 5  # from so many manifests on, a commit merges those up to this size
COMPACTED_FROM_FILES = 2  # minimum of small files in a partition that upkeep merges
COMPACTED_ROWS = 1_000_000  # about, of a file that upkeep writes: 700 MB in a worker; with 3/4 of it, it is not small
SNAPSHOTS_KEPT_HOURS = 168  # default of `vendas maintain --keep`: for so long readers can go on with an older state
SNAPSHOTS_KEPT_MIN_HOURS = 24  # of the upkeep on AWS, where readers hold no lock: none of them reads for a day
COMPACTION_MOMENTS = 1_000_000  # of so many sales' times does upkeep draw the ranges of its files: 8 MB

# The lock of a lake in S3.
LOCK_BEAT_SECONDS = 30  # interval at which the holder renews the lock: a request each
LOCK_DEAD_SECONDS = 300  # without a beat for this long, the lock is free: ten beats, to survive network failures
LOCK_LOOK_SECONDS = 10  # interval at which a waiting process checks the lock

# Downloads of Spark's jars.
DOWNLOAD_ATTEMPTS, DOWNLOAD_PAUSE_SECONDS, DOWNLOAD_TIMEOUT_SECONDS = 3, 2, 60  # the pause grows with each attempt

# The archive of Spark's classes, of 140 MB, with which a JVM starts faster.
ARCHIVE_FREE_BYTES = 2048 * MIB  # free disk space below which none is written
ARCHIVE_UNUSED_SECONDS = 30 * 24 * 60 * 60  # after which one of other versions is deleted

# The warehouse.
WAREHOUSE_BATCH_ROWS = 100_000  # gold's rows that a worker encodes at a time: bounds its memory
WAREHOUSE_BATCH_FILES = 64  # of gold at most, if they have fewer rows: trades pieces of work against their evenness
PARTS_PER_MEMBER_RANGE = 4  # of a load: from so many at a time does a worker tell customers apart, in its memory
COPY_SENT_BYTES = MIB // 8  # of an encoded file, read and sent in one step: psycopg cuts longer ones
COPY_ENCODED_ROWS = 4096  # encoded for COPY in one step: more of them do not fit the processor's cache
LARGE_LOAD_ROWS = 10_000  # from this size on, statistics are refreshed; fewer rows hardly change them
WAREHOUSE_CONFLICT_PAUSES = (1, 4, 16)  # approximate seconds before each retry of a transaction that conflicted
POSTGRESQL_START_SECONDS, POSTGRESQL_STOP_SECONDS = 300, 120  # a start may include a recovery after a crash
PURGE_WAIT_SECONDS = 60  # how long an erasure waits for readers of old rows before it asks to end them
POSTGRESQL_ORPHAN_SECONDS = 30  # how long processes of a dead server may take to end

# Notebooks.
KERNEL_START_SECONDS = 60  # after which a kernel that does not answer is an error; a busy machine needs time
NOTEBOOK_SAVE_SECONDS = 1.0  # of a notebook in execution: what a kill may leave out of it; each save costs 10 ms
GLUE_SESSION_WORKER, GLUE_SESSION_WORKERS = "G.1X", 2  # of an interactive session: set its speed and price
GLUE_SESSION_IDLE_MINUTES, GLUE_SESSION_MINUTES = 15, 8 * 60  # after which AWS ends a session and stops charging

# Waiting.
WATCH_EVERY_SECONDS, WATCH_REFRESH_SECONDS = 10, 3600  # defaults of `vendas watch --every` and `--refresh`
WARM_IDLE_SECONDS = 60 * 60  # without a run, after which `vendas watch` ends the kernels' imports
WARM_LOOK_SECONDS = 60  # interval at which it looks whether that time is over
WATCH_LONGEST_WAIT_SECONDS = 600  # maximum before `vendas watch` retries an action that keeps failing
PREFLIGHT_POLL_SECONDS = 5  # interval at which a preflight's job is polled
ERASURE_POLL_SECONDS = 5  # interval at which the answer of an erasure's job is looked for
DOCTOR_TIMEOUT_SECONDS = 10  # how long `vendas doctor` waits for Maven Central
DOCTOR_FREE_BYTES = 1024 * MIB  # free disk space below which `vendas doctor` reports a problem

# Display.
FILES_SHOWN, FILES_DRAWN = 200, 20  # of a run, in the table and the chart of its page
FILES_IN_TERMINAL = 30  # of a run, in the table at its end
FILES_IN_A_TABLE = 1000  # that `vendas status` draws a table of; more are lines of plain text
RUNS_LISTED = 50  # on the page of all runs of a lake in S3

# What the notebooks of the stages show of the files that they took up: more of it costs each scheduled run time.
PREVIEW_ROWS, PREVIEW_FILES, PREVIEW_CHARACTERS = 10, 10, 600  # of a table; of a run; of a text
PREVIEW_CSV_BYTES = MIB // 16  # of each bronze file, from its start: some 500 records
FORECAST_FILES, FORECAST_ROWS = 5, 200  # that the intake notebook validates: first files, and the start of each
PREVIEW_DATA_FILES, PREVIEW_SALES = 32, 5_000  # of a table: read until so many rows are found, by row group
EXPLORED_SALES = 250_000  # up to so many, the exploration asks about all customers, from there on about a sample
PREVIEW_LOADED_ROWS = 100_000  # files with more together are not summed up in the warehouse
