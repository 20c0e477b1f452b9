"""Addresses of warehouses, as drivers take them."""

import ssl
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest

from vendas.warehouse.endpoint import Endpoint, RedshiftEndpoint

PASSWORD = "s/3:c@r?é t"


def test_a_url_has_the_password_whatever_its_characters_and_jdbcs_has_none():
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
    assert endpoint.jdbc_url == "jdbc:postgresql://127.0.0.1:5433/vendas"


@pytest.mark.parametrize(
    ("given", "of_machine", "trusted"),
    [("/a/aws.pem", "/etc/all.pem", "/a/aws.pem"), (None, "/etc/all.pem", "/etc/all.pem"), (None, None, "system")],
)
def test_redshifts_certificate_is_always_verified(monkeypatch, given, of_machine, trusted):
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: SimpleNamespace(cafile=of_machine))
    endpoint = RedshiftEndpoint(5439, PASSWORD, "dw.example", "loja", "carga", root_certificate=given)
    url = urlsplit(endpoint.url)
    assert url.netloc.endswith("@dw.example:5439") and url.path == "/loja" and url.username == "carga"
    options = {"sslmode": ["verify-full"], "sslrootcert": [trusted], "client_encoding": ["utf8"]}
    assert parse_qs(url.query) == options
    assert endpoint.jdbc_url == "jdbc:redshift://dw.example:5439/loja"
