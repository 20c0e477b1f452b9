"""Addresses of warehouses, as drivers take them."""

from urllib.parse import urlsplit

from vendas.warehouse.endpoint import Endpoint, RedshiftEndpoint

PASSWORD = "s/3:c@r?é t"


def test_a_url_has_the_password_whatever_its_characters_and_an_address_has_none():
    endpoint = Endpoint(5433, PASSWORD)
    url = urlsplit(endpoint.url)
    assert (url.scheme, url.username, url.hostname, url.port, url.path) == (
        "postgresql",
        "vendas",
        "127.0.0.1",
        5433,
        "/vendas",
    )
    assert url.password == "s%2F3%3Ac%40r%3F%C3%A9%20t" and PASSWORD not in repr(endpoint)
    assert endpoint.address == "postgresql://127.0.0.1:5433/vendas"


def test_redshifts_address_is_its_jdbc_url():
    endpoint = RedshiftEndpoint(5439, PASSWORD, "dw.example", "loja", "carga")
    assert endpoint.address == "jdbc:redshift://dw.example:5439/loja" and PASSWORD not in repr(endpoint)
