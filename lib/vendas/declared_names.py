"""Names in a declaration: those that code, SQL and notebooks need, and those that no column can have."""

import re
from collections.abc import Callable, Collection, Iterable

from vendas.errors import DeclarationError

_SUMS, _PEOPLE = "lib/vendas/warehouse/star.py", "lib/vendas/privacy/database.py"
_QUESTIONS, _CHOICE = "notebooks/05_exploracao.ipynb", "lib/vendas/reports/exploration.py"
NEEDED = {
    "dim_cliente.nome_completo": (_PEOPLE,),
    "dim_cliente.email": (_PEOPLE, _QUESTIONS),
    "dim_cliente.dominio_email": (_PEOPLE, _QUESTIONS, _CHOICE),
    "dim_cliente.telefone": (_PEOPLE,),
    "dim_produto.produto_adquirido": (_QUESTIONS,),
    "dim_canal.canal": (_SUMS, _QUESTIONS, _CHOICE),
    "dim_plataforma.plataforma_de_interacao": (_QUESTIONS,),
    "dim_campanha.campanha_de_marketing": (_QUESTIONS,),
    "dim_vendedor.vendedor": (_QUESTIONS,),
    "dim_desconto.codigo_de_desconto_usado": (_QUESTIONS,),
    "facts.timestamp_do_registro": (_SUMS,),
    "facts.turno_compra": (_SUMS, _QUESTIONS),
    "measures.valor_da_compra": (_QUESTIONS,),
    "measures.valor_com_desconto": (_QUESTIONS,),
}
"""What a declaration cannot be without, and the files that call it by name. All else can go or be called otherwise."""

_NAME = re.compile("[a-z][a-z0-9_]*")
_LONGEST_NAME = 49  # so that dim_…_mascarada and the like fit PostgreSQL's 63 bytes, and are not cut
# Columns of the project's own beside the declared ones: in records and sales, and in the warehouse.
OF_RECORDS = {"linha", "texto", "problemas", "motivos", "origem", "posicao", "variante", "lugar"}
OF_WAREHOUSE = ("ano", "venda_id", "data_id", "linhas", "carregado_em", "vendas", "mes", "dimensao", "membro_id")

_OF_REDSHIFT = """
    aes128 aes256 all allowoverwrite analyse analyze and any array as asc authorization az64 backup between binary
    blanksasnull both bytedict bzip2 case cast check collate column constraint create credentials cross current_date
    current_time current_timestamp current_user current_user_id default deferrable deflate defrag delta delta32k desc
    disable distinct do else emptyasnull enable encode encrypt encryption end except explicit false for foreign freeze
    from full globaldict256 globaldict64k grant group gzip having identity ignore ilike in initially inner intersect
    interval into is isnull join leading left like limit localtime localtimestamp lun luns lzo lzop minus mostly16
    mostly32 mostly8 natural new not notnull null nulls off offline offset oid old on only open or order outer overlaps
    parallel partition percent permissions pivot placing primary raw readratio recover references rejectlog resort
    respect restore right select session_user similar snapshot some sysdate system table tag tdes text255 text32k then
    timestamp to top trailing true truncatecolumns union unique unnest unpivot user using verbose wallet when where with
    without
"""
_OF_POSTGRESQL_ONLY = """
    asymmetric collation concurrently current_catalog current_role current_schema fetch lateral returning symmetric
    system_user tablesample variadic window
"""
_OF_SYSTEM_COLUMNS = "tableoid xmin cmin xmax cmax ctid"
RESERVED = frozenset(f"{_OF_REDSHIFT} {_OF_POSTGRESQL_ONLY} {_OF_SYSTEM_COLUMNS}".split())
"""The words that PostgreSQL 18 or Redshift takes as a column's name in quotes only, or not at all."""


def check_needed(declared: Collection[str]) -> None:
    """Check that all is declared that others need by name. Raises: DeclarationError if not."""
    if missing := [name for name in NEEDED if name not in declared]:
        users = dict.fromkeys(file for name in missing for file in NEEDED[name])
        raise DeclarationError(
            f"The declaration lacks {', '.join(missing)}, needed by {' and '.join(users)}. Declare it again; or change "
            "these files first, and then NEEDED in lib/vendas/declared_names.py."
        )


def check_distinct(where: str, names: Iterable[str], normalize: Callable[[str], str] = str) -> None:
    """Check that no two of the names are one once they are normalized. Raises: DeclarationError if some are."""
    found: dict[str, str] = {}
    for name in names:
        if other := found.get(normalize(name)):
            raise DeclarationError(
                f"{where} cannot tell {name!r} from {other!r}: give one of the two columns another name."
            )
        found[normalize(name)] = name


def check_sql_names(columns: Iterable[str], dimensions: Iterable[str]) -> None:
    """Check that columns and dimensions can have these names in SQL without quotes.

    A dimension may be called by a reserved word, since it is always `dim_…` or `…_id`.
    Raises: DeclarationError if not.
    """
    columns = [*columns]
    for name in (*columns, *dimensions):
        if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
            raise DeclarationError(
                f"{name!r} cannot be a name in the warehouse; expected at most {_LONGEST_NAME} letters, digits and "
                "_, the first a letter. Of a column's name, blanks become _ and accents go."
            )
    if reserved := sorted(RESERVED & {*columns}):
        raise DeclarationError(
            f"{reserved[0]!r} cannot be a column of the warehouse: PostgreSQL or Redshift reserves the word. Give the "
            "column another name, and this one in other_names, by which files may go on to have it."
        )
