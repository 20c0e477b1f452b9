"""Changes of the declaration as a person makes them by hand, applied to a copy of the project, which then runs.

project = Project.make(tmp_path, PAYMENT, QUANTITY, OTHER_NAMES)
project.run(lake)
project.contents(lake)
"""

import json
import os
import pickle
import shutil
import subprocess
import sys
from dataclasses import dataclass
from difflib import ndiff
from pathlib import Path

from helpers.terminal import ENVIRONMENT, NO_REPORT
from vendas import resources

SALES, COLUMNS = "lib/vendas/declaration.py", "lib/vendas/rules/input_columns.py"
VALIDATE, REASONS = "lib/vendas/rules/validate.py", "lib/vendas/reasons.py"
LAST_COLUMN = ' "Código de desconto usado na venda", MISSING_CODE),\n'
LAST_DIMENSION = '            "Código e fração do desconto",\n        ),\n'


MAIN = "from vendas.start import main; main()"
CONTENTS = """\
import pickle, sys
from helpers.lake_twin import contents
sys.stdout.buffer.write(pickle.dumps(contents(sys.argv[1])))
"""


@dataclass(frozen=True)
class Edit:
    """A text to insert after another one or to replace it; each line that it changes counts as written by hand."""

    file: str
    at: str
    text: str
    instead: bool = False

    def apply(self, text):
        """Return the text of the file after the edit."""
        assert text.count(self.at) == 1, (self.file, self.at)
        return text.replace(self.at, self.text if self.instead else self.at + self.text)


PAYMENT = (
    Edit(
        SALES,
        LAST_COLUMN,
        '        Input("Forma de Pagamento", Type.TEXT, "Como a venda foi paga", MISSING, optional=True),\n',
    ),
    Edit(
        SALES,
        LAST_DIMENSION,
        '        Dimension("pagamento", "Formas de pagamento", ("forma_de_pagamento",), "Como a venda foi paga"),\n',
    ),
)

QUANTITY = (
    Edit(
        SALES,
        "DESCONTO = Input(",
        'QUANTIDADE = Input("Quantidade", Type.WHOLE, "Peças vendidas", "1", optional=True)\nDESCONTO = Input(',
        instead=True,
    ),
    Edit(SALES, LAST_COLUMN, "        QUANTIDADE,\n"),
    Edit(SALES, 'measures=("valor_da_compra", "valor_com_desconto"', ', "quantidade"'),
    Edit(
        COLUMNS,
        "\n\ndef texto_reason(",
        '''

def parse_quantidade(amount: pa.StringArray) -> pa.Int64Array:
    """Type '3' as a whole number of 1 to 9,999 pieces."""
    return null_elsewhere(_is(amount, "[1-9][0-9]{0,3}"), amount).cast(pa.int64())


def quantidade_reason(amount: pa.StringArray) -> pa.StringArray:
    """Return why parse_quantidade gives null."""
    return _first_reason(
        parse_quantidade(amount).is_valid(),
        (_is(amount, "0+"), Reason.QUANTIDADE_ZERO),
        otherwise=Reason.QUANTIDADE_INVALIDA,
    )


def texto_reason(''',
        instead=True,
    ),
    Edit(
        VALIDATE,
        "    schema.DESCONTO.name: (input_columns.parse_desconto, input_columns.desconto_reason),\n",
        '    "Quantidade": (input_columns.parse_quantidade, input_columns.quantidade_reason),\n',
    ),
    Edit(
        REASONS,
        "    TEXTO_LONGO = (\n",
        """    QUANTIDADE_ZERO = (
        "quantidade_zero",
        "A quantidade é zero; informe quantas peças foram vendidas.",
    )
    QUANTIDADE_INVALIDA = (
        "quantidade_invalida",
        "A quantidade não é um número inteiro de 1 a 9.999; escreva como 2.",
    )
    TEXTO_LONGO = (
""",
        instead=True,
    ),
)

CPF = (
    Edit(
        SALES,
        LAST_COLUMN,
        '        Input("CPF", Type.TEXT, "CPF do cliente", MISSING, personal=True, optional=True),\n',
    ),
)

OTHER_NAMES = (
    Edit(SALES, '"Canal que trouxe o cliente", MISSING', ', other_names=("Origem",)'),
    Edit(SALES, '"Onde a venda foi fechada", MISSING', ', other_names=("Loja",)'),
)


def edited(edits, root=resources.REPOSITORY):
    """Return the text of each changed file before and after."""
    texts = {}
    for edit in edits:
        before, after = texts.get(edit.file) or [(root / edit.file).read_text(encoding="utf-8")] * 2
        texts[edit.file] = before, edit.apply(after)
    return texts


def by_hand(edits):
    """Return how many files a person changes and how many lines they write."""
    pairs = edited(edits).values()
    written = [line for before, after in pairs for line in ndiff(before.splitlines(), after.splitlines())]
    return len(pairs), sum(line.startswith("+ ") for line in written)


@dataclass(frozen=True)
class Project:
    """A copy of the project in its own folder."""

    root: Path

    @classmethod
    def make(cls, root, *drills):
        project = cls(root)
        project.bring("lib", "sql", "notebooks", "docs")
        for edits in drills:
            for file, (_, after) in edited(edits, root).items():
                (root / file).write_text(after, encoding="utf-8")
        project.python(root / "sql" / "render.py")
        return project

    def bring(self, *folders):
        """Copy these folders of the repository as they are."""
        for name in folders:
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(resources.REPOSITORY / name, self.root / name, ignore=ignored)

    def python(self, *arguments, codes=(0, 2)):
        """Run Python with this copy of the library, which must end with one of these codes; return its output."""
        done = self._call(*arguments)
        assert done.returncode in codes, (done.stdout + done.stderr).decode()
        return done.stdout

    def _call(self, *arguments):
        paths = os.pathsep.join(map(str, (self.root / "lib", Path(__file__).parents[1])))
        environment = os.environ | ENVIRONMENT | NO_REPORT | {"PYTHONPATH": paths}
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=self.root,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )

    def vendas(self, *arguments):
        """Return what a command prints as JSON."""
        return json.loads(self.python("-c", MAIN, *arguments, "--json").splitlines()[-1])

    def plan(self, lake):
        """Return the exit code of `vendas plan`, and its JSON."""
        done = self._call("-c", MAIN, "plan", "--lake", lake, "--json")
        assert done.returncode in (0, 3), done.stderr.decode()
        return done.returncode, json.loads(done.stdout.splitlines()[-1])

    def run(self, lake):
        return self.vendas("run", "--lake", lake)

    def contents(self, lake):
        """Return all that a lake holds, as this copy of the library reads it."""
        return pickle.loads(self.python("-c", CONTENTS, lake))
