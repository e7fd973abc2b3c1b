# SPDX-License-Identifier: GPL-3.0-or-later
"""Frozen dataclasses to JSON and back, checked field by field: nothing is guessed, added or left out.

Owns the mapping between types and JSON. Must not know what the messages mean or how they travel. A type's fields may
be str, int, bool, None, bytes and `Secret` (base64), frozen dataclasses, tuples, and unions of one of these with None.
Both sides run the same release, so an object has exactly the fields of its class.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import functools
import json
import types
import typing
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeVar

from wolfguard.errors import LocalError, PeerError
from wolfguard.secret import Secret

DATAGRAM_LIMIT = 60 * 1024
"""Bytes of one message: below every default socket buffer, so that a datagram is taken whole or not at all."""

CONFIGURATION_LIMIT = 16 * 1024 * 1024
"""Bytes of a configuration, which travels in memory of its own and not in a datagram."""

INTEGER_LOWEST = -(2**63)
INTEGER_HIGHEST = 2**64 - 1

T = TypeVar("T")
_Encoder = Callable[[Any], Any]
_Decoder = Callable[[Any, str], Any]


def encode(value: object, limit: int = DATAGRAM_LIMIT) -> bytes:
    """UTF-8 JSON of a dataclass instance. Raises LocalError when a field has a wrong type or it grows past `limit`."""
    return dump(to_json(value), limit)


def decode(kind: type[T], data: bytes, limit: int = DATAGRAM_LIMIT) -> T:
    """The inverse. Raises PeerError labelled "ipc_malformed" or "ipc_oversized"."""
    return from_json(kind, load(data, limit))


def to_json(value: object) -> Any:
    """Lists, dicts and scalars for `json.dumps`. Raises LocalError."""
    kind: Any = type(value)
    return _encoder(kind)(value)


def from_json(kind: type[T], value: Any) -> T:
    """An instance of `kind` from parsed JSON. Raises PeerError."""
    wanted: Any = kind
    try:
        return typing.cast(T, _decoder(wanted)(value, kind.__name__))
    except RecursionError:
        _malformed(kind.__name__, "nested too deeply")


def dump(value: Any, limit: int = DATAGRAM_LIMIT) -> bytes:
    """Compact JSON in UTF-8. Raises LocalError past `limit` or for text that is not Unicode."""
    try:
        data = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        raise LocalError("a message holds text with lone surrogates; decode text strictly where it enters") from None
    if len(data) > limit:
        raise LocalError(f"a message of {len(data)} bytes is over the limit of {limit}; send it in pages")
    return data


def load(data: bytes, limit: int = DATAGRAM_LIMIT) -> Any:
    """Strict JSON: no duplicate keys, no floating point, no constants of JavaScript. Raises PeerError."""
    if len(data) > limit:
        raise PeerError("ipc_oversized", f"{len(data)} bytes, limit {limit}")
    try:
        return json.loads(
            data.decode(),
            object_pairs_hook=_object,
            parse_float=_no_number,
            parse_int=_integer,
            parse_constant=_no_number,
        )
    except (ValueError, RecursionError):
        # The parser's own text quotes the input, which may hold secrets.
        raise PeerError("ipc_malformed", "not strict JSON") from None


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError
    return result


def _integer(text: str) -> int:
    if len(text) > 20:
        raise ValueError
    return int(text)


def _no_number(text: str) -> NoReturn:
    raise ValueError


def _malformed(place: str, what: str) -> NoReturn:
    raise PeerError("ipc_malformed", f"{place}: {what}")


def _wrong(kind: object, value: object) -> NoReturn:
    raise LocalError(f"a message field must be {kind}, not {type(value).__name__}")


def _require_dataclass(kind: type) -> None:
    if not dataclasses.is_dataclass(kind) or not kind.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        raise LocalError(f"{kind.__name__} cannot travel: only frozen dataclasses of plain fields do")


# --- one encoder and one decoder a type, built once ------------------------------------------------------------------


@functools.cache
def _encoder(kind: Any) -> _Encoder:
    optional = _optional(kind)
    if optional is not None:
        inner = _encoder(optional)
        return lambda value: None if value is None else inner(value)
    if typing.get_origin(kind) is tuple:
        return _tuple_encoder(kind)
    if kind is bytes:
        return lambda value: _base64(value) if type(value) is bytes else _wrong(kind, value)
    if kind is Secret:
        return lambda value: _base64(value.reveal()) if type(value) is Secret else _wrong(kind, value)
    if kind is int:
        return lambda value: value if _is_integer(value) else _wrong("int of at most 64 bits", value)
    if kind in (str, bool):
        return lambda value: value if type(value) is kind else _wrong(kind, value)
    return _dataclass_encoder(kind)


@functools.cache
def _decoder(kind: Any) -> _Decoder:
    optional = _optional(kind)
    if optional is not None:
        inner = _decoder(optional)
        return lambda value, place: None if value is None else inner(value, place)
    if typing.get_origin(kind) is tuple:
        return _tuple_decoder(kind)
    if kind is bytes:
        return _decode_base64
    if kind is Secret:
        return lambda value, place: Secret(_decode_base64(value, place))
    if kind is int:
        return lambda value, place: value if _is_integer(value) else _malformed(place, "not an integer of 64 bits")
    if kind is str:
        return _decode_text
    if kind is bool:
        return lambda value, place: value if type(value) is bool else _malformed(place, "not a boolean")
    return _dataclass_decoder(kind)


def _optional(kind: Any) -> Any:
    """The one other member of a union with None; None for what is no union."""
    if typing.get_origin(kind) not in (typing.Union, types.UnionType):
        return None
    members = [member for member in typing.get_args(kind) if member is not type(None)]
    if len(members) != 1:
        raise LocalError(f"{kind} cannot travel: a union may only add None to one type")
    return members[0]


def _is_integer(value: object) -> bool:
    return type(value) is int and INTEGER_LOWEST <= value <= INTEGER_HIGHEST


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _decode_base64(value: Any, place: str) -> bytes:
    if type(value) is not str:
        _malformed(place, "not base64 text")
    try:
        return base64.b64decode(value.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        _malformed(place, "not base64 text")


def _decode_text(value: Any, place: str) -> str:
    if type(value) is not str:
        _malformed(place, "not text")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            _malformed(place, "text with lone surrogates")
    return value


def _tuple_encoder(kind: Any) -> _Encoder:
    members = typing.get_args(kind)
    if len(members) == 2 and members[1] is Ellipsis:
        each = _encoder(members[0])
        return lambda value: [each(item) for item in value] if type(value) is tuple else _wrong(kind, value)
    encoders = [_encoder(member) for member in members]

    def fixed(value: Any) -> list[Any]:
        if type(value) is not tuple or len(value) != len(encoders):
            _wrong(kind, value)
        return [encoder(item) for encoder, item in zip(encoders, value, strict=True)]

    return fixed


def _tuple_decoder(kind: Any) -> _Decoder:
    members = typing.get_args(kind)
    if len(members) == 2 and members[1] is Ellipsis:
        each = _decoder(members[0])

        def any_length(value: Any, place: str) -> tuple[Any, ...]:
            if type(value) is not list:
                _malformed(place, "not a list")
            return tuple([each(item, place) for item in value])

        return any_length
    decoders = [_decoder(member) for member in members]

    def fixed(value: Any, place: str) -> tuple[Any, ...]:
        if type(value) is not list or len(value) != len(decoders):
            _malformed(place, f"not a list of {len(decoders)}")
        return tuple([decoder(item, place) for decoder, item in zip(decoders, value, strict=True)])

    return fixed


def _fields(kind: type) -> list[tuple[str, Any]]:
    _require_dataclass(kind)
    hints = typing.get_type_hints(kind)
    return [(field.name, hints[field.name]) for field in dataclasses.fields(kind)]


def _dataclass_encoder(kind: type) -> _Encoder:
    encoders: list[tuple[str, _Encoder]] = [(name, _encoder(hint)) for name, hint in _fields(kind)]

    def encode_fields(value: Any) -> dict[str, Any]:
        if type(value) is not kind:
            _wrong(kind.__name__, value)
        return {name: encoder(getattr(value, name)) for name, encoder in encoders}

    return encode_fields


def _dataclass_decoder(kind: type) -> _Decoder:
    decoders: list[tuple[str, _Decoder]] = [(name, _decoder(hint)) for name, hint in _fields(kind)]
    names = {name for name, _ in decoders}

    def decode_fields(value: Any, place: str) -> Any:
        if type(value) is not dict or value.keys() != names:
            _malformed(place, "not an object with exactly its fields")
        return kind(**{name: decoder(value[name], f"{place}.{name}") for name, decoder in decoders})

    return decode_fields
