"""The declaration of the shop's sales: columns, gold's columns, dimensions and measures. The only place to change them.

After a change, run `make sql docs golden` and the tests; see README, "Add a column". Names and comments are
Portuguese, because analysts read them in the tables.
"""

from vendas.declaration_types import Column, Declaration, Derived, Dimension, Input, Type

MISSING = "NÃO INFORMADO"
MISSING_CODE = "NÃO DISPONÍVEL"

# The columns that rules refer to by name.
TIMESTAMP = Input(
    "Timestamp do Registro",
    Type.TIMESTAMP,
    "Data e hora da venda, como escritas no arquivo",
    other_names=("Data",),
)
NOME = Input("Nome", Type.TEXT, "Nome do cliente", MISSING, personal=True)
SOBRENOME = Input("Sobrenome", Type.TEXT, "Sobrenome do cliente", MISSING, personal=True)
EMAIL = Input("Email", Type.TEXT, "E-mail do cliente", MISSING, personal=True)
TELEFONE = Input("Telefone", Type.TEXT, "Telefone do cliente", MISSING, personal=True)
VALOR = Input("Valor da Compra", Type.MONEY, "Valor da venda em reais, antes do desconto")
DESCONTO = Input("Desconto Oferecido", Type.FRACTION, "Desconto como fração: 0,1100 é 11 %")

# The origin of a row, added by silver.
ARQUIVO = Column("Arquivo de Origem", Type.TEXT, "Arquivo da camada bronze de onde veio a linha")
LINHA_DO_ARQUIVO = Column(
    "Linha do Arquivo", Type.WHOLE, "Linha física desse arquivo em que o registro começa, a partir de 1"
)

SALES = Declaration(
    version=2,
    columns=(
        TIMESTAMP,
        NOME,
        SOBRENOME,
        EMAIL,
        TELEFONE,
        Input("Produto Adquirido", Type.TEXT, "Produto vendido", MISSING),
        VALOR,
        Input("Canal", Type.TEXT, "Canal que trouxe o cliente", MISSING),
        Input("Plataforma de Interação", Type.TEXT, "Onde a venda foi fechada", MISSING),
        Input("Campanha de Marketing", Type.TEXT, "Campanha vigente", MISSING),
        Input("Vendedor", Type.TEXT, "Quem atendeu na loja", MISSING),
        DESCONTO,
        Input("Código de Desconto Usado", Type.TEXT, "Código de desconto usado na venda", MISSING_CODE),
    ),
    origin=(ARQUIVO, LINHA_DO_ARQUIVO),
    gold=(
        TIMESTAMP.name,
        Derived("turno_compra", Type.TEXT, "Turno da venda: a parte do dia em que foi feita", of=(TIMESTAMP.name,)),
        Derived(
            "nome_completo",
            Type.TEXT,
            "Nome e sobrenome do cliente",
            personal=True,
            max_bytes=2001,
            of=(NOME.name, SOBRENOME.name),
        ),
        Derived("email", Type.TEXT, "E-mail do cliente, em minúsculas", personal=True, of=(EMAIL.name,)),
        Derived("dominio_email", Type.TEXT, "O que segue a última @ do e-mail", of=(EMAIL.name,)),
        TELEFONE.name,
        "Produto Adquirido",
        VALOR.name,
        DESCONTO.name,
        Derived(
            "valor_com_desconto",
            Type.MONEY,
            "Valor × (1 − desconto), arredondado meio para cima",
            of=(VALOR.name, DESCONTO.name),
        ),
        "Canal",
        "Plataforma de Interação",
        "Campanha de Marketing",
        "Vendedor",
        "Código de Desconto Usado",
        ARQUIVO.name,
        LINHA_DO_ARQUIVO.name,
    ),
    dimensions=(
        Dimension(
            "cliente",
            "Clientes: uma linha por combinação de nome e contatos",
            ("nome_completo", "email", "dominio_email", "telefone"),
            "Quem comprou",
            large=True,
        ),
        Dimension("produto", "Produtos: uma linha por produto", ("produto_adquirido",), "O que foi vendido"),
        Dimension("canal", "Canais: uma linha por canal que trouxe clientes", ("canal",), "Canal que trouxe o cliente"),
        Dimension(
            "plataforma",
            "Plataformas: uma linha por plataforma de interação",
            ("plataforma_de_interacao",),
            "Onde a venda foi fechada",
        ),
        Dimension(
            "campanha",
            "Campanhas: uma linha por campanha de marketing",
            ("campanha_de_marketing",),
            "Campanha vigente",
        ),
        Dimension("vendedor", "Vendedores: uma linha por vendedor", ("vendedor",), "Quem atendeu na loja"),
        Dimension(
            "desconto",
            "Descontos: uma linha por código e fração de desconto",
            ("codigo_de_desconto_usado", "desconto_oferecido"),
            "Código e fração do desconto",
        ),
    ),
    facts=("timestamp_do_registro", "ano", "turno_compra"),
    measures=("valor_da_compra", "valor_com_desconto"),
)
