"""Read and write Avro files without loss: schema, codec, metadata and blocks stay the same.

It supports the types in Iceberg's manifests. pyiceberg's own reader and writer use its model of a manifest, and would
drop the fields that this model lacks.
"""

import io
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

MAGIC, SYNC_BYTES = b"Obj\x01", 16
METADATA = {"type": "map", "values": "bytes"}
FLOATS = {"float": 4, "double": 8}  # the size of each in bytes; values are kept as bytes
CODECS: dict[str, tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]] = {
    "null": (bytes, bytes),
    "deflate": (lambda data: zlib.decompress(data, -15), lambda data: zlib.compress(data, 9, -15)),
}


@dataclass
class AvroFile:
    """The metadata and records of a file, by block. The value of a union is a pair of branch and value."""

    metadata: dict[str, bytes]
    sync: bytes
    blocks: list[list[Any]]

    @property
    def records(self) -> list[dict]:
        return [record for block in self.blocks for record in block]


def read(data: bytes) -> AvroFile:
    source = io.BytesIO(data)
    assert source.read(len(MAGIC)) == MAGIC
    metadata, sync, blocks = _decode(METADATA, source, {}), source.read(SYNC_BYTES), []
    schema, (decompressed, _) = _schema(metadata), _codec(metadata)
    while source.tell() < len(data):
        count, size = _decode("long", source, {}), _decode("long", source, {})
        block = io.BytesIO(decompressed(source.read(size)))
        blocks.append([_decode(schema, block, {}) for _ in range(count)])
        assert not block.read() and source.read(SYNC_BYTES) == sync
    return AvroFile(metadata, sync, blocks)


def written(file: AvroFile) -> bytes:
    """Return the file as bytes."""
    schema, (_, compressed) = _schema(file.metadata), _codec(file.metadata)
    target = io.BytesIO()
    target.write(MAGIC)
    _encode(METADATA, file.metadata, target, {})
    target.write(file.sync)
    for records in file.blocks:
        block = io.BytesIO()
        for record in records:
            _encode(schema, record, block, {})
        data = compressed(block.getvalue())
        _encode("long", len(records), target, {})
        _encode("long", len(data), target, {})
        target.write(data + file.sync)
    return target.getvalue()


def _schema(metadata: dict[str, bytes]) -> Any:
    return json.loads(metadata["avro.schema"])


def _codec(metadata: dict[str, bytes]) -> tuple:
    return CODECS[metadata.get("avro.codec", b"null").decode()]


def _kind(schema: Any, named: dict[str, Any]) -> tuple[str, Any]:
    """Return the type of a schema, and the schema itself, resolved if it is the name of an earlier one."""
    schema = named.get(schema, schema) if isinstance(schema, str) else schema
    if isinstance(schema, list):
        return "union", schema
    if isinstance(schema, str):
        return schema, schema
    if isinstance(schema["type"], dict | list):
        return _kind(schema["type"], named)
    if "name" in schema:
        named[schema["name"]] = schema
    return schema["type"], schema


def _decode(schema: Any, source: BinaryIO, named: dict[str, Any]) -> Any:
    kind, schema = _kind(schema, named)
    match kind:
        case "null":
            return None
        case "boolean":
            return source.read(1)
        case "int" | "long":
            return _decode_long(source)
        case "float" | "double":
            return source.read(FLOATS[kind])
        case "fixed":
            return source.read(schema["size"])
        case "bytes":
            return source.read(_decode_long(source))
        case "string":
            return source.read(_decode_long(source)).decode()
        case "union":
            branch = _decode_long(source)
            return branch, _decode(schema[branch], source, named)
        case "record":
            return {field["name"]: _decode(field["type"], source, named) for field in schema["fields"]}
        case "array":
            return [_decode(schema["items"], source, named) for _ in _counted(source)]
        case "map":
            pairs = ("string", schema["values"])
            return dict([_decode(part, source, named) for part in pairs] for _ in _counted(source))
    raise ValueError(f"unknown Avro type: {kind}")


def _encode(schema: Any, value: Any, target: BinaryIO, named: dict[str, Any]) -> None:
    kind, schema = _kind(schema, named)
    match kind:
        case "int" | "long":
            _encode_long(value, target)
        case "boolean" | "float" | "double" | "fixed":
            target.write(value)
        case "bytes" | "string":
            data = value.encode() if kind == "string" else value
            _encode_long(len(data), target)
            target.write(data)
        case "union":
            branch, inner = value
            _encode_long(branch, target)
            _encode(schema[branch], inner, target, named)
        case "record":
            for field in schema["fields"]:
                _encode(field["type"], value[field["name"]], target, named)
        case "array" | "map":
            if value:
                _encode_long(len(value), target)
            for item in value:
                _encode(schema["items"] if kind == "array" else "string", item, target, named)
                if kind == "map":
                    _encode(schema["values"], value[item], target, named)
            _encode_long(0, target)


def _counted(source: BinaryIO):
    """Yield once per item of an array or map, which has blocks; a negative count is followed by the block's size."""
    while count := _decode_long(source):
        if count < 0:
            _decode_long(source)
        yield from range(abs(count))


def _decode_long(source: BinaryIO) -> int:
    """Decode a zigzag varint: seven bits per byte, low ones first, with the sign in the lowest bit."""
    number, shift = 0, 0
    while True:
        byte = source.read(1)[0]
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (number >> 1) ^ -(number & 1)
        shift += 7


def _encode_long(number: int, target: BinaryIO) -> None:
    rest = (number << 1) ^ (number >> 63)
    while rest >= 0x80:
        target.write(bytes([rest & 0x7F | 0x80]))
        rest >>= 7
    target.write(bytes([rest]))
