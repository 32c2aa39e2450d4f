"""What the answers of a filled form mean: where, when, and in the words of its form."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from shapely import Point
from shapely.geometry.base import BaseGeometry

from ingest.feed import EARLIEST, Context, Refusal
from ingest.geometry import line, polygon
from ingest.values import instant, text

NUMBER = r"-?\d+(?:\.\d+)?(?:[eE]-?\d+)?"
PLACE = re.compile(rf"({NUMBER})[ ,]+({NUMBER})(?: {NUMBER}){{0,2}}")
SHAPE = re.compile(
    rf"(?:{NUMBER} {NUMBER}(?: {NUMBER}){{0,2}}\s*;\s*)+(?:{NUMBER} {NUMBER}(?: {NUMBER}){{0,2}}\s*;?\s*)?"
)
PLACED = re.compile(r"gps|geo|location|locali|point|coord|position|place|map", re.IGNORECASE)
NUMBERED = re.compile(r"\[\d+\]")
"""Which of several a repeat is."""
SIDES = re.compile(r"(.*?)[-_/.]?(latitude|lat)$", re.IGNORECASE)
BEGAN = ("start", "start_time", "starttime", "today", "date", "observed", "event_date")
CLOCK = frozenset(("start", "end", "today", "start_time", "end_time", "audit", "background-audio"))
"""What a form says without anybody answering."""
ENDED = ("end", "end_time", "endtime")


def _question(form: str, path: str, context: Context) -> Mapping[str, Any]:
    return context.references.get(("question", f"{form}/{NUMBERED.sub('', path)}"), {})


def labelled(form: str, said: Mapping[str, str], context: Context) -> Iterator[tuple[str, str]]:
    """Each answer under its question's label, its choices in words, where the form is known; else as it was sent."""
    used: set[str] = set()
    for path, value in said.items():
        question = _question(form, path, context)
        listed = str(question.get("list") or "")
        words = []
        for part in value.split() if listed else ():
            told = context.references.get(("choice", f"{form}/{listed}={part}"), {})
            words.append(str(told.get("label") or part))
        name = str(question.get("label") or path)
        name = name if name not in used else path
        used.add(name)
        yield name, "; ".join(words) if words else value


def place_of(form: str, said: Mapping[str, str], context: Context) -> BaseGeometry | None:
    """The first geopoint, trace or shape among the answers, in EPSG:4326; None where there is none.

    Without the form, an answer is taken for one by its look: latitude, longitude, altitude and accuracy, or two of them
    under a name that speaks of a place.
    """
    for path, value in said.items():
        asked = str(_question(form, path, context).get("type") or "")
        if asked and not asked.startswith("geo"):
            continue
        if SHAPE.fullmatch(value) and ";" in value:
            corners = [_place(path, corner) for corner in value.split(";") if corner.strip()]
            closed = asked == "geoshape" or (corners[0] == corners[-1] and len(set(corners)) > 2)
            if len(set(corners)) == 1:
                return Point(corners[0])
            return polygon(corners, path) if closed else line(corners, path)
        parts = value.split()
        if PLACE.fullmatch(value) and (asked or len(parts) == 4 or ("." in value and PLACED.search(path))):
            return Point(_place(path, value))
    for path, value in said.items():
        sides = SIDES.match(path)
        if sides and (other := _beside(path, sides[2], said)):
            return Point(_place(path, f"{value} {other}"))
    return None


def _beside(path: str, lat: str, said: Mapping[str, str]) -> str:
    lon = "longitude" if len(lat) > 3 else "lon"
    names = [path[: -len(lat)] + word for word in (lon, lon.capitalize(), lon.upper(), "long", "lng")]
    return next((said[name] for name in names if name in said), "")


def _place(path: str, said: str) -> tuple[float, float]:
    found = PLACE.match(said.strip())
    if found is None:
        raise Refusal(path, "is not latitude and longitude", said)
    lat, lon = float(found[1]), float(found[2])
    if not (-90.0 <= lat <= 90.0 and -180.0 <= lon <= 180.0):
        raise Refusal(path, "is outside -180..180, -90..90 degrees", (lon, lat))
    return lon, lat


def times_of(row: Mapping[str, Any], context: Context) -> tuple[datetime | None, datetime | None]:
    """When it was seen (begun, else submitted) and when this version was made (submitted, else ended).

    A clock that is wrong, or a time that cannot be read, is passed over: it stays among the answers.
    """
    said = {path.rpartition("/")[2].lower(): value for path, value in reversed(row["said"].items())}
    submitted = _time(row["submitted"], "UTC", context)
    zone = context.source.timezone
    began, ended = ((_time(text(said, word), zone, context) for word in words) for words in (BEGAN, ENDED))
    end = next(filter(None, ended), None)
    return next(filter(None, began), None) or end or submitted, submitted or end


def _time(said: str, zone: str, context: Context) -> datetime | None:
    try:
        found = instant({"time": said}, "time", zone)
    except Refusal:
        return None
    return found if found and EARLIEST <= found <= context.latest_observed else None
