# SPDX-License-Identifier: GPL-3.0-or-later
"""The command as a whole: help, lazy loading, generated documents, and `run`, `version`, `completion`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from wolfguard.cli import completion, documents
from wolfguard.cli.failure import CommandError
from wolfguard.cli.root import COMMANDS, command
from wolfguard.errors import StartError
from wolfguard.sandbox import foreign_crypto
from wolfguard.sandbox.processes import PROCESSES

DOCS = Path(__file__).parents[3] / "docs"


def every_command(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        assert found is not None
        yield f"{path} {name}", found
        if isinstance(found, click.Group):
            yield from every_command(found, f"{path} {name}")


ALL = dict(every_command(command, "wolfguard"))


@pytest.mark.parametrize("path", ALL)
def test_every_command_has_help_with_examples(path: str) -> None:
    result = CliRunner().invoke(command, [*path.split()[1:], "--help"])
    assert result.exit_code == 0
    assert (ALL[path].help or "").strip()
    if path != "wolfguard demo":
        assert "Examples:" in result.output


@pytest.mark.parametrize("path", ALL)
def test_commands_have_json(path: str) -> None:
    without = {"completion", "documents", "export", "render", "report", "resolve"}
    options = {option for parameter in ALL[path].params for option in parameter.opts}
    group = isinstance(ALL[path], click.Group)
    assert ("--json" in options) == (not group and path.split()[-1] not in without)


def test_passwords_are_never_arguments() -> None:
    names = [parameter.name or "" for found in ALL.values() for parameter in found.params]
    assert [name for name in names if "password" in name or "secret" in name] == []


def test_run_loads_nothing_that_reads_yaml_or_maps_openssl() -> None:
    code = (
        "import sys, wolfguard.cli.root, wolfguard.cli.run; from wolfguard.procs import supervisor;"
        "bad = {'yaml', 'cerberus', 'asyncio', 'ssl', '_ssl', '_hashlib', 'cryptography'} & set(sys.modules);"
        "sys.exit(str(bad) if bad else 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_a_command_that_asks_the_gateway_maps_no_openssl(tmp_path: Path) -> None:
    code = (
        "import sys, wolfguard.cli\n"
        "try: wolfguard.cli.main()\n"
        "finally: print(open('/proc/self/maps').read(), *(name for name, found in sys.modules.items() if found))"
    )
    words = [sys.executable, "-c", code, "--socket", str(tmp_path / "control.sock"), "status"]
    result = subprocess.run(words, capture_output=True, text=True, check=False)
    assert result.returncode == 3, result.stderr
    assert "http.client" in result.stdout
    assert foreign_crypto.mapped(result.stdout) == ()


def test_run_needs_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1001)
    result = CliRunner().invoke(command, ["run"])
    assert result.exit_code == 4
    assert "use sudo" in result.output


def test_run_becomes_the_supervisor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given: list[tuple[str, tuple[str, ...], bool]] = []
    monkeypatch.setattr("os.geteuid", lambda: 0)

    def supervise(path: str, *, learn: tuple[str, ...], as_json: bool) -> int:
        given.append((path, learn, as_json))
        return 70

    monkeypatch.setattr("wolfguard.procs.supervisor.main", supervise)
    path = str(tmp_path / "x.yml")
    for words in ([], ["--learn", "keyd", "--learn", "worker"], ["--learn", "all"]):
        assert CliRunner().invoke(command, ["run", "--config", path, *words]).exit_code == 70
    assert given == [(path, (), False), (path, ("keyd", "worker"), False), (path, tuple(PROCESSES), False)]


def test_run_says_in_json_why_not(tmp_path: Path) -> None:
    words = [sys.executable, "-I", "-m", "wolfguard.cli", "run", "--json", "--config", str(tmp_path / "missing.yml")]
    result = subprocess.run(words, check=False, capture_output=True, text=True)
    assert result.returncode == 2
    assert json.loads(result.stderr)["error"]["code"] == "configuration"


def test_a_command_whose_package_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def lacks(name: str) -> object:
        raise ModuleNotFoundError(name="cryptography")

    monkeypatch.setattr("importlib.import_module", lacks)
    result = CliRunner().invoke(command, ["demo", "--keep"])
    assert result.exit_code == 1
    assert "install wolfguard-gateway[tools]" in result.output


def test_errors_of_the_package_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: str, **options: object) -> int:
        raise StartError("the port is in use; stop the other program")

    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("wolfguard.procs.supervisor.main", fail)
    result = CliRunner().invoke(command, ["run"])
    assert (result.exit_code, result.output) == (1, "wolfguard: the port is in use; stop the other program\n")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell: str) -> None:
    result = CliRunner().invoke(command, ["completion", shell])
    assert completion.VARIABLE in result.output


def test_completion_knows_the_commands() -> None:
    environment = {completion.VARIABLE: "bash_complete", "COMP_WORDS": "wolfguard se", "COMP_CWORD": "1"}
    result = CliRunner(env=environment).invoke(command, [], prog_name="wolfguard", complete_var=completion.VARIABLE)
    assert result.output == "plain,sessions\n"


def test_the_committed_documents_are_the_generated_ones() -> None:
    pages = documents.pages()
    stale = [name for name, text in pages.items() if not same(DOCS / name, text)]
    assert stale == [], "run: wolfguard documents docs"
    assert {file.name for file in (DOCS / "man").iterdir()} == {Path(name).name for name in pages if name[:4] == "man/"}


def same(file: Path, text: str) -> bool:
    return file.is_file() and file.read_text() == text


def test_documents_are_written_below_a_folder(tmp_path: Path) -> None:
    result = CliRunner().invoke(command, ["documents", str(tmp_path)])
    assert result.exit_code == 0
    assert (tmp_path / "man" / "wolfguard-user.1").read_text().startswith('.\\" SPDX')
    assert set(COMMANDS) <= {file.stem.removeprefix("wolfguard-") for file in (tmp_path / "man").iterdir()}


def test_an_error_for_programs() -> None:
    error = CommandError("it did not work", as_json=True)
    assert error.exit_code == 1
