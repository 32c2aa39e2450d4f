"""What a page of ours shows, as tests read it: its figures, its words, and the colours of its map."""

from __future__ import annotations

import base64
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import ConsoleMessage, Locator, Page, expect

PATIENCE_MS = 30_000
"""Until something is shown. A shared machine is slow now and then; a wait ends as soon as what it waits for is there."""
TILE_PX = 512


def ready(page: Page) -> Page:
    """Wait until map and panels have first painted."""
    page.wait_for_selector('html[data-ready="true"]', state="attached", timeout=PATIENCE_MS)
    return page


def revision(page: Page) -> int:
    """The revision that is on screen."""
    return int(page.locator("html").get_attribute("data-revision") or -1)


def brought(page: Page, number: int) -> None:
    """Wait until a revision is on screen."""
    page.wait_for_selector(f'html[data-revision="{number}"]', state="attached", timeout=PATIENCE_MS)


def kpi(page: Page, name: str) -> Locator:
    return page.locator(f'.cg-kpi[data-id="{name}"]')


def figure(page: Page, name: str) -> Locator:
    """The number of a KPI."""
    return kpi(page, name).locator(".cg-value")


def layer(page: Page, title: str) -> Locator:
    """A layer's entry in the list, by its title."""
    return page.locator(".cg-layer").filter(has=page.locator(".cg-layer-title").get_by_text(title, exact=True))


def count(page: Page, title: str) -> Locator:
    """How many records a layer says it has."""
    return layer(page, title).locator(".cg-layer-count")


def legend(page: Page, title: str) -> dict[str, int]:
    """The counts beside a layer's classes."""
    rows = layer(page, title).locator(".cg-legend-row")
    return {
        row.locator(".cg-legend-label").inner_text(): int(row.locator(".cg-legend-count").inner_text() or 0)
        for row in rows.all()
    }


def words(page: Page) -> dict[str, str]:
    """What each word of the filter sentence says."""
    names = ("category", "area", "window", "severity", "agency", "q")
    return {name: page.locator(f"#word-{name}").input_value() for name in names}


def choose(page: Page, word: str, option: str) -> None:
    """Take another option of a word of the sentence, as a person would."""
    page.locator(f"#word-{word}").click()
    page.get_by_role("option", name=option, exact=True).click()


def asked(page: Page) -> dict[str, str]:
    """The parameters in the page's address."""
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def spot(page: Page, lon: float, lat: float) -> tuple[float, float]:
    """Where a place stands on the screen, by the position in the page's address (`at=lat,lon,zoom`, Web Mercator)."""
    at_lat, at_lon, zoom = (float(part) for part in asked(page)["at"].split(","))
    box = page.locator(".cg-map-canvas").bounding_box()
    assert box is not None
    drawn = float(
        page.locator(".cg-map-canvas").evaluate("(node) => getComputedStyle(node).getPropertyValue('--scale')")
    )
    size = TILE_PX * 2**zoom * drawn  # on large screens the map is drawn larger as a whole
    x = box["x"] + box["width"] / 2 + (lon - at_lon) / 360 * size
    y = box["y"] + box["height"] / 2 + (_down(lat) - _down(at_lat)) * size
    return x, y


def _down(lat: float) -> float:
    """Web Mercator, 0 at the top of the world and 1 at its foot."""
    return (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2


def pixels(page: Page, x: float, y: float, width: float, height: float) -> NDArray[np.uint8]:
    """Colours of a part of the screen, shape (height, width, 3)."""
    clip = {"x": round(x), "y": round(y), "width": round(width), "height": round(height)}
    picture = page.screenshot(clip=clip, animations="disabled")  # type: ignore[arg-type]
    told: dict[str, Any] = page.evaluate(
        """async (encoded) => {
          const picture = new Image();
          picture.src = `data:image/png;base64,${encoded}`;
          await picture.decode();
          const pen = new OffscreenCanvas(picture.width, picture.height).getContext("2d");
          pen.drawImage(picture, 0, 0);
          const { data, width, height } = pen.getImageData(0, 0, picture.width, picture.height);
          let text = "";
          for (let i = 0; i < data.length; i += 8192) text += String.fromCharCode(...data.subarray(i, i + 8192));
          return { data: btoa(text), width, height };
        }""",
        base64.b64encode(picture).decode(),
    )
    flat = np.frombuffer(base64.b64decode(told["data"]), np.uint8)
    return flat.reshape(told["height"], told["width"], 4)[:, :, :3]


def mark(page: Page, lon: float, lat: float) -> float:
    """How much of a place's 16 x 16 px is something else than the ground around it: 0 where nothing is drawn, up to 1."""
    x, y = spot(page, lon, lat)
    image = pixels(page, x - 16, y - 16, 32, 32).astype(int)
    framed = np.concatenate([image[:4].reshape(-1, 3), image[-4:].reshape(-1, 3), image[:, :4].reshape(-1, 3)])
    differs = np.abs(image[8:-8, 8:-8] - np.median(framed, axis=0)).max(axis=2) > 36
    return float(differs.mean())


def colours(image: NDArray[np.uint8]) -> int:
    """How many clearly different colours there are (to a sixteenth of each channel)."""
    return len(np.unique((image >> 4).reshape(-1, 3), axis=0))


def brightness(page: Page, lon: float, lat: float) -> float:
    """Of the brightest third of a place's 16 x 16 px, 0 to 255."""
    x, y = spot(page, lon, lat)
    values = np.sort(pixels(page, x - 8, y - 8, 16, 16).mean(axis=2).ravel())
    return float(values[-len(values) // 3 :].mean())


def until(page: Page, holds: Callable[[], bool], what: str) -> None:
    """Wait for something on screen that no selector can tell."""
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while not holds():
        assert time.monotonic() < deadline, f"never came: {what}"
        page.wait_for_timeout(100)


@contextmanager
def quiet(page: Page) -> Iterator[None]:
    """The page writes no error on its console meanwhile."""
    errors: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type == "error":
            errors.append(message.text)

    page.on("console", hear)
    yield
    page.remove_listener("console", hear)
    assert not errors, errors


def says(locator: Locator, text: str) -> None:
    expect(locator).to_have_text(text, timeout=PATIENCE_MS)


CUT_OFF = """() => {
  const named = (node) => `${node.tagName}.${node.className || node.id} "${node.textContent.trim().slice(0, 40)}"`;
  const wide = document.scrollingElement.scrollWidth;
  const found = wide > innerWidth ? [`the page is ${wide} px wide`] : [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    const node = text.parentElement;
    if (!text.data.trim() || !node.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    const range = document.createRange();
    range.selectNodeContents(text);
    const box = range.getBoundingClientRect();
    if (box.width < 2 || box.height < 2) continue;
    // What cuts it off must scroll to it or say so with an ellipsis.
    for (let around = node; around; around = around.parentElement) {
      const style = getComputedStyle(around);
      const flows = [style.overflowX, style.overflowY];
      if (flows.some((flow) => ["auto", "scroll"].includes(flow))) break;
      if (style.textOverflow === "ellipsis" || style.position === "fixed") break;
      if (around.getBoundingClientRect().width <= 1) break; // only for those who listen
      let edge = null;
      if (around === document.body) edge = { left: 0, right: innerWidth, top: 0, bottom: innerHeight };
      else if (["hidden", "clip"].includes(style.overflowX)) edge = around.getBoundingClientRect();
      if (!edge) continue;
      const across = Math.max(edge.left - box.left, box.right - edge.right);
      const down = Math.max(edge.top - box.top, box.bottom - edge.bottom);
      if (across > 1.5 || down > Math.max(3, box.height / 5)) { // above and below its letters a line has room
        found.push(`${named(node)} in ${named(around).slice(0, 60)}`);
        break;
      }
    }
  }
  return found;
}"""


def cut_off(page: Page) -> list[str]:
    """Texts that something cuts off."""
    found: list[str] = page.evaluate(CUT_OFF)
    return found
