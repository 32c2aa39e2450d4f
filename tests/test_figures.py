"""Figures by area: what is added, what is not, and what nobody said."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import shapely

from data.access import LOCAL_OPERATOR, Viewer
from data.analysis.figures import INCIDENTS, RATE, Figure, figure, metrics
from data.filters import EVERYTHING, Filters
from data.records import Boundary, Incident, Indicator, Record, Sensitivity
from data.seen import Seen
from tests.pictures import add, picture_of

NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)


def boundary(pcode: str, level: int, west: float, east: float, **told: object) -> Boundary:
    shape = shapely.box(west, 7, east, 8)
    middle = (west + east) / 2
    return Boundary(
        source_ref=pcode, pcode=pcode, title=f"Area {pcode}", level=level, lon=middle, lat=7.5, wkb=shape.wkb, **told
    )  # type: ignore[arg-type]


AREAS = [
    boundary("X1", 1, 30, 32),
    boundary("X2", 1, 32, 34),
    *(boundary(f"X{1 + n // 2}{n % 2}", 2, 30 + n, 31 + n) for n in range(4)),
]


def said(code: str, value: float | None, pcode: str | None = None, day: int = 1, **told: object) -> Indicator:
    """`day` days ago."""
    told = {"unit": "people", "event_time": NOW - timedelta(days=day), **told}
    ref = f"{code}/{pcode}/{day}/{told.get('category')}/{told.get('lon')}/{told.get('adm_names')}"
    return Indicator(source_ref=ref, indicator=code, value=value, adm_pcode=pcode, **told)  # type: ignore[arg-type]


def seen_of(folder: Path, records: Iterable[Record]) -> Seen:
    return replace(picture_of(folder, [*AREAS, *records]).seen_by(LOCAL_OPERATOR), now=NOW)


def values(found: Figure) -> dict[str, float | None]:
    return {pcode: told.value for pcode, told in found.values.items()}


def test_the_latest_period_of_each_area_stands(tmp_path: Path) -> None:
    seen = seen_of(tmp_path, [said("idps", 5, "X10", 40), said("idps", 9, "X10", 3), said("idps", 7, "X11", 20)])
    found = figure(seen, EVERYTHING, "idps")
    assert (found.level, values(found)) == (2, {"X10": 9, "X11": 7})
    assert found.newest_us == int((NOW - timedelta(days=3)).timestamp()) * 1_000_000
    assert [item.record.title for item in seen.items("indicator", found.rows)] == ["", ""]


def test_a_projection_waits_for_its_period(tmp_path: Path) -> None:
    def phase(value: float, start: float, end: float) -> Indicator:
        starts, ends = NOW + timedelta(days=start), NOW + timedelta(days=end)
        return said("phase", value, "X10", int(start), unit="", event_time=ends, period_start=starts, period_end=ends)

    seen = seen_of(tmp_path, [phase(3, -60, 30), phase(4, 31, 120)])
    assert values(figure(seen, EVERYTHING, "phase")) == {"X10": 3}
    later = replace(seen, now=NOW + timedelta(days=40))
    assert values(figure(later, EVERYTHING, "phase")) == {"X10": 4}


def test_counts_are_added_rates_are_not(tmp_path: Path) -> None:
    sites = [{"lon": 30.2, "lat": 7.5}, {"lon": 30.8, "lat": 7.5}]
    told = [said("idps", 100, day=2, **at) for at in sites]
    told += [said("completeness", value, day=2, unit="%", **at) for value, at in zip((40, 80), sites, strict=True)]
    seen = seen_of(tmp_path, told)
    assert (figure(seen, EVERYTHING, "idps", 2).combined, values(figure(seen, EVERYTHING, "idps", 2))) == (
        "sum",
        {"X10": 200},
    )
    assert values(figure(seen, EVERYTHING, "completeness", 1)) == {"X1": 60}


def test_people_in_several_sectors_are_counted_once(tmp_path: Path) -> None:
    seen = seen_of(
        tmp_path,
        [said("people_in_need", n, "X10", category=c) for c, n in (("Food", 900), ("Water", 1200), ("Health", 300))],
    )
    assert values(figure(seen, EVERYTHING, "people_in_need")) == {"X10": 1200}


def test_an_areas_own_figure_goes_before_those_of_its_parts(tmp_path: Path) -> None:
    seen = seen_of(
        tmp_path,
        [
            said("population", 1000, "X1"),
            said("population", 300, "X10"),
            said("population", 400, "X11"),
            said("population", 50, "X20"),
        ],
    )
    assert values(figure(seen, EVERYTHING, "population", 1)) == {"X1": 1000, "X2": 50}
    assert values(figure(seen, EVERYTHING, "population", 2)) == {"X10": 300, "X11": 400, "X20": 50}


def test_a_part_that_is_not_known_is_never_its_whole(tmp_path: Path) -> None:
    """Codes of an older vintage: one district is found by name, the other only as somewhere in X1."""
    told = [
        said("population", 300, "OLD1", adm_names=("Area X1", "Area X10")),
        said("population", 400, "OLD2", adm_names=("Area X1", "Renamed")),
        said("population", 999, "OLD3", adm_names=("Nowhere", "At all")),
    ]
    seen = seen_of(tmp_path, told)
    found = figure(seen, EVERYTHING, "population", 2)
    assert values(found) == {"X10": 300}
    assert found.unmatched == 2
    assert values(figure(seen, EVERYTHING, "population", 1)) == {"X1": 700}


def test_blank_and_stopped_are_not_reported(tmp_path: Path) -> None:
    week = {"unit": "cases"}

    def weekly(code: str, value: float | None, pcode: str, weeks: int) -> Indicator:
        end = NOW - timedelta(weeks=weeks)
        return said(code, value, pcode, weeks * 7, period_start=end - timedelta(days=7), period_end=end, **week)

    told = [
        weekly("cholera", 4, "X10", 1),
        weekly("cholera", 0, "X11", 1),
        weekly("cholera", 8, "X20", 2),
        weekly("cholera", None, "X20", 1),
        weekly("cholera", 6, "X21", 9),
    ]
    found = figure(seen_of(tmp_path, told), EVERYTHING, "cholera")
    assert values(found) == {"X10": 4, "X11": 0, "X20": None, "X21": None}


def test_the_source_with_the_newest_period_stands_alone(tmp_path: Path) -> None:
    picture = picture_of(tmp_path, [*AREAS, said("population", 100, "X10", 900)], source="census")
    add(picture, [said("population", 130, "X10", 30)], source="estimate")
    seen = replace(picture.seen_by(LOCAL_OPERATOR), now=NOW)
    assert values(figure(seen, EVERYTHING, "population")) == {"X10": 130}
    assert values(figure(seen, Filters(source=("census",)), "population")) == {"X10": 100}


def test_the_level_is_the_one_most_figures_speak_of(tmp_path: Path) -> None:
    lost = [said("c", n, f"OLD{n}", adm_names=("Area X1", f"Renamed {n}")) for n in range(3)]
    told = [said("a", 1, "X10"), said("a", 9, "X1"), said("a", 9, "X2"), said("b", 1, "X10"), said("b", 1, "X1")]
    seen = seen_of(tmp_path, [*told, *lost, said("d", 5, lon=30.5, lat=7.5)])
    levels = {metric: figure(seen, EVERYTHING, metric).level for metric in ("a", "b", "c", "d", INCIDENTS, "nothing")}
    assert levels == {"a": 1, "b": 2, "c": 1, "d": 2, INCIDENTS: 2, "nothing": 2}
    assert values(figure(seen, EVERYTHING, "c")) == {"X1": 3}  # 0 + 1 + 2: all of them are somewhere in X1


def test_incidents_by_area_and_per_100k(tmp_path: Path) -> None:
    events = [
        Incident(source_ref=f"i{n}", lon=30.5 if n < 8 else 31.5, lat=7.5, event_time=NOW - timedelta(days=n))
        for n in range(10)
    ]
    people = [said("population", 200_000, "X10"), said("population", 0, "X11"), said("population", 50_000, "X20")]
    seen = seen_of(tmp_path, [*events, *people, Incident(source_ref="sea", lon=0.0, lat=0.0, event_time=NOW)])
    found = figure(seen, EVERYTHING, INCIDENTS, 2)
    assert (values(found), found.unmatched) == ({"X10": 8, "X11": 2, "X20": 0, "X21": 0}, 1)
    assert values(figure(seen, Filters(window=timedelta(days=4, hours=1)), INCIDENTS, 2))["X10"] == 5
    assert values(figure(seen, EVERYTHING, RATE, 2)) == {
        "X10": pytest.approx(4.0),
        "X20": 0,
    }  # nobody or unknown: no rate
    assert values(figure(seen, EVERYTHING, INCIDENTS, 1)) == {"X1": 10, "X2": 0}


def test_what_may_be_asked_for_is_what_may_be_seen(tmp_path: Path) -> None:
    picture = picture_of(tmp_path, [*AREAS, said("idps", 5, "X10")])
    add(picture, [said("secret", 5, "X10"), said("idps", 99, "X10", 0)], source="theirs", agency="them")
    ours = replace(picture.seen_by(Viewer("a", "us", Sensitivity.low)), now=NOW)
    assert metrics(ours) == ["idps", INCIDENTS]
    assert values(figure(ours, EVERYTHING, "idps")) == {"X10": 5}
    assert values(figure(ours, EVERYTHING, "secret")) == {}
    everybody = replace(picture.seen_by(LOCAL_OPERATOR), now=NOW)
    assert metrics(everybody) == ["idps", "secret", INCIDENTS]
