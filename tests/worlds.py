"""Worlds: sources with marks, records of every kind at places and times, agreements, and somebody who looks.

A world is drawn as small numbers and made into records here, so that a failing one is told in a line and shrinks well.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import shapely
import sqlalchemy as sa
from hypothesis import strategies as st

import app
from dashboard.services import Services
from data.access import Agreement, BreakGlass, Consent, Mark, Precision, Tlp, Viewer
from data.marks import raised
from data.picture import Picture
from data.readings import Readings
from data.records import (
    KIND_OF_TYPE,
    Activity,
    Alert,
    Boundary,
    Feedback,
    Incident,
    Indicator,
    OwnMark,
    Record,
    Reference,
    Report,
    RouteStatus,
    Sensitivity,
    Severity,
    SupplyLevel,
    Track,
)
from data.records import Site as Place
from data.settings import Mission, Settings, Source
from data.sharing import Sharing
from data.store import Batch, Store, open_store
from data.tables import commit_log
from tests.pictures import entry

AGENCIES = ("red", "green", "blue")
CATEGORIES = ("clash", "flood", "looting")
WORDS = ("alpha", "bravo", "charlie")
HOURS_AGO = (1, 5, 30, 80, 200, 800)
POINTS: tuple[tuple[float | None, float | None], ...] = (
    (30.11, 5.13),
    (30.11002, 5.13003),
    (30.6, 6.2),
    (33.05, 8.4),
    (33.055, 8.404),
    (50.0, 20.0),
    (None, None),
)
"""Two pairs of near neighbours in the two halves of the country, one far outside it, one nowhere."""
BOXES = {"XT": (29.0, 4.0, 34.0, 10.0), "XT01": (29.0, 4.0, 31.5, 10.0), "XT02": (31.5, 4.0, 34.0, 10.0)}
OWN: tuple[OwnMark | None, ...] = (
    None,
    None,
    None,
    OwnMark(sensitivity=Sensitivity.high),
    OwnMark(releasable_to=()),
    OwnMark(compartments=("sigint",)),
    OwnMark(consent="withdrawn"),
    OwnMark(precision="km5", personal_fields=("reporter", "note")),
    OwnMark(tlp="red", originator_control=True),
)


@dataclass(frozen=True)
class Told:
    """One version of a record: its source, its commit, and what it says."""

    source: int
    commit: int
    record: Record


@dataclass(frozen=True)
class World:
    sources: tuple[Source, ...]
    told: tuple[Told, ...]
    agreements: tuple[Agreement, ...]
    viewer: Viewer

    def mark(self, told: Told) -> Mark:
        """How a version is marked: as its source, raised by its own word."""
        collection = KIND_OF_TYPE[type(told.record)].collection
        return raised(self.sources[told.source].mark(collection), told.record.own)

    def agency(self, told: Told) -> str:
        return self.sources[told.source].agency


@cache
def now() -> datetime:
    """The moment from which everything in these worlds counts back: once a run."""
    return datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)


def land() -> list[Boundary]:
    """A country with a western and an eastern half, each with one district of its own name."""
    found = []
    for code, box in BOXES.items():
        found.append(_area(code, 0 if code == "XT" else 1, box))
        if code != "XT":
            found.append(_area(f"{code}01", 2, box))
    return found


def _area(code: str, level: int, box: tuple[float, float, float, float]) -> Boundary:
    return Boundary(
        source_ref=code,
        title=f"Area {code}",
        pcode=code,
        level=level,
        parent_pcode={0: "", 1: "XT", 2: code[:4]}[level],
        wkb=shapely.to_wkb(shapely.box(*box)),
        lon=(box[0] + box[2]) / 2,
        lat=7.0,
    )


def record(kind: int, ref: int, category: int, severity: int, hours: int, point: int, word: int, own: int) -> Record:
    """A record of the kind, told by small numbers."""
    lon, lat = POINTS[point]
    at = now() - timedelta(hours=HOURS_AGO[hours])
    text = WORDS[word]
    common: dict[str, Any] = {
        "source_ref": f"r{ref}",
        "title": f"{text} {CATEGORIES[category]} {ref}",
        "description": f"told of {text}",
        "category": CATEGORIES[category],
        "severity": Severity(severity),
        "event_time": at,
        "lon": lon,
        "lat": lat,
        "place": f"{text} village",
        "attributes": {"note": f"note of {text}", "seats": ref},
        "own": OWN[own],
    }
    match kind:
        case 0 | 1 | 2:
            return Incident(**common, fatalities=ref, actor1=f"actor {text}", sub_event_type=("a", "b")[ref % 2])
        case 3:
            shape = None if lon is None else shapely.to_wkb(shapely.box(lon - 0.4, lat - 0.4, lon + 0.4, lat + 0.4))
            later = at + timedelta(days=40)
            return Alert(**common, wkb=shape, expires=later, headline=f"headline {text}", urgency="Immediate")
        case 4:
            return Report(**common, reporter=f"{text} person", form="flash", needs=f"water {text}")
        case 5:
            return SupplyLevel(**common, site_ref=f"r{ref}", item=f"item {word}", stock_on_hand=10.0 * ref, amc=5.0)
        case 6:
            return Place(**common, functionality=("open", "closed")[ref % 2], beds=float(ref), operator=f"{text} org")
        case 7:
            return Track(**common, callsign=f"{text}-{ref}", affiliation="friend", stale=at + timedelta(days=1))
        case 8:
            return RouteStatus(**common, status=("open", "closed")[ref % 2], reason=f"mud {text}")
        case 9:
            return Feedback(**common, channel="radio", status="open")
        case 10:
            return Indicator(
                **{**common, "adm_pcode": ("XT01", "XT02")[ref % 2], "lon": None, "lat": None},
                indicator="people_in_need",
                value=100.0 * ref,
                unit="people",
                period_end=at,
            )
        case _:
            return Activity(**common, organisation=f"org {text}", people_reached=float(ref), start=at)


KINDS_DRAWN = 12
_SENSITIVITY = st.sampled_from(
    (Sensitivity.low, Sensitivity.low, Sensitivity.moderate, Sensitivity.high, Sensitivity.severe)
)
_RELEASED = st.sampled_from(((), ("mission",), ("mission",), ("blue",), ("green", "blue"), ("press", "mission")))
MARKED = st.fixed_dictionaries(
    {
        "agency": st.sampled_from(AGENCIES),
        "sensitivity": _SENSITIVITY,
        "releasable_to": _RELEASED,
        "originator_control": st.sampled_from((False, False, True)),
        "compartments": st.sampled_from(((), (), (), ("sigint",))),
        "tlp": st.sampled_from(tuple(Tlp)),
        "purposes": st.sampled_from(((), (), ("relief",))),
        "consent": st.sampled_from((Consent.not_needed, Consent.given, Consent.given, Consent.withdrawn)),
        "personal_fields": st.sampled_from(
            ((), (), ("reporter", "actor1"), ("title", "description"), ("severity",), ("category", "note"), ("lon",))
        ),
        "precision": st.sampled_from((Precision.exact, Precision.exact, *Precision)),
        "minimum_count": st.sampled_from((1, 1, 1, 1, 3)),
    }
)
SOURCES = st.lists(MARKED, min_size=2, max_size=3).map(
    lambda marks: tuple(Source(f"src{at}", "test", title=f"Source {at}", **mark) for at, mark in enumerate(marks))
)
_AT = st.sampled_from((-72.0, -2.0, 2.0, 72.0))
AGREEMENTS = st.lists(
    st.builds(
        lambda name, grantor, grantees, ends, **terms: Agreement(
            name, grantor, grantees, now() - timedelta(hours=24 * 30), now() + timedelta(hours=ends), **terms
        ),
        st.sampled_from(("mou", "annex")),
        st.sampled_from(AGENCIES),
        st.sampled_from((("blue",), ("green", "press"))),
        _AT,
        collections=st.sampled_from(((), (), ("incidents",), ("sites", "reports"))),
        purposes=st.sampled_from(((), (), ("relief",))),
        maximum_sensitivity=_SENSITIVITY,
        minimum_precision=st.sampled_from((Precision.exact, Precision.exact, Precision.km1, Precision.adm2)),
        minimum_count=st.sampled_from((1, 1, 4)),
        onward=st.sampled_from(((), ("blue",), ("other",))),
        personal_data=st.booleans(),
        export=st.booleans(),
        revoked_at=st.sampled_from((None, None, datetime(2026, 1, 1, tzinfo=UTC))),
    ),
    max_size=2,
).map(tuple)
GLASS = st.builds(
    lambda owner, starts, **terms: BreakGlass(
        owner, "flood", now() + timedelta(hours=starts), now() + timedelta(hours=starts + 3), **terms
    ),
    st.sampled_from(AGENCIES),
    st.sampled_from((-1, -9, 5)),
    maximum_sensitivity=st.sampled_from((Sensitivity.high, Sensitivity.severe)),
    second=st.sampled_from(("", "colleague")),
)
ALONE = st.builds(
    Viewer,
    st.just("looker"),
    st.sampled_from(("blue", "blue", "green", "red", "press", "other", "")),
    st.sampled_from((Sensitivity.severe, Sensitivity.severe, Sensitivity.moderate, Sensitivity.low)),
    st.sampled_from((True, True, True, False)),
    kind=st.sampled_from(("person", "person", "person", "display", "service")),
    roles=st.just(("export",)),
    compartments=st.sampled_from(((), ("sigint",))),
    purposes=st.sampled_from(((), ("relief",))),
    valid_until=_AT.map(lambda hours: None if hours < 0 else now() + timedelta(hours=hours)) | st.just(now()),
    opened=st.sampled_from((None, None, True)).flatmap(
        lambda told: GLASS.map(lambda one: (one,)) if told else st.just(())
    ),
)
VIEWERS = st.builds(
    lambda one, other, looks: replace(one, looking=other) if looks else one,
    ALONE,
    ALONE,
    st.sampled_from((*[False] * 7, True)),
)
"""One in eight looks as another would."""
TOLD = st.tuples(
    st.integers(0, 2),  # source
    st.integers(0, 2),  # commit
    st.integers(0, KINDS_DRAWN - 1),
    st.integers(1, 6),  # which record
    st.integers(0, len(CATEGORIES) - 1),
    st.integers(0, 5),  # severity
    st.integers(0, len(HOURS_AGO) - 1),
    st.integers(0, len(POINTS) - 1),
    st.integers(0, len(WORDS) - 1),
    st.integers(0, len(OWN) - 1),
)


def _world(sources: tuple[Source, ...], told: list[tuple[int, ...]], agreements: Any, viewer: Viewer) -> World:
    made = [Told(source % len(sources), commit, record(*rest)) for source, commit, *rest in told]
    return World(sources, tuple(sorted(made, key=lambda one: one.commit)), agreements, viewer)


WORLDS = st.builds(_world, SOURCES, st.lists(TOLD, min_size=1, max_size=9), AGREEMENTS, VIEWERS)


class Ground:
    """Where worlds are stood up: an empty database that is copied for each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.empty = folder / "empty.sqlite"
        open_store(f"sqlite:///{self.empty}").close()
        self.number = 0

    @contextmanager
    def standing(self, world: World) -> Iterator[tuple[Store, Services]]:
        """The world in a store of its own, and the services over it. Two of equal shape have equal ids, revisions and times."""
        self.number += 1
        file = self.folder / f"world{self.number}.sqlite"
        shutil.copyfile(self.empty, file)
        settings = Settings(
            home=self.folder,
            database_url=f"sqlite:///{file}",
            mission=Mission("Orlane", marking="UNCLASSIFIED", exercise=True, country="XT"),
            sources={source.name: source for source in (LAND, *world.sources)},
            agreements=world.agreements,
        )
        store = open_store(settings.database_url)
        try:
            fill(store, world)
            sharing = Sharing(agreements=world.agreements, sources=settings.sources)
            picture = Picture(store, lambda: sharing)
            picture.catch_up()
            yield store, app._services(settings, store, picture, Readings(store))
        finally:
            store.close()
            for leftover in self.folder.glob(f"{file.name}*"):
                leftover.unlink()


LAND = Source("codab", "boundaries", agency="ocha", sensitivity=Sensitivity.low, releasable_to=("mission", "press"))


def fill(store: Store, world: World) -> None:
    """Append a world's versions, commit by commit, at times that are the same every time."""
    batches: list[tuple[Source, Sequence[Record]]] = [(LAND, land())]
    for commit in sorted({told.commit for told in world.told}):
        for at, source in enumerate(world.sources):
            records = [told.record for told in world.told if (told.commit, told.source) == (commit, at)]
            if records:
                batches.append((source, records))
    for number, (source, records) in enumerate(batches):
        entries = [entry(row, stamped(source, one)) for row, one in enumerate(records, start=1)]
        received = int((now() - timedelta(hours=48)).timestamp() * 1e6) + number
        store.append(Batch(source.name, source.feed, f"{source.name}.json", f"{number:02x}", received, [entries]))
    begun = int((now() - timedelta(hours=47)).timestamp() * 1e6)
    with store.transaction() as connection:
        connection.execute(sa.update(commit_log).values(committed_us=begun + commit_log.c.revision * 1_000_000))


def stamped(source: Source, one: Record) -> Record:
    """As the frame of the feeds marks what came."""
    mark = source.mark(KIND_OF_TYPE[type(one)].collection)
    return msgspec.structs.replace(
        one, source=source.name, agency=mark.agency, sensitivity=mark.sensitivity, releasable_to=mark.releasable_to
    )


def blank(told: Told, number: int) -> Told:
    """In place of a version, one that nobody's picture shows: a row of a look-up table."""
    return Told(told.source, told.commit, Reference(source_ref=f"hidden {number}", table="items"))
