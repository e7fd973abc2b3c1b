# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that commands share, and the form of their help."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from wolfguard.config.site import SITE_FILE, Paths

F = TypeVar("F", bound=Callable[..., Any])

SOCKET_VARIABLE = "WOLFGUARD_SOCKET"

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs, errors too.")


def _socket_path(context: click.Context, option: click.Parameter, value: Path | None) -> Path:
    """`wolfguard --socket PATH status` is the same as `wolfguard status --socket PATH`; the latter wins."""
    given: Path | None = context.find_root().params.get("socket_path")
    return value or given or Path(Paths().management_socket)


def _socket_option(callback: Callable[..., Path] | None, expose: bool) -> Callable[[F], F]:
    return click.option(
        "--socket",
        "socket_path",
        type=click.Path(path_type=Path),
        envvar=SOCKET_VARIABLE,
        show_default=str(Paths().management_socket),
        callback=callback,
        expose_value=expose,
        help="Management socket of the gateway.",
    )


socket_path = _socket_option(_socket_path, True)
root_socket_path = _socket_option(None, True)
site_file = click.option(
    "--config",
    "file",
    type=click.Path(path_type=Path),
    default=Path(SITE_FILE),
    show_default=True,
    help="Site file.",
)


def examples(*pairs: tuple[str, str]) -> str:
    """Text for `epilog`: command lines, each with what it does."""
    lines = "\n".join(f"  {line}\n      {meaning}" for line, meaning in pairs)
    return f"\b\nExamples:\n{lines}"
