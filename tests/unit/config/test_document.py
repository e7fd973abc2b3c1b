# SPDX-License-Identifier: GPL-3.0-or-later
"""The YAML subset: values, lines, and everything that it refuses."""

from __future__ import annotations

import pytest

from wolfguard.config.document import MAX_BYTES, MAX_DEPTH, parse, show_key
from wolfguard.errors import ConfigurationError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("443", 443),
        ("-1", -1),
        ("0", 0),
        ("1.5", 1.5),
        ("true", True),
        ("false", False),
        ("null", None),
        ("", None),
        ("no", "no"),
        ("12:30", "12:30"),
        ("0755", "0755"),
        ("2026-01-01", "2026-01-01"),
        ("1e5", "1e5"),
        ("'443'", "443"),
        ('"true"', "true"),
        ("2001:db8::1", "2001:db8::1"),
        ("99999999999999999999999", "99999999999999999999999"),
    ],
)
def test_scalars(text: str, value: object) -> None:
    document = parse(f"key: {text}\n".encode(), "f")
    assert document.data == {"key": value}
    assert isinstance(document.data, dict)
    assert type(document.data["key"]) is type(value)


def test_lines() -> None:
    document = parse(b"a:\n  - b: 1\n    c:\n\n      - 2\n      - 3\n", "f")
    assert document.line(("a",)) == 1
    assert document.line(("a", 0)) == 2
    assert document.line(("a", 0, "c")) == 3
    assert document.line(("a", 0, "c", 1)) == 6


def test_line_of_an_absent_key_is_that_of_the_key_above() -> None:
    document = parse(b"x: 1\na:\n  b: 1\n", "f")
    assert document.line(("a", "missing", "deeper")) == 2
    assert document.line(("other",)) == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a: 1\nb: 2\na: 3\n", "f:3: a twice; the first is in line 1"),
        (b"a: &x 1\n", "f:1: an anchor or alias"),
        (b"a: [&x 1, *x]\n", "f:1: an anchor or alias"),
        (b"a: 1\n<<: *a\n", "f:2: an anchor or alias"),
        (b"a: !!python/object:os.system x\n", "f:1: the tag"),
        (b"a: !x {}\n", "f:1: the tag '!x'"),
        (b"? [a]\n: 1\n", "f:1: a key that is not a plain word"),
        (b"a: 1\n---\nb: 2\n", "f:2: a second document"),
        (b"a:\n  - [1\n", "not readable as YAML"),
        (b"a: \xff\n", "f:1: not UTF-8"),
        (b"a: 1\nb: \x01\n", "not readable as YAML"),
        (b"a: " + b"[" * (MAX_DEPTH + 1), "too large or too deep"),
        (b"a: " + b"{b: " * 5000, "too large or too deep"),
        (b"#" * (MAX_BYTES + 1), "larger than"),
    ],
)
def test_refused(content: bytes, words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse(content, "f")
    assert words in str(caught.value)


def test_an_alias_bomb_is_refused_at_its_first_anchor() -> None:
    bomb = b"a: &a [x, x]\n" + b"".join(b"b%d: &b%d [*a, *a]\n" % (n, n) for n in range(20))
    with pytest.raises(ConfigurationError, match=r"f:1: an anchor"):
        parse(bomb, "f")


def test_a_long_list_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="too large"):
        parse(b"a: [" + b"1," * 200_000 + b"1]", "f")


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"---\n"])
def test_an_empty_file_holds_nothing(content: bytes) -> None:
    assert parse(content, "f").data is None


def test_show_key() -> None:
    assert show_key(("sites", 0, "network", "dns", 2)) == "sites[0].network.dns[2]"
    assert show_key(()) == "(the file)"
