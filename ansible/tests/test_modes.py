# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles fips and selinux say what a machine is not, and what to do; they never call it what it is not."""

from __future__ import annotations

import re
from pathlib import Path

import plays
import pytest

CONTAINER = {**plays.DEBIAN, "virtualization_role": "guest", "virtualization_type": "systemd-nspawn"}
KERNEL = Path("/proc/sys/crypto/fips_enabled")
FIPS = KERNEL.exists() and KERNEL.read_text("ascii").strip() == "1"
SELINUX = Path("/sys/fs/selinux/enforce").exists()


def test_the_kernel_is_taken_for_what_it_says(tmp_path: Path) -> None:
    code, output = plays.run(tmp_path, "fips", fips_kernel="required")
    assert (code == 0) is FIPS
    assert ("The kernel is not in FIPS mode, and nothing can switch it on while it runs" in output) is not FIPS
    assert ("no module of Debian's is validated" in output) is not FIPS


@pytest.mark.parametrize("flavour", ["ready", "v5", "v6", "v7"])
def test_a_module_needs_its_bundle(tmp_path: Path, flavour: str) -> None:
    code, output = plays.run(tmp_path, "fips", fips_flavour=flavour)
    assert code == 2
    assert f"fips_flavour {flavour} needs fips_bundle, the archive that wolfSSL delivered" in output


def test_a_bundle_needs_its_flavour(tmp_path: Path) -> None:
    code, output = plays.run(tmp_path, "fips", fips_bundle=str(tmp_path / "bundle.tar"))
    assert code == 2
    assert "fips_flavour open is the open-source library: leave fips_bundle empty" in output


@pytest.mark.parametrize(
    ("content", "complaint"), [(None, "is not on the controller"), ("", "has another SHA-256 than")]
)
def test_a_bundle_is_the_one_that_was_delivered(tmp_path: Path, content: str | None, complaint: str) -> None:
    bundle = tmp_path / "bundle.tar"
    if content is not None:
        bundle.write_text(content)
    code, output = plays.run(tmp_path, "fips", fips_flavour="v6", fips_bundle=str(bundle), fips_bundle_sha256="0" * 64)
    assert code == 2
    assert f"{bundle} {complaint}" in output


def test_a_container_cannot_have_selinux_of_its_own(tmp_path: Path) -> None:
    code, output = plays.run(tmp_path, "selinux", CONTAINER)
    assert ("A container has its host's kernel, which runs without SELinux" in output) is not SELINUX
    assert (code == 2) is not SELINUX


def test_selinux_that_is_not_wanted_is_left_alone(tmp_path: Path) -> None:
    code, output = plays.run(tmp_path, "selinux", CONTAINER, selinux_wanted="untouched")
    assert code == 0, output
    assert "changed=0" in output


KERNEL_SAYS = "mount -t tmpfs none /sys/fs; mkdir /sys/fs/selinux; printf {word} >/sys/fs/selinux/enforce"


@pytest.mark.parametrize("word", ["0", "1"], ids=["permissive", "enforcing"])
@pytest.mark.parametrize("wanted", ["enforcing", "untouched"])
def test_a_kernel_with_selinux_is_taken_for_what_it_says(tmp_path: Path, word: str, wanted: str) -> None:
    """What check mode foresees there; what is done is shown by the machine of `./bootstrap test --vm --appliance`."""
    configuration = tmp_path / "config"
    configuration.write_text("SELINUX=permissive\nSELINUXTYPE=default\n")
    code, output = plays.run(
        tmp_path,
        "selinux",
        ground=KERNEL_SAYS.format(word=word),
        selinux_wanted=wanted,
        __selinux_configuration=str(configuration),
    )
    assert code == 0, output
    # no other boot is asked for, and a machine that would only warn after its next one is not left so
    assert "Now the machine runs without it" not in output
    step = output.partition("SELinux enforces from the next boot on]")[2]
    assert re.match(r" \*+ (\w+):", step)[1] == ("changed" if wanted == "enforcing" else "skipping")  # type: ignore[index]
    assert configuration.read_text().startswith("SELINUX=permissive")
