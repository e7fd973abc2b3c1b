# SPDX-License-Identifier: GPL-3.0-or-later
"""No secret comes out of the playbook: not with -vvvv, not in check or diff mode, not where a task fails; and none is
on the machine but in the file that is for it."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from testinfra.host import Host

ANSIBLE = Path(__file__).resolve().parents[4]
MOLECULE = ANSIBLE / "extensions" / "molecule"
PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")
# Parts of which no encoding makes another text, each long enough to be found by chance nowhere.
SECRET = "Zq7xVt2Kp9Lw4Rb8Nd3Hs6"
SECRETS = {
    "radius": f"{SECRET}radius",
    "quoted": f"{SECRET}\"'\\$(x)",
    "key.pem": f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----\n",
}
FOLDER = "/etc/wolfguard-gateway/secrets"


def variables() -> Iterator[str]:
    """Of every role, but those that may be any text."""
    for file in sorted(ANSIBLE.glob("roles/*/meta/argument_specs.yml")):
        options = yaml.safe_load(file.read_text("utf-8"))["argument_specs"]["main"]["options"]
        for name, option in options.items():
            formed = any(line.startswith("Form: ") for line in option["description"])
            if formed or "choices" in option or option["type"] not in ("path", "str"):
                yield name


class Controller:
    """Runs the playbook, and keeps all that a controller could keep of it."""

    def __init__(self, folder: Path, machine: str) -> None:
        self.folder = folder
        (folder / "hosts").write_text(f"[gateways]\n{machine}\n")
        (folder / "group_vars").symlink_to(MOLECULE / "shared" / "group_vars")
        (folder / "scratch").mkdir()
        variables = {
            "ansible_become_password": f"{SECRET}become",
            "ansible_password": f"{SECRET}ssh",
            "vault_radius": SECRETS["radius"],
            "gateway_secrets": {**SECRETS, "radius": "{{ vault_radius }}"},
        }
        (folder / "host_vars").mkdir()
        (folder / "host_vars" / f"{machine}.yml").write_text(yaml.safe_dump(variables))

    def run(self, *words: str, **given: Any) -> tuple[int, str]:
        """The exit code, and everything that was printed, logged, cached or left behind. `given` wins over all else."""
        environment = {
            **os.environ,
            "ANSIBLE_CONFIG": str(ANSIBLE / "ansible.cfg"),
            "ANSIBLE_CONNECTION_PLUGINS": str(MOLECULE / "plugins" / "connection"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_LOG_PATH": str(self.folder / "scratch" / "log"),
            "ANSIBLE_CACHE_PLUGIN": "jsonfile",
            "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(self.folder / "scratch" / "facts"),
            "ANSIBLE_LOCAL_TEMP": str(self.folder / "scratch" / "tmp"),
        }
        (self.folder / "given.yml").write_text(yaml.safe_dump(given))
        command = [str(PLAYBOOK), "-vvvv", "-i", str(self.folder / "hosts"), "-e", f"@{self.folder}/given.yml", *words]
        result = subprocess.run(
            [*command, "site.yml"], cwd=ANSIBLE, env=environment, check=False, capture_output=True, text=True
        )
        kept = [file.read_text("utf-8", "replace") for file in self.folder.glob("scratch/**/*") if file.is_file()]
        return result.returncode, "\n".join([result.stdout, result.stderr, *kept])


@pytest.fixture(scope="module")
def controller(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Controller:
    return Controller(tmp_path_factory.mktemp("controller"), folder.name)


@pytest.fixture(scope="module", autouse=True)
def _as_it_was(host: Host) -> Iterator[None]:
    yield
    host.check_output("rm -rf %s", FOLDER)


def forms(text: str) -> list[str]:
    """A text as it is, and in base64 at each of its three offsets."""
    shifted = [base64.b64encode(b"\0" * shift + text.encode()).decode() for shift in range(3)]
    return [text, *(each[4:-4] for each in shifted)]


def told(output: str) -> list[str]:
    """Lines with a secret in any form."""
    return [line[:400] for line in output.splitlines() if any(form in line for form in forms(SECRET))]


def test_this_very_search_finds_a_secret() -> None:
    assert told(f"password={SECRET}radius")
    assert told(base64.b64encode(f"(a {SECRET})".encode()).decode())
    assert not told("password=VALUE_SPECIFIED_IN_NO_LOG_PARAMETER")


@pytest.mark.parametrize("words", [("--check", "--diff"), ("--diff",)], ids=" ".join)
def test_a_run_tells_no_secret(controller: Controller, words: Sequence[str]) -> None:
    code, output = controller.run(*words, "--tags", "always,configuration")
    assert code == 0, output[-3000:]
    assert "Secrets that the site file names as files" in output
    assert told(output) == []


def test_the_secrets_are_there_for_root_alone(host: Host) -> None:
    for name, content in SECRETS.items():
        file = host.file(f"{FOLDER}/{name}")
        assert (file.user, file.group, file.mode) == ("root", "root", 0o600)
        assert file.content_string == content


def test_a_task_that_fails_with_a_secret_tells_none(controller: Controller, host: Host) -> None:
    """Where the file should be there is a folder."""
    place = f"{FOLDER}/radius"
    host.check_output("rm -f %s && mkdir -p %s/inside", place, place)
    try:
        code, output = controller.run("--diff", "--tags", "always,configuration")
    finally:
        host.check_output("rm -rf %s", place)
    assert code == 2, output[-3000:]
    assert "Secrets that the site file names as files" in output
    assert told(output) == []


def test_a_secret_in_the_site_file_itself_is_refused_untold(controller: Controller) -> None:
    """There it would be printed as a difference."""
    site = {
        "listeners": [{"port": 443}],
        "sites": [{"name": "main"}],
        "backends": [{"name": "r", "type": "radius", "radius": {"servers": [{"secret": SECRETS["radius"]}]}}],
    }
    code, output = controller.run("--diff", gateway_configuration=site)
    assert code == 2
    assert "gateway_configuration is wrong: backends[0].radius.servers[0].secret is not the path of a file" in output
    assert told(output) == []


def test_a_wrong_value_is_never_told(controller: Controller) -> None:
    """Whatever somebody has mistaken a variable for: the run ends before anything is touched, and names it alone."""
    names = list(variables())
    assert len(names) > 20
    code, output = controller.run(**dict.fromkeys(names, f"{SECRET} of another"))
    assert code == 2
    assert [name for name in names if f"{name} is " not in output] == []
    assert told(output) == []


def test_no_secret_is_left_on_the_machine(controller: Controller, host: Host) -> None:
    """After a whole round again: neither in a file, nor in the journal, nor among the words of a process."""
    code, output = controller.run("--diff", "--tags", "always,configuration")
    assert code == 0, output[-3000:]
    places = "/etc /var /tmp /root /home /run /usr/local /opt /srv"
    found = host.run(f"grep --recursive --files-with-matches --text --fixed-strings {SECRET} {places} 2>/dev/null")
    assert sorted(found.stdout.split()) == sorted(f"{FOLDER}/{name}" for name in SECRETS)
    journal = host.check_output("journalctl --no-pager --all --output=export")
    assert "ansible" in journal
    assert told(journal) == []


def test_the_one_switch_opens_all_of_it(controller: Controller) -> None:
    """Which shows, too, that the searches above would have found what is printed."""
    code, output = controller.run("--check", "--tags", "always,configuration", wolfguard_no_log=False)
    assert code == 0, output[-3000:]
    assert told(output)
