"""A double of Amazon Redshift for its real drivers: its protocol and its refusals, in front of an embedded PostgreSQL.

A client uses TLS and logs in with Redshift's own digest, which other drivers do not support. `redshift_rules`
translates each statement; one that Redshift refuses fails within the client's own transaction. COPY becomes a COPY FROM
STDIN on the same connection, so that it is rolled back with the rest of the transaction.
"""

import hashlib
import os
import socket
import ssl
import struct
import threading
from contextlib import suppress

import psycopg

from helpers.redshift_copy import rows_as_csv
from helpers.redshift_rules import INTERNAL, TOO_LONG, Copy, Refused, Truncate, View, translate

TLS_WANTED, GSS_WANTED, PROTOCOL_3 = 80877103, 80877104, 196608
KNOWN_AT_START = set(
    "user database client_encoding application_name driver_version driver_discovery_version os_version plugin_name "
    "client_protocol_version datestyle timezone extra_float_digits".split()
)
REPORTED = {
    "server_version": "8.0.2",
    "server_encoding": "UTF8",
    "client_encoding": "UTF8",
    "DateStyle": "ISO, MDY",
    "integer_datetimes": "on",
    "session_authorization": "vendas",
}
# As in PostgreSQL 8.0, a backslash is an escape character in a literal.
BACKEND_OPTIONS = "-c standard_conforming_strings=off -c escape_string_warning=off"


class RedshiftDouble:
    """Listens on 127.0.0.1 within the block; refuses the next `conflicts` refreshes of the star."""

    def __init__(self, backend, certificate, key):
        self.backend, self.conflicts, self.seen, self.tables = backend, 0, [], set()
        self.asks_for = digest  # the default for passwords in Redshift; `md5` for an older one
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(certificate, key)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self):
        with suppress(OSError):  # the listener was closed
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client):
        secured = client
        try:
            with suppress(ConnectionError, ssl.SSLError):
                secured = self._secured(client)
                self._speak(Stream(secured))
        finally:  # in any case, otherwise the client would wait forever
            with suppress(OSError):
                secured.shutdown(socket.SHUT_RDWR)
            secured.close()
            client.close()

    def _speak(self, stream):
        if self._logged_in(stream):
            with psycopg.connect(self.backend.url, options=BACKEND_OPTIONS, autocommit=True) as login:
                Session(self, stream, Stream(socket.socket(fileno=os.dup(login.fileno())))).run()

    def _secured(self, client):
        while True:
            (wanted,) = struct.unpack("!4xi", client.recv(8, socket.MSG_WAITALL).ljust(8, b"\0"))
            if wanted == TLS_WANTED:
                client.sendall(b"S")
                return self.tls.wrap_socket(client, server_side=True)
            if wanted != GSS_WANTED:
                raise ConnectionError("a client without TLS")
            client.sendall(b"N")

    def _logged_in(self, stream):
        length, version = struct.unpack("!ii", stream.take(8))
        texts = [text.decode() for text in stream.take(length - 8).split(b"\0")]
        given_at_start = dict(zip(texts[::2], texts[1::2], strict=False))
        unknown = {name.lower() for name in given_at_start if name} - KNOWN_AT_START
        if version != PROTOCOL_3 or unknown:
            stream.error(Refused("08P01", f"unrecognized start-up: {version}, {unknown}"), "FATAL")
            return False
        if not self.asks_for(stream, self.backend) or given_at_start["user"] != self.backend.user:
            stream.error(
                Refused("28000", f'password authentication failed for user "{given_at_start["user"]}"'), "FATAL"
            )
            return False
        stream.send(b"R", struct.pack("!i", 0))
        for name, value in REPORTED.items():
            stream.send(b"S", f"{name}\0{value}\0".encode())
        stream.send(b"K", struct.pack("!ii", 1, 1))
        stream.send(b"Z", b"I")
        return True


def digest(stream, login):
    """Authenticate a client with Redshift's own method 13, which only its drivers support; return the success."""
    salt, nonce = os.urandom(16), os.urandom(16)
    told = b"".join(struct.pack("!i", len(part)) + part for part in (salt, nonce))
    stream.send(b"R", struct.pack("!ii", 13, 0) + told)
    kind, given = stream.message()
    (length,) = struct.unpack_from("!i", given)
    proof, of_client = given[4 : 4 + length], given[8 + length :]
    salted = hashlib.sha256(login.password.encode() + salt).digest()
    return kind == b"d" and proof == hashlib.sha256(salted + nonce + of_client).digest()


def md5(stream, login):
    """Authenticate a client with MD5, PostgreSQL's method before SCRAM; return the success."""
    salt = os.urandom(4)
    stream.send(b"R", struct.pack("!i", 5) + salt)
    _, given = stream.message()
    inner = hashlib.md5((login.password + login.user).encode()).hexdigest()
    return given == b"md5" + hashlib.md5(inner.encode() + salt).hexdigest().encode() + b"\0"


class Stream:
    """One end of the protocol; a message has a kind and a payload."""

    def __init__(self, connection):
        connection.setblocking(True)
        self.connection, self.reader = connection, connection.makefile("rb")

    def take(self, count):
        taken = self.reader.read(count)
        if len(taken) < count:
            raise ConnectionError("the other end closed")
        return taken

    def message(self):
        kind, length = struct.unpack("!ci", self.take(5))
        return kind, self.take(length - 4)

    def send(self, kind, payload=b""):
        self.connection.sendall(kind + struct.pack("!i", len(payload) + 4) + payload)

    def error(self, refused, severity="ERROR"):
        fields = {"S": severity, "C": refused.state, "M": refused.message, "D": refused.detail}
        self.send(b"E", b"".join(f"{name}{text}\0".encode() for name, text in fields.items() if text) + b"\0")


class Session:
    """A client, and the connection to PostgreSQL that serves it."""

    def __init__(self, double, client, backend):
        self.double, self.client, self.backend = double, client, backend
        self.status = b"I"

    def run(self):
        while (message := self.client.message())[0] != b"X":
            batch = [message]
            while batch[-1][0] not in (b"S", b"Q"):
                batch.append(self.client.message())
            self.answer(batch)

    def answer(self, batch):
        """Answer a batch of messages that ends with a Sync or Query; after an error, answer only that last one."""
        waiting, aside, failed = [], False, False
        for kind, payload in batch:
            if kind in (b"P", b"Q") and not failed:
                name, sql, rest = (b"", *payload.split(b"\0", 1)) if kind == b"Q" else payload.split(b"\0", 2)
                own = self.translated(sql.decode())
                aside = not isinstance(own, str)
                if aside:
                    failed = self.relay(waiting) or self.do(own, asked_for=b"12n" if kind == b"P" else b"")
                    waiting = []
                else:
                    waiting.append((kind, b"\0".join([*([name] if kind == b"P" else []), own.encode(), rest])))
            elif not aside and not failed and kind != b"S":
                waiting.append((kind, payload))
        if not failed:
            self.relay(waiting)
        self.client.send(b"Z", self.status)

    def translated(self, sql):
        self.double.seen.append(sql)
        try:
            if self.double.conflicts and "call refresh_star" in sql:
                self.double.conflicts -= 1
                raise Refused(INTERNAL, "1023", "Serializable isolation violation on table - 100042")
            return translate(sql, self.double.tables)
        except Refused as refused:
            return refused

    def do(self, own, asked_for):
        """Execute what PostgreSQL has no statement for, and send the messages `asked_for`; return whether it failed."""
        try:
            if isinstance(own, Refused):
                raise own
            if isinstance(own, Truncate):
                error, tag = self.ask(f"truncate {own.table}; commit")[1], b"TRUNCATE"
            if isinstance(own, Copy):
                error, tag = self.copy(own), b"COPY"
            if isinstance(own, View):
                error, tag = self.replace(own), b"CREATE VIEW"
        except Refused as refused:
            self.ask("do $$ begin raise exception 'refused'; end $$")  # so that the client's transaction fails, too
            self.client.error(refused)
            return True
        if error:
            self.client.send(b"E", error)
            return True
        for kind in asked_for:
            self.client.send(bytes([kind]))
        self.client.send(b"C", tag + b"\0")
        return False

    def replace(self, view):
        """Create or replace a view; return PostgreSQL's error, if any.

        Raises: Refused if the columns change, since PostgreSQL accepts additional columns and Redshift does not.
        """
        before, _ = self.columns(view.name)
        error = self.ask(view.sql)[1]
        if before and not error and self.columns(view.name)[0] != before:
            raise Refused("42P16", f"cannot change the columns of view {view.name}: drop it first")
        return error

    def columns(self, table):
        """Return name and type of each column of a table or view (none if it does not exist), and the error."""
        described = f"from pg_attribute where attnum > 0 and attrelid = to_regclass('{table}') order by attnum"
        return self.ask(f"select attname, format_type(atttypid, atttypmod) {described}")

    def copy(self, copy):
        """Load the files on the same connection; return PostgreSQL's error, if any."""
        rows, error = self.columns(copy.table)
        return error or self.ask(f"copy {copy.table} from stdin (format csv)", rows_as_csv(copy.manifest, rows))[1]

    def ask(self, sql, data=b""):
        """Run a statement that the client did not send; return its rows and error. `data` is the input of a COPY."""
        self.backend.send(b"Q", sql.encode() + b"\0")
        rows, error = [], None
        while (message := self.backend.message())[0] != b"Z":
            kind, payload = message
            if kind == b"G":
                self.backend.send(b"d", data)
                self.backend.send(b"c")
            elif kind == b"D":
                rows.append(texts(payload))
            elif kind == b"E":
                error = as_redshift(payload)
        self.status = message[1]
        return rows, error

    def relay(self, messages):
        """Forward messages, and send all responses but ReadyForQuery to the client; return whether one was an error."""
        if not messages:
            return False
        for message in messages:
            self.backend.send(*message)
        if messages[-1][0] != b"Q":
            self.backend.send(b"S")
        failed = False
        while (message := self.backend.message())[0] != b"Z":
            kind, payload = message
            failed = failed or kind == b"E"
            if kind != b"S":
                self.client.send(kind, as_redshift(payload) if kind == b"E" else payload)
        self.status = message[1]
        return failed


def texts(payload):
    """Return the values of a row in text format."""
    values, at = [], 2
    for _ in range(struct.unpack_from("!h", payload)[0]):
        (length,) = struct.unpack_from("!i", payload, at)
        values.append(payload[at + 4 : at + 4 + length].decode())
        at += 4 + length
    return values


def as_redshift(payload):
    """Return PostgreSQL's error, or Redshift's if a text has more bytes than its column allows."""
    if b"\0C23514\0" not in payload and b"\0C22001\0" not in payload:
        return payload
    fields = {"S": "ERROR", "C": TOO_LONG, "M": "Value too long for character type", "D": "code: 8001"}
    return b"".join(f"{name}{text}\0".encode() for name, text in fields.items()) + b"\0"
