"""CSV into PostgreSQL by dlt: `python extract.py LANDING FOLDER`, in an environment of its own.

Rows with another number of fields are left out; all others are loaded as texts. DESTINATION__POSTGRES__CREDENTIALS
names the database. dlt keeps its state in FOLDER.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import dlt
import pyarrow as pa
from pyarrow import csv

NAMES = [
    "timestamp_do_registro", "nome", "sobrenome", "email", "telefone", "produto_adquirido", "valor_da_compra", "canal",
    "plataforma_de_interacao", "campanha_de_marketing", "vendedor", "desconto_oferecido", "codigo_de_desconto_usado",
]  # fmt: skip


@dlt.resource(name="vendas", write_disposition="append")
def sales(landing: Path) -> Iterator[pa.Table]:
    """Yield the rows of each file of `landing`."""
    for path in sorted(landing.glob("registros*.csv")):
        rows = csv.read_csv(
            path,
            csv.ReadOptions(column_names=NAMES, skip_rows=1),
            csv.ParseOptions(newlines_in_values=True, invalid_row_handler=lambda row: "skip"),
            csv.ConvertOptions(column_types=dict.fromkeys(NAMES, pa.string()), strings_can_be_null=False),
        )
        yield rows.append_column("arquivo_de_origem", pa.repeat(path.name, len(rows)))


if __name__ == "__main__":
    landing, folder = map(Path, sys.argv[1:])
    pipeline = dlt.pipeline("vendas", destination="postgres", dataset_name="bruto", pipelines_dir=str(folder))
    pipeline.run(sales(landing), loader_file_format="csv")
