# SPDX-License-Identifier: GPL-3.0-or-later
"""URLs and groups."""

from __future__ import annotations

from wolfguard.protocol.pages import FILES, LOGIN_PATHS, Groups


def test_names_win_over_labels() -> None:
    groups = Groups([("a", "b"), ("b", "c"), ("d", "")])
    assert [groups.resolve(text) for text in ("a", "b", "c", "d", "", "x")] == ["a", "b", "b", "d", "", ""]


def test_groups_in_paths() -> None:
    groups = Groups([("staff", "B\u00fcro 1")])
    assert groups.at("/staff/") == groups.at("/B%C3%BCro%201") == "staff"
    assert groups.at("/") == groups.at("/%ff") == ""


def test_every_file_has_a_body_since_clients_take_an_empty_200_for_an_error() -> None:
    assert all(file.status == 200 and file.body for file in FILES.values())
    assert not LOGIN_PATHS & FILES.keys()
