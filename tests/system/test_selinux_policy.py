# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy module in Debian's own policies: it links with every neverallow rule checked, gives what the manifest
says, and nothing of what a worker must never do. No SELinux runs here; tests/vm shows it at work."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.interop import roots
from tests.system import selinux_policy
from wolfguard.ipc.dispatch_table import EDGES
from wolfguard.sandbox.processes import PROCESSES

PREFIX = "wolfguard_gateway_"
SUPERVISOR = f"{PREFIX}supervisor_t"
WORKER = f"{PREFIX}worker_t"
CAPABILITIES = {
    0: "chown",
    1: "dac_override",
    3: "fowner",
    6: "setgid",
    7: "setuid",
    12: "net_admin",
    29: "audit_write",
}
Rights = dict[tuple[str, str], set[str]]

# What a rule in anybody's module could give a worker, and the compiler must refuse.
FORBIDDEN = (
    "allow wolfguard_gateway_worker_t bin_t:file execute_no_trans;",
    "allow wolfguard_gateway_worker_t wolfguard_gateway_key_t:file getattr;",
    "allow wolfguard_gateway_worker_t wolfguard_gateway_conf_t:file open;",
    "allow wolfguard_gateway_worker_t self:tcp_socket create;",
    "allow wolfguard_gateway_worker_t wolfguard_gateway_outside_t:tcp_socket connect;",
    "allow wolfguard_gateway_worker_t self:process ptrace;",
    "allow wolfguard_gateway_worker_t self:capability net_raw;",
    "allow wolfguard_gateway_worker_t wolfguard_gateway_keyd_t:process signal;",
    "allow wolfguard_gateway_keyd_t wolfguard_gateway_key_t:file open;",
    "domain_auto_transition_pattern(initrc_t, bin_t, wolfguard_gateway_worker_t)",
)


def own(process: str) -> str:
    return f"{PREFIX}{process}_t"


@pytest.fixture(scope="module", params=[selinux_policy.TRIXIE, selinux_policy.BOOKWORM], ids=["trixie", "bookworm"])
def linked(request: pytest.FixtureRequest) -> selinux_policy.Linked:
    root: roots.Root = request.param
    return selinux_policy.link(root)


def rights(linked: selinux_policy.Linked, source: str) -> Rights:
    found: Rights = {}
    for target, tclass, permissions in linked.facts["allowed"].get(source, []):
        found.setdefault((target, tclass), set()).update(permissions)
    return found


def having(found: Rights, permissions: set[str], tclass: str = "") -> Iterator[tuple[str, str, set[str]]]:
    for (target, each), held in found.items():
        if held & permissions and each.startswith(tclass):
            yield target, each, held & permissions


def test_it_links_with_every_neverallow_rule_checked(linked: selinux_policy.Linked) -> None:
    assert linked.said == ""


def test_the_compiler_refuses_what_must_never_be() -> None:
    broken = "require { type initrc_t; }\n" + "\n".join(FORBIDDEN) + "\n"
    said = selinux_policy.link(selinux_policy.TRIXIE, broken).said
    refused = re.findall(r"^neverallow check failed at \S+\n(?:.*\n)*?(?=\n|\Z)", said, re.MULTILINE)
    text = "\n".join(refused)
    for words in (
        "execute_no_trans", "wolfguard_gateway_key_t (file (getattr", "wolfguard_gateway_conf_t (file (open",
        "(tcp_socket (create", "(tcp_socket (connect", "(process (ptrace", "(capability (net_raw",
        "wolfguard_gateway_keyd_t (process (signal", "wolfguard_gateway_key_t (file (open", "(process (transition",
    ):  # fmt: skip
        assert words in text, f"{words} was let through:\n{said}"


def test_nothing_is_permissive_or_unconfined(linked: selinux_policy.Linked) -> None:
    assert not [name for name in linked.facts["permissive"] if name.startswith(PREFIX)]
    for name, attributes in linked.facts["types"].items():
        assert not [attribute for attribute in attributes if "unconfined" in attribute], name


def test_every_process_has_its_domain_by_way_of_its_own_launcher(linked: selinux_policy.Linked) -> None:
    steps = {tuple(step) for step in linked.facts["transitions"]}
    wanted = {(SUPERVISOR, "bin_t", f"{PREFIX}resolver_t")}
    # PAM modules have passwords looked up and changed by programs of the policy's own domains.
    wanted |= {(own("nursery"), f"{name}_exec_t", f"{name}_t") for name in ("chkpwd", "updpwd")}
    for name in PROCESSES:
        launcher = f"{PREFIX}{name}_launch_t"
        wanted |= {(SUPERVISOR, f"{PREFIX}{name}_exec_t", launcher), (launcher, "bin_t", own(name))}
        assert "transition" in rights(linked, SUPERVISOR)[launcher, "process"]
        assert "transition" in rights(linked, launcher)[own(name), "process"]
        assert "nnp_transition" in rights(linked, launcher)[own(name), "process2"]
        assert "noatsecure" in rights(linked, launcher)[own(name), "process"]
    assert steps == wanted
    assert "nnp_nosuid_transition" in linked.facts["capabilities"]


def test_nobody_else_enters_a_domain(linked: selinux_policy.Linked) -> None:
    for source in linked.facts["allowed"]:
        for target, _, _ in having(rights(linked, source), {"transition", "dyntransition"}, "process"):
            if target.startswith(PREFIX):
                assert (source, target) in {
                    ("init_t", SUPERVISOR), ("initrc_t", SUPERVISOR), (SUPERVISOR, f"{PREFIX}resolver_t"),
                    *((SUPERVISOR, f"{PREFIX}{name}_launch_t") for name in PROCESSES),
                    *((f"{PREFIX}{name}_launch_t", own(name)) for name in PROCESSES),
                }  # fmt: skip


@pytest.mark.parametrize("name", PROCESSES)
def test_capabilities_are_those_of_the_manifest(linked: selinux_policy.Linked, name: str) -> None:
    wanted = {CAPABILITIES[number] for number in PROCESSES[name].capabilities}
    found = {held for _, _, each in having_class(rights(linked, own(name)), "cap") for held in each}
    if name == "nursery":
        # The machine policy's own rules for NIS, under its boolean, and for PAM, which wants the kernel's audit; the
        # launcher has taken both capabilities away for good.
        found -= {"audit_write", "net_bind_service"}
    assert found == wanted


def having_class(found: Rights, start: str) -> Iterator[tuple[str, str, set[str]]]:
    for (target, tclass), held in found.items():
        if tclass.startswith(start):
            yield target, tclass, held


@pytest.mark.parametrize("name", PROCESSES)
def test_channels_are_the_manifests_edges(linked: selinux_policy.Linked, name: str) -> None:
    wanted = {f"{PREFIX}{name}_supervisor_channel_t"}
    wanted |= {f"{PREFIX}{edge[0]}_{edge[1]}_channel_t" for edge in EDGES if name in edge[:2]}
    found = {target for target, _ in rights(linked, own(name)) if target.endswith("_channel_t")}
    assert found == wanted


def test_a_worker_executes_creates_connects_and_traces_nothing(linked: selinux_policy.Linked) -> None:
    found = rights(linked, WORKER)
    assert not list(having(found, {"execute_no_trans", "transition", "dyntransition"}))
    assert not list(having(found, {"ptrace", "setexec", "setcurrent", "setfscreate", "setsockcreate", "execmem"}))
    sockets = {(target, tclass) for target, tclass, _ in having(found, {"create"}) if tclass.endswith("_socket")}
    assert sockets == {(WORKER, "unix_stream_socket")}
    connecting = {target for target, tclass, _ in having(found, {"connect", "bind", "listen"}) if target != WORKER}
    assert connecting == set()
    assert {target for target, _, _ in having(found, {"connectto"})} <= {"setrans_t"}
    assert {target for target, _, _ in having(found, {"accept"}, "tcp")} == {f"{PREFIX}outside_t"}


def test_a_worker_opens_python_and_libraries_alone(linked: selinux_policy.Linked) -> None:
    opened = {target for target, tclass, _ in having(rights(linked, WORKER), {"open"}, "file")}
    assert opened <= {
        "bin_t", "cpu_online_t", "etc_t", "ld_so_cache_t", "ld_so_t", "lib_t", "locale_t", "sysctl_crypto_t",
        "textrel_shlib_t", "usr_t", WORKER,
    }  # fmt: skip
    written = {target for target, tclass, _ in having(rights(linked, WORKER), {"write", "append"}, "file")}
    assert written == {f"{PREFIX}memory_t", WORKER}
    assert rights(linked, WORKER)["tun_tap_device_t", "chr_file"] == {"read", "write", "getattr"}


def test_workers_are_kept_apart_by_category(linked: selinux_policy.Linked) -> None:
    constrained = [name for name, held in linked.facts["types"].items() if "mcs_constrained_type" in held]
    assert constrained == [WORKER]
    assert "setexec" in rights(linked, f"{PREFIX}worker_launch_t")[f"{PREFIX}worker_launch_t", "process"]


def test_keys_are_opened_by_the_supervisor_and_read_by_keyd(linked: selinux_policy.Linked) -> None:
    key = (f"{PREFIX}key_t", "file")
    held = {name: rights(linked, name).get(key) for name in linked.facts["types"] if rights(linked, name).get(key)}
    assert held == {
        SUPERVISOR: {"open", "read", "getattr"},
        own("keyd"): {"read", "getattr"},
        f"{PREFIX}resolver_t": {"getattr"},
    }


def test_the_gateways_own_keys_are_made_by_the_resolver_alone(linked: selinux_policy.Linked) -> None:
    key = (f"{PREFIX}own_key_t", "file")
    held = {name: rights(linked, name).get(key) for name in linked.facts["types"] if rights(linked, name).get(key)}
    made = held.pop(f"{PREFIX}resolver_t")
    assert made is not None
    assert {"create", "write", "read"} <= made
    assert held == {SUPERVISOR: {"open", "read", "getattr"}, own("keyd"): {"read", "getattr"}}


@pytest.mark.parametrize(
    ("path", "label"),
    [(f"/opt/wolfguard-gateway/lib/python3.13/site-packages/wolfguard/libexec/wolfguard-{name}", f"{name}_exec_t")
     for name in PROCESSES]
    + [("/opt/wolfguard-gateway/versions/1.0-0a/lib/python3.13/site-packages/wolfguard/libexec/wolfguard-worker",
        "worker_exec_t"),
       ("/opt/wolfguard-gateway/versions/1.0-0a/bin/wolfguard", "supervisor_exec_t")]
    + [("/opt/wolfguard-gateway/bin/wolfguard", "supervisor_exec_t"),
       ("/etc/wolfguard-gateway/tls/vpn.example.org.key", "key_t"),
       ("/etc/wolfguard-gateway/tls/vpn.example.org.pem", "conf_t"),
       ("/etc/wolfguard-gateway/keys/checkpoint.key", "own_key_t"),
       ("/etc/wolfguard-gateway/keys/checkpoint.pub", "own_key_t"),
       ("/var/lib/wolfguard-gateway/gateway.sqlite", "var_lib_t"),
       ("/var/log/wolfguard-gateway/records.jsonl", "log_t"),
       ("/run/wolfguard-gateway/control.sock", "runtime_t")],
)  # fmt: skip
def test_files_have_their_types(linked: selinux_policy.Linked, path: str, label: str) -> None:
    assert linked.facts, linked.said
    assert _label(linked.contexts, path) == f"{PREFIX}{label}"


def _label(contexts: str, path: str) -> str:
    """As libselinux orders them, near enough for our own lines: the longest fixed beginning wins."""
    best: tuple[int, int, str] = (-1, -1, "")
    for line in contexts.splitlines():
        pattern, *_, context = line.split()
        if context.count(":") > 2 and re.fullmatch(pattern, path):
            stem = re.split(r"[.^$?*+|\[({]", pattern.replace("\\.", "\0"))[0]
            best = max(best, (len(stem), len(pattern), context.split(":")[2]))
    return best[2]


def test_the_facts_are_not_empty(linked: selinux_policy.Linked) -> None:
    facts: dict[str, Any] = linked.facts
    assert set(facts["types"]) >= {own(name) for name in PROCESSES}
