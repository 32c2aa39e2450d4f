"""The browser modules by themselves, in a real browser: grid references, times, catalogues, addresses, marks."""

import functools
import http.server
import json
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any, get_args

import pytest
from playwright.sync_api import Page

from layers.layer import Draw
from tests.conftest import ROOT
from tests.tile_reader import read

ASSETS = ROOT / "assets"
LANGUAGES = ("en", "fr", "ar")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An empty page beside the assets, on a server that knows nothing of the product."""
    folder = tmp_path_factory.mktemp("modules")
    (folder / "assets").symlink_to(ASSETS)
    (folder / "index.html").write_text('<!doctype html><html lang="en"><link rel="icon" href="data:,"><body>')
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
def run(page: Callable[..., Page], address: str) -> Callable[..., Any]:
    """run("format", "m.age(61)"): evaluate an expression over a module, in English."""
    opened = page(address, width=900, height=600)
    opened.evaluate("async () => (await import('/assets/i18n.mjs')).use('en')")

    def evaluate(module: str, expression: str, argument: object = None) -> Any:
        return opened.evaluate(
            f"async (a) => {{ const m = await import('/assets/{module}.mjs'); return {expression}; }}", argument
        )

    return evaluate


def test_grid_references_agree_with_another_implementation(run: Callable[..., Any]) -> None:
    """Reference values from the mgrs package of proj4js: both hemispheres, the exceptions of Norway and Svalbard, the equator."""
    known = {
        (-77.0365, 38.8977): "18S UJ 23394 07395",
        (5.3221, 60.3913): "32V KN 97353 00648",
        (15.6469, 78.2232): "33X WG 14738 83360",
        (151.2093, -33.8688): "56H LH 34368 50948",
        (0.0, 0.0): "31N AA 66021 00000",
        (31.5825, 4.8594): "36N UL 42815 37287",
        (179.9999, -16.5): "60K ZG 20277 73373",
    }
    assert {place: run("mgrs", "m.mgrs(...a)", list(place)) for place in known} == known
    assert run("mgrs", "[m.mgrs(0, 85), m.mgrs(0, -81), m.mgrs(NaN, 0)]") == ["", "", ""]
    assert run("mgrs", "m.mgrs(31.5825, 4.8594, 3)") == "36N UL 428 372"


def test_times_ages_and_places_are_written_as_the_field_does(run: Callable[..., Any]) -> None:
    assert run("format", "m.dtg('2026-11-20T18:00:00Z')") == "201800Z NOV 26"
    assert run("format", "m.dtg(1795197600)") == run("format", "m.dtg(1795197600000)") == "201800Z NOV 26"
    assert run("format", "m.dtg('never')") == "unknown"
    ages = {6: "6 s", 2_460: "41 min", 10_800: "3 h", 100_000: "27 h", 259_200: "3 d", 6_048_000: "10 wk", 3e8: "9 y"}
    assert {seconds: run("format", "m.age(a)", seconds) for seconds in ages} == ages
    assert run("format", "[m.age(null), m.age(-5)]") == ["never", "0 s"]
    assert run("format", "m.latlon(-27.5, -9.25)") == "9.2500° S 27.5000° W"
    assert run("format", "[m.short(999), m.short(1234), m.short(34567)]") == ["999", "1.2K", "35K"]
    assert run("format", "['critical', 'Nonsense', 9, -1].map(m.severityOf)") == [5, 0, 5, 0]


def test_every_text_exists_in_every_language_with_the_same_places() -> None:
    plural = re.compile(r"\.(zero|one|two|few|many|other)$")
    texts = {name: json.loads((ASSETS / "messages" / f"{name}.json").read_text("utf-8")) for name in LANGUAGES}

    def places(name: str) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for key, text in texts[name].items():
            found.setdefault(plural.sub("", key), set()).update(re.findall(r"\{(\w+)\}", text))
        return found

    own_words = {key for key in places("en") if not key.startswith("language.")}
    for name in ("fr", "ar"):
        told = places(name)
        assert own_words <= set(told)
        assert {key: told[key] for key in own_words} == {key: places("en")[key] for key in own_words}
    asked = {
        key
        for module in ASSETS.glob("*.mjs")
        for key in re.findall(r'\bt\(\s*"([\w.]+)"', module.read_text(encoding="utf-8"))
    }
    assert asked
    assert asked - set(places("en")) == set()


def test_lists_reuse_their_nodes(run: Callable[..., Any]) -> None:
    """A wall that lives for weeks must not make a node for what it already shows."""
    assert run(
        "dom",
        """(() => {
          const list = m.el("ol");
          const fill = (ids) => m.keyed(list, ids, (id) => id, () => m.el("li"), (node, id) => m.text(node, id));
          fill(["a", "b", "c"]);
          const before = [...list.children];
          fill(["c", "a", "d"]);
          return [list.textContent, list.children[0] === before[2], list.children[1] === before[0], before[1].isConnected];
        })()""",
    ) == ["cad", True, True, False]


def test_a_view_without_a_time_asks_for_what_its_sentence_says(run: Callable[..., Any]) -> None:
    assert run("state", "m.filterQuery()") == "window=28d"
    assert run("state", "m.api('/api/kpis', { lang: 'fr' })") == "/api/kpis?window=28d&lang=fr"


def test_filters_make_history_and_the_view_does_not(run: Callable[..., Any]) -> None:
    told = run(
        "state",
        """(() => {
          const heard = [];
          for (const name of ["cg:filters", "cg:view", "_dashprivate_pushstate"])
            addEventListener(name, () => heard.push(name));
          const before = history.length;
          m.setView({ at: "1,2,3" });
          m.setView({ theme: "light" });
          const looked = history.length - before;
          m.setFilters({ severity: "severe", from: "2026-11-01T00:00:00Z" });
          return { looked, filtered: history.length - before, heard, query: m.filterQuery(), search: location.search };
        })()""",
    )
    assert (told["looked"], told["filtered"]) == (0, 1)
    assert sorted(set(told["heard"])) == ["_dashprivate_pushstate", "cg:filters", "cg:view"]
    assert told["query"] == "from=2026-11-01T00%3A00%3A00Z&severity=severe"
    assert told["search"] == "?at=1,2,3&theme=light&severity=severe&from=2026-11-01T00:00:00Z"


def test_the_base_map_knows_countries_by_number(run: Callable[..., Any]) -> None:
    assert run("countries", "['SS', 'ssd', 'XT', '', null].map(m.numericCode)") == ["728", "728", "", "", ""]


def test_every_mark_of_the_server_is_drawn_and_valid(page: Callable[..., Page], address: str) -> None:
    """One layer of each `draw` makes a style that the map takes without a complaint."""
    opened = page(address, width=600, height=400)
    told = opened.evaluate(
        """async (draws) => {
          const { Map } = await import("/assets/vendor/maplibre-gl/maplibre-gl.mjs");
          const { styleOf } = await import("/assets/map_style.mjs");
          const { palette } = await import("/assets/theme.mjs");
          const colour = Object.fromEntries(Object.keys(palette()).map((name) => [name, "#808080"]));
          const layers = draws.map((draw) => ({ id: draw, draw, count: 1, state: "stale" }));
          const faults = [];
          const style = styleOf({ layers, mission: { bbox: [0, 0, 1, 1] }, own: "728", colour, ringFactor: 3, lang: "ar" });
          const host = document.body.appendChild(document.createElement("div"));
          host.style.height = "300px";
          const map = new Map({ container: host, style });
          map.on("error", (event) => faults.push(String(event.error?.message ?? event)));
          await map.once("style.load");
          const drawn = new Set(style.layers.map((layer) => layer.metadata?.draw).filter(Boolean));
          return { faults: faults.filter((fault) => !fault.includes("cg:")), drawn: [...drawn].sort() };
        }""",
        list(get_args(Draw)),
    )
    assert told["faults"] == []
    assert told["drawn"] == sorted(get_args(Draw))


def test_no_country_runs_around_the_flat_map() -> None:
    """Joined across the antimeridian, Fiji or Russia would draw a line through every mission at its latitude."""
    (countries,) = (
        layer for layer in read((ASSETS / "vendor/base/0/0/0.pbf").read_bytes()) if layer.name == "countries"
    )
    wide = {
        feature.properties["name"]
        for feature in countries.features
        for part in feature.parts
        if max(x for x, _ in part) - min(x for x, _ in part) > countries.extent / 2
    }
    assert wide == {"Antarctica"}
