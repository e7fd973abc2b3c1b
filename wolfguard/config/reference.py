# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents of the site file, written from its schema and its defaults: one source, several forms.

Owns the documented default file, the file as it is in effect, and the reference page. Must not know files or the
command line; the manual page's form is `cli.man`.
"""

from __future__ import annotations

import dataclasses
import json
import re
import textwrap
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from wolfguard.config import build, schema
from wolfguard.config.changes import restart_reason
from wolfguard.config.schema import Rules
from wolfguard.config.site import Configuration

COMPUTED = frozenset({"number", "chain", "crypto", "authorities_pem", "own_keys"})
"""Fields of `config.site` that no file has: filled in while the file is resolved."""

_WIDTH = 110
_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./-]*\Z")
# Lists that are empty where nothing is said, with what an entry may look like.
_EXAMPLES = {
    "groups": ("- name: staff", '  label: "Staff"', "  network: {mtu: 1380}"),
    "access_lists": ("- name: contractors", "  allow: [10.1.2.0/24 tcp 443, 10.1.3.0/24]"),
    "backends": ("- name: corp", "  type: pam", "  pam: {service: wolfguard}"),
}
_TYPE_NAMES = {"string": "text", "integer": "number", "boolean": "true or false"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One key for documents. `default` is YAML text, or "" where the key is required or has keys below it."""

    key: str
    doc: str
    kind: str
    allowed: str
    default: str
    example: str
    required: bool
    restart: str


def entries() -> Iterator[Entry]:
    """Every key that has documentation, in the order of the file."""
    for names, rule in schema.walk():
        if "doc" not in rule.get("meta", {}):
            continue
        key = ".".join(names).replace(".*", "[]")
        default = _default(names) if not _has_keys(rule) and not rule.get("required") else ""
        example = scalar(rule["meta"]["example"]) if "example" in rule["meta"] else ""
        yield Entry(
            key=key,
            doc=rule["meta"]["doc"],
            kind=_kind(rule),
            allowed=_allowed(rule),
            default=default,
            example=example,
            required=bool(rule.get("required")),
            restart=restart_reason(key) or "",
        )


def scalar(value: object) -> str:
    """A value as YAML text that this project's reader takes for the same value."""
    if isinstance(value, tuple | list):
        return f"[{', '.join(scalar(item) for item in value)}]"
    if isinstance(value, str):
        plain = _PLAIN.match(value) and value not in ("true", "false", "null")
        return value if plain else json.dumps(value, ensure_ascii=False)
    return json.dumps(value)


def default_file() -> str:
    """A whole site file with every key, what it means, and its default; certificates and name are examples."""
    head = (
        "# Site file of wolfguard. Every key is shown with its default; keys that you leave out have it too.\n"
        "# Keys without a default (name, certificates) hold an example. Check with: wolfguard config check\n"
    )
    return head + "".join(f"\n{block}" for block in _file_blocks(schema.rules(), (), 0))


def file_in_effect(configuration: Configuration) -> str:
    """The configuration as a site file: what was written and what is default, without documentation."""
    return "\n".join(_emit(plain(configuration), 0)) + "\n"


def plain(value: object) -> Any:
    """Objects of `config.site` as mappings, lists and scalars, without the computed fields."""
    if dataclasses.is_dataclass(value):
        return {
            field.name: plain(getattr(value, field.name))
            for field in dataclasses.fields(value)
            if field.name not in COMPUTED and getattr(value, field.name) is not None
        }
    return [plain(item) for item in value] if isinstance(value, tuple) else value


def markdown() -> str:
    """docs/reference/configuration.md."""
    parts = [
        "<!-- Generated from wolfguard/config/schema.yml by `wolfguard documents`. Do not edit. -->\n",
        "# The site file\n",
        textwrap.dedent(
            """\
            `/etc/wolfguard-gateway/wolfguard.yml` is YAML: mappings, lists, text, whole numbers, `true` and `false`.
            Anchors, aliases, tags, duplicate keys and unknown keys are refused. `wolfguard config check` tells file,
            line, key, value and what is allowed; `wolfguard config show --defaults` prints a file with every key.
            `wolfguard reload` takes a changed file without dropping a session; keys marked *restart* wait for a
            restart, and the reload names them.
            """
        ),
    ]
    for entry in entries():
        level = "##" if "." not in entry.key else "###"
        parts.append(f"{level} `{entry.key}`\n\n{entry.doc}\n")
        facts = [f"- Type: {entry.kind}"]
        facts += [f"- Allowed: {entry.allowed}"] if entry.allowed else []
        facts += ["- Required"] if entry.required else []
        facts += [f"- Default: `{entry.default}`"] if entry.default else []
        facts += [f"- Example: `{entry.example}`"] if entry.example else []
        facts += [f"- A change waits for a restart: {entry.restart}"] if entry.restart else []
        parts.append("\n".join(facts) + "\n")
    return "\n".join(parts)


def _has_keys(rule: Rules) -> bool:
    return bool(rule["type"] == "dict" or (rule["type"] == "list" and rule["schema"]["type"] == "dict"))


def _kind(rule: Rules) -> str:
    if rule["type"] == "dict":
        return "mapping"
    if rule["type"] == "list":
        inner = rule["schema"]["type"]
        return "list of mappings" if inner == "dict" else f"list of {_TYPE_NAMES[inner]}"
    return _TYPE_NAMES[rule["type"]]


def _allowed(rule: Rules) -> str:
    if rule["type"] == "list":
        inner = rule["schema"].get("allowed")
        count = _count(rule.get("minlength", 0), rule["maxlength"])
        return f"{count}, each one of: {', '.join(inner)}" if inner else count
    if rule["type"] == "dict" or (rule["type"] == "boolean" and "allowed" not in rule):
        return ""
    if rule["type"] == "string" and not {"allowed", "maxlength"} & rule.keys() and "allowed" not in rule["meta"]:
        return ""
    if "maxlength" in rule:
        return f"up to {rule['maxlength']} characters"
    return schema.allowed(rule)


def _count(low: int, high: int) -> str:
    if high == 1:
        return "one entry"
    return f"{low} to {high} entries" if low else f"up to {high} entries"


def _default(names: tuple[str, ...]) -> str:
    kind: Any = Configuration
    for name in names[:-1]:
        kind = typing.get_args(kind)[0] if name == "*" else build.field_types(kind)[name]
    value = build.default(kind, names[-1])
    return "" if value is None else scalar(value)


def _file_blocks(tree: Rules, above: tuple[str, ...], indent: int) -> Iterator[str]:
    space = " " * indent
    for name, rule in tree.items():
        names = (*above, name)
        lines = textwrap.wrap(f"{rule['meta']['doc']}", _WIDTH - indent)
        if (allowed := _allowed(rule)) and not _has_keys(rule):
            lines += textwrap.wrap(f"Allowed: {allowed}.", _WIDTH - indent)
        if "example" in rule["meta"] and not rule.get("required"):
            lines.append(f"Example: {scalar(rule['meta']['example'])}")
        comment = "".join(f"{space}# {line}\n" for line in lines)
        if name in _EXAMPLES:
            example = "".join(f"{space}#   {line}\n" for line in _EXAMPLES[name])
            yield f"{comment}{space}# Example:\n{example}{space}{name}: []\n"
        elif rule["type"] == "dict":
            yield f"{comment}{space}{name}:\n" + "".join(_file_blocks(rule["schema"], names, indent + 2))
        elif _has_keys(rule):
            below = "".join(_file_blocks(rule["schema"]["schema"], (*names, "*"), indent + 4))
            yield f"{comment}{space}{name}:\n" + _dash(below, indent + 2)
        else:
            value = scalar(rule["meta"]["example"]) if rule.get("required") else _default(names)
            yield f"{comment}{space}{name}: {value}\n"


def _dash(block: str, indent: int) -> str:
    """The dash of a list item goes before its first key, which may follow comments."""
    lines = block.splitlines(keepends=True)
    first = next(number for number, line in enumerate(lines) if not line.lstrip().startswith("#"))
    lines[first] = f"{' ' * indent}- {lines[first].lstrip()}"
    return "".join(lines)


def _emit(value: Any, indent: int) -> Iterator[str]:
    space = " " * indent
    for name, item in value.items():
        if isinstance(item, dict):
            yield f"{space}{name}:"
            yield from _emit(item, indent + 2)
        elif isinstance(item, list) and item and isinstance(item[0], dict):
            yield f"{space}{name}:"
            for element in item:
                first, *rest = _emit(element, indent + 4)
                yield f"{space}  - {first.lstrip()}"
                yield from rest
        else:
            yield f"{space}{name}: {scalar(item)}"
