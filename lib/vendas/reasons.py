"""The reasons why a row is quarantined: each has a stable code for programs and a sentence for people."""

from enum import StrEnum


class Code(StrEnum):
    """A code, which is the string itself, and its `sentence` for people in Portuguese."""

    sentence: str

    def __new__(cls, code: str, sentence: str):
        member = str.__new__(cls, code)
        member._value_ = code
        member.sentence = sentence
        return member


class Reason(Code):
    """Why a row is refused; the sentence says what is wrong and how to fix it."""

    NUMERO_DE_CAMPOS = (
        "numero_de_campos",
        "O número de campos da linha não é o do cabeçalho; "
        "ponha entre aspas o campo que contém o delimitador, ou complete os campos que faltam.",
    )
    TEXTO_APOS_ASPAS = (
        "texto_apos_aspas",
        'Há texto depois das aspas que fecham um campo; dobre as aspas que fazem parte do texto ("") '
        "e não deixe nada, nem espaço, entre as aspas finais e o delimitador.",
    )
    RETORNO_DE_CARRO = (
        "retorno_de_carro",
        "Há um retorno de carro (CR) sozinho, fora de aspas, no meio da linha; "
        "troque-o por um espaço, ou ponha o campo entre aspas.",
    )
    ASPAS_ENGOLEM_LINHAS = (
        "aspas_engolem_linhas",
        "Um campo entre aspas contém uma quebra de linha e tantos delimitadores quantos tem uma linha: parece que uma "
        'aspa solta (como em TV 24") engoliu linhas; dobre as aspas que fazem parte do texto ("") ou tire-as.',
    )
    TIMESTAMP_AUSENTE = (
        "timestamp_ausente",
        "Falta a data e hora da venda; preencha como 2024-03-31 14:05:00.",
    )
    TIMESTAMP_SEM_HORA = (
        "timestamp_sem_hora",
        "A data veio sem a hora; acrescente hora e minuto, como 2024-03-31 14:05.",
    )
    TIMESTAMP_COM_FUSO = (
        "timestamp_com_fuso",
        "A data e hora traz um fuso (Z ou +00:00); escreva a hora local da loja, sem fuso.",
    )
    TIMESTAMP_IMPOSSIVEL = (
        "timestamp_impossivel",
        "A data ou a hora não existe (como 31/02 ou 25:00); corrija com a data e hora da venda.",
    )
    TIMESTAMP_FORA_DO_INTERVALO = (
        "timestamp_fora_do_intervalo",
        "O ano está fora do intervalo aceito, de 1990 a 2100; corrija o ano da venda.",
    )
    TIMESTAMP_INVALIDO = (
        "timestamp_invalido",
        "A data e hora não está em um formato aceito: dia e mês têm dois dígitos, o ano quatro, a hora vai de 0 a 23, "
        "sem AM nem PM; escreva 2024-03-31 14:05:00 ou 31/03/2024 14:05.",
    )
    TIMESTAMP_AMBIGUO = (
        "timestamp_ambiguo",
        "Outras datas do arquivo só existem com o mês na frente (03/25/2024), e esta seria outro dia se lida assim; "
        "exporte o arquivo com as datas como 2024-03-31 14:05.",
    )
    VALOR_AUSENTE = (
        "valor_ausente",
        "Falta o valor da compra; preencha com o valor em reais, como 1234,56.",
    )
    VALOR_NEGATIVO = (
        "valor_negativo",
        "O valor da compra é negativo; informe um valor de 0 para cima.",
    )
    VALOR_AMBIGUO = (
        "valor_ambiguo",
        "O valor tem um só separador seguido de três dígitos (1.234: milhar ou decimal?); "
        "escreva 1234,00 ou 1,23, conforme o caso.",
    )
    VALOR_SEM_CENTAVOS = (
        "valor_sem_centavos",
        "O valor tem milhares separados por espaço ou apóstrofo e não tem centavos (1 234: um número ou dois?); "
        "escreva 1234,00.",
    )
    VALOR_MOEDA = (
        "valor_moeda",
        "Há uma moeda ou outro texto junto do valor, que só pode ter R$ antes dele; escreva o valor em reais, "
        "como 1234,56 ou R$ 1.234,56.",
    )
    VALOR_CASAS_DECIMAIS = (
        "valor_casas_decimais",
        "O valor da compra tem mais de duas casas decimais; arredonde para centavos.",
    )
    VALOR_FORA_DO_LIMITE = (
        "valor_fora_do_limite",
        "O valor da compra passa do limite de 9.999.999.999,99; confira o valor.",
    )
    VALOR_INVALIDO = (
        "valor_invalido",
        "O valor da compra não é um número em um formato aceito; escreva como 1234,56 ou R$ 1.234,56.",
    )
    DESCONTO_ACIMA_DE_100 = (
        "desconto_acima_de_100",
        "O desconto passa de 100%; informe um percentual de 0 a 100.",
    )
    DESCONTO_NEGATIVO = (
        "desconto_negativo",
        "O desconto é negativo; informe um percentual de 0 a 100.",
    )
    DESCONTO_AMBIGUO = (
        "desconto_ambiguo",
        "O desconto está entre 0 e 1 sem o sinal % (0,11: fração ou percentual?); escreva 11% ou 0,11%.",
    )
    DESCONTO_UM_AMBIGUO = (
        "desconto_um_ambiguo",
        "O desconto é 1 sem o sinal %, e outros do arquivo estão entre 0 e 1 (1: um por cento ou o preço todo?); "
        "escreva 1% ou 100%.",
    )
    DESCONTO_CASAS_DECIMAIS = (
        "desconto_casas_decimais",
        "O desconto tem mais de duas casas decimais; arredonde, como 5,25%.",
    )
    DESCONTO_INVALIDO = (
        "desconto_invalido",
        "O desconto não é um percentual em um formato aceito; escreva como 11% ou 5,5%, ou deixe vazio.",
    )
    TEXTO_LONGO = (
        "texto_longo",
        "Um campo de texto passa do limite (em geral 1.000 bytes em UTF-8); encurte-o.",
    )
