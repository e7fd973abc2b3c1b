# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a crypto profile: YAML and cerberus in, `CryptoProfile` out, with the source of each value for reports.

Owns the checks that the schema cannot express. Only tools and the short-lived process that resolves the site file come
here; long-lived processes receive a finished profile.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from wolfguard.errors import ConfigurationError
from wolfguard.policy import document as documents
from wolfguard.policy.built import built, resolve
from wolfguard.policy.place import policies
from wolfguard.policy.profile import NOT_APPROVED, NOT_VALIDATED, CryptoProfile, ProfileFile, Statement

_NAME = re.compile(r"[a-z][a-z0-9.-]{0,31}")
_LISTS: Final = (
    "versions",
    "suites_tls13",
    "suites_tls12",
    "suites_dtls12",
    "groups",
    "key_shares",
    "signatures",
    "certificate_keys",
    "certificate_signatures",
)
_SWITCHES: Final = (
    "require_extended_master_secret",
    "require_extended_master_secret_dtls",
    "require_hybrid",
    "minimum_rsa_bits",
    "maximum_certificate_days",
    "maximum_chain",
    "record_limit",
    "tickets",
)


def profile_names() -> tuple[str, ...]:
    """Names of all profiles that there are, sorted."""
    files = (policies() / "profiles").iterdir()
    return tuple(sorted(file.name.removesuffix(".yml") for file in files if file.name.endswith(".yml")))


def load_profile(name: str) -> CryptoProfile:
    """The profile of this name, as the libwolfssl of this process can serve it. Raises ConfigurationError, which names
    the profiles that there are, or what was not built."""
    return resolve(read_profile(name), built())


def read_profile(name: str) -> ProfileFile:
    """The profile with the source of each value. Raises ConfigurationError."""
    if not _NAME.fullmatch(name) or name not in profile_names():
        raise ConfigurationError(f"there is no crypto profile of that name; there are: {', '.join(profile_names())}")
    file = policies() / "profiles" / f"{name}.yml"
    return parse_profile(documents.read(file, f"crypto profile {name}"), name)


def parse_profile(document: object, name: str) -> ProfileFile:
    """Checks a document as YAML gives it and resolves it. `name` is what its file is called."""
    document = documents.check(document, documents.schema("profile"), f"crypto profile {name}")
    if document["name"] != name:
        raise ConfigurationError(f"crypto profile {name}: name is {document['name']!r}; it must be that of the file")
    statements = tuple(_statements(document, name))
    _check_consistency(document, statements, name)
    return ProfileFile(_profile(document, statements), statements)


def _statements(document: Mapping[str, Any], name: str) -> Iterator[Statement]:
    for key in (*_LISTS, *_SWITCHES):
        entries = document[key] if key in _LISTS else [document[key]]
        for entry in entries:
            source = document["sources"].get(entry["source"])
            if source is None:
                raise ConfigurationError(f"crypto profile {name}: {key}: sources has no {entry['source']!r}")
            yield Statement(key, _text(entry["value"]), entry["standing"], source, entry.get("where_built", False))


def _check_consistency(document: Mapping[str, Any], statements: tuple[Statement, ...], name: str) -> None:
    for key in _LISTS:
        values = [statement.value for statement in statements if statement.key == key]
        if len(values) != len(set(values)):
            raise ConfigurationError(f"crypto profile {name}: {key} names a value twice")
    groups = {(entry["value"], entry["standing"]) for entry in document["groups"]}
    for entry in document["key_shares"]:
        if (entry["value"], entry["standing"]) not in groups:
            raise ConfigurationError(
                f"crypto profile {name}: key_shares names {entry['value']} as {entry['standing']}, groups does not; "
                "key_shares are some of the groups"
            )
    versions = [entry["value"] for entry in document["versions"]]
    if ("1.2" in versions) != bool(document["suites_tls12"]):
        raise ConfigurationError(f"crypto profile {name}: suites_tls12 and version 1.2 must come together")
    if document["require_hybrid"]["value"] and "1.2" in versions:
        raise ConfigurationError(f"crypto profile {name}: require_hybrid needs TLS 1.3 alone; take 1.2 out of versions")


def _profile(document: Mapping[str, Any], statements: tuple[Statement, ...]) -> CryptoProfile:
    lists: dict[str, Any] = {key: tuple(entry["value"] for entry in document[key]) for key in _LISTS}
    switches: dict[str, Any] = {key: document[key]["value"] for key in _SWITCHES}
    return CryptoProfile(
        name=document["name"],
        title=document["title"],
        approved=all(statement.standing != NOT_APPROVED for statement in statements),
        not_validated=_marked(statements, NOT_VALIDATED),
        not_approved=_marked(statements, NOT_APPROVED),
        **lists,
        **switches,
    )


def _marked(statements: tuple[Statement, ...], standing: str) -> tuple[str, ...]:
    """Algorithms by their name; a switch by its key, since its value alone says nothing."""
    found = (statement for statement in statements if statement.standing == standing)
    return tuple(dict.fromkeys(each.value if each.key in _LISTS else each.key for each in found))


def _text(value: object) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
