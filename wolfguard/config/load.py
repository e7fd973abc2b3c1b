# SPDX-License-Identifier: GPL-3.0-or-later
"""The site file from its path to a whole Configuration: read, shape, objects, relations, certificates.

The only module of this package that opens files. Public certificate chains and crypto profiles are read into the
result, private keys are only looked at from outside: whether the file is there and closed to others.
"""

from __future__ import annotations

import dataclasses
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from wolfguard.config import build, chain_rules, checks, schema
from wolfguard.config.document import MAX_BYTES, Document, Key, parse, show_key
from wolfguard.config.schema import Problem
from wolfguard.config.site import Certificate, Configuration, OwnKeys, Radius, Site
from wolfguard.crypto import certificates, own_keys
from wolfguard.crypto.errors import CertificateError
from wolfguard.errors import ConfigurationError, LocalError
from wolfguard.policy import load as policy
from wolfguard.policy.profile import CryptoProfile

ProfileLoader = Callable[[str], CryptoProfile]


@dataclass(frozen=True, slots=True)
class Resolved:
    """`warnings` are lines for people, in the form of errors; the gateway starts with them."""

    configuration: Configuration
    warnings: tuple[str, ...]


def resolve(file: Path, *, load_profile: ProfileLoader = policy.load_profile, now: datetime | None = None) -> Resolved:
    """Everything that processes need. Raises ConfigurationError with all problems, one line each."""
    document = read(file)
    configuration = objects(document, load_profile)
    problems = checks.problems(configuration)
    warnings = checks.warnings(configuration)
    sites: list[Site] = []
    for number, site in enumerate(configuration.sites):
        entries: list[Certificate] = []
        for index, entry in enumerate(site.certificates):
            key: Key = ("sites", number, "certificates", index)
            problems += _key_problems((*key, "key"), entry)
            try:
                chain = _read(Path(entry.certificate), certificates.CHAIN_BYTES_MAXIMUM)
                facts = certificates.read_chain(chain)
            except (ConfigurationError, CertificateError) as error:
                problems.append(Problem((*key, "certificate"), f"{entry.certificate}: {error}"))
                continue
            where: Key = (*key, "certificate")
            problems += [Problem(where, text) for text in chain_rules.problems(site, facts)]
            warnings += [
                Problem(where, text) for text in chain_rules.warnings(site, facts[0], now or datetime.now(UTC))
            ]
            entries.append(dataclasses.replace(entry, chain=chain.decode("ascii", "replace")))
        sites.append(dataclasses.replace(site, certificates=tuple(entries)))
    backends = []
    for number, backend in enumerate(configuration.backends):
        radius = backend.radius
        if radius is not None:
            key = ("backends", number, "radius")
            problems += _radius_problems(key, radius)
            radius = _with_certificates(key, radius, problems)
        backends.append(dataclasses.replace(backend, radius=radius))
    try:
        own = public_keys(configuration.paths.keys)
    except LocalError as error:
        problems.append(Problem(("paths", "keys"), str(error)))
    if problems:
        raise schema.complain(document, problems)
    lines = [
        f"{document.source}:{document.line(warning.key)}: {show_key(warning.key)}: {warning.text}"
        for warning in sorted(warnings, key=lambda warning: document.line(warning.key))
    ]
    resolved = dataclasses.replace(configuration, sites=tuple(sites), backends=tuple(backends), own_keys=own)
    return Resolved(resolved, tuple(lines))


def read(file: Path) -> Document:
    """The file's data with its lines, not yet checked. Raises ConfigurationError."""
    try:
        return parse(_read(file, MAX_BYTES + 1), str(file))
    except ConfigurationError as error:
        text = str(error)
        raise ConfigurationError(text if text.startswith(str(file)) else f"{file}: {text}") from None


def public_keys(folder: str) -> OwnKeys:
    """Public halves of the gateway's own keys, as far as they are there. Raises LocalError."""
    return OwnKeys(*(own_keys.read_public(folder, name) for name in (own_keys.CHECKPOINT, own_keys.EVIDENCE)))


def objects(document: Document, load_profile: ProfileLoader = policy.load_profile) -> Configuration:
    """Shape and crypto profiles checked, defaults filled in; chains still empty. Raises ConfigurationError."""
    data = schema.validate(document)
    profiles: dict[str, CryptoProfile] = {}
    problems: list[Problem] = []
    asked: list[tuple[Key, str]] = [
        (("sites", number, "crypto_profile"), site.get("crypto_profile", build.default(Site, "crypto_profile")))
        for number, site in enumerate(data["sites"])
    ]
    for number, backend in enumerate(data.get("backends", ())):
        if "radius" in backend:
            name = backend["radius"].get("crypto_profile", build.default(Radius, "crypto_profile"))
            asked.append((("backends", number, "radius", "crypto_profile"), name))
    for key, name in asked:
        if name in profiles:
            continue
        try:
            profiles[name] = load_profile(name)
        except LocalError as error:
            problems.append(Problem(key, f"is {name!r}: {error}"))
    if problems:
        raise schema.complain(document, problems)
    return build.configuration(data, profiles.__getitem__)


def _read(file: Path, limit: int) -> bytes:
    try:
        with file.open("rb") as opened:
            if not stat.S_ISREG(file.stat().st_mode):
                raise ConfigurationError("is not a regular file")
            content = opened.read(limit + 1)
    except OSError as error:
        raise ConfigurationError(f"cannot be read: {_reason(error)}") from None
    if len(content) > limit:
        raise ConfigurationError(f"is larger than {limit} bytes")
    return content


def _reason(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file; create it or correct the path"
    if isinstance(error, PermissionError):
        return "permission denied; run this as root"
    return error.strerror or type(error).__name__


def _radius_problems(key: Key, radius: Radius) -> Iterator[Problem]:
    if radius.key:
        yield from _secret_problems((*key, "key"), radius.key)
    own = radius.accounting.servers if radius.accounting is not None else ()
    for place, servers in (((*key, "servers"), radius.servers), ((*key, "accounting", "servers"), own)):
        for index, server in enumerate(servers):
            if server.secret:
                yield from _secret_problems((*place, index, "secret"), server.secret)


def _with_certificates(key: Key, radius: Radius, problems: list[Problem]) -> Radius:
    """With the texts of the certificates, which are checked for being some."""
    texts = {}
    for name, path in (("authorities", radius.authorities), ("certificate", radius.certificate)):
        if not path:
            continue
        try:
            content = _read(Path(path), certificates.CHAIN_BYTES_MAXIMUM)
            if name == "certificate":
                certificates.read_leaf(content)
            elif radius.crypto is not None:
                rules = chain_rules.of_authorities(radius.crypto, certificates.read_authorities(content))
                problems += [Problem((*key, name), f"{path}: {text}") for text in rules]
        except (ConfigurationError, CertificateError) as error:
            problems.append(Problem((*key, name), f"{path}: {error}"))
            continue
        texts["chain" if name == "certificate" else "authorities_pem"] = content.decode("ascii", "replace")
    return dataclasses.replace(radius, **texts)  # type: ignore[arg-type]


def _key_problems(key: Key, entry: Certificate) -> Iterator[Problem]:
    yield from _secret_problems(key, entry.key)
    if entry.key == entry.certificate:
        yield Problem(key, "is the same file as the certificate; keep certificates and keys in files of their own")


def _secret_problems(key: Key, path: str) -> Iterator[Problem]:
    try:
        status = Path(path).stat()
    except OSError as error:
        yield Problem(key, f"{path} cannot be read: {_reason(error)}")
        return
    if not stat.S_ISREG(status.st_mode):
        yield Problem(key, f"{path} is not a regular file")
    elif status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield Problem(key, f"{path} is open to other users; chmod 0600 it, and renew the key if it was read")
