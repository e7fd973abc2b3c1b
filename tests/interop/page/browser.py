# SPDX-License-Identifier: GPL-3.0-or-later
"""A headless Chromium that shows one page: how it is looked at, what it looks like, what it asks the network for.

Owns the process and its pipe (the DevTools protocol, one JSON object ended by a zero byte each). The browser has a
network namespace of its own with nothing in it and one family of fonts, so that a picture depends on the page alone.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

BINARY: Final = "chromium"
FONTS: Final = Path("/usr/share/fonts/truetype/dejavu")
FACES: Final = ("Sans", "Sans-Bold", "SansMono", "SansMono-Bold")
"""Those of fonts-dejavu-core that a page needs: a narrower one that another package puts beside them would be taken."""
MESSAGE_MAX: Final = 64 << 20
LIMIT: Final = 90
"""Seconds without a word from it, on a loaded machine."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class View:
    """How somebody looks: `width` and `height` in CSS pixels, `scheme` light or dark, `media` screen or print."""

    name: str
    width: int
    height: int
    scheme: str = "light"
    media: str = "screen"
    mobile: bool = False


class Browser:
    """To be used as a context. Raises AssertionError where the browser reports an error, or says nothing for LIMIT."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        faces = folder / "faces"
        faces.mkdir()
        for name in FACES:
            (faces / f"{name}.ttf").symlink_to(FONTS / f"DejaVu{name}.ttf")
        fonts = folder / "fonts.conf"
        fonts.write_text(
            f'<?xml version="1.0"?><fontconfig><dir>{faces}</dir><cachedir>{folder}/fonts</cachedir></fontconfig>\n'
        )
        read, self._to = os.pipe()
        self._from, write = os.pipe()
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"]
        options += ["--disable-lcd-text", "--font-render-hinting=none", "--force-color-profile=srgb"]
        options += ["--remote-debugging-pipe", f"--user-data-dir={folder}/profile"]
        shell = f'exec "$@" 3<&{read} 4>&{write}'
        self._errors = (folder / "errors").open("wb")
        self._process = subprocess.Popen(
            ["unshare", "--net", "bash", "-c", shell, "bash", _binary(), *options, "about:blank"],
            pass_fds=(read, write),
            env={"PATH": os.environ["PATH"], "HOME": str(folder), "FONTCONFIG_FILE": str(fonts), "LANG": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=self._errors,
            stderr=self._errors,
            start_new_session=True,
        )
        os.close(read)
        os.close(write)
        self._number = 0
        self._rest = b""
        self._events: list[str] = []
        self.asked_for: list[str] = []
        """Every address that the page made the browser ask for."""
        (target,) = [each for each in self._ask("Target.getTargets")["targetInfos"] if each["type"] == "page"]
        attached = self._ask("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = str(attached["sessionId"])
        for domain in ("Page", "Network"):
            self.ask(f"{domain}.enable")

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        self._ask("Browser.close")
        self._process.wait(LIMIT)
        os.close(self._to)
        os.close(self._from)
        self._errors.close()

    def show(self, file: Path, view: View) -> None:
        """Comes back when all of the page is there."""
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=view.width,
            height=view.height,
            deviceScaleFactor=1,
            mobile=view.mobile,
        )
        features = [{"name": "prefers-color-scheme", "value": view.scheme}]
        self.ask("Emulation.setEmulatedMedia", media=view.media, features=features)
        self.asked_for.clear()
        self._events.clear()
        self.ask("Page.navigate", url=file.as_uri())
        while "Page.loadEventFired" not in self._events:
            self._next()

    def value(self, expression: str) -> Any:
        """What a script of the test's own finds on the page."""
        found = self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def picture(self) -> bytes:
        """The whole page as PNG, one pixel for a CSS pixel."""
        found = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        return base64.b64decode(found["data"])

    def paper(self) -> bytes:
        """The page as the PDF that a printer would get, with sizes and margins as the page wants them."""
        return base64.b64decode(self.ask("Page.printToPDF", preferCSSPageSize=True, printBackground=True)["data"])

    def ask(self, method: str, **parameters: Any) -> Json:
        """To the page."""
        return self._ask(method, self._session, **parameters)

    def _ask(self, method: str, session: str = "", **parameters: Any) -> Json:
        self._number += 1
        message: Json = {"id": self._number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        _write(self._to, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._number:
            pass
        assert "error" not in answer, f"{method}: {answer['error']}"
        return dict(answer["result"])

    def _next(self) -> Json:
        while b"\0" not in self._rest:
            more = _read(self._from)
            assert more, f"the browser ended: {Path(self._errors.name).read_text('utf-8', 'replace')[-2000:]}"
            self._rest += more
            assert len(self._rest) < MESSAGE_MAX
        line, _, self._rest = self._rest.partition(b"\0")
        message: Json = json.loads(line)
        if "method" in message:
            self._events.append(message["method"])
        if message.get("method") == "Network.requestWillBeSent":
            self.asked_for.append(message["params"]["request"]["url"])
        return message


def _binary() -> str:
    found = shutil.which(BINARY)
    assert found is not None, f"{BINARY} is not installed"
    return found


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _read(descriptor: int) -> bytes:
    ready, _, _ = select.select([descriptor], [], [], LIMIT)
    assert ready, f"not a word of the browser within {LIMIT} s"
    return os.read(descriptor, 1 << 16)
