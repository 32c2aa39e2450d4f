"""`[[scene]]` of the settings: what a wall shows in turn. A scene is a view of the one picture: layers, filters, figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from data.filters import BadFilter, parse
from data.marks import BadTerms

KEYS = ("id", "title", "shows", "seconds", "layers", "kpis", "lists", "at")
FILTERS = ("area", "window", "category", "severity", "agency", "source", "q")
CHOICES = ("metric", "item")
LANGUAGES = ("en", "fr", "ar")
SHORTEST_S, LONGEST_S, SECONDS = 5.0, 3_600.0, 30.0
ID_LENGTH, TITLE_LENGTH = 40, 40

Seconds = Callable[[str], float | None]
"""Reads a span like "30s"."""


@dataclass(frozen=True)
class Scene:
    """Layers and figures by their ids; None is the page's own choice. An id that is not there shows nothing."""

    id: str
    shows: str = "overview"
    title: Mapping[str, str] | None = None
    """By language; None is the word for what it shows."""
    seconds: float = SECONDS
    layers: tuple[str, ...] | None = None
    kpis: tuple[str, ...] | None = None
    lists: tuple[str, ...] = ()
    """Of these figures the records are named, the most pressing first."""
    view: Mapping[str, str] | None = None
    """Filters and choices as an address would carry them."""


OVERVIEW = Scene("overview")
"""What a wall shows where the settings have no scene: the picture as it is."""
GROUND = ("boundaries", "labels")
SHOWN: Mapping[str, Scene] = {
    "overview": replace(
        OVERVIEW,
        kpis=("incidents_24h", "critical", "supply_under_7", "facilities_open", "alerts_active", "routes_closed"),
    ),
    "security": Scene(
        "security",
        "security",
        layers=("incidents", "tracks", "alerts", *GROUND),
        kpis=("incidents_24h", "critical", "alerts_active", "units_heard"),
        view={"window": "72h"},
    ),
    "supply": Scene(
        "supply",
        "supply",
        layers=("supply", "routes", "crossings", *GROUND),
        kpis=("supply_under_7", "routes_closed"),
        lists=("supply_under_7",),
    ),
    "health": Scene(
        "health",
        "health",
        layers=("sites", "alerts", "alert_points", *GROUND),
        kpis=("facilities_open", "alerts_active", "feedback_answered"),
        lists=("alerts_active",),
    ),
    "access": Scene(
        "access",
        "access",
        layers=("routes", "crossings", "incidents", *GROUND),
        kpis=("routes_closed", "critical"),
        lists=("routes_closed",),
        view={"window": "7d"},
    ),
    "objectives": Scene(
        "objectives",
        "objectives",
        layers=("areas", *GROUND),
        kpis=("people_in_need", "facilities_open", "feedback_answered", "supply_under_7"),
        view={"metric": "people_in_need"},
    ),
}
"""What each word of `shows` stands for; a scene says what it has otherwise."""


def scene_of(told: Mapping[str, Any], seconds_of: Seconds) -> Scene:
    """From a table of the settings. Raises `BadTerms`."""
    allowed = (*KEYS, *FILTERS, *CHOICES)
    for key in told:
        if key not in allowed:
            raise BadTerms(f"'{key}' is not a setting; allowed are {', '.join(allowed)}")
    name = told.get("id")
    if not isinstance(name, str) or not name.replace("-", "").replace("_", "").isalnum() or len(name) > ID_LENGTH:
        raise BadTerms(f'id is {name!r}; use up to {ID_LENGTH} letters, digits, - and _, like id = "supply"')
    shows = told.get("shows", name if name in SHOWN else "overview")
    if shows not in SHOWN:
        raise BadTerms(f"shows is {shows!r}; use one of {', '.join(SHOWN)}")
    base = SHOWN[shows]
    return Scene(
        name,
        shows,
        _title(told["title"]) if "title" in told else None,
        _seconds(told["seconds"], seconds_of) if "seconds" in told else SECONDS,
        _ids(told, "layers") if "layers" in told else base.layers,
        _ids(told, "kpis") if "kpis" in told else base.kpis,
        _ids(told, "lists") if "lists" in told else base.lists,
        {**(base.view or {}), **_view(told)},
    )


def _title(told: Any) -> Mapping[str, str]:
    titles = told if isinstance(told, dict) else dict.fromkeys(LANGUAGES, told)
    for lang, text in titles.items():
        if lang not in LANGUAGES or not isinstance(text, str) or not 0 < len(text.strip()) <= TITLE_LENGTH:
            raise BadTerms(
                f'title is {told!r}; use text of up to {TITLE_LENGTH} letters, or {{ en = "...", fr = "...", ar = "..." }}'
            )
    return {lang: text.strip() for lang, text in titles.items()}


def _seconds(told: Any, seconds_of: Seconds) -> float:
    seconds = seconds_of(told) if isinstance(told, str) else told
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not SHORTEST_S <= seconds <= LONGEST_S:
        raise BadTerms(f"seconds is {told!r}; use a number from {SHORTEST_S:g} to {LONGEST_S:g}")
    return float(seconds)


def _ids(told: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = told[name]
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
        raise BadTerms(f"{name} is {value!r}; use a list of ids")
    return tuple(value)


def _view(told: Mapping[str, Any]) -> dict[str, str]:
    """As an address would carry it, and refused where an address would be."""
    view = {}
    for name in (*FILTERS, *CHOICES, "at"):
        if name not in told:
            continue
        value = told[name]
        parts = value if isinstance(value, list) else [value]
        if not parts or not all(isinstance(one, str) and one for one in parts):
            raise BadTerms(f"{name} is {value!r}; use text or a list of texts")
        view[name] = ",".join(parts)
    try:
        parse({name: value for name, value in view.items() if name in FILTERS})
    except BadFilter as error:
        raise BadTerms(str(error).rstrip(".")) from None
    if "at" in view and not _is_place(view["at"]):
        raise BadTerms(f'at is {view["at"]!r}; use "latitude,longitude,zoom"')
    return view


def _is_place(told: str) -> bool:
    try:
        lat, lon, zoom = (float(part) for part in told.split(","))
    except ValueError:
        return False
    return abs(lat) <= 90 and abs(lon) <= 180 and 0 <= zoom <= 22
