# SPDX-License-Identifier: GPL-3.0-or-later
"""What a picture of a page is compared by: where there is ink, in squares of SQUARE pixels, not what each pixel is.

Another release of the browser draws a letter a little otherwise; a column that moved, a bar without colour, or a table
that runs out of the page is another matter. Run with WOLFGUARD_RENEW_GOLDEN=1 to renew the pictures, and look at them.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Final

from PIL import Image, ImageChops, ImageFilter, ImageStat

SQUARE: Final = 8
HEIGHT_SLACK: Final = 0.03
"""Of the height: lines that break elsewhere."""
BAND: Final = 16
"""Squares: the height of the strips that are compared, so that a small thing counts on a long page."""
DIFFERENCE_MAX: Final = 0.02
"""Mean over the worst strip, of the whole way from black to white."""


def reduced(png: bytes) -> Image.Image:
    """Squares in grey; dark on dark and light on light are told apart, as the ground's grey is in it too."""
    whole = Image.open(io.BytesIO(png)).convert("L")
    return whole.resize((max(1, whole.width // SQUARE), max(1, whole.height // SQUARE)), Image.Resampling.BOX)


def ground(png: bytes) -> int:
    """The grey of what is most of the page, 0 to 255."""
    histogram = Image.open(io.BytesIO(png)).convert("L").histogram()
    return histogram.index(max(histogram))


def difference(one: Image.Image, other: Image.Image) -> float:
    """What is left between them in their worst strip after both were blurred by a square, 0 to 1; 1 where the sizes
    differ."""
    if one.width != other.width or abs(one.height - other.height) > HEIGHT_SLACK * other.height:
        return 1.0
    width, height = one.width, min(one.height, other.height)
    blurred = [each.crop((0, 0, width, height)).filter(ImageFilter.GaussianBlur(1)) for each in (one, other)]
    left = ImageChops.difference(*blurred)
    strips = [left.crop((0, top, width, min(top + BAND, height))) for top in range(0, height, BAND)]
    return max(float(ImageStat.Stat(strip).mean[0]) for strip in strips) / 255


def changed(file: Path, png: bytes) -> float:
    """How far the picture is from the kept one."""
    with Image.open(file) as kept:
        return difference(reduced(png), kept.convert("L"))


def check(file: Path, png: bytes) -> None:
    """The picture is laid out as the one that is kept."""
    if os.environ.get("WOLFGUARD_RENEW_GOLDEN"):
        file.parent.mkdir(exist_ok=True)
        reduced(png).save(file, optimize=True)
    amount = changed(file, png)
    assert amount < DIFFERENCE_MAX, f"{file.name}: {amount:.3f} of the page has changed; look at it, then renew it"
