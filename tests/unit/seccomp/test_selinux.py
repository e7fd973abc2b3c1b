# SPDX-License-Identifier: GPL-3.0-or-later
"""What the manifest becomes in the SELinux policy."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from generator.manifest import Edge, Manifest, Process, read_manifest
from generator.selinux import policy_files

from wolfguard.linux import labels

TREE = Path(__file__).resolve().parents[3]
MANIFEST = read_manifest(TREE / "seccomp")
TE, FC = "selinux/generated/processes.te", "selinux/generated/processes.fc"


def changed(name: str, **fields: object) -> Manifest:
    processes = tuple(
        dataclasses.replace(each, **fields) if each.name == name else each  # type: ignore[arg-type]
        for each in MANIFEST.processes
    )
    return dataclasses.replace(MANIFEST, processes=processes)


def worker() -> Process:
    return next(process for process in MANIFEST.processes if process.name == "worker")


def test_each_child_has_an_entry_a_launcher_and_a_domain() -> None:
    files = policy_files(MANIFEST)
    for process in MANIFEST.children:
        assert f"type {process.selinux}, " in files[TE]
        assert f"/wolfguard-{process.name}\t--\tgen_context(system_u:object_r:" in files[FC]
        assert (
            f"type_transition wolfguard_gateway_{process.name}_launch_t bin_t:process {process.selinux};" in files[TE]
        )


def test_a_capability_of_the_manifest_is_one_of_the_policy() -> None:
    assert "allow wolfguard_gateway_keyd_t self:capability" not in policy_files(MANIFEST)[TE]
    text = policy_files(changed("keyd", capabilities=("CAP_KILL", "CAP_CHOWN")))[TE]
    assert "allow wolfguard_gateway_keyd_t self:capability { chown kill };" in text


def test_who_is_one_of_many_is_kept_apart() -> None:
    assert policy_files(MANIFEST)[TE].count("mcs_constrained(") == 1
    assert "mcs_constrained(wolfguard_gateway_worker_t)" in policy_files(MANIFEST)[TE]
    assert "mcs_constrained(" not in policy_files(changed("worker", per_slot=False))[TE]


def test_an_edge_is_a_channel_of_two() -> None:
    edge = Edge("keyd", "netd", "ipc", "keyd", False)
    label = labels.channel("keyd", "netd", None).type
    assert label not in policy_files(MANIFEST)[TE]
    text = policy_files(dataclasses.replace(MANIFEST, edges=(edge,)))[TE]
    assert f"allow {{ wolfguard_gateway_keyd_t wolfguard_gateway_netd_t }} {label}:unix_stream_socket" in text
    # ... and those of the manifest are gone with their edges
    assert labels.channel("worker", "sessiond", None).type not in text


def test_labels_at_run_time_are_those_of_the_policy() -> None:
    text = policy_files(MANIFEST)[TE]
    for edge in MANIFEST.edges:
        assert f"type {labels.channel(edge.first, edge.second, None).type}, " in text
    for process in MANIFEST.children:
        assert f"type {labels.channel(process.name, 'supervisor', None).type}, " in text
    assert worker().selinux == "wolfguard_gateway_worker_t"
