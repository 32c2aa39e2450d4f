"""Somebody who asks many small questions and takes the answers from one another learns nothing below the least number, and no
place finer than its tier."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest

import app
from data.access import Precision, Viewer
from data.picture import Picture
from data.readings import Readings
from data.records import Incident, Sensitivity, Severity
from data.settings import Mission, Settings, Source
from data.sharing import Sharing
from data.store import Batch, open_store
from tests.inprocess import Client, client_of
from tests.pictures import entry
from tests.tile_reader import features
from tests.worlds import LAND, land, stamped

K = 5
PARTNER = Viewer("partner", "unhcr", Sensitivity.severe)
OWNER = Viewer("owner", "UN", Sensitivity.severe)
OPEN: dict[str, Any] = {"agency": "UN", "sensitivity": Sensitivity.low, "releasable_to": ("mission",)}
MONDAY = (datetime.now(UTC) - timedelta(days=datetime.now(UTC).weekday() + 21)).replace(
    hour=0, minute=0, second=0, microsecond=0
)
"""Three weeks back: everything below lies in that week and the one after it."""


def told(number: int, lon: float, lat: float, hours: float, category: str = "clash", **more: Any) -> Incident:
    return Incident(
        source_ref=f"i{number}",
        title=f"Event {number}",
        category=category,
        severity=Severity(number % 6),
        event_time=MONDAY + timedelta(hours=hours),
        lon=lon,
        lat=lat,
        fatalities=number,
        **more,
    )


@contextmanager
def site(folder: Path, mark: dict[str, Any], records: list[Incident]) -> Iterator[tuple[Client, Any]]:
    source = Source("counts", "test", **OPEN, **mark)
    url = f"sqlite:///{folder / 'attacked.sqlite'}"
    settings = Settings(folder, url, mission=Mission("Orlane"), sources={"counts": source, LAND.name: LAND})
    store = open_store(url)
    try:
        entries = [entry(row, stamped(LAND, one)) for row, one in enumerate(land(), start=1)]
        store.append(Batch(LAND.name, "test", "land", "00", 1, [entries]))
        entries = [entry(row, stamped(source, one)) for row, one in enumerate(records, start=1)]
        store.append(Batch("counts", "test", "counts", "01", 2, [entries]))
        sharing = Sharing(sources=settings.sources)
        picture = Picture(store, lambda: sharing)
        picture.catch_up()
        services = app._services(settings, store, picture, Readings(store))
        client = client_of(services)
        client.current.show(services, PARTNER)
        yield client, services
        client.close()
    finally:
        store.close()


# A cell of seven and a cell of two, in the west; a cell of six and a lone record, in the east the week after.
CELLS = [
    *(told(n, 30.2 + n / 20, 6.0 + n / 30, 5 + 20 * n) for n in range(7)),
    *(told(20 + n, 30.4, 6.5 + n / 10, 30, "flood") for n in range(2)),
    *(told(40 + n, 32.2 + n / 20, 7.0, 200 + n) for n in range(6)),
    told(60, 32.9, 8.8, 210, "raid"),
]


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Client, Any]]:
    with site(tmp_path_factory.mktemp("k"), {"minimum_count": K}, CELLS) as found:
        yield found


def total(client: Client, query: str = "") -> Any:
    return client.get(f"/api/counts?collection=incidents&{quote(query, safe='=&,')}").json()


def boxes() -> Iterator[str]:
    """A box that grows and a box that slides, at the grain of a street."""
    for step in range(60):
        yield f"bbox=29,4,{30 + step / 20},10"
        yield f"bbox={30 + step / 20},4,{30.01 + step / 20},10"


def windows() -> Iterator[str]:
    """An interval that grows by six hours, and one that slides by a day."""
    for step in range(56):
        until = MONDAY + timedelta(hours=6 * step)
        yield f"from={MONDAY:%Y-%m-%dT%H:%M:%SZ}&to={until:%Y-%m-%dT%H:%M:%SZ}"
    for step in range(21):
        since = MONDAY + timedelta(days=step - 3)
        yield f"from={since:%Y-%m-%dT%H:%M:%SZ}"
        yield f"to={since:%Y-%m-%dT%H:%M:%SZ}"


def filters() -> Iterator[str]:
    yield from (f"severity={level.name}" for level in Severity if level)
    yield from (f"category={name}" for name in ("clash", "flood", "raid", "clash,flood", "flood,raid", "nothing"))
    yield from ("agency=UN", "source=counts", "area=XT", "area=XT01", "area=XT0201", "q=Event", "q=clash")
    yield from (f"sub_event_type={name}" for name in ("", "a"))


def asked(client: Client) -> dict[str, int]:
    """The total of every question, and of many pairs of filters."""
    alone = ["", *boxes(), *windows(), *filters()]
    pairs = ["&".join(pair) for pair in itertools.combinations(filters(), 2)]
    over_time = [f"{window}&category={name}" for window in windows() for name in ("clash", "flood", "raid")]
    return {query: total(client, query)["total"] for query in (*alone, *pairs[:60], *over_time)}


def differences(totals: dict[str, int]) -> set[int]:
    """How many records any two answers taken from one another speak of."""
    found = sorted(set(totals.values()))
    return {abs(one - other) for one, other in itertools.product(found, repeat=2)} - {0}


def test_no_question_and_no_difference_of_two_speaks_of_fewer_than_the_least(counted: tuple[Client, Any]) -> None:
    client, services = counted
    totals = asked(client)
    assert set(totals.values()) == {0, 6, 7, 13}, "cells whole, and nothing else"
    one_cell = {
        query: number for query, number in totals.items() if "category=flood" in query or "category=raid" in query
    }
    assert not {number for query, number in one_cell.items() if "clash" not in query} - {0}
    # Somebody who may see the records gets finer answers to the very same questions.
    client.current.show(services, OWNER)
    assert differences(asked(client)) & {1, 2, 3, 4}
    client.current.show(services, PARTNER)


def test_cells_too_small_say_fewer_than_and_no_more(counted: tuple[Client, Any]) -> None:
    client, _ = counted
    for by in ("category", "category,adm1_pcode", "week,category", "adm2_pcode,week,category", "source,category"):
        found = total(client, f"by={by}")
        assert found["fewer_than"] == K
        at = found["columns"].index("category")
        numbers: Counter[Any] = Counter()
        for row in found["rows"]:
            assert row[-1] is None or row[-1] >= K, (by, row)
            numbers[row[at]] += row[-1] or 0
        assert numbers == {"clash": 13, "flood": 0, "raid": 0}
    for by in ("severity", "day", "sub_event_type"):
        rows = total(client, f"by={by}")["rows"]
        assert {row[-1] for row in rows} <= {None, 13}, (by, rows)


def test_one_more_in_a_small_cell_changes_nothing(tmp_path: Path) -> None:
    """The answers to all questions are the same with one and with four in the cell."""
    found = []
    for many in (1, K - 1):
        extra = [told(80 + n, 31.0 + n / 50, 5.5, 40, "murder", description=str(n)) for n in range(many)]
        folder = tmp_path / str(many)
        folder.mkdir()
        with site(folder, {"minimum_count": K}, [*CELLS, *extra]) as (client, _):
            answers = [client.get(f"/api/counts?by={by}").body for by in ("category", "week", "adm2_pcode", "severity")]
            found.append((asked(client), answers))
    assert found[0] == found[1]


def test_what_is_only_counted_is_nowhere_by_itself(counted: tuple[Client, Any]) -> None:
    client, services = counted
    ids = [f"{int(one):016x}" for one in services.picture.tables["incident"]["id"]]
    assert {client.get(f"/api/records/{public}").status for public in ids} == {404}
    assert client.get("/ogc/collections/incidents/items").json()["numberMatched"] == 0
    for z, x, y in itertools.product(range(5), range(16), range(16)):
        if x < 1 << z and y < 1 << z and z in (0, 1, 4):
            assert client.get(f"/tiles/incidents/latest/{z}/{x}/{y}.pbf").status == 204
    layers = {layer["id"]: layer for layer in client.get("/api/layers").json()["layers"]}
    assert layers["incidents"]["count"] == 0
    kpis = {kpi["id"]: kpi for kpi in client.get("/api/kpis?window=28d").json()["kpis"]}
    assert kpis["critical"]["count"] == 0


TIERS = {Precision.km1: 1.0, Precision.km5: 5.0, Precision.adm3: 100.0, Precision.adm2: 100.0}
"""Kilometres along a side of what a tier tells, roughly."""
TRUE = (30.417263, 6.583719)


@pytest.mark.parametrize("tier", TIERS)
def test_bisection_by_boxes_and_tiles_ends_at_the_cell(tmp_path: Path, tier: Precision) -> None:
    """An attacker closes in on the one record by halving boxes and by tiles of every zoom; two records whose places differ
    within their cell are told the same at every step."""
    told_places = []
    steps = []
    for number, place in enumerate((TRUE, (TRUE[0] + 0.0011, TRUE[1] - 0.0013))):
        folder = tmp_path / str(number)
        folder.mkdir()
        with site(folder, {"precision": tier}, [told(1, *place, 5)]) as (client, _):
            told_places.append(bisected(client))
            steps.append(tiles_of(client, told_places[-1]))
    assert told_places[0] == told_places[1]
    assert steps[0] == steps[1]
    lon, lat = told_places[0]
    assert apart_km((lon, lat), TRUE) <= TIERS[tier]
    assert apart_km((lon, lat), TRUE) > 0.05, "and what was found is not the place"


def test_an_exact_place_is_found_by_the_same_means(tmp_path: Path) -> None:
    with site(tmp_path, {}, [told(1, *TRUE, 5)]) as (client, _):
        assert apart_km(bisected(client), TRUE) < 0.01


def bisected(client: Client) -> tuple[float, float]:
    """Where halving a box leads, to a metre."""
    west, south, east, north = 29.0, 4.0, 34.0, 10.0
    for _ in range(23):
        middle = (west + east) / 2
        inside = total(client, f"bbox={west!r},{south!r},{middle!r},{north!r}")["total"]
        west, east = (west, middle) if inside else (middle, east)
        middle = (south + north) / 2
        inside = total(client, f"bbox={west!r},{south!r},{east!r},{middle!r}")["total"]
        south, north = (south, middle) if inside else (middle, north)
    return round((west + east) / 2, 5), round((south + north) / 2, 5)


def tiles_of(client: Client, place: tuple[float, float]) -> list[Any]:
    """What every tile over the place says, from the world to the street, and who is in its cell."""
    found = []
    for z in range(15):
        x = int((place[0] + 180) / 360 * 2**z)
        phi = math.radians(place[1])
        y = int((0.5 - math.log(math.tan(math.pi / 4 + phi / 2)) / (2 * math.pi)) * 2**z)
        drawn = features(client.get(f"/tiles/incidents/latest/{z}/{x}/{y}.pbf").body)
        found.append(
            [(one.parts, {n: v for n, v in one.properties.items() if n not in ("fade", "id")}) for one in drawn]
        )
    return found


def apart_km(one: tuple[float, float], other: tuple[float, float]) -> float:
    return 111.2 * math.hypot((one[0] - other[0]) * math.cos(math.radians(one[1])), one[1] - other[1])


def test_asking_again_and_elsewhere_tells_no_more(tmp_path: Path) -> None:
    """Many records of one cell, asked for in every way, stand at one point: there is nothing to average."""
    rng = np.random.default_rng(7)
    corner = (30.41, 6.58)
    records = [told(n, corner[0] + rng.uniform(0, 0.004), corner[1] + rng.uniform(0, 0.004), n) for n in range(40)]
    with site(tmp_path, {"precision": Precision.km5}, records) as (client, _):
        points = set()
        for query in ("", "category=clash", "severity=minor", "q=clash", "window=1y", "limit=3", "area=XT01"):
            told_ = client.get(
                f"/ogc/collections/incidents/items?limit=1000&{query}".replace("limit=1000&limit", "limit")
            ).json()
            points |= {tuple(feature["geometry"]["coordinates"]) for feature in told_["features"]}
        assert 1 <= len(points) <= 4
        collection = client.get("/ogc/collections/incidents").json()
        box = collection["extent"]["spatial"]["bbox"][0]
        assert {(box[0], box[1]), (box[2], box[3])} <= {
            (lon, lat) for (lon, _), (_, lat) in itertools.product(points, repeat=2)
        }
