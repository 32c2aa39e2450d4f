"""A site full of things that must not come out: every field of every kind says a word found nowhere else."""

from __future__ import annotations

import types
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import shapely

import app
from dashboard.services import Services
from data import quarantine
from data.access import Consent, Precision, Viewer
from data.health import flush, record_failure
from data.picture import Picture
from data.readings import Readings
from data.records import KINDS, Kind, Record, Reject, Sensitivity
from data.settings import Mission, Settings, Source
from data.sharing import Sharing
from data.store import Batch, Store, open_store
from tests.pictures import entry
from tests.worlds import LAND, land, stamped

PARTNER = Viewer("partner", "unhcr", Sensitivity.severe, roles=("export",))
BASE = 31_337_000.0
OPEN: dict[str, Any] = {"sensitivity": Sensitivity.low, "releasable_to": ("mission",)}
SOURCES = {
    "hidden": Source("hidden", "test", "Intel", title="cnry-title-of-hidden", sensitivity=Sensitivity.high),
    "withdrawn": Source("withdrawn", "test", "Intel", **OPEN, consent=Consent.withdrawn),
    "compartment": Source("compartment", "test", "Intel", **OPEN, compartments=("sigint",)),
    "originator": Source("originator", "test", "Intel", **OPEN, originator_control=True),
    "counted": Source("counted", "test", "UN", title="counted", **OPEN, minimum_count=5),
    "nowhere": Source("nowhere", "test", "UN", title="nowhere", **OPEN, precision=Precision.none),
    "coarse": Source("coarse", "test", "UN", title="coarse", **OPEN, precision=Precision.km5),
    "personal": Source("personal", "test", "UN", title="personal", **OPEN, personal_fields=()),
}
"""By what is withheld of them; whoever is in the mission sees the last four in part."""
TOLD_BELOW_EXACT = frozenset(
    (
        *(
            "category",
            "sub_event_type",
            "urgency",
            "certainty",
            "cap_severity",
            "msg_type",
            "status",
            "scope",
            "language",
        ),
        *("form", "item", "item_name", "unit", "indicator", "disaggregation", "channel", "organisation", "sidc", "how"),
        *("surface", "grade", "risk"),
        *("about", "by", "by_agency", "assignee", "acknowledged_by", "given_by", "taken_by", "one", "other"),
    )
)
"""Texts that tell no place: codes and names of things."""


@dataclass(frozen=True)
class Secret:
    """A word, and where it was hidden."""

    word: str
    source: str
    kind: str
    field: str


def filled(kind: Kind, source: str, number: int) -> tuple[Record, list[Secret]]:
    """A record with a word of its own in every field that holds text, and a number of its own in every one that holds one."""
    secrets: list[Secret] = []
    said: dict[str, Any] = {}
    for name, hint in get_type_hints(kind.type).items():
        if name in ("source", "agency", "sensitivity", "releasable_to", "own", "exercise", "wkb"):
            continue
        if name in ("place_precision", "version_time", "severity", "level", "lon", "lat", "source_ref", "adm_pcode"):
            continue
        word = f"cnry{source}{kind.name}{name}".replace("_", "")
        value = value_of(hint, word, BASE + number + len(said) * 10_000)
        if value is not None:
            said[name] = value
            told = word if not isinstance(value, float | int) else f"{int(value)}"
            secrets.append(Secret(told, source, kind.name, name))
    said["source_ref"] = f"cnry{source}{kind.name}ref"
    secrets.append(Secret(said["source_ref"], source, kind.name, "source_ref"))
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
    said |= {name: at for name in ("event_time", *kind.instants) if name in kind.type.__struct_fields__}
    at_ = list(SOURCES).index(source)  # each source has its own points, on no edge of a cell
    said |= {"lon": 30.731731 + at_ / 1000, "lat": 6.371371 + at_ / 1000, "place_precision": "exact"}
    secrets += [Secret(f"{said[name]:.4f}", source, kind.name, name) for name in ("lon", "lat")]
    if kind.name in ("alert", "route", "boundary"):
        corner = (30.931931 + at_ / 1000, 6.571571 + at_ / 1000)
        said["wkb"] = shapely.to_wkb(shapely.box(30.5, 6.2, *corner))
        secrets += [Secret(f"{part:.4f}", source, kind.name, "wkb") for part in corner]
    if kind.name == "boundary":
        said |= {"level": 3, "pcode": f"cnry{source}P", "parent_pcode": "XT0101"}
        secrets.append(Secret(said["pcode"], source, kind.name, "pcode"))
    return kind.type(**said), secrets


def value_of(hint: Any, word: str, number: float) -> Any:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return value_of(next(part for part in get_args(hint) if part is not type(None)), word, number)
    if origin is tuple:
        return (word,)
    if origin is dict:
        return {word: 1.0} if get_args(hint)[1] is float else {word: f"{word}value"}
    if origin is Literal:
        return None
    return {str: word, float: number, int: int(number)}.get(hint)


@dataclass(frozen=True)
class Full:
    services: Services
    store: Store
    secrets: tuple[Secret, ...]
    folder: Path


@contextmanager
def full(folder: Path, withheld: tuple[str, ...] = ()) -> Iterator[Full]:
    """The site, with `withheld` as the personal fields of the source "personal"."""
    sources = dict(SOURCES)
    sources["personal"] = Source("personal", "test", "UN", title="personal", **OPEN, personal_fields=withheld)
    settings = Settings(
        home=folder,
        database_url=f"sqlite:///{folder / 'full.sqlite'}",
        mission=Mission("Orlane", marking="UNCLASSIFIED", exercise=True, country="XT"),
        sources={LAND.name: LAND, **sources},
    )
    store = open_store(settings.database_url)
    secrets: list[Secret] = []
    try:
        entries = [entry(row, stamped(LAND, one)) for row, one in enumerate(land(), start=1)]
        store.append(Batch(LAND.name, "test", "land.json", "00", 1, [entries]))
        for at, (name, source) in enumerate(sources.items()):
            records = []
            for number, kind in enumerate(kind for kind in KINDS.values() if kind.collection):
                if kind.name == "boundary" and name != "hidden":
                    continue
                made, words = filled(kind, name, at * 100 + number)
                records.append(stamped(source, made))
                secrets += words
            entries = [entry(row, one) for row, one in enumerate(records, start=1)]
            payload = f"cnry-payload-{name}.json"
            secrets.append(Secret(payload, name, "", "payload"))
            store.append(Batch(name, "test", payload, f"cnrysha{name}", at + 2, [entries]))
            with store.transaction() as connection:
                reject = Reject(9, "title", f"cnry-reason-{name}", f"cnry-detail-{name}", f"cnry-raw-{name}")
                quarantine.add(connection, name, "test", payload, at + 2, [reject])
            if name == "hidden":
                record_failure(store, source, f"cnry-error-{name}", datetime.now(UTC))
                secrets += [
                    Secret(f"cnry-{what}-{name}", name, "", what) for what in ("reason", "detail", "raw", "error")
                ]
                secrets.append(Secret("cnry-title-of-hidden", name, "", "source title"))
        flush(store)
        sharing = Sharing(sources=settings.sources)
        picture = Picture(store, lambda: sharing)
        picture.catch_up()
        yield Full(app._services(settings, store, picture, Readings(store)), store, tuple(secrets), folder)
    finally:
        store.close()


def kept_back(full: Full, withheld: tuple[str, ...]) -> list[Secret]:
    """Of the secrets those that the partner must not learn."""
    return [secret for secret in full.secrets if _kept_back(secret, withheld)]


def _kept_back(secret: Secret, withheld: tuple[str, ...]) -> bool:
    match secret.source:
        case "hidden" | "withdrawn" | "compartment" | "originator":
            return True
        case "personal":
            return secret.field in withheld
        case "counted":
            return secret.field not in ("category", "payload", "")
        case _:
            return tells_place(secret)


def tells_place(secret: Secret) -> bool:
    numeric = secret.word.replace(".", "").isdigit()
    if secret.field in ("lon", "lat", "wkb", "payload"):
        return True
    return not numeric and secret.field not in TOLD_BELOW_EXACT
