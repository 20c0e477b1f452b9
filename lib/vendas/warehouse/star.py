"""The warehouse's tables, which follow from the declaration. `sql/` is rendered from them.

Types are valid in both PostgreSQL and Redshift, with text lengths in bytes; a layout is for Redshift only.
"""

from dataclasses import dataclass, replace

from vendas import schema
from vendas.declaration_types import Column, Declaration, Dimension, Type

KEY_TYPE, DAY_TYPE, SALE_ID_TYPE = "bigint", "integer", "varchar(40)"
RECORDS_TABLE, FACT_TABLE, MEMBERS_TABLE, FILES_TABLE = (
    "registros_vendas",
    "fato_vendas",
    "membros_pendentes",
    "arquivos_carregados",
)
DAYS_TABLE, MONTHS_TABLE, SUMS_TABLE = "vendas_por_dia", "vendas_por_mes", "somas_pendentes"
CHANNEL_KEY = "canal_id"
DAY_CELL = ("data_id", CHANNEL_KEY, "turno_compra")  # what sales are summed by in the table of days …
MONTH_CELL = ("mes", CHANNEL_KEY, "dimensao", "membro_id")  # … and of months
_SQL_TYPES = {"int": "integer", Type.TIMESTAMP: "timestamp"}
_KEY_COMMENT = "Chave: os primeiros 64 bits do MD5 dos atributos, unidos por quebras de linha"
_PRIMARY = " not null primary key"
SUM_TYPE = "decimal(22,2)"
DEFAULTS = ". Campos sem valor: "  # in a comment, before the defaults with which the warehouse was loaded


@dataclass(frozen=True)
class SqlColumn:
    """A column of the warehouse; `constraint` follows the type in its definition."""

    name: str
    type: str
    comment: str
    constraint: str = " not null"
    personal: bool = False


@dataclass(frozen=True)
class SqlTable:
    """A table of the warehouse."""

    name: str
    comment: str
    columns: tuple[SqlColumn, ...]
    layout: str


def gold_columns(sales: Declaration) -> tuple[Column, ...]:
    """Return gold's columns and the year."""
    return (*sales.gold_columns, schema.ANO)


def key_columns(sales: Declaration) -> tuple[SqlColumn, ...]:
    """Return the fact's identifier and its foreign keys, in order."""
    return (
        SqlColumn(
            "venda_id",
            SALE_ID_TYPE,
            "Venda: 16 dígitos do MD5 de arquivo_de_origem, um hífen e linha_do_arquivo",
        ),
        SqlColumn("data_id", DAY_TYPE, "Dia da venda"),
        *(SqlColumn(dimension.key, KEY_TYPE, dimension.about) for dimension in sales.dimensions),
    )


def fact_names(sales: Declaration) -> list[str]:
    """Return the names of the fact's columns, in order."""
    keys = [column.name for column in key_columns(sales)]
    return [*keys, *sales.facts, *sales.measures, *(column.gold_name for column in sales.origin)]


def summed_dimensions(sales: Declaration) -> list[Dimension]:
    """Return the dimensions by whose members the sales of a month are summed: all but the channel and large ones."""
    return [dimension for dimension in sales.dimensions if not dimension.large and dimension.key != CHANNEL_KEY]


def describe_defaults(sales: Declaration) -> str:
    """Return gold's columns by their default: NÃO INFORMADO em canal, vendedor; 1 em quantidade."""
    by_default: dict[str, list[str]] = {}
    for column in sales.gold_columns:
        if column.default is not None:
            by_default.setdefault(column.default, []).append(column.name)
    return "; ".join(f"{default} em {', '.join(names)}" for default, names in by_default.items())


def tables(sales: Declaration) -> tuple[SqlTable, ...]:
    """Return all tables of the warehouse for a declaration; a table comes after those that it references."""
    dimensions = [_dimension(dimension, sales) for dimension in sales.dimensions]
    pending = (_members(sales), _pending_sums(sales))
    facts = (_fact(sales), _days(sales), _months(sales))
    return (_files(sales), _records(sales), *pending, *dimensions, _calendar(), *facts)


def _files(sales: Declaration) -> SqlTable:
    return SqlTable(
        FILES_TABLE,
        "Arquivos carregados; uma linha por arquivo da camada bronze, mesmo sem vendas",
        (
            SqlColumn("arquivo_de_origem", "varchar(1000)", "Arquivo da camada bronze", _PRIMARY),
            SqlColumn("linhas", "bigint", "Linhas do arquivo em registros_vendas"),
            SqlColumn("carregado_em", "timestamp", "Quando a última carga do arquivo começou (UTC)"),
            *_sums_of_measures(sales),
        ),
        "diststyle all",
    )


def _records(sales: Declaration) -> SqlTable:
    return SqlTable(
        RECORDS_TABLE,
        f"Vendas como na camada gold; uma linha por venda{DEFAULTS}{describe_defaults(sales)}",
        tuple(map(_sql_column, gold_columns(sales))),
        "diststyle even sortkey (arquivo_de_origem)",
    )


def _members(sales: Declaration) -> SqlTable:
    columns = {column.name: _sql_column(column) for column in gold_columns(sales)}
    attributes = dict.fromkeys(name for dimension in sales.dimensions for name in dimension.attributes)
    keys = [SqlColumn(dimension.key, KEY_TYPE, dimension.about) for dimension in sales.dimensions]
    named = [*keys, *(columns[name] for name in (*attributes, schema.ANO.name))]
    return SqlTable(
        MEMBERS_TABLE,
        "Membros das vendas que uma carga traz, cada linha um de uma dimensão ou um ano; vazia entre cargas",
        tuple(replace(column, constraint="") for column in named),
        "diststyle even",
    )


def _dimension(dimension: Dimension, sales: Declaration) -> SqlTable:
    columns = {column.name: column for column in gold_columns(sales)}
    spread = f"distkey ({dimension.key})" if dimension.large else "diststyle all"
    return SqlTable(
        dimension.table,
        dimension.comment,
        (
            SqlColumn(dimension.key, KEY_TYPE, _KEY_COMMENT, _PRIMARY),
            *(_sql_column(columns[name]) for name in dimension.attributes),
        ),
        f"{spread} sortkey ({dimension.key})",
    )


def _calendar() -> SqlTable:
    return SqlTable(
        "dim_data",
        "Calendário: todos os dias, do primeiro ao último ano com vendas",
        (
            SqlColumn("data_id", DAY_TYPE, "O dia como aaaammdd", _PRIMARY),
            SqlColumn("data", "date", "O dia"),
            SqlColumn("ano", "integer", "Ano"),
            SqlColumn("semestre", "integer", "Semestre: 1 ou 2"),
            SqlColumn("trimestre", "integer", "Trimestre: 1 a 4"),
            SqlColumn("mes", "integer", "Mês: 1 a 12"),
            SqlColumn("nome_mes", "varchar(20)", "Nome do mês: janeiro a dezembro"),
            SqlColumn("dia", "integer", "Dia do mês"),
            SqlColumn("dia_da_semana", "varchar(20)", "Dia da semana: segunda-feira a domingo"),
            SqlColumn("fim_de_semana", "boolean", "Se é sábado ou domingo"),
        ),
        "diststyle all sortkey (data_id)",
    )


def _fact(sales: Declaration) -> SqlTable:
    columns = {column.name: _sql_column(column) for column in gold_columns(sales)}
    identifier, *keys = key_columns(sales)
    columns[identifier.name] = replace(identifier, constraint=_PRIMARY)
    for key in keys:
        dimension = f"dim_{key.name.removesuffix('_id')}"
        columns[key.name] = replace(key, constraint=f" not null references {dimension} ({key.name}) not enforced")
    large = next((dimension.key for dimension in sales.dimensions if dimension.large), "data_id")
    return SqlTable(
        FACT_TABLE,
        "Vendas da estrela; uma linha por linha de registros_vendas",
        tuple(columns[name] for name in fact_names(sales)),
        f"distkey ({large}) sortkey (timestamp_do_registro)",
    )


def _days(sales: Declaration) -> SqlTable:
    return SqlTable(
        DAYS_TABLE,
        "Somas das vendas de fato_vendas por dia, canal e turno",
        (*_day_cell(sales), *_sums(sales)),
        "diststyle all sortkey (data_id)",
    )


def _months(sales: Declaration) -> SqlTable:
    return SqlTable(
        MONTHS_TABLE,
        "Somas das vendas de fato_vendas por mês, canal e membro de cada uma das outras dimensões pequenas",
        (*_month_cell(sales), *_sums(sales)),
        "diststyle all sortkey (mes)",
    )


def _pending_sums(sales: Declaration) -> SqlTable:
    cells = dict.fromkeys((*_day_cell(sales), *_month_cell(sales)))
    return SqlTable(
        SUMS_TABLE,
        f"Somas que uma carga acrescenta a {DAYS_TABLE} ou {MONTHS_TABLE}, ou, negativas, tira; vazia entre cargas",
        (*(replace(column, constraint="") for column in cells), *_sums(sales)),
        "diststyle even",
    )


def _day_cell(sales: Declaration) -> list[SqlColumn]:
    fact = {column.name: column for column in _fact(sales).columns}
    return [replace(fact[name], constraint=" not null") for name in DAY_CELL]


def _month_cell(sales: Declaration) -> list[SqlColumn]:
    channel = next(column for column in _day_cell(sales) if column.name == CHANNEL_KEY)
    return [
        SqlColumn("mes", DAY_TYPE, "Mês da venda como aaaamm"),
        channel,
        SqlColumn("dimensao", "varchar(100)", "Nome da dimensão, sem dim_"),
        SqlColumn("membro_id", KEY_TYPE, "Chave do membro na dimensão"),
    ]


def _sums(sales: Declaration) -> list[SqlColumn]:
    return [SqlColumn("vendas", "bigint", "Número de vendas"), *_sums_of_measures(sales)]


def _sums_of_measures(sales: Declaration) -> list[SqlColumn]:
    columns = {column.name: column for column in sales.gold_columns}
    return [SqlColumn(name, SUM_TYPE, f"Soma: {columns[name].comment}") for name in sales.measures]


def _sql_column(column: Column) -> SqlColumn:
    type = f"varchar({column.max_bytes})" if column.type == Type.TEXT else _SQL_TYPES.get(column.type, column.type)
    return SqlColumn(column.name, type, column.comment, personal=column.personal)


TABLES = tables(schema.SALES)
