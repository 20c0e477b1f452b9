"""The SQL that Redshift accepts, and its translation for PostgreSQL.

Only statements of the shapes that this project uses are accepted; others, and features that Redshift lacks, are refused
with messages like its own. Names and functions are searched outside of comments and literals.
"""

import re
from dataclasses import dataclass

from helpers.redshift_queries import problem

VERSION = "PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC gcc (GCC) 3.4.2 20041017, Redshift 1.0.117891"
SYNTAX, LACKING, TOO_LONG, INTERNAL = "42601", "0A000", "22001", "XX000"


class Refused(Exception):
    """An error of Redshift: SQLSTATE, message, and an optional detail."""

    def __init__(self, state, message, detail=""):
        super().__init__(message)
        self.state, self.message, self.detail = state, message, detail


@dataclass(frozen=True)
class Copy:
    """A COPY of the Parquet files that a manifest on S3 names."""

    table: str
    manifest: str
    role: str


@dataclass(frozen=True)
class Truncate:
    """A TRUNCATE, which on Redshift commits its transaction."""

    table: str


@dataclass(frozen=True)
class View:
    """A CREATE OR REPLACE VIEW, which on Redshift may only replace a view with the same columns."""

    name: str
    sql: str


# Syntax that PostgreSQL accepts and Redshift refuses, in any statement.
LACKED = {
    r"\bon conflict\b": (SYNTAX, 'syntax error at or near "conflict"'),
    r"\breturning\b": (SYNTAX, 'syntax error at or near "returning"'),
    r"\bsavepoint\b": (LACKING, 'SQL command "SAVEPOINT" not supported.'),
    r"^create (unique )?index\b": (LACKING, 'SQL command "CREATE INDEX" not supported.'),
    r"^create (temporary )?sequence\b": (LACKING, 'SQL command "CREATE SEQUENCE" not supported.'),
    r"^create (constraint )?trigger\b": (LACKING, 'SQL command "CREATE TRIGGER" not supported.'),
    r"\bcheck ?\(": (LACKING, "CHECK constraints are not supported"),
    r"\bnot enforced\b": (SYNTAX, 'syntax error at or near "enforced"'),
    r"\b(big|small)?serial\b": (LACKING, 'Column type "serial" not supported.'),
    r"\barray ?\[": (LACKING, "ARRAY constructors are not supported"),
    r"\bdistinct on\b": (LACKING, "SELECT DISTINCT ON is not supported"),
}

FUNCTIONS = set(
    "avg cast coalesce count current_schema date_trunc extract max md5 min octet_length round row_number sum to_char "
    "pg_catalog.version version".split()
)
BEFORE_A_BRACKET = set("all and as by decimal exists from in inner join not on or over select using values".split())
BEFORE_A_BRACKET |= set("varchar where".split())

SHAPES = [
    r"begin( transaction)?|start transaction|commit|rollback|end",
    r"set (session )?(extra_float_digits|application_name|client_encoding|datestyle|query_group|readonly)\b.*",
    r"show transaction(_read_only| isolation level)",
    r"(with|select)\b.*",
    r"insert into \w+ (\(.*?\) )?(values|with|select)\b.*",
    r"update \w+ set .*",
    r"delete from \w+( where .*)?",
    r"lock (table )?\w+(, \w+)*",
    r"analyze \w+",
    r"call \w+\(\)",
    r"comment on (table|column|view|constraint|database) [\w.]+( on \w+)? is ''",
    r"create or replace view \w+ as select .*",
    r"create (temporary )?table \w+ as (with|select)\b.*",
    r"drop (table|view) (if exists )?\w+",
    r"drop procedure \w+\(\)",
    r"alter table \w+ drop column \w+",
    r"alter table \w+ add column \w+ decimal\(\d+,\d+\) default 0 not null",
]
# Redshift allows more: all but statements that need a transaction of their own, such as VACUUM.
IN_PROCEDURES = r"(insert|update|delete|call|analyze|create (temporary )?table|drop table) "
PL_SQL = r"(if (not )?found then|end if|return|else)"

COLUMN_TYPES = r"(integer|bigint|smallint|boolean|date|timestamp|decimal\(\d+, ?\d+\)|varchar\(\d+\)|varchar|text)"
COLUMN_REST = r"(not null|null|primary key|unique|references \w+ \(\w+\)|encode \w+|distkey|sortkey)"
TABLE_REST = (
    r"(diststyle (all|even|auto|key)|distkey ?\(\w+\)|(compound |interleaved )?sortkey ?\([\w, ]+\)|encode auto)"
)
TABLE = re.compile(
    r"create (temporary )?table (if not exists )?(\w+) \((.*?)\)"
    r"(?: (?=diststyle|distkey|sortkey|compound|interleaved|encode)(.*))?"
)
PROCEDURE = re.compile(
    r"(?:--[^\n]*\n)*create or replace procedure \w+\(\) as \$\$(.*)\$\$ language plpgsql", re.DOTALL
)
COPY = re.compile(r"copy (\w+) from '(s3://[^']+)' iam_role '([^']*)' format as parquet manifest(.*)", re.IGNORECASE)
EXPLAIN = re.compile(r"explain\s+(.*)", re.IGNORECASE | re.DOTALL)
EXPLAINED = r"(select|with|insert|update|delete|create (temporary )?table \w+ as)\b"
ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+")


def translate(sql, tables):
    """Return the statement for PostgreSQL, or a Copy, Truncate or View; `tables` are those created so far.

    Raises: Refused if Redshift refuses the statement, or it has no known shape.
    """
    sql = sql.strip().rstrip(";").strip()
    if not sql:
        return sql
    if procedure := PROCEDURE.fullmatch(sql):
        check_body(procedure[1], tables)
        return sql
    if explained := EXPLAIN.fullmatch(sql):
        if not re.match(EXPLAINED, normal(explained[1])):
            raise Refused(SYNTAX, f'syntax error at or near "{explained[1].split()[0]}"')
        return f"explain {translate(explained[1], tables)}"
    plain = normal(sql)
    for lacked, (state, message) in LACKED.items():
        if re.search(lacked, plain):
            raise Refused(state, message)
    if plain.startswith("copy "):
        return copy(" ".join(sql.split()))
    if table := re.fullmatch(r"truncate (?:table )?(\w+)", plain):
        return Truncate(table[1])
    if table := re.fullmatch(r"vacuum delete only (\w+) to 100 percent", plain):
        return f"vacuum (full) {table[1]}"
    if table := TABLE.fullmatch(plain):
        tables.add(table[3])
        return create_table(*table.groups())
    if (described := re.match(r"comment on column (\w+)\.", plain)) and described[1] not in tables:
        raise Refused(LACKING, f'"{described[1]}" is not a table: only columns of tables take comments')
    check_shape(plain)
    if refused := problem(sql):
        raise Refused(*refused)
    if view := re.match(r"create or replace view (\w+) as", plain):
        return View(view[1], sql)
    return re.sub(r"(pg_catalog\.)?\bversion\(\)", f"'{VERSION}' as version", sql)


def normal(sql):
    """Return the SQL in lower case, on one line, without comments and the contents of literals."""
    sql = re.sub(
        r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/", lambda found: "''" if found[0][0] == "'" else " ", sql, flags=re.S
    )
    return re.sub(r"\s+", " ", sql).strip().lower().replace("( ", "(").replace(" )", ")")


def check_shape(plain):
    if not any(re.fullmatch(shape, plain) for shape in SHAPES):
        raise Refused(
            SYNTAX, f'syntax error at or near "{plain.split()[0]}": no statement of this project is like this'
        )
    not_called = r"\b(insert into \w+|call \w+|drop procedure \w+|\w+ as) ?\("
    called = re.findall(r"([a-z_][\w.]*) ?\(", re.sub(not_called, "; (", plain))
    if unknown := set(called) - FUNCTIONS - BEFORE_A_BRACKET:
        raise Refused("42883", f"function {min(unknown)}() does not exist")


def check_body(body, tables):
    """Check that a procedure is one block of statements of the known shapes, none of which controls transactions.

    Raises: Refused if it is not.
    """
    block = re.fullmatch(r"begin (.*); end", normal(body).rstrip(";"))
    if block is None:
        raise Refused(SYNTAX, "syntax error in a procedure's block")
    for statement in block[1].split(";"):
        statement = re.sub(rf"^{PL_SQL}( |$)", "", statement.strip())
        statement = re.sub(rf"^{PL_SQL}( |$)", "", statement)
        if statement and not re.match(IN_PROCEDURES, statement):
            raise Refused(LACKING, f'"{statement.split()[0]}" is not supported in stored procedures')
        if statement:
            translate(statement, tables)


def create_table(temporary, if_not_exists, name, columns, rest):
    """Return the statement without keys, which Redshift does not enforce, and with text lengths in bytes."""
    if rest and re.sub(rf"\b{TABLE_REST}", "", rest).strip():
        raise Refused(SYNTAX, f'syntax error at or near "{rest}"')
    columns = [column.strip() for column in re.split(r",(?![^(]*\))", columns)]
    names = {column.split()[0] for column in columns}
    for key in re.findall(r"(?:distkey|sortkey) ?\(([\w, ]+)\)", rest or ""):
        if missing := set(key.replace(" ", "").split(",")) - names:
            raise Refused("42703", f'column "{min(missing)}" named in key does not exist')
    defined = ", ".join(map(column_of, columns))
    return f"create {temporary or ''}table {if_not_exists or ''}{name} ({defined})"


def column_of(column):
    found = re.fullmatch(rf"(\w+) {COLUMN_TYPES}((?: {COLUMN_REST})*)", column)
    if found is None:
        raise Refused(SYNTAX, f'syntax error in "{column}"')
    name, type, rest = found[1], found[2], found[3]
    length = {"varchar": "256", "text": "256"}.get(type) or (re.findall(r"varchar\((\d+)\)", type) or [""])[0]
    if length:
        type = f"varchar({length}) constraint bytes_{length}_{name} check (octet_length({name}) <= {length})"
    return f"{name} {type}{' not null' if 'not null' in rest else ''}"


def copy(sql):
    found = COPY.fullmatch(sql)
    if found is None:
        raise Refused(SYNTAX, "COPY: expected FROM 's3://…' IAM_ROLE '…' FORMAT AS PARQUET MANIFEST")
    table, manifest, role, more = found.groups()
    if more:
        raise Refused(LACKING, f"{more.split()[0].upper()} argument is not supported for PARQUET based COPY")
    if not ROLE.fullmatch(role):
        raise Refused(INTERNAL, f"Invalid AWS IAM role ARN: {role}")
    return Copy(table.lower(), manifest, role)
