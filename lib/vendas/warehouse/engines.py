"""The engines PostgreSQL and Amazon Redshift: where they differ. All other SQL and code is the same for both.

An engine defines the locks that keep loads apart, how to adapt the common DDL, which own DDL to run after it, what to
prepare before the rows, which indexes to create after them, which checks to run besides the common ones, the planner's
settings for few or many rows and for quick statistics, how to empty a table, which texts fit a table, how to write rows
to a file (by workers), how to copy such files into a table, and whether to do so in parts, as soon as some are written.
`transactions` has how to connect, ask and insert: by psycopg, or by JDBC.
"""

from vendas.warehouse.endpoint import Endpoint, RedshiftEndpoint
from vendas.warehouse.postgresql import PostgreSQL
from vendas.warehouse.redshift import Redshift

Engine = type[PostgreSQL] | type[Redshift]


def engine_of(endpoint: Endpoint) -> Engine:
    """Return the engine of an endpoint."""
    return Redshift if isinstance(endpoint, RedshiftEndpoint) else PostgreSQL
