"""What is released stands for what is known in everything a viewer can ask: places of a tier, hidden fields, counted cells."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from dashboard.answer import encode
from dashboard.features import feature
from dashboard.kpi import kpi_list
from dashboard.kpis import all_kpis
from data.access import Agreement, Mark, Precision, Tlp, Viewer, decide
from data.analysis.figures import INCIDENTS, figure, metrics
from data.filters import EVERYTHING, Filters
from data.picture import Picture
from data.precision import snapped
from data.records import (
    KINDS,
    Activity,
    Alert,
    Boundary,
    Incident,
    Indicator,
    OwnMark,
    Record,
    RouteStatus,
    Sensitivity,
    Severity,
    Site,
    SupplyLevel,
    Track,
)
from data.seen import Item, Seen, public_id
from data.settings import Source
from data.sharing import Sharing, announce
from data.store import Batch, Store, open_store
from data.withheld import FRAME, PLACED, STAYS
from layers.layer import all_layers, layer_list
from layers.tiles import encode_tile
from tests.pictures import chunks

NOW = datetime.now(UTC).replace(microsecond=0)
LEVELS = list(Sensitivity)
KM = 111.2
"""Kilometres to a degree of latitude, roughly."""
CANARY = "canary"
"""In every text that must not be told."""


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("empty") / "commonground.sqlite"
    open_store(f"sqlite:///{file}").close()
    return file


class World:
    """A picture whose sources are marked as given; `put` appends records as one commit."""

    def __init__(self, store: Store, sources: Mapping[str, Mark], agreements: Sequence[Agreement] = ()) -> None:
        self.store = store
        self.sharing = Sharing(tuple(agreements), {name: source(name, mark) for name, mark in sources.items()})
        self.picture = Picture(store, lambda: self.sharing)

    def put(self, source_name: str, *records: Record) -> int:
        told = [replaced(record, source_name, self.sharing.sources[source_name].agency) for record in records]
        revision = self.store.append(Batch(source_name, "test", "p", "", 1, chunks(iter(told)))).revision
        self.picture.catch_up()
        return revision

    def seen(self, viewer: Viewer) -> Seen:
        return self.picture.seen_by(viewer)


def source(name: str, mark: Mark) -> Source:
    told = {part: getattr(mark, part) for part in mark.__dataclass_fields__ if part != "collection"}
    return Source(name, "test", **told)


def replaced(record: Record, source_name: str, agency: str) -> Record:
    return msgspec.structs.replace(record, source=source_name, agency=agency)


@contextmanager
def world(empty: Path, sources: Mapping[str, Mark], agreements: Sequence[Agreement] = ()) -> Iterator[World]:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "commonground.sqlite"
        shutil.copy(empty, copy)
        store = open_store(f"sqlite:///{copy}")
        try:
            yield World(store, sources, agreements)
        finally:
            store.close()


MISSION_LOW = Mark("red", Sensitivity.low, ("mission",))
BLUE = Viewer("b", "blue", Sensitivity.high)
RED = Viewer("r", "red", Sensitivity.high)


def square(pcode: str, level: int, west: float, south: float, side: float, parent: str = "") -> Boundary:
    shape = shapely.box(west, south, west + side, south + side)
    middle = shape.centroid
    return Boundary(
        source_ref=pcode, title=pcode, pcode=pcode, level=level, parent_pcode=parent,
        wkb=shapely.to_wkb(shape), lon=middle.x, lat=middle.y,
    )  # fmt: skip


AREAS = (
    square("A", 0, 30.0, 5.0, 2.0),
    square("A1", 1, 30.0, 5.0, 2.0, "A"),
    square("A11", 2, 30.0, 5.0, 1.0, "A1"),
    square("A12", 2, 31.0, 5.0, 1.0, "A1"),
    square("A111", 3, 30.0, 5.0, 0.5, "A11"),
    square("A112", 3, 30.5, 5.0, 0.5, "A11"),
)


def told(number: int, lon: float = 30.2512, lat: float = 5.2534, **said: object) -> Incident:
    """An incident that says everything a place can be known by."""
    said = {
        "source_ref": f"{CANARY}-ref-{number}",
        "title": f"{CANARY} title {number}",
        "description": f"{CANARY} description",
        "category": "fire",
        "severity": Severity.serious,
        "event_time": NOW - timedelta(days=1),
        "lon": lon,
        "lat": lat,
        "place": f"{CANARY} place",
        "adm_pcode": "A111",
        "adm_names": ("A1", "A11", "A111"),
        "actor1": f"{CANARY} actor",
        "fatalities": 3,
        "attributes": {"phone": f"{CANARY} phone", "note": f"{CANARY} note"},
        **said,
    }
    return Incident(**said)


def text_of(item: Item) -> str:
    return encode(feature(item)).decode()


# --- places ---------------------------------------------------------------------------------------------------------


POINTS = st.lists(st.tuples(st.floats(-180, 180), st.floats(-89, 89)), min_size=1, max_size=30)


@given(POINTS)
def test_a_tier_is_a_fixed_set_of_cells_of_at_least_its_size(points: list[tuple[float, float]]) -> None:
    lon, lat = (np.array(part, np.float64) for part in zip(*points, strict=True))
    fine = snapped(lon, lat, Precision.km1)
    coarse = snapped(lon, lat, Precision.km5)
    for centre, precision, km in ((fine, Precision.km1, 1.0), (coarse, Precision.km5, 5.0)):
        again = snapped(*centre, precision)
        assert np.array_equal(again, centre), "the centre of a cell lies in it"
        assert (np.abs(centre[1] - lat) * KM <= km * 0.51).all(), "no centre is farther than half a band"
        # Whoever is less than half a cell beside a centre is told as that centre.
        beside = snapped(centre[0], centre[1] + 0.49 * km / KM * 0.98, precision)
        assert np.array_equal(beside[1], centre[1])
        east = 0.49 * km / (KM * np.maximum(np.cos(np.radians(np.abs(centre[1]))), 1e-9))
        inside = np.abs(centre[0]) + east < 180
        across = snapped(centre[0] + np.where(inside, east, 0), centre[1], precision)
        assert np.array_equal(across[0][inside], centre[0][inside]), "a cell is at least so wide"
    assert np.array_equal(snapped(*fine, Precision.km5), coarse), "knowing both tells no more than the finer"


@pytest.mark.parametrize("precision", list(Precision))
def test_a_place_is_released_at_its_tier_and_asked_for_there(empty: Path, precision: Precision) -> None:
    with world(empty, {"ground": MISSION_LOW, "s": replace(MISSION_LOW, precision=precision)}) as here:
        here.put("ground", *AREAS)
        here.put("s", told(1), told(2, 30.7, 5.2), told(3, 31.5, 5.7))
        seen = here.seen(BLUE)
        rows = seen.rows("incident")
        exact = here.seen(RED)
        assert len(rows) == 3
        assert {item.record.title for item in exact.items("incident", rows)} == {
            f"{CANARY} title {n}" for n in (1, 2, 3)
        }
        lons, lats = (exact.column("incident", name)[rows] for name in ("lon", "lat"))
        for item, lon, lat in zip(seen.items("incident", rows), lons, lats, strict=True):
            point = (item.record.lon, item.record.lat)
            if precision is Precision.exact:
                assert point == (lon, lat)
                assert CANARY in text_of(item)
                continue
            assert CANARY not in text_of(item)
            assert item.record.title == "fire"
            assert item.record.fatalities == 3
            assert item.record.event_time is not None
            if precision is Precision.none:
                assert point == (None, None)
                assert item.pcodes == (None,) * 4
            elif precision in (Precision.km1, Precision.km5):
                assert point == tuple(float(part[0]) for part in snapped(np.array([lon]), np.array([lat]), precision))
            else:
                level = 3 if precision is Precision.adm3 else 2
                assert all(code is None for code in item.pcodes[level + 1 :])
                deepest = max((code for code in item.pcodes if code), key=len)
                area = next(area for area in AREAS if area.pcode == deepest)
                assert shapely.from_wkb(area.wkb).contains(shapely.Point(*point))
            # A box no larger than a street around the true point finds only what is released there.
            box = (lon - 1e-4, lat - 1e-4, lon + 1e-4, lat + 1e-4)
            found = seen.rows("incident", Filters(bbox=box))
            released = seen.column("incident", "lon")[found], seen.column("incident", "lat")[found]
            assert all(abs(x - lon) <= 1e-4 and abs(y - lat) <= 1e-4 for x, y in zip(*released, strict=True))
        if precision in (Precision.adm2, Precision.adm3):
            assert len(seen.rows("incident", Filters(area="A111"))) == (1 if precision is Precision.adm3 else 0)
        if precision is not Precision.exact:
            assert not len(seen.rows("incident", Filters(text=CANARY)))
        assert len(seen.rows("incident", Filters(text="fire"))) == 3


def test_a_shape_is_released_at_its_exact_place_only(empty: Path) -> None:
    shape = shapely.to_wkb(shapely.box(30.1, 5.1, 30.3, 5.3))
    with world(empty, {"exact": MISSION_LOW, "coarse": replace(MISSION_LOW, precision=Precision.km5)}) as here:
        here.put("exact", told(1, wkb=shape))
        here.put("coarse", told(2, wkb=shape))
        seen = here.seen(BLUE)
        rows = seen.rows("incident")
        assert [item.wkb is not None for item in seen.items("incident", rows)] == [True, False]
        assert seen.has_shape("incident", rows).tolist() == [True, False]
        assert [seen.geometry("incident", row) is not None for row in rows] == [True, False]
        corner = Filters(bbox=(30.11, 5.11, 30.12, 5.12))
        assert len(seen.rows("incident", corner)) == 1
        assert len(here.seen(RED).rows("incident", corner)) == 2


def test_what_stays_below_the_exact_place_is_listed_for_every_kind_and_every_name_exists() -> None:
    for kind in KINDS.values():
        assert STAYS[kind.name] <= set(kind.type.__struct_fields__) - PLACED - FRAME
    texts = {
        "title",
        "description",
        "place",
        "source_ref",
        "site_ref",
        "site_name",
        "headline",
        "instruction",
        "area_desc",
    }
    texts |= {
        "geocodes",
        "web",
        "callsign",
        "pcode",
        "name_local",
        "reporter",
        "operator",
        "sender",
        "actor1",
        "actor2",
    }
    assert not texts & frozenset.union(*STAYS.values())


# --- hidden fields --------------------------------------------------------------------------------------------------


def test_a_hidden_field_reads_as_not_said_wherever_it_is_asked_for(empty: Path) -> None:
    personal = (
        "fatalities",
        "Phone",
        "actor1",
        "sub_event_type",
        "event_time",
        "severity",
        "category",
        "title",
        "place",
    )
    hiding = replace(MISSION_LOW, personal_fields=personal)
    with world(empty, {"s": hiding}) as here:
        here.put("s", told(1, sub_event_type="raid", fatalities=9), told(2, sub_event_type="riot", fatalities=1))
        seen, whole = here.seen(BLUE), here.seen(RED)
        for item in seen.items("incident", seen.rows("incident")):
            assert item.record.fatalities is None
            assert item.record.attributes == {"note": f"{CANARY} note"}
            assert (item.record.title, item.record.category, item.record.place) == ("", "", "")
            assert item.record.severity is Severity.unknown
            assert item.record.event_time is None
            assert "actor" not in text_of(item).replace('"actor', "")
        assert np.isnan(seen.column("incident", "fatalities")[seen.rows("incident")]).all()
        for asked in (
            Filters(codes=(("sub_event_type", ("raid",)),)),
            Filters(category=("fire",)),
            Filters(severity=Severity.minor),
            Filters(since=NOW - timedelta(days=9)),
            Filters(text="title"),
        ):
            assert len(whole.rows("incident", asked)) > 0
            assert not len(seen.rows("incident", asked)), asked
        assert seen.count("incident", seen.rows("incident"), ["sub_event_type"]).rows == [("", 2)]
        assert seen.count("incident", seen.rows("incident"), ["category", "severity", "week"]).rows == [
            ("", "unknown", None, 2)
        ]
        assert seen.released_labels("incident", "category") == {""}


def test_provenance_and_history_tell_no_more_than_the_record(empty: Path) -> None:
    with world(empty, {"s": replace(MISSION_LOW, personal_fields=("title",), precision=Precision.adm2)}) as here:
        here.put("s", told(1))
        here.put("s", told(1, title=f"{CANARY} again", fatalities=4))
        (item,) = here.seen(BLUE).items("incident", here.seen(BLUE).rows("incident"))
        versions = here.seen(BLUE).history(item)
        assert [version.record.fatalities for version in versions] == [3, 4]
        assert all(CANARY not in text_of(version) for version in versions)
        provenance = here.seen(BLUE).provenance(item)
        assert (provenance["payload"], provenance["sha256"], provenance["row"]) == (None, None, None)
        assert here.seen(RED).provenance(item)["row"] == 1


def test_a_site_that_is_coarse_names_nothing_it_serves(empty: Path) -> None:
    coarse = replace(MISSION_LOW, precision=Precision.adm2)
    with world(empty, {"s": coarse}) as here:
        here.put("s", Site(source_ref="x", title=f"{CANARY} clinic", category="clinic", lon=30.2, lat=5.2))
        here.put("s", SupplyLevel(source_ref="y", site_ref="x", item="ors", stock_on_hand=4, event_time=NOW))
        here.put("s", Track(source_ref="t", callsign=CANARY, category="a-f", lon=30.2, lat=5.2, event_time=NOW))
        seen = here.seen(BLUE)
        for kind in ("site", "supply", "track"):
            (item,) = seen.items(kind, seen.rows(kind))
            assert CANARY not in text_of(item)
            assert item.site == ""
        assert CANARY not in encode(layer_list(seen, EVERYTHING)).decode()
        for layer in all_layers().values():
            for z, x, y in ((0, 0, 0), (6, 37, 31)):
                assert CANARY.encode() not in encode_tile(seen, layer, EVERYTHING, z, x, y)


# --- every door -----------------------------------------------------------------------------------------------------


MARKS = st.builds(
    Mark,
    agency=st.sampled_from(("red", "blue")),
    sensitivity=st.sampled_from(LEVELS),
    releasable_to=st.sampled_from(((), ("mission",), ("blue",))),
    compartments=st.sampled_from(((), ("x",))),
    tlp=st.sampled_from(list(Tlp)),
    personal_fields=st.lists(
        st.sampled_from(("title", "category", "fatalities", "phone", "event_time")), unique=True, max_size=2
    ).map(tuple),
    precision=st.sampled_from(list(Precision)),
    minimum_count=st.sampled_from((1, 1, 2, 3)),
)
OWN = st.none() | st.builds(
    OwnMark, sensitivity=st.none() | st.sampled_from(LEVELS), precision=st.sampled_from(("", "km5", "none"))
)
VIEWERS = st.builds(
    Viewer,
    st.just("v"),
    st.sampled_from(("red", "blue", "white", "")),
    st.sampled_from(LEVELS),
    compartments=st.sampled_from(((), ("x",))),
    kind=st.sampled_from(("person", "display")),
)
AGREEMENTS = st.lists(
    st.builds(
        Agreement,
        name=st.just("mou"),
        grantor=st.just("red"),
        grantees=st.just(("white",)),
        starts=st.just(NOW - timedelta(days=1)),
        ends=st.sampled_from((NOW + timedelta(days=1), NOW)),
        collections=st.sampled_from(((), ("incidents",), ("reports",))),
        minimum_precision=st.sampled_from((Precision.exact, Precision.adm2)),
        personal_data=st.booleans(),
    ),
    max_size=1,
)
ROWS = st.lists(
    st.tuples(
        st.sampled_from("st"), st.sampled_from("abcd"), st.sampled_from(("fire", "flood")), st.integers(0, 3), OWN
    ),
    max_size=10,
)
SPOTS = ((30.2512, 5.2534), (30.7, 5.2), (31.5, 5.7), (10.0, 50.0))


@given(marks=st.tuples(MARKS, MARKS), viewer=VIEWERS, agreements=AGREEMENTS, rows=ROWS)
def test_every_door_gives_what_the_rule_releases(
    empty: Path,
    marks: tuple[Mark, Mark],
    viewer: Viewer,
    agreements: list[Agreement],
    rows: list[tuple[str, str, str, int, OwnMark | None]],
) -> None:
    sources = {"s": marks[0], "t": marks[1], "ground": replace(MISSION_LOW, agency=viewer.agency or "red")}
    with world(empty, sources, agreements) as here:
        here.put("ground", *AREAS)
        current: dict[tuple[str, str], Incident] = {}
        for number, (of, ref, category, spot, own) in enumerate(rows):
            record = told(number, *SPOTS[spot], source_ref=ref, category=category, own=own)
            here.put(of, record)
            current[(of, ref)] = record
        listed: Counter[str] = Counter()
        counted: Counter[tuple[str, int]] = Counter()
        for (of, _), record in current.items():
            mark = here.sharing.mark_of(of, Mark(""), "incidents", record.own)
            decision = decide(viewer, mark, agreements)
            duties = decision.obligations
            category = "" if "category" in duties.hidden else record.category
            if decision.permit and duties.minimum_count > 1:
                counted[(category, duties.minimum_count)] += 1
            elif decision.permit:
                listed[category] += 1
        seen = here.seen(viewer)
        found = seen.rows("incident")
        items = seen.items("incident", found)
        assert Counter(item.record.category for item in items) == listed
        by_category = {row[0]: row[1] for row in seen.count("incident", found, ["category"]).rows}
        assert by_category == dict(listed)
        for item in items:
            decision = decide(viewer, item.mark, agreements)
            assert decision.permit
            assert seen.why(item) == decision
            hidden, precision = decision.obligations.hidden, decision.obligations.precision
            if precision is not Precision.exact:
                assert CANARY not in text_of(item)
            for name in hidden:
                assert not getattr(item.record, name, None)
                assert name not in item.record.attributes
            again = seen.find(public_id(item.id))
            assert again is not None
            assert text_of(again) == text_of(item)
        # What is only counted is told in whole cells, from its least number on.
        told_in_all = seen.counts("incident", EVERYTHING, ["category"])
        for category, number, *_ in told_in_all.rows:
            most = listed[category] + sum(count for (name, _), count in counted.items() if name == category)
            assert number is None or listed[category] <= number <= most
            assert number is not None or listed[category] == 0
        for cell in zip(seen.cells("incident").number, seen.cells("incident").least, strict=True):
            assert cell[0] == 0 or cell[0] >= cell[1]


# --- counted only ---------------------------------------------------------------------------------------------------

COUNTED = replace(MISSION_LOW, minimum_count=3)


def test_what_is_only_counted_is_never_listed_drawn_found_or_searched(empty: Path) -> None:
    with world(empty, {"ground": MISSION_LOW, "s": COUNTED}) as here:
        here.put("ground", *AREAS)
        here.put("s", *(told(number) for number in range(5)))
        seen = here.seen(BLUE)
        assert not len(seen.rows("incident"))
        for item in here.seen(RED).items("incident", here.seen(RED).rows("incident")):
            assert seen.find(public_id(item.id)) is None
            with pytest.raises(LookupError):
                seen.items("incident", [item.row])
        assert not len(seen.rows("incident", Filters(text="title")))
        for layer in all_layers().values():
            if layer.kinds == ("incident",):
                assert encode_tile(seen, layer, EVERYTHING, 0, 0, 0) == b""
        assert seen.counts("incident", EVERYTHING, ["adm2_pcode"]).rows == [("A11", 5)]
        for cutting in (Filters(bbox=(30, 5, 31, 6)), Filters(severity=Severity.minor), Filters(text="title")):
            assert seen.counts("incident", cutting, []).rows == [(0,)]


def test_fewer_than_the_least_number_says_so_and_nothing_more(empty: Path) -> None:
    with world(empty, {"ground": MISSION_LOW, "s": COUNTED, "open": MISSION_LOW}) as here:
        here.put("ground", *AREAS)
        here.put("s", told(1), told(2), told(3, 31.5, 5.7), told(4, 31.5, 5.6), told(5, 31.5, 5.5))
        here.put("open", told(6))
        counts = here.seen(BLUE).counts("incident", EVERYTHING, ["adm2_pcode", "source"])
        assert counts.rows == [("A11", "open", 1), ("A11", "s", None), ("A12", "s", 3)]
        assert (counts.fewer_than, counts.incomplete, counts.total) == (3, (1,), 4)
        by_area = here.seen(BLUE).counts("incident", EVERYTHING, ["adm2_pcode"])
        assert by_area.rows == [("A11", 1), ("A12", 3)]
        assert by_area.incomplete == (0,)
        values = figure(here.seen(BLUE), EVERYTHING, INCIDENTS, 2).values
        assert (values["A11"].value, values["A11"].fewer_than) == (1.0, 3)
        assert (values["A12"].value, values["A12"].fewer_than) == (3.0, None)
        alone = figure(here.seen(BLUE), Filters(source=("s",)), INCIDENTS, 2).values
        assert (alone["A11"].value, alone["A11"].fewer_than) == (None, 3)
        owner = here.seen(RED).counts("incident", EVERYTHING, ["adm2_pcode"])
        assert owner.rows == [("A11", 3), ("A12", 3)]


def test_a_window_takes_the_weeks_that_lie_in_it_whole(empty: Path) -> None:
    monday = datetime(2026, 11, 2, tzinfo=UTC)
    with world(empty, {"s": COUNTED}) as here:
        here.put("s", *(told(n, event_time=monday + timedelta(days=3, hours=n)) for n in range(4)))
        seen = here.seen(BLUE)
        week, hour = timedelta(weeks=1), timedelta(hours=1)
        for since, until, number in (
            (monday, monday + week, 4),
            (monday + hour, None, 0),
            (monday, monday + week - hour, 0),
            (None, monday + week, 4),
            (monday - week, None, 4),
        ):
            assert seen.counts("incident", Filters(since=since, until=until), []).total == number
        assert seen.counts("incident", EVERYTHING, ["week"]).rows == [("2026-11-02", 4)]
        assert seen.counts("incident", EVERYTHING, ["day", "severity"]).rows == [(None, "unknown", 4)]


@pytest.mark.parametrize(
    ("precision", "kept"), [(Precision.adm3, "A11 A111"), (Precision.adm2, "A11"), (Precision.km5, "")]
)
def test_a_stated_code_is_told_down_to_the_tier(empty: Path, precision: Precision, kept: str) -> None:
    with world(empty, {"ground": MISSION_LOW, "s": replace(MISSION_LOW, precision=precision)}) as here:
        here.put("ground", *AREAS)
        here.put(
            "s",
            *(Indicator(source_ref=code, indicator="i", value=1, adm_pcode=code) for code in ("A11", "A111", "old")),
        )
        seen = here.seen(BLUE)
        items = seen.items("indicator", seen.rows("indicator"))
        assert {item.record.adm_pcode for item in items} - {None} == set(kept.split())
        assert seen.released_labels("indicator", "adm_pcode") - {""} == set(kept.split())
        for code in ("A11", "A111", "old"):
            found = seen.rows("indicator", Filters(codes=(("adm_pcode", (code,)),)))
            assert len(found) == (code in kept.split())


@given(
    days=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 3), st.sampled_from(("fire", "flood"))), max_size=30),
    ends=st.lists(st.integers(0, 45 * 24), min_size=2, max_size=12),
)
def test_taking_answers_from_one_another_never_yields_fewer_than_the_least_number(
    empty: Path, days: list[tuple[int, int, str]], ends: list[int]
) -> None:
    """The attacker moves both ends of a window by the hour, asks for every area and category, and subtracts."""
    with world(empty, {"ground": MISSION_LOW, "s": COUNTED}) as here:
        here.put("ground", *AREAS)
        here.put("s", *(
            told(n, *SPOTS[spot], category=category, event_time=NOW - timedelta(days=day))
            for n, (day, spot, category) in enumerate(days)
        ))  # fmt: skip
        seen = here.seen(BLUE)
        moments = [NOW - timedelta(hours=hours) for hours in sorted(ends)]
        totals: set[int] = set()
        for area in ("", "A11", "A12", "A1"):
            for category in ((), ("fire",), ("flood",)):
                series = [
                    seen.counts("incident", Filters(since=since, area=area, category=category), []).total
                    for since in moments
                ]
                totals.update(series)
                totals.update(abs(one - other) for one in series for other in series)
        assert not totals & {1, 2}


# --- the viewer's own revision --------------------------------------------------------------------------------------


def test_commits_of_what_is_withheld_move_nothing(empty: Path) -> None:
    with world(empty, {"open": MISSION_LOW, "shut": Mark("red", Sensitivity.severe), "few": COUNTED}) as here:
        first = here.put("open", told(1))
        before = answers(here.seen(BLUE))
        assert here.seen(BLUE).revision == first
        assert here.put("shut", told(1), told(2)) > first
        here.put("shut", told(1, title="other"))
        assert answers(here.seen(BLUE)) == before
        assert here.seen(BLUE).revision == first
        some = here.put("few", told(1))
        assert here.seen(BLUE).revision == some, "that there are some is told"
        here.put("few", told(2))
        assert here.seen(BLUE).revision == some, "a second one changes nothing that is told"
        assert here.seen(BLUE).moved("incident", some)[1] is False
        enough = here.put("few", told(3))
        assert here.seen(BLUE).revision == enough
        assert here.seen(BLUE).moved("incident", some)[1] is True
        last = here.put("open", told(1, title="news"))
        assert here.seen(BLUE).revision == last
        assert here.seen(Viewer("nobody")).revision == 0


def answers(seen: Seen) -> bytes:
    """Everything the pages and the interface make of a picture, at one moment."""
    seen = replace(seen, now=NOW)
    told: list[object] = [seen.revision, layer_list(seen, EVERYTHING), sorted(seen.heard.items())]
    told.append(kpi_list(all_kpis(), seen, EVERYTHING, {}, (), {}, "en"))
    told += [replace(figure(seen, EVERYTHING, metric), rows=None) for metric in metrics(seen)]
    for kind in seen.tables:
        rows = seen.newest(kind, seen.rows(kind))
        told += [
            [feature(item) for item in seen.items(kind, rows)],
            [[feature(version) for version in seen.history(item)] for item in seen.items(kind, rows)],
            *(seen.counts(kind, EVERYTHING, by) for by in (["category", "agency", "source", "week"], ["adm2_pcode"])),
            *(seen.count(kind, seen.rows(kind), [name]) for name in KINDS[kind].codes),
            sorted(seen.released_labels(kind, "category")),
            seen.marking((kind, rows)),
        ]
    tiles = [
        encode_tile(seen, layer, EVERYTHING, z, x, y)
        for layer in all_layers().values()
        for z, x, y in ((0, 0, 0), (7, 74, 62))
    ]
    return encode(told) + b"".join(tiles)


WORDS = st.text("abx", max_size=2)
WHEN = st.sampled_from((NOW - timedelta(days=1), NOW - timedelta(days=40)))
PLACE = st.sampled_from(SPOTS).map(lambda spot: {"lon": spot[0], "lat": spot[1]})


def anything(kind: type[Record], **said: st.SearchStrategy[object]) -> st.SearchStrategy[Record]:
    told = st.fixed_dictionaries({"source_ref": WORDS, "title": WORDS, "category": WORDS, "event_time": WHEN, **said})
    return st.builds(lambda told, place: kind(**told, **place), told, PLACE)


ANYTHING = st.lists(
    st.one_of(
        anything(Incident, sub_event_type=WORDS, severity=st.sampled_from(list(Severity))),
        anything(Alert, urgency=WORDS, status=WORDS),
        anything(Site, functionality=st.sampled_from(("open", "closed"))),
        anything(SupplyLevel, site_ref=WORDS, item=WORDS, card=WORDS, stock_on_hand=st.just(1.0), amc=st.just(9.0)),
        anything(Indicator, indicator=WORDS, unit=WORDS, value=st.just(1.0), adm_pcode=st.sampled_from(("A11", "ab"))),
        anything(Track, callsign=WORDS, affiliation=st.sampled_from(("friend", "hostile"))),
        anything(RouteStatus, status=st.sampled_from(("open", "closed"))),
        anything(Activity, organisation=WORDS, status=WORDS),
    ),
    max_size=6,
)
OPEN = (
    told(1, category="b"),
    told(2, *SPOTS[1], category="a", severity=Severity.critical),
    told(3, *SPOTS[2], category="b"),
    Alert(source_ref="x", title="x", category="b", urgency="b", lon=30.2, lat=5.2),
    *(Site(source_ref=ref, title=f"site {ref}", category="b", functionality="open", lon=30.2, lat=5.2) for ref in "ba"),
    *(
        SupplyLevel(source_ref=f"{ref}{item}", site_ref=ref, item=item, stock_on_hand=3, amc=9, event_time=NOW)
        for ref in "bac"
        for item in "ba"
    ),
    *(Indicator(source_ref=f"{name}{code}", indicator=name, unit="people", value=5, adm_pcode=code, event_time=NOW)
      for name in "ba" for code in ("A11", "A12")),
    Track(source_ref="x", callsign="b", category="a-f-G", lon=30.2, lat=5.2, event_time=NOW),
    RouteStatus(source_ref="x", title="b", status="closed", lon=30.2, lat=5.2),
    Activity(source_ref="x", organisation="b", status="a", category="health"),
)  # fmt: skip


@given(hidden=st.tuples(ANYTHING, ANYTHING))
def test_what_is_withheld_changes_no_byte(empty: Path, hidden: tuple[list[Record], list[Record]]) -> None:
    """Two worlds that differ in withheld records alone are the same to the viewer: these come before the others and among
    them, from sources of their own and from one that is known."""
    told_of = []
    for records in hidden:
        with world(
            empty, {"shut": Mark("red", Sensitivity.severe), "ground": MISSION_LOW, "open": MISSION_LOW}
        ) as here:
            here.put("shut", Incident(source_ref="always"), *records)
            here.put("ground", *AREAS)
            own = OwnMark(sensitivity=Sensitivity.severe)
            among = [msgspec.structs.replace(record, own=own, source_ref=f"h{n}") for n, record in enumerate(records)]
            here.put("open", *among[:3], *OPEN, *among[3:])
            told_of.append(answers(here.seen(BLUE)))
    assert told_of[0] == told_of[1]


def test_a_boundary_that_is_withheld_places_nothing(empty: Path) -> None:
    with world(empty, {"ground": MISSION_LOW, "shut": Mark("red", Sensitivity.severe), "open": MISSION_LOW}) as here:
        here.put("ground", *AREAS[:3])
        here.put("open", told(1, 30.4, 5.4))
        before = answers(here.seen(BLUE))
        here.put("shut", square("A111", 3, 30.0, 5.0, 0.5, "A11"), square("X", 2, 29.0, 4.0, 3.0, "A1"))
        assert answers(here.seen(BLUE)) == before
        assert {area.pcode for area in here.seen(BLUE).places.areas} == {"A", "A1", "A11"}
        severe = replace(RED, clearance=Sensitivity.severe)
        (item,) = here.seen(severe).items("incident", here.seen(severe).rows("incident"))
        assert item.pcodes[3] == "A111"


def test_a_change_of_sharing_is_seen_with_its_commit(empty: Path) -> None:
    mou = Agreement("mou", "red", ("blue",), NOW - timedelta(days=1), NOW + timedelta(days=1))
    with world(empty, {"s": Mark("red", Sensitivity.low)}) as here:
        here.put("s", told(1))
        assert not len(here.seen(BLUE).rows("incident"))
        assert here.seen(BLUE).revision == 0
        for agreements, visible in (((mou,), 1), ((replace(mou, revoked_at=NOW),), 0)):
            here.sharing = replace(here.sharing, agreements=agreements)
            revision = announce(here.store, ("blue",))
            here.sharing = replace(here.sharing, told={"blue": revision}, revision=revision)
            here.picture.catch_up()
            seen = here.seen(BLUE)
            assert len(seen.rows("incident")) == visible
            assert seen.revision == revision
            assert here.seen(Viewer("w", "white", Sensitivity.high)).revision == 0
