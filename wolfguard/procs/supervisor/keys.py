# SPDX-License-Identifier: GPL-3.0-or-later
"""Private key files and shared secrets: opened here, where root may, read by keyd, or by authd, alone.

Opened anew for every configuration, since a renewed key is another file under the same name.
"""

from __future__ import annotations

import os
import stat

from wolfguard.config.site import Certificate, Configuration, accounting_servers
from wolfguard.errors import StartError


def secrets(configuration: Configuration) -> list[str]:
    """Files with secrets that backends share with their servers, in the order of backends, and for each
    those for logins before those for accounting."""
    return [
        server.secret
        for backend in configuration.backends
        if backend.radius is not None
        for server in (*backend.radius.servers, *accounting_servers(backend.radius))
        if server.secret
    ]


def open_secrets(configuration: Configuration) -> list[int]:
    """In the order of `secrets`. Raises StartError that names the file and the remedy."""
    return _open_all(secrets(configuration))


def certificates(configuration: Configuration) -> list[Certificate]:
    """Of all sites and backends, in the order of their numbers in keyd, each number once."""
    by_number = {entry.number: entry for site in configuration.sites for entry in site.certificates}
    for backend in configuration.backends:
        if backend.radius is not None and backend.radius.key:
            own = backend.radius
            by_number[own.number] = Certificate(own.certificate, own.key, own.number, own.chain)
    return [by_number[number] for number in sorted(by_number)]


def open_keys(configuration: Configuration) -> list[int]:
    """In the order of `certificates`. Raises StartError that names the file and the remedy."""
    return _open_all([certificate.key for certificate in certificates(configuration)])


def open_own(configuration: Configuration) -> list[int]:
    """The keys with which the gateway signs what it says itself, in the order of their public halves in
    `configuration.own_keys`; those that are not there are left out. Raises StartError."""
    own = configuration.own_keys
    # Names as in crypto.own_keys, which is not imported here: it would load the library into the process of root.
    present = [name for name, public in (("checkpoint", own.checkpoint), ("evidence", own.evidence)) if public]
    return _open_all([os.path.join(configuration.paths.keys, f"{name}.key") for name in present])


def _open_all(paths: list[str]) -> list[int]:
    descriptors: list[int] = []
    try:
        for path in paths:
            descriptors.append(open_key(path))
    except StartError:
        for descriptor in descriptors:
            os.close(descriptor)
        raise
    return descriptors


def open_key(path: str) -> int:
    """Follows links, since certificate tools make them; what they lead to must be root's own regular file."""
    try:
        # Non-blocking, so that a pipe in the place of a key cannot hold up the start.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as error:
        raise StartError(f"cannot open the private key {path}: {error.strerror}") from error
    reason = _objection(os.fstat(descriptor), path)
    if reason:
        os.close(descriptor)
        raise StartError(reason)
    return descriptor


def _objection(status: os.stat_result, path: str) -> str:
    if not stat.S_ISREG(status.st_mode):
        return f"the private key {path} is not a regular file"
    if status.st_uid != 0:
        return f"the private key {path} does not belong to root; chown root it"
    if status.st_mode & 0o077:
        return f"the private key {path} is open to others (mode {stat.S_IMODE(status.st_mode):04o}); chmod 600 it"
    return ""
