"""Settings: environment and `commonground.toml` in the home folder. A mission is settings, not code.

Bad settings are one sentence naming file, key and what is allowed (`BadSettings`); the command line exits 2 with it.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from data.access import Agreement, Consent, Mark, Precision, Tlp
from data.agreements import agreement_of
from data.escalation import Escalation, escalation_of
from data.marks import MARKED, BadTerms, at_least_one, marked
from data.outputs import CotOut, cot_out_of
from data.provider import Provider, provider_of
from data.records import Sensitivity
from data.scenes import Scene, scene_of
from data.speeds import SPEEDS, Speed, speeds_of

TOP = (
    "mission",
    "agencies",
    "source",
    "thresholds",
    "boards",
    "agreement",
    "retention",
    "oidc",
    "cot_out",
    "receiving",
    "escalation",
    "community",
    "activities",
    "speeds",
    "scene",
)
SPANS = {"s": 1.0, "min": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 604_800.0}


class BadSettings(ValueError):
    """What is wrong in the settings, in one sentence."""


@dataclass(frozen=True)
class Source:
    """A feed of one agency: whose it is and how it is marked. Unmarked means high and owner-only."""

    name: str
    feed: str
    agency: str = "unknown"
    title: str = ""
    address: str = ""
    """Where to fetch it: http(s) address, or a folder to watch; empty where it is sent to us."""
    expected_every_s: float | None = None
    observed_within_s: float | None = None
    """How old the newest it tells of may be before it counts as slow; None: however old."""
    sensitivity: Sensitivity = Sensitivity.high
    releasable_to: tuple[str, ...] = ()
    grade: str = ""
    exercise: bool = False
    timezone: str = "UTC"
    """In which a time without an offset is read."""
    bbox: tuple[float, float, float, float] | None = None
    """West, south, east, north in degrees: where this source reports from; catches swapped coordinates."""
    originator_control: bool = False
    compartments: tuple[str, ...] = ()
    tlp: Tlp = Tlp.unstated
    purposes: tuple[str, ...] = ()
    consent: Consent = Consent.not_needed
    personal_fields: tuple[str, ...] = ()
    precision: Precision = Precision.exact
    minimum_count: int = 1
    retention: str = ""
    requests_per_s: float | None = None
    """What is taken in a second for this source, from all who send for it; None: what each of them may send."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """The feed's own settings (for `table`: kind, columns)."""

    def mark(self, collection: str) -> Mark:
        """How this source's records of a collection are marked."""
        return Mark(collection=collection, **{name: getattr(self, name) for name in MARKED})


@dataclass(frozen=True)
class Mission:
    """What the page says of itself."""

    name: str = "Common Ground"
    marking: str = ""
    exercise: bool = False
    country: str = ""
    """P-code of the country that is lit on the map."""
    timezone: str = "UTC"
    bbox: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class Retention:
    """How long records of one class are kept, from when they were stored; None: for ever."""

    whole_s: float | None = None
    personal_s: float | None = None
    """Until their personal fields are erased."""


@dataclass(frozen=True)
class Settings:
    home: Path
    database_url: str
    host: str = "127.0.0.1"
    port: int = 8050
    mission: Mission = Mission()
    sources: Mapping[str, Source] = field(default_factory=dict)
    agencies: Mapping[str, str] = field(default_factory=dict)
    """Short name -> full name."""
    thresholds: Mapping[str, float] = field(default_factory=dict)
    """Targets of KPIs by KPI id."""
    agreements: tuple[Agreement, ...] = ()
    retention: Mapping[str, Retention] = field(default_factory=dict)
    """Class -> how long its records are kept."""
    cot_out: tuple[CotOut, ...] = ()
    """TAK servers that are sent what somebody may see."""
    escalation: tuple[Escalation, ...] = ()
    """Who is to take notice of what, within how long; the first that fits a record counts."""
    scenes: tuple[Scene, ...] = ()
    """What a wall shows in turn; none is the picture as it is."""
    speeds: Mapping[str, Speed] = field(default_factory=lambda: SPEEDS)
    """km/h by class of road, quick and slow."""
    answered_within: timedelta = timedelta(days=7)
    """By when what a community said is to be answered."""
    counted_least: int = 5
    """Sensitive complaints are counted from this number on, and "fewer than" below it."""
    report_every: timedelta = timedelta(days=30)
    """How often an organisation is to report what it does where."""
    requests_per_s: float = 2_000.0
    """What one token may send in a second, in the long run; twice as much at once."""
    oidc: Provider | None = None
    """The identity provider whose people may sign in here."""

    def source(self, name: str, feed: str) -> Source:
        """The source of that name, or one without marks (high, owner-only) where the settings have none."""
        return self.sources.get(name) or Source(name=name, feed=feed)


def load(environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings of this process. Raises `BadSettings`."""
    home = Path(environment.get("COMMONGROUND_HOME") or "var").expanduser().resolve()
    port = environment.get("COMMONGROUND_PORT") or "8050"
    if not port.isdigit() or not 0 < int(port) < 65_536:
        raise BadSettings(f"COMMONGROUND_PORT is '{port}': use a number from 1 to 65535.")
    url = environment.get("COMMONGROUND_DATABASE_URL") or f"sqlite:///{home / 'commonground.sqlite'}"
    if not url.startswith(("sqlite:///", "postgresql+psycopg://")):
        raise BadSettings(
            "COMMONGROUND_DATABASE_URL: use sqlite:///FILE or postgresql+psycopg://USER:PASSWORD@HOST/NAME."
        )
    file = home / "commonground.toml"
    told: dict[str, Any] = {}
    if file.exists():
        try:
            told = tomllib.loads(file.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise BadSettings(f"{file} is not TOML: {error}.") from None
    _only(file, "", told, TOP)
    mission = _mission(file, told.get("mission", {}))
    retention = {key: _retention(file, key, value) for key, value in _table(file, told, "retention").items()}
    sources = [_source(file, entry, mission, retention) for entry in _tables(file, told, "source")]
    agreements = [_agreement(file, entry) for entry in _tables(file, told, "agreement")]
    _once(file, "source", [source.name for source in sources])
    _once(file, "agreement", [agreement.name for agreement in agreements])
    cot_out = tuple(_cot_out(file, entry) for entry in _tables(file, told, "cot_out"))
    _once(file, "cot_out", [out.name for out in cot_out])
    escalation = tuple(_escalation(file, entry) for entry in _tables(file, told, "escalation"))
    _once(file, "escalation", [rule.name for rule in escalation])
    scenes = tuple(_scene(file, entry) for entry in _tables(file, told, "scene"))
    _once(file, "scene", [scene.id for scene in scenes])
    return Settings(
        home=home,
        database_url=url,
        host=environment.get("COMMONGROUND_HOST") or "127.0.0.1",
        port=int(port),
        mission=mission,
        sources={source.name: source for source in sources},
        agencies={key: str(value) for key, value in told.get("agencies", {}).items()},
        thresholds={
            key: _number(file, f"thresholds.{key}", value) for key, value in told.get("thresholds", {}).items()
        },
        agreements=tuple(agreements),
        retention=retention,
        cot_out=cot_out,
        escalation=escalation,
        speeds=_speeds(file, _table(file, told, "speeds")),
        scenes=scenes,
        **_relief(file, told),
        requests_per_s=_rate(file, "receiving.requests_per_s", _receiving(file, told)) or Settings.requests_per_s,
        oidc=_provider(file, told["oidc"], environment) if "oidc" in told else None,
    )


def span_s(text: str) -> float | None:
    """Seconds of a span like "30s", "15min", "6h", "1d", "1w", or None where it is not one."""
    for unit, seconds in SPANS.items():
        amount = text.removesuffix(unit)
        if amount != text and amount.strip().replace(".", "", 1).isdigit():
            return float(amount) * seconds
    return None


def _mission(file: Path, told: dict[str, Any]) -> Mission:
    _only(file, "mission", told, ("name", "marking", "exercise", "country", "timezone", "bbox"))
    return Mission(
        name=str(told.get("name", Mission.name)),
        marking=str(told.get("marking", "")),
        exercise=_flag(file, "mission.exercise", told.get("exercise", False)),
        country=str(told.get("country", "")),
        timezone=_zone(file, "mission.timezone", told.get("timezone", "UTC")),
        bbox=_bbox(file, "mission.bbox", told.get("bbox")),
    )


def _source(file: Path, told: dict[str, Any], mission: Mission, retention: Mapping[str, Retention]) -> Source:
    name = told.get("name")
    if not isinstance(name, str) or not name.strip():
        raise BadSettings(f'{file}: a [[source]] has no name; add name = "...".')
    at = f"source '{name}'"
    if not isinstance(told.get("feed"), str):
        raise BadSettings(f'{file}: {at} has no feed; add feed = "..." (`commonground feeds` lists them).')
    every = told.get("expected_every_s", told.get("expected"))
    seconds = span_s(every) if isinstance(every, str) else every
    if every is not None and (not isinstance(seconds, (int, float)) or isinstance(seconds, bool) or seconds <= 0):
        raise BadSettings(f'{file}: expected of {at} is {every!r}; use seconds or a span like "15min", "6h", "1d".')
    within = told.get("observed_within_s", told.get("observed_within"))
    within_s = span_s(within) if isinstance(within, str) else within
    if within is not None and (not isinstance(within_s, (int, float)) or isinstance(within_s, bool) or within_s <= 0):
        raise BadSettings(f'{file}: observed_within of {at} is {within!r}; use seconds or a span like "6h".')
    try:
        marks = marked(told)
    except BadTerms as error:
        raise BadSettings(f"{file}: of {at} {error}.") from None
    if marks.get("retention", "") not in ("", *retention):
        classes = ", ".join(retention) or "none yet"
        raise BadSettings(
            f"{file}: retention of {at} is {marks['retention']!r}, no class of [retention]; it has {classes}."
        )
    known = {
        "name",
        "feed",
        "title",
        "address",
        "expected",
        "expected_every_s",
        "observed_within",
        "observed_within_s",
        "requests_per_s",
        "grade",
        "exercise",
        "timezone",
        "bbox",
    }
    return Source(
        name=name.strip(),
        feed=told["feed"],
        title=str(told.get("title", name)),
        address=str(told.get("address", "")),
        expected_every_s=None if seconds is None else float(seconds),
        requests_per_s=_rate(file, f"requests_per_s of {at}", told.get("requests_per_s")),
        observed_within_s=within_s,
        grade=str(told.get("grade", "")),
        exercise=_flag(file, f"exercise of {at}", told.get("exercise", mission.exercise)),
        timezone=_zone(file, f"timezone of {at}", told.get("timezone", "UTC")),
        bbox=_bbox(file, f"bbox of {at}", told.get("bbox")),
        options={key: value for key, value in told.items() if key not in known and key not in MARKED},
        **marks,
    )


def _receiving(file: Path, told: dict[str, Any]) -> Any:
    entry = _table(file, told, "receiving")
    _only(file, "receiving", entry, ("requests_per_s",))
    return entry.get("requests_per_s")


def _rate(file: Path, at: str, value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1e6:
        raise BadSettings(f"{file}: {at} is {value!r}; use how many are taken in a second, like 5 or 0.2.")
    return float(value)


def _agreement(file: Path, told: dict[str, Any]) -> Agreement:
    try:
        return agreement_of(told)
    except BadTerms as error:
        name = f" '{told['name']}'" if isinstance(told.get("name"), str) else ""
        raise BadSettings(f"{file}: of agreement{name} {error}.") from None


def _cot_out(file: Path, told: dict[str, Any]) -> CotOut:
    try:
        return cot_out_of(told, span_s)
    except BadTerms as error:
        name = f" '{told['name']}'" if isinstance(told.get("name"), str) else ""
        raise BadSettings(f"{file}: of cot_out{name} {error}.") from None


def _relief(file: Path, told: dict[str, Any]) -> dict[str, Any]:
    """`[community]` and `[activities]`: within how long there is to be an answer, and a report."""
    community, activities = _table(file, told, "community"), _table(file, told, "activities")
    _only(file, "community", community, ("answered_within", "counted_least"))
    _only(file, "activities", activities, ("report_every",))
    found: dict[str, Any] = {}
    for name, table, at in (("answered_within", community, "community"), ("report_every", activities, "activities")):
        if name in table:
            seconds = span_s(table[name]) if isinstance(table[name], str) else None
            if not seconds or seconds > 10 * 365 * 86_400:
                raise BadSettings(f'{file}: {at}.{name} is {table[name]!r}; use a span like "7d" or "4w".')
            found[name] = timedelta(seconds=seconds)
    if "counted_least" in community:
        try:
            found["counted_least"] = at_least_one("community.counted_least", community["counted_least"])
        except BadTerms as error:
            raise BadSettings(f"{file}: {error}.") from None
    return found


def _escalation(file: Path, told: dict[str, Any]) -> Escalation:
    try:
        return escalation_of(told, span_s)
    except BadTerms as error:
        name = f" '{told['name']}'" if isinstance(told.get("name"), str) else ""
        raise BadSettings(f"{file}: of escalation{name} {error}.") from None


def _scene(file: Path, told: dict[str, Any]) -> Scene:
    try:
        return scene_of(told, span_s)
    except BadTerms as error:
        name = f" '{told['id']}'" if isinstance(told.get("id"), str) else ""
        raise BadSettings(f"{file}: of scene{name} {error}.") from None


def _speeds(file: Path, told: dict[str, Any]) -> Mapping[str, Speed]:
    try:
        return speeds_of(told)
    except BadTerms as error:
        raise BadSettings(f"{file}: of [speeds] {error}.") from None


def _provider(file: Path, told: Any, environment: Mapping[str, str]) -> Provider:
    kept = file.parent / "secrets" / "oidc-client-secret"
    try:
        secret = environment.get("COMMONGROUND_OIDC_SECRET") or (kept.read_text("utf-8") if kept.is_file() else "")
    except (OSError, UnicodeDecodeError) as error:
        raise BadSettings(f"{kept} cannot be read ({type(error).__name__}); put the client's secret there.") from None
    if not isinstance(told, dict):
        raise BadSettings(f"{file}: write oidc as a table [oidc].")
    if not secret.strip():
        raise BadSettings(f"{file}: [oidc] needs the client's secret; put it into {kept} or COMMONGROUND_OIDC_SECRET.")
    try:
        return provider_of(told, secret.strip())
    except BadTerms as error:
        raise BadSettings(f"{file}: of [oidc] {error}.") from None


def _retention(file: Path, name: str, told: Any) -> Retention:
    """`class = "730d"`, or `class = { whole = "730d", personal = "90d" }`."""
    parts = told if isinstance(told, dict) else {"whole": told}
    _only(file, f"retention.{name}", parts, ("whole", "personal"))
    found = {}
    for part, value in parts.items():
        seconds = span_s(value) if isinstance(value, str) else None
        if not seconds:
            raise BadSettings(f'{file}: retention.{name} is {value!r}; use a span like "90d" or "104w".')
        found[f"{part}_s"] = seconds
    return Retention(**found)


def _once(file: Path, what: str, names: list[str]) -> None:
    if twice := {name for name in names if names.count(name) > 1}:
        raise BadSettings(f"{file}: the {what} name '{min(twice)}' is used twice; give each {what} its own.")


def _table(file: Path, told: dict[str, Any], key: str) -> dict[str, Any]:
    entry = told.get(key, {})
    if not isinstance(entry, dict):
        raise BadSettings(f"{file}: write {key} as a table [{key}].")
    return entry


def _tables(file: Path, told: dict[str, Any], key: str) -> list[dict[str, Any]]:
    entries = told.get(key, [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise BadSettings(f"{file}: write each {key} under its own [[{key}]].")
    return entries


def _only(file: Path, at: str, told: Mapping[str, Any], allowed: tuple[str, ...]) -> None:
    if not isinstance(told, dict):
        raise BadSettings(f"{file}: write {at} as a table [{at}].")
    for key in told:
        if key not in allowed:
            where = f"[{at}]" if at else "the top level"
            raise BadSettings(f"{file}: '{key}' in {where} is not a setting; allowed are {', '.join(allowed)}.")


def _flag(file: Path, at: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise BadSettings(f"{file}: {at} is {value!r}; use true or false.")
    return value


def _number(file: Path, at: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise BadSettings(f"{file}: {at} is {value!r}; use a number.")
    return float(value)


def _zone(file: Path, at: str, value: Any) -> str:
    try:
        ZoneInfo(str(value))
    except (ZoneInfoNotFoundError, ValueError):
        raise BadSettings(f"{file}: {at} is {value!r}; use a name like Africa/Nairobi.") from None
    return str(value)


def _bbox(file: Path, at: str, value: Any) -> tuple[float, float, float, float] | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 4 or not all(isinstance(part, (int, float)) for part in value):
        raise BadSettings(f"{file}: {at} is {value!r}; use [west, south, east, north] in degrees.")
    return (float(value[0]), float(value[1]), float(value[2]), float(value[3]))
