# SPDX-License-Identifier: GPL-3.0-or-later
"""What an audit reads from a listener is anybody's: bytes of any kind give an answer, nothing yet, or the one error."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wolfguard.audit.tls.answer import NotTlsError, datagram
from wolfguard.audit.web import form, tunnel
from wolfguard.audit.web.answer import Answer, AnswerReader, NotHttpError

PIECES = st.sampled_from(
    [
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 ",
        b"Content-Length: 3\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Set-Cookie: webvpn=a; Secure\r\n",
        b"X-CSTP-Split-Include: 10.0.0.0/8\r\n",
        b"\r\n",
        b"3\r\n",
        b"abc",
        b"0\r\n\r\n",
        b":",
        b"\x00",
    ]
)


@given(st.lists(PIECES | st.binary(max_size=40), max_size=20), st.integers(1, 50))
def test_an_answer_is_the_same_however_it_is_cut(pieces: list[bytes], size: int) -> None:
    data = b"".join(pieces)

    def read(step: int) -> Answer | str | None:
        reader = AnswerReader()
        try:
            for at in range(0, len(data), step):
                if (found := reader.feed(data[at : at + step])) is not None:
                    return found
        except NotHttpError:
            return "none"
        return reader.end()

    whole = read(len(data) or 1)
    cut = read(size)
    assert whole == cut or "none" in (whole, cut)
    if isinstance(whole, Answer):
        tunnel.facts(whole)
        tunnel.datagrams(whole)
        form.open_cookies(whole)


@given(st.binary(max_size=400) | st.text(max_size=200).map(str.encode))
def test_a_page_is_one_or_none(body: bytes) -> None:
    try:
        page = form.read(Answer(200, (), body))
    except form.NoFormError:
        return
    assert b"auth" in body
    assert page.inputs is not None


@given(st.binary(max_size=200) | st.binary(max_size=100).map(lambda tail: b"\x16\xfe\xfd" + bytes(8) + tail))
def test_a_datagram_is_read_or_refused(data: bytes) -> None:
    try:
        found = datagram(data)
    except NotTlsError:
        return
    assert found is None or isinstance(found, Answer | bytes)
