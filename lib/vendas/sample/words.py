"""The shop of the sample files: who buys what, where and when. Lists are sorted from common to rare."""

import unicodedata

import numpy as np

FIRST_NAMES = (
    "Ana Lúcia|Antônio|Beatriz|Caíque|Cauã|Cláudia|Cristóvão|Débora|Eduardo|Ester|Fabrício|Fátima|Francisco|Gabriel|"
    "Geovana|Gustavo|Heloísa|Hugo|Inês|Ítalo|Jéssica|João Pedro|Joaquim|José|Karina|Kauê|Laís|Letícia|Lívia|"
    "Luís Fernando|Luísa|Manuela|Marcelo|Márcia|Maria Clara|Maria José|Mônica|Murilo|Nicole|Otávio|Patrício|Raíssa|"
    "Raquel|Renan|Rita de Cássia|Samuel|Sebastião|Sílvia|Simone|Sofia|Tânia|Tomás|Úrsula|Valéria|Vinícius|Vitória|"
    "Wesley|Yara|Yasmin|Zélia"
).split("|")
SURNAMES = (
    "da Silva|dos Santos|Oliveira|de Souza|Rodrigues|Ferreira|Alves|Pereira|Lima|Gomes|Ribeiro|Carvalho|de Almeida|"
    "Lopes|Soares|Fernandes|Vieira|Barbosa|Rocha|Dias|Nascimento|de Araújo|Moreira|Nunes|Marques|Cardoso|Teixeira|"
    "Correia|Cavalcante|Monteiro|da Conceição|Mendes|Freitas|Ramos|Gonçalves|Santana|Guimarães|Brandão|Assunção|"
    "Magalhães|Falcão|Sampaio|D'Ávila|Sá e Benevides|Antunes|Bragança|Leitão|Simões|Vilaça|Queirós"
).split("|")
DOMAINS = ("correio.example", "caixa.example", "mensagem.com.example", "carta.example", "empresa.com.example")
AREA_CODES = (11, 11, 11, 19, 21, 21, 27, 31, 41, 47, 48, 51, 61, 62, 71, 81, 85, 91, 92, 98)

PRODUCTS = {  # list price in whole reais
    "Camiseta Básica": 49, "Garrafa Térmica": 89, "Capa de Celular": 39, "Carregador USB-C": 79, "Cabo HDMI, 2 m": 35,
    "Fone sem Fio": 229, "Luminária de Mesa": 119, "Mochila Executiva": 189, "Tênis de Corrida": 349,
    "Liquidificador": 159, "Jogo de Panelas, 5 peças": 399, "Ferro a Vapor": 139, "Chaleira Elétrica": 129,
    "Sanduicheira": 99, "Pen Drive 128 GB": 59, "SSD 1 TB": 479, "Roteador Wi-Fi 6": 329, "Teclado sem Fio": 169,
    "Câmera de Segurança": 259, "Balança Digital": 69, "Secador de Cabelo": 179, "Barbeador Elétrico": 249,
    "Edredom Queen": 279, "Travesseiro de Espuma": 85, "Ventilador de Coluna": 219, "Aspirador Vertical": 299,
    "Air Fryer 5 L": 449, "Cafeteira de Cápsulas": 519, "Micro-ondas 32 L": 689, "Cadeira de Escritório": 799,
    "Relógio Esportivo": 899, "Tablet 10\"": 1399, "Monitor 27\"": 1249, "Celular 256 GB": 2199, "Smart TV 50\"": 2599,
    "Máquina de Lavar": 2349, "Fogão 5 Bocas": 1599, "Geladeira Frost Free": 3299, "Notebook 16 GB": 4199,
    "Bicicleta Aro 29": 1849, "Sofá Retrátil": 2990, "Ar-Condicionado Split": 2450,
}  # fmt: skip
CENTS = ("", "", ".90", ".90", ".99", ".50")

CANAIS = ("Redes Sociais", "Anúncio Online", "E-mail Marketing", "Loja Física")
IN_SHOP = CANAIS.index("Loja Física")
PLATFORMS = ("Website", "Aplicativo Móvel", "Loja Física")
SHOP = PLATFORMS.index("Loja Física")
SELLERS = (
    "Adriano|Alessandra|Cecília M.|Edson|Eliane|Fernanda T.|Geraldo|Íris|Jorge Luís|Lúcio|Márcio A.|Neide|Otília|"
    "Regina|Severino|Sônia|Tarcísio|Vânia"
).split("|")

CAMPAIGNS = ("Campanha Verão", "Campanha Outono", "Campanha Inverno", "Campanha Primavera")
DISCOUNTS = ("11%", "8%", "10%", "15%")
CODES = ("VERAO", "OUTONO", "INVERNO", "PRIMAVERA")
CAMPAIGN_OF_MONTH = (0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3)  # seasons of the southern hemisphere

DAYS = np.arange("2019-01-01", "2025-01-01", dtype="datetime64[D]")
FIRST_SECOND = int(DAYS[0].astype("datetime64[s]").astype(np.int64))
YEAR_WEIGHTS = (10, 8, 12, 14, 15, 17)
MONTH_WEIGHTS = (8, 7, 9, 9, 11, 10, 10, 11, 9, 10, 15, 19)
WEEKDAY_WEIGHTS = (9, 9, 9, 10, 13, 14, 8)  # from Monday
HOUR_WEIGHTS = (4, 2, 1, 1, 1, 2, 3, 6, 10, 14, 17, 18, 19, 17, 16, 16, 17, 18, 20, 22, 23, 20, 14, 8)
BLACK_FRIDAY_FACTOR = 5
SHOPS_OPEN, SHOPS_CLOSE = 9, 21


def ascii_name(name: str) -> str:
    """Return the name as part of an e-mail address: 'Sá e Benevides' becomes 'sa.e.benevides'."""
    plain = unicodedata.normalize("NFD", name).encode("ascii", "ignore").decode()
    return plain.lower().replace(" ", ".").replace("'", "")


def months(days: np.ndarray) -> np.ndarray:
    """Return the month of each `datetime64[D]`, 0 to 11."""
    return days.astype("datetime64[M]").astype(np.int64) % 12


def busy_hours() -> np.ndarray:
    """Return the relative number of sales in each hour of all years."""
    year = DAYS.astype("datetime64[Y]").astype(np.int64) - int(DAYS[0].astype("datetime64[Y]").astype(np.int64))
    month = months(DAYS)
    weekday = (DAYS.astype(np.int64) + 3) % 7  # 1970 began on a Thursday
    date = (DAYS - DAYS.astype("datetime64[M]")).astype(np.int64) + 1
    black_friday = (month == 10) & (weekday == 4) & (date >= 23) & (date <= 29)
    day_weight = np.take(YEAR_WEIGHTS, year) * np.take(MONTH_WEIGHTS, month) * np.take(WEEKDAY_WEIGHTS, weekday)
    day_weight = np.where(black_friday, day_weight * BLACK_FRIDAY_FACTOR, day_weight)
    return np.outer(day_weight, HOUR_WEIGHTS).ravel()


def from_common_to_rare(words: int) -> np.ndarray:
    """Return weights for this many words, decreasing from common to rare."""
    return 1000 // np.arange(4, words + 4)
