# SPDX-License-Identifier: GPL-3.0-or-later
"""What each client gets under each profile: the results file that tests write and are compared with, and the table in
README that is made of it.

Owns their form and their places. What was seen comes from `test_clients`; run by itself this writes README's table from
the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

TREE: Final = Path(__file__).resolve().parents[3]
RESULTS: Final = TREE / "docs" / "reference" / "clients.yml"
README: Final = TREE / "README.md"
PROFILES: Final = ("fips-strict", "fips-hybrid", "cnsa-2.0-transition", "compat")
BEGIN, END = "<!-- clients: begin -->\n", "<!-- clients: end -->\n"
_MARK: Final = """\
# SPDX-License-Identifier: GPL-3.0-or-later
# What real clients got under each profile, as a gateway said of their sessions. Generated; do not edit:
# ./bootstrap test --write-clients tests/interop/sweep/test_clients.py writes it and README's table, and without the
# option the same tests compare. `version` and `library` are told, not compared: distributions go on.
"""
_SHORT: Final = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}

Results = dict[str, dict[str, Any]]
"""By the client's name: `version`, `library`, and `profiles` with one cell each."""


def read() -> Results:
    found: Results = yaml.safe_load(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    return found


def write(results: Results) -> None:
    """The file, and README's table after it."""
    RESULTS.write_text(_MARK + yaml.safe_dump(results, sort_keys=False, width=120), "utf-8")
    README.write_text(with_table(README.read_text("utf-8"), results), "utf-8")


def with_table(text: str, results: Results) -> str:
    """README's text with the table anew. Raises ValueError where its marks are gone."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"README lacks its marks {BEGIN.strip()} and {END.strip()}")
    return before + begin + "\n".join(rows(results)) + "\n" + end + after


def rows(results: Results) -> list[str]:
    lines = [f"| client | {' | '.join(f'`{name}`' for name in PROFILES)} |", "|---|" + "---|" * len(PROFILES)]
    for name, entry in results.items():
        named = name.replace("openconnect", f"openconnect {entry['version']}")
        cells = " | ".join(cell_text(entry["profiles"][profile]) for profile in PROFILES)
        lines.append(f"| {named} | {cells} |")
    return lines


def cell_text(cell: Mapping[str, Any]) -> str:
    """Key exchange, what carries packets, and whether that is not approved."""
    if cell["tls"] is None:
        return "refused"
    group = _SHORT.get(cell["tls"]["group"], cell["tls"]["group"])
    version = "" if cell["tls"]["version"] == "TLS 1.3" else f"{cell['tls']['version']}, "
    carrier = "TLS" if cell["datagram"] is None else "DTLS"
    return f"{version}{group}, {carrier}{'' if cell['approved'] else ', **not approved**'}"


if __name__ == "__main__":
    write(read())
