"""Every page of the exercise as a picture, for the README and the documents: docs/screens/*.png, reduced to 256 colours.

Usage: .venv/bin/python bench/screens.py [--home HOME] [--only wall,supply] [--out docs/screens]
"""

import argparse
import io
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from dashboard.pages import all_pages
from tests.conftest import CHROMIUM_FLAGS
from tests.program import command, serving
from tests.servers import CHROMIUM, find

ROOT = Path(__file__).resolve().parent.parent
SIZES = {"1920": (1920, 1080), "3840": (3840, 2160), "390": (390, 844)}
WALL_ONLY = ("overview", "security", "supply", "health", "access", "objectives")
MOST_BYTES = 400_000
SETTLED_MS = 1_500
READY_MS = 120_000
COLOURS = (256, 128, 64, 32)


@dataclass(frozen=True)
class Shot:
    name: str
    address: str
    width: int
    height: int


def shots() -> Iterator[Shot]:
    """Each page at three sizes, dark; on a desk also light; of the wall each scene in place of the phone's size."""
    for page in all_pages():
        for size, (width, height) in SIZES.items():
            if page.id != "wall":
                yield Shot(f"{page.id}-{size}", page.path, width, height)
        if page.id != "wall":
            yield Shot(f"{page.id}-1920-light", f"{page.path}?theme=light", *SIZES["1920"])
    for scene in WALL_ONLY:
        yield Shot(f"wall-{scene}-1920", f"/wall?scene={scene}", *SIZES["1920"])
        yield Shot(f"wall-{scene}-3840", f"/wall?scene={scene}", *SIZES["3840"])
    yield Shot("wall-overview-1920-light", "/wall?scene=overview&theme=light", *SIZES["1920"])
    yield Shot("wall-supply-1920-ar", "/wall?scene=supply&lang=ar", *SIZES["1920"])
    yield Shot("wall-health-1920-fr-light", "/wall?scene=health&lang=fr&theme=light", *SIZES["1920"])


def taken(browser: Browser, url: str, shot: Shot) -> bytes:
    context = browser.new_context(viewport={"width": shot.width, "height": shot.height})
    try:
        page = context.new_page()
        page.goto(url + shot.address)
        page.wait_for_selector('html[data-ready="true"]', state="attached", timeout=READY_MS)
        page.wait_for_timeout(SETTLED_MS)
        return page.screenshot()
    finally:
        context.close()


def small(picture: bytes) -> bytes:
    """As few colours as it takes to be small enough; text and flat areas lose nothing one sees."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    for colours in COLOURS:
        out = io.BytesIO()
        reduced = image.quantize(colours, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        reduced.save(out, "PNG", optimize=True)
        if out.tell() <= MOST_BYTES:
            break
    return out.getvalue()


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--home", type=Path, help="a home with the exercise; made anew where none is given")
    asked.add_argument("--only", default="", help="names that begin with one of these, with commas between")
    asked.add_argument("--out", type=Path, default=ROOT / "docs" / "screens")
    given = asked.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    wanted = tuple(given.only.split(",")) if given.only else ("",)
    with ExitStack() as stack:
        home = given.home
        if home is None:
            home = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))) / "home"
            home.mkdir()
            done = command(home, "exercise")
            if done.returncode:
                raise SystemExit(done.stderr)
        server = stack.enter_context(serving(home))
        driver = stack.enter_context(sync_playwright())
        browser = driver.chromium.launch(executable_path=find(CHROMIUM), args=CHROMIUM_FLAGS)
        stack.callback(browser.close)
        for shot in shots():
            if shot.name.startswith(wanted):
                picture = small(taken(browser, server.url, shot))
                (given.out / f"{shot.name}.png").write_bytes(picture)
                print(f"{shot.name}.png {len(picture) / 1000:.0f} kB", flush=True)


if __name__ == "__main__":
    main()
