# SPDX-License-Identifier: GPL-3.0-or-later
"""No secret of a machine gets into any output of an audit: this machine, with secrets planted in what probes read and
in what programs print, under the whole default profile."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.system import secrets_in
from tests.unit.audit.fake_place import nobody, vantage
from wolfguard.audit.local import Local
from wolfguard.audit.observation import Unobservable
from wolfguard.audit.place import READ_MAXIMUM, Output, Program, output
from wolfguard.audit.run import audit
from wolfguard.cli import audit_output
from wolfguard.cli.audit_subject import beside
from wolfguard.policy.controls import read_audit_profile

SECRET: Final = "Pl4nted-Geheimnis-77"
HASH: Final = f"$6$Pl4ntedSalt${SECRET.replace('-', '')}{'x' * 60}"
KEY_LINE: Final = "UGw0bnRlZEtleVBsNG50ZWRLZXlQbDRudGVkS2V5UGw0bnRlZEtleQ=="
KEY: Final = f"-----BEGIN PRIVATE KEY-----\n{KEY_LINE}\n-----END PRIVATE KEY-----\n"
SECRETS: Final = {
    "secret": SECRET.encode(),
    "hash": HASH.encode(),
    "end of the hash": HASH.encode()[15:],
    "key": KEY_LINE.encode(),
}
# lines that are added to a file as it is here; a file that is not here has them alone
PLANTED: Final = {
    "/etc/shadow": f"planted:{HASH}:19000:0:99999:7:::\nroot2:{SECRET}:19000:0:99999:7:::\n",
    "/etc/passwd": f"planted:{HASH}:0:0:{SECRET}:/root:/bin/sh\n",
    "/etc/group": f"planted:{SECRET}:4242:\n",
    "/etc/pam.d/common-auth": f"auth required pam_radius_auth.so secret={SECRET} conf=/etc/x\n",
    "/etc/pam.d/common-password": f"password required pam_mysql.so passwd={SECRET}\n",
    "/etc/wolfguard-gateway/wolfguard.yml": f"secret: {SECRET}\n",
    "/etc/wolfguard-gateway/keys/tls.key": KEY,
    "/etc/ssh/sshd_config": f"# password {SECRET}\n",
    "/etc/audit/auditd.conf": f"# {SECRET}\nkrb5_key_file = {SECRET}\n",
    "/etc/systemd/journald.conf": f"# {SECRET}\n",
    "/etc/sysctl.d/99-planted.conf": f"# {SECRET}\n",
}


class Planted(Local):
    """This machine with the secrets in it."""

    def __init__(self) -> None:
        super().__init__()
        self.met: set[str] = set()

    def read(self, path: str, limit: int = READ_MAXIMUM) -> bytes:
        if path not in PLANTED:
            return super().read(path, limit)
        self.met.add(path)
        try:
            before = super().read(path, limit)
        except Unobservable:
            before = b""
        return before + PLANTED[path].encode()

    def listing(self, path: str) -> tuple[str, ...]:
        below = {each.removeprefix(f"{path}/") for each in PLANTED if each.rpartition("/")[0] == path}
        try:
            return tuple(sorted({*super().listing(path), *below}))
        except Unobservable:
            if not below:
                raise
            return tuple(sorted(below))

    def run(self, program: Program, *words: str) -> Output:
        try:
            said = super().run(program, *words)
        except Unobservable:
            said = Output("", 0, "")
        planted = f"Environment=TOKEN={SECRET}\npassword {SECRET}\n"
        return Output(f"{said.text}{planted}", said.code, said.complaint)


class Complaining(Local):
    """This machine, on which every program refuses, with the line that it does not understand."""

    def run(self, program: Program, *words: str) -> Output:
        return output(b"", 1, f"{program.value[0]}: line 3: bad configuration option: {SECRET}\n{KEY}{HASH}\n".encode())


def test_what_programs_complain_of_is_not_what_reports_say(tmp_path: Path) -> None:
    at = vantage(Complaining(), nobody, installation=lambda: "/nonexistent")
    found = audit(read_audit_profile("default"), at, "0.1.0")
    audit_output.prepare(tmp_path, as_json=False)
    audit_output.write(tmp_path, found, beside(tmp_path / "none.sock"))
    reasons = [each.reason for each in found.findings if "it does not understand its configuration" in each.reason]
    assert len(reasons) > 20
    assert secrets_in.found(SECRETS, tmp_path) == []


def test_what_probes_read_is_not_what_reports_say(tmp_path: Path) -> None:
    place = Planted()
    found = audit(read_audit_profile("default"), vantage(place, nobody, installation=lambda: "/nonexistent"), "0.1.0")
    audit_output.prepare(tmp_path, as_json=False)
    audit_output.write(tmp_path, found, beside(tmp_path / "none.sock"))
    assert {"/etc/shadow", "/etc/passwd", "/etc/group", "/etc/pam.d/common-auth"} <= place.met
    assert len(list(tmp_path.iterdir())) == 8
    assert secrets_in.found(SECRETS, tmp_path) == []
