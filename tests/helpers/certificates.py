"""A certificate authority for tests, and a certificate that it signs for 127.0.0.1."""

import datetime
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def make(folder):
    """Write and return PEM files: the authority's certificate, a server's certificate for 127.0.0.1, and its key."""
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = _certificate("vendas test authority", authority_key.public_key(), "vendas test authority", True)
    server = _certificate("127.0.0.1", key.public_key(), "vendas test authority", False)
    files = {
        "authority.pem": authority.sign(authority_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM),
        "server.pem": server.sign(authority_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM),
        "server.key": key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in files]


def _certificate(subject, public_key, issuer, authority):
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in (subject, issuer)]
    builder = (
        x509.CertificateBuilder(issuer_name=names[1], subject_name=names[0], public_key=public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if authority:
        return builder
    address = x509.IPAddress(ipaddress.ip_address(subject))
    return builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
