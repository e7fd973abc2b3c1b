# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs inside a Debian root with setools: prints what a binary policy says about the gateway's types, as JSON.

Owns the reading alone; selinux_policy.py starts it, test_selinux_policy.py judges. Needs nothing but python3-setools.
"""

from __future__ import annotations

import json
import sys

import setools  # type: ignore[import-not-found]

OURS = "wolfguard_gateway_"


def main() -> None:
    policy = setools.SELinuxPolicy(sys.argv[1])
    allowed: dict[str, list[tuple[str, str, list[str]]]] = {}
    transitions = []
    for rule in policy.terules():
        kind = str(rule.ruletype)
        if kind == "allow":
            classes, permissions = str(rule.tclass), sorted(map(str, rule.perms))
            sources = [str(source) for source in rule.source.expand()]
            ours = [source for source in sources if source.startswith(OURS)]
            targets = [str(target) for target in rule.target.expand()] if ours else []
            for source in ours:
                allowed.setdefault(source, []).extend((target, classes, permissions) for target in targets)
            if not ours and str(rule.target).startswith(OURS) and classes in ("process", "unix_stream_socket"):
                for source in sources:
                    allowed.setdefault(source, []).append((str(rule.target), classes, permissions))
        elif kind == "type_transition" and str(rule.source).startswith(OURS) and str(rule.tclass) == "process":
            transitions.append((str(rule.source), str(rule.target), str(rule.default)))
    types = {str(each): sorted(map(str, each.attributes())) for each in policy.types() if str(each).startswith(OURS)}
    facts = {
        "allowed": allowed,
        "transitions": sorted(transitions),
        "types": types,
        "permissive": sorted(str(each) for each in policy.types() if each.ispermissive),
        "capabilities": sorted(map(str, policy.polcaps())),
    }
    json.dump(facts, sys.stdout)


if __name__ == "__main__":
    main()
