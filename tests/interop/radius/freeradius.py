# SPDX-License-Identifier: GPL-3.0-or-later
"""A FreeRADIUS of one of the root file systems on a loopback port of its own: its configuration, its start and end.

Users: alice ("wonder", with an address of her own), carol ("wonder"), otp (password "first", then token "123456"), bob,
whose answer cannot be read. Over TLS with certificates of `pki`, or over UDP with the secret SECRET.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from tests.interop import roots
from tests.interop.radius.pki import Pki

SECRET: Final = b"a secret between two"
START_SECONDS: Final = 20.0

_MAIN: Final = """
libdir = {libdir}
raddbdir = {folder}
run_dir = {folder}
logdir = {folder}
radacctdir = {folder}
pidfile = {folder}/radiusd.pid
max_request_time = 5
max_requests = 16384
security {{
  allow_core_dumps = no
  max_attributes = 200
  reject_delay = 0
  status_server = yes
}}
{clients}
thread pool {{
  start_servers = 4
  max_servers = 8
  min_spare_servers = 1
  max_spare_servers = 8
}}
modules {{
  pap {{
  }}
  always ok {{
    rcode = ok
  }}
  always handled {{
    rcode = handled
  }}
  always reject {{
    rcode = reject
  }}
  files {{
    filename = {folder}/users
  }}
  detail {{
    filename = {folder}/detail
  }}
}}
server wg {{
{listen}
  authorize {{
    update reply {{
      Message-Authenticator := 0x00
    }}
    if (&User-Name == "otp") {{
      if (!&State) {{
        if (&User-Password == "first") {{
          update reply {{
            State := 0x6f747031
            Reply-Message := "Enter your token"
          }}
          update control {{
            &Response-Packet-Type := Access-Challenge
          }}
          handled
        }}
        else {{
          reject
        }}
      }}
      elsif (&State == 0x6f747031 && &User-Password == "123456") {{
        update control {{
          &Auth-Type := Accept
        }}
        update reply {{
          Filter-Id := "staff"
        }}
      }}
      else {{
        reject
      }}
    }}
    files
    pap
  }}
  authenticate {{
    Auth-Type PAP {{
      pap
    }}
  }}
  preacct {{
    ok
  }}
  accounting {{
    detail
    update reply {{
      Message-Authenticator := 0x00
    }}
    ok
  }}
}}
"""
_CLIENT: Final = """
client loop {{
  ipaddr = 127.0.0.1
  secret = "{secret}"
  require_message_authenticator = yes
  proto = {proto}
  {version}
  limit {{
    max_connections = 64
  }}
}}
"""
_USERS: Final = """
carol Cleartext-Password := "wonder"
      Filter-Id := "staff"
alice Cleartext-Password := "wonder"
      Reply-Message := "hello alice", Framed-IP-Address := 10.99.1.2, Class := "OU=staff;", Session-Timeout := 3600

bob Cleartext-Password := "builder"
      Session-Timeout := 0
"""
_UDP: Final = """
  listen {{
    type = auth
    ipaddr = 127.0.0.1
    port = {port}
  }}
  listen {{
    type = acct
    ipaddr = 127.0.0.1
    port = {accounting}
  }}
"""
_TLS: Final = """
  listen {{
    type = auth+acct
    proto = tcp
    ipaddr = 127.0.0.1
    port = {port}
    clients = radsec
    virtual_server = wg
    tls {{
      private_key_file = {folder}/server.key
      certificate_file = {folder}/server.pem
      ca_file = {folder}/ca.pem
      require_client_cert = yes
      tls_min_version = "1.3"
      tls_max_version = "1.3"
      {version}
    }}
  }}
"""


class FreeRadius:
    """`version_1_1`: "", "allow", "require" or "forbid", as builds with RADIUS/1.1 take it. `users`: lines in front
    of the file of users."""

    def __init__(
        self, root: roots.Root, folder: Path, *, pki: Pki | None = None, version_1_1: str = "", users: str = ""
    ) -> None:
        # where it runs: puts the words of a namespace around its command
        self.within: Callable[[Sequence[str]], Sequence[str]] = list
        self._root = root
        self._pki = pki
        self._users = users + _USERS
        self._folder = folder
        self.port = free_port(socket.SOCK_DGRAM if pki is None else socket.SOCK_STREAM)
        self.accounting = free_port(socket.SOCK_DGRAM) if pki is None else self.port
        self._inside = Path("/tmp") / f"radius-{os.getpid()}-{self.port}"
        self._version = f"radiusv1_1 = {version_1_1}" if version_1_1 else ""
        self._process: subprocess.Popen[bytes] | None = None
        self.log = folder / f"freeradius-{self.port}.log"

    def start(self) -> None:
        path = roots.make(self._root)
        place = path / self._inside.relative_to("/")
        place.mkdir(mode=0o755, exist_ok=True)
        self._write(place)
        program = "/usr/local/sbin/radiusd" if self._root is roots.RADIUS11 else "/usr/sbin/freeradius"
        command: Sequence[str] = [
            *roots.enter(path),
            program,
            "-f",
            "-l",
            "stdout",
            "-d",
            str(self._inside),
            "-n",
            "radiusd",
        ]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(self.within(command), stdout=log, stderr=subprocess.STDOUT)
        end = time.monotonic() + START_SECONDS
        while b"Ready to process requests" not in self.log.read_bytes():
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(self.log.read_text(errors="replace")[-3000:])
            time.sleep(0.02)

    @property
    def pid(self) -> int:
        """Of the server, or of the programs around it that have become it."""
        assert self._process is not None
        return self._process.pid

    def told(self) -> list[dict[str, str]]:
        """What came of accounting, in order: the attributes of each request, of those that came several times the
        last. Quotes around texts are left out."""
        file = roots.make(self._root) / self._inside.relative_to("/") / "detail"
        events = []
        for block in file.read_text().split("\n\n") if file.exists() else ():
            pairs = (line.strip().partition(" = ") for line in block.splitlines() if line.startswith("\t"))
            attributes = {name: value.strip('"') for name, _, value in pairs}
            if attributes:
                events.append(attributes)
        return events

    def forget(self) -> None:
        """What came of accounting so far."""
        (roots.make(self._root) / self._inside.relative_to("/") / "detail").unlink(missing_ok=True)

    @property
    def running(self) -> bool:
        return self._process is not None

    def kill(self) -> None:
        """At once, as by a machine that loses its power."""
        process, self._process = self._process, None
        assert process is not None
        # The words around the server execute it, so that this is it.
        process.kill()
        process.wait(5)

    def send(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGCONT)
            process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)

    def _write(self, place: Path) -> None:
        libdir = "/usr/local/lib" if self._root is roots.RADIUS11 else "/usr/lib/freeradius"
        words = {
            "folder": self._inside,
            "port": self.port,
            "accounting": self.accounting,
            "version": self._version,
        }
        listen = (_UDP if self._pki is None else _TLS).format(**words)
        secret = SECRET.decode() if self._pki is None else "radsec"
        proto = "udp" if self._pki is None else "tls"
        client = _CLIENT.format(secret=secret, proto=proto, version=self._version)
        clients = client if self._pki is None else f"clients radsec {{{client}}}"
        main = _MAIN.format(libdir=libdir, folder=self._inside, clients=clients, listen=listen)
        (place / "radiusd.conf").write_text(main)
        (place / "users").write_text(self._users)
        if self._pki is not None:
            (place / "ca.pem").write_bytes(self._pki.authority)
            (place / "server.pem").write_bytes(self._pki.server.chain)
            (place / "server.key").write_bytes(self._pki.server.key)


def free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number
