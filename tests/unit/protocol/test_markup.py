# SPDX-License-Identifier: GPL-3.0-or-later
"""The strict reader of XML, and its writer."""

from __future__ import annotations

import pytest

from wolfguard.errors import LocalError, PeerError
from wolfguard.protocol.markup import ATTRIBUTE_LIMIT, DEPTH_LIMIT, ELEMENT_LIMIT, Element, parse, render


def test_elements_attributes_and_text() -> None:
    root = parse(b'<?xml version="1.0" encoding="UTF-8"?>\n<a b="c"><d> x &amp; y </d><d/>t<![CDATA[<u>]]></a>')
    assert (root.name, root.attributes, root.text) == ("a", {"b": "c"}, "t<u>")
    first = root.child("d")
    assert first is not None
    assert first.text == " x & y "
    assert root.child_text("d") == "x & y"
    assert root.child_text("absent") == ""


@pytest.mark.parametrize(
    ("document", "label"),
    [
        (b"", "markup_malformed"),
        (b"<a>", "markup_malformed"),
        (b"<a></b>", "markup_malformed"),
        (b"<a/><b/>", "markup_malformed"),
        (b"<a/>\x00", "markup_malformed"),
        (b"<a>&undefined;</a>", "markup_malformed"),
        (b"<a>&#0;</a>", "markup_malformed"),
        (b'<a b="1" b="2"/>', "markup_malformed"),
        (b"<!DOCTYPE a><a/>", "markup_forbidden"),
        (b'<!DOCTYPE a SYSTEM "http://x/y"><a/>', "markup_forbidden"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "markup_forbidden"),
        (b'<!DOCTYPE a [<!ENTITY % b SYSTEM "file:///etc/passwd"> %b;]><a/>', "markup_forbidden"),
        (b"<a><?php x?></a>", "markup_forbidden"),
        (b"<a>\xff</a>", "markup_encoding"),
        ("<a/>".encode("utf-16"), "markup_encoding"),
        (b'<?xml version="1.0" encoding="ISO-8859-1"?><a/>', "markup_encoding"),
        (b"<a>" * (DEPTH_LIMIT + 1), "markup_limit"),
        (b"<a>" + b"<b/>" * ELEMENT_LIMIT + b"</a>", "markup_limit"),
        (b"<a " + b" ".join(b"b%d='1'" % n for n in range(ATTRIBUTE_LIMIT + 1)) + b"/>", "markup_limit"),
        (b"<" + b"a" * 200 + b"/>", "markup_limit"),
    ],
)
def test_refused(document: bytes, label: str) -> None:
    with pytest.raises(PeerError) as caught:
        parse(document)
    assert caught.value.label == label


def test_what_is_written_reads_the_same() -> None:
    element = Element("a", {"b": "\"'<&>\n\t\r"}, (Element("c", text="]]> & \r < \u20ac \U0001f600"),))
    root = parse(render(element).encode())
    assert root.attributes == element.attributes
    assert root.child("c") == element.children[0]


def test_empty_element_is_short() -> None:
    assert render(Element("a", {"b": ""})) == '<a b=""/>'


@pytest.mark.parametrize("text", ["\x00", "\x0b", "\ud800", "\ufffe"])
def test_characters_without_a_spelling(text: str) -> None:
    with pytest.raises(LocalError, match=r"U\+"):
        render(Element("a", text=text))


def test_repr_holds_no_content() -> None:
    assert "secret" not in repr(parse(b"<a p='secret'>secret<b>secret</b></a>"))
