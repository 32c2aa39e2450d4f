"""What set-up puts under assets/vendor works in a real browser, with nothing asked of any other host."""

import functools
import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator

import dash
import pytest
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Page
from plotly.offline import get_plotlyjs_version

from tests.conftest import ROOT
from tests.servers import free_port

VENDOR = ROOT / "assets" / "vendor"

MAP = """
import * as maplibregl from "./vendor/maplibre-gl/maplibre-gl.mjs";
import "./vendor/milsymbol/milsymbol.js";
const at = (path) => new URL(path, import.meta.url).href;
const family = (name, file) => ({ [name]: [{ url: at(`vendor/${file}`) }] });
const map = window.map = new maplibregl.Map({
  container: document.body, center: [44, 9.5], zoom: 4.5, attributionControl: false,
  style: {
    version: 8,
    "font-faces": {
      ...family("Latin", "noto-sans/noto-sans-latin-400-normal.woff2"),
      ...family("Arabic", "noto-sans-arabic/noto-sans-arabic-arabic-400-normal.woff2"),
    },
    sources: {
      base: { type: "vector", tiles: [at("vendor/base/") + "{z}/{x}/{y}.pbf"], maxzoom: 5 },
      here: { type: "geojson", data: { type: "Point", coordinates: [44, 9.5] } },
    },
    layers: [
      { id: "sea", type: "background", paint: { "background-color": "#000040" } },
      { id: "land", type: "fill", source: "base", "source-layer": "countries", paint: { "fill-color": "#40c040" } },
      { id: "borders", type: "line", source: "base", "source-layer": "borders", paint: { "line-color": "#ffffff" } },
      { id: "names", type: "symbol", source: "base", "source-layer": "names",
        layout: { "text-field": ["get", "name"], "text-font": ["Latin"], "text-allow-overlap": true } },
      { id: "arabic", type: "symbol", source: "here",
        layout: { "text-field": "هرجيسا", "text-font": ["Arabic"], "text-allow-overlap": true } },
    ],
  },
});
window.faults = [];
map.on("error", (event) => window.faults.push(String(event.error)));
map.once("idle", () => { document.documentElement.dataset.ready = "true"; });
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A page beside the vendor folder, as assets/ has it, on a server that knows nothing of the product."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "vendor").symlink_to(VENDOR)
    (folder / "map.mjs").write_text(MAP, encoding="utf-8")
    page = '<!doctype html><body style="margin:0;height:100vh"><script type="module" src="map.mjs"></script>'
    (folder / "index.html").write_text(page, encoding="utf-8")
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def drawn(page: Callable[..., Page], site: str) -> Page:
    opened = page(site, width=900, height=600)
    opened.wait_for_selector("html[data-ready=true]")
    return opened


def test_the_base_map_draws(drawn: Page) -> None:
    assert drawn.evaluate("faults") == []
    layers = drawn.evaluate(
        """() => Object.fromEntries(["land", "borders", "names", "arabic"].map((layer) =>
            [layer, map.queryRenderedFeatures({ layers: [layer] }).map((feature) => feature.properties)]))"""
    )
    assert {"231", "706", "262"} <= {country.get("id") for country in layers["land"]}  # Ethiopia, Somalia, Djibouti
    assert {line["disputed"] for line in layers["borders"]} == {0, 1}  # Somaliland's boundary is not a settled one
    assert "Ethiopia" in {label["name"] for label in layers["names"]}
    assert len(layers["arabic"]) == 1


def test_land_and_sea_are_painted(drawn: Page) -> None:
    """The pixels, not only the data: Chromium really has WebGL 2 here."""
    colours = drawn.evaluate(
        """() => new Promise((resolve) => {
            map.once("render", () => {
                const gl = map.getCanvas().getContext("webgl2");
                resolve([[42.5, 6.5], [51, 14.2]].map((place) => {
                    const point = map.project(place), pixel = new Uint8Array(4);
                    const scale = map.getPixelRatio();
                    gl.readPixels(point.x * scale, gl.drawingBufferHeight - point.y * scale, 1, 1,
                        gl.RGBA, gl.UNSIGNED_BYTE, pixel);
                    return Array.from(pixel.slice(0, 3));
                }));
            });
            map.triggerRepaint();
        })"""
    )
    assert colours == [[0x40, 0xC0, 0x40], [0x00, 0x00, 0x40]]


def test_military_symbols_are_drawn(drawn: Page) -> None:
    friend, hostile = (drawn.evaluate("code => new ms.Symbol(code).asSVG()", f"S{side}GPUCI----") for side in "FH")
    assert friend.startswith("<svg")
    assert friend != hostile


def test_the_chart_library_is_the_one_that_plotly_speaks_to(drawn: Page) -> None:
    """The small bundle stands in for the one inside the Python package, so the two versions go up together."""
    drawn.add_script_tag(url="vendor/plotly.js-basic-dist-min/plotly-basic.min.js")
    assert drawn.evaluate("Plotly.version") == get_plotlyjs_version()


def test_the_first_chart_loads_the_small_bundle(page: Callable[..., Page]) -> None:
    """assets/charts.js holds a name inside Dash's renderer; a Dash that renames it brings the large one back."""
    figure = {"data": [{"type": "bar", "x": ["A", "B"], "y": [2, 3]}]}
    app = dash.Dash(server=FastAPI(), assets_folder=str(ROOT / "assets"), assets_ignore=r"^(?!charts\.js$)")
    app.layout = dash.dcc.Graph(figure=figure)
    server = uvicorn.Server(uvicorn.Config(app.server, port=free_port(), log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.05)
        opened = page(f"http://127.0.0.1:{server.config.port}/")
        opened.wait_for_selector(".js-plotly-plot .bars path")
        asked = [entry["name"] for entry in opened.evaluate("performance.getEntriesByType('resource')")]
        opened.close()
    finally:
        server.should_exit = True
        thread.join()
    assert [address.rsplit("/", 1)[1] for address in asked if "plotly" in address] == ["plotly-basic.min.js"]


def test_every_tile_exists_so_that_no_request_fails() -> None:
    for zoom in range(6):
        tiles = list((VENDOR / "base" / str(zoom)).rglob("*.pbf"))
        assert len(tiles) == 4**zoom
        assert max(tile.stat().st_size for tile in tiles) < 100_000


def test_the_lock_files_name_no_registry() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert [name for name, package in packages.items() if "resolved" in package] == []
    for lock in sorted(ROOT.glob("requirements*.lock")):
        assert "://" not in lock.read_text(encoding="utf-8"), lock.name
