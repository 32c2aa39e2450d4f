"""The kinds of record, one frozen type each.

A feed fills what the partner said; the frame adds whose it is and how it is marked (`Mark`). Coordinates are longitude and
latitude in degrees, EPSG:4326. Times are timezone-aware UTC. `None` means the partner did not say: never zero, never "now".
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from functools import cache
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import msgspec

Value = str | int | float | bool | None


class Severity(IntEnum):
    """How bad it is, on one scale for every kind; 0 is "not said", never "harmless"."""

    unknown = 0
    minor = 1
    moderate = 2
    serious = 3
    severe = 4
    critical = 5


class Sensitivity(IntEnum):
    """OCHA Data Responsibility Guidelines (2021), information sensitivity classification."""

    low = 0
    moderate = 1
    high = 2
    severe = 3


class OwnMark(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a record said of itself when it came. It can only raise its source's mark (`data.marks.raised`), never lower it.

    Every default is "not said". Levels are named, so that a stored body reads without this file.
    """

    sensitivity: Sensitivity | None = None
    releasable_to: tuple[str, ...] | None = None
    """Of those the source releases to, only these; empty: its owner alone."""
    originator_control: bool = False
    compartments: tuple[str, ...] = ()
    tlp: Literal["", "clear", "green", "amber", "amber_strict", "red"] = ""
    purposes: tuple[str, ...] = ()
    consent: Literal["", "given", "withdrawn"] = ""
    personal_fields: tuple[str, ...] = ()
    precision: Literal["", "exact", "km1", "km5", "adm3", "adm2", "none"] = ""
    minimum_count: int = 1


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What every kind carries. `source_ref` is the source's own key: the same key again is a newer version of the same thing."""

    source_ref: str
    title: str = ""
    description: str = ""
    category: str = ""
    severity: Severity = Severity.unknown
    event_time: datetime | None = None
    version_time: datetime | None = None
    """When the source says it last changed this; an older one arriving late is kept but never shown as current."""
    lon: float | None = None
    lat: float | None = None
    wkb: bytes | None = None
    """Geometry other than a point, as WKB in EPSG:4326; lon and lat then are a point inside it."""
    place: str = ""
    adm_pcode: str | None = None
    """The lowest P-code the source stated, of whatever vintage."""
    adm_names: tuple[str, ...] = ()
    """Names the source stated for adm1, adm2, adm3; empty strings where it skipped one."""
    place_precision: Literal["exact", "near", "adm3", "adm2", "adm1", "adm0", ""] = ""
    grade: str = "F6"
    """Admiralty code (AJP-2.1): source A-F, information 1-6; F6 is "cannot be judged"."""
    attributes: dict[str, Value] = {}
    """The partner's other columns, under the partner's names, so that nothing reported is lost."""
    own: OwnMark | None = None
    """What the record says of its own handling; None: nothing, its source's marks alone count."""
    # Filled by the frame from the settings of the source, never by a feed.
    source: str = ""
    agency: str = ""
    sensitivity: Sensitivity = Sensitivity.high
    releasable_to: tuple[str, ...] = ()
    exercise: bool = False


class Incident(Record, frozen=True, kw_only=True, tag="incident"):
    """Something that happened at a place and a time. `category` is the event type."""

    sub_event_type: str = ""
    actor1: str = ""
    actor2: str = ""
    fatalities: int | None = None
    injured: int | None = None


class Alert(Record, frozen=True, kw_only=True, tag="alert"):
    """A warning to the public: CAP 1.2 (OASIS, 2010) element names. `category` is the event."""

    urgency: str = ""
    certainty: str = ""
    cap_severity: str = ""
    msg_type: str = ""
    status: str = ""
    scope: str = ""
    sender: str = ""
    effective: datetime | None = None
    onset: datetime | None = None
    expires: datetime | None = None
    headline: str = ""
    instruction: str = ""
    area_desc: str = ""
    language: str = ""
    geocodes: tuple[str, ...] = ()
    """`name=value` pairs."""
    web: str = ""


class Report(Record, frozen=True, kw_only=True, tag="report"):
    """A field report: what somebody saw and wrote down. `category` is the form or subject."""

    reporter: str = ""
    form: str = ""
    needs: str = ""


class SupplyLevel(Record, frozen=True, kw_only=True, tag="supply"):
    """Stock of one item at one site as reported at `event_time`. `category` is the item's group."""

    site_ref: str = ""
    site_name: str = ""
    item: str = ""
    item_name: str = ""
    card: str = ""
    """One of several accounts of the item at the site (a stock card for each lot): what is on hand is their sum."""
    unit: str = ""
    stock_on_hand: float | None = None
    amc: float | None = None
    """Average monthly consumption, units per month."""
    consumed: float | None = None
    received: float | None = None
    losses: float | None = None
    period_start: datetime | None = None
    period_end: datetime | None = None
    stockout_days: float | None = None
    expiry: datetime | None = None


class Indicator(Record, frozen=True, kw_only=True, tag="indicator"):
    """One figure for a place and a period: population, people in need, disease counts, prices. `category` is its family."""

    indicator: str = ""
    value: float | None = None
    unit: str = ""
    period_start: datetime | None = None
    period_end: datetime | None = None
    site_ref: str = ""
    completeness_pct: float | None = None
    """Share of expected reports that were in, per cent."""
    disaggregation: dict[str, float] = {}


class Feedback(Record, frozen=True, kw_only=True, tag="feedback"):
    """What a community said and whether it was answered. `category` is the theme."""

    channel: str = ""
    answered_time: datetime | None = None
    status: str = ""
    sensitive: bool = False


class Activity(Record, frozen=True, kw_only=True, tag="activity"):
    """Who does what, where, when, for whom (3W/4W/5W). `category` is the sector (IASC cluster)."""

    organisation: str = ""
    partner: str = ""
    activity: str = ""
    status: str = ""
    start: datetime | None = None
    end: datetime | None = None
    people_in_need: float | None = None
    people_targeted: float | None = None
    people_reached: float | None = None


class Site(Record, frozen=True, kw_only=True, tag="site"):
    """A place that serves people or holds goods. `category` is its type."""

    functionality: Literal["open", "partly", "closed", "unknown"] = "unknown"
    operator: str = ""
    beds: float | None = None
    population_served: float | None = None


class Track(Record, frozen=True, kw_only=True, tag="track"):
    """Where a unit or vehicle is (Cursor on Target). `category` is the CoT type; `source_ref` its uid."""

    callsign: str = ""
    sidc: str = ""
    """MIL-STD-2525C symbol code, 15 letters."""
    affiliation: Literal["friend", "hostile", "neutral", "unknown"] = "unknown"
    how: str = ""
    course_deg: float | None = None
    speed_m_s: float | None = None
    altitude_m: float | None = None
    accuracy_m: float | None = None
    stale: datetime | None = None


class RouteStatus(Record, frozen=True, kw_only=True, tag="route"):
    """A road, bridge or crossing and whether one can pass. `category` is its class."""

    status: Literal["open", "restricted", "closed", "unknown"] = "unknown"
    reason: str = ""
    surface: str = ""


class Boundary(Record, frozen=True, kw_only=True, tag="boundary"):
    """An administrative area (COD-AB). `title` is its name; `source_ref` is its P-code and vintage."""

    pcode: str = ""
    level: int = 0
    parent_pcode: str = ""
    name_local: str = ""
    vintage: datetime | None = None
    """The day from which this set of areas and codes holds."""
    valid_to: datetime | None = None
    """The day from which it no longer does."""
    disputed: bool = False


class Post(Record, frozen=True, kw_only=True, tag="post"):
    """What a news outlet or a social channel published: waits in the triage queue, is on no map and in no count.

    `title` is the headline, where it has one, `description` the text as plain text; `event_time` is when it was published.
    `lon`, `lat` and `place` are what the post itself states. Who wrote it is kept only where that is an outlet or a channel.
    """

    language: str = ""
    """BCP 47, as the source states it."""
    outlet: str = ""
    """The newspaper, agency, channel or server that published it."""
    link: str = ""
    """Where it can be read and checked; http or https."""
    media: tuple[str, ...] = ()
    """Addresses of pictures, sound and film; nobody fetches them here."""


class Judgement(Record, frozen=True, kw_only=True, tag="judgement"):
    """What a person made of a post. `source` and `source_ref` are the post's own, so that it is marked as the post is.

    `category` is the verdict, `description` the reason, `event_time` when it was given.
    """

    verdict: Literal["open", "promoted", "discarded"] = "open"
    apart: bool = False
    """Not the same story as what reads like it."""
    by: str = ""
    post_revision: int = 0
    """The revision of the post that was judged: a later one means that it was edited since."""
    made: str = ""
    """Public id of the record it was promoted to."""
    headline: str = ""
    """Of the post as it was judged."""


class Handling(Record, frozen=True, kw_only=True):
    """What the watch does about a record. `source` and `source_ref` are that record's own, so that it is marked as that is;
    every act is a version.

    `category` is the state it left behind, `description` the comment, `title` the record's own, `event_time` when it was done.
    """

    about: str = ""
    """Public id of the record."""
    act: Literal["acknowledge", "assign", "due", "comment", "close", "reopen", ""] = ""
    by: str = ""
    by_agency: str = ""
    assignee: str = ""
    """A person or an agency."""
    due: datetime | None = None
    acknowledged_by: str = ""
    acknowledged_time: datetime | None = None


class IncidentHandling(Handling, frozen=True, kw_only=True, tag="incident_handling"):
    """Of an incident."""


class AlertHandling(Handling, frozen=True, kw_only=True, tag="alert_handling"):
    """Of a warning."""


class ReportHandling(Handling, frozen=True, kw_only=True, tag="report_handling"):
    """Of a field report."""


class Link(Record, frozen=True, kw_only=True, tag="link"):
    """Whether two incidents are one event, as a person judged; marked as the join of both. Neither is changed by it.

    `category` is the verdict ("open": taken back), `description` the reason, `event_time` when it was given.
    """

    one: str = ""
    """Public id; the lesser of the two."""
    other: str = ""
    verdict: Literal["linked", "refused", "open"] = "open"
    by: str = ""
    score: float | None = None
    """Of the suggestion that was judged, 0 to 1."""


class Handover(Record, frozen=True, kw_only=True, tag="handover"):
    """A watch given over: `description` is the note, `event_time` when whoever leaves signed it, `period_start` since when
    it tells."""

    given_by: str = ""
    period_start: datetime | None = None
    taken_by: str = ""
    taken_time: datetime | None = None


class Objective(Record, frozen=True, kw_only=True, tag="objective"):
    """What the mission agreed to reach. `agency` owns it; `source_ref` is the key by which its results name it; `by` wrote this
    version of it, here and in what follows."""

    code: str = ""
    starts: datetime | None = None
    ends: datetime | None = None
    by: str = ""


class Result(Record, frozen=True, kw_only=True, tag="result"):
    """A part of an objective that can be told to be reached or not."""

    objective: str = ""
    """Key of the objective."""
    code: str = ""
    by: str = ""


class Task(Record, frozen=True, kw_only=True, tag="task"):
    """Work towards a result, by the agency that owns it."""

    result: str = ""
    state: Literal["planned", "underway", "done", "stopped"] = "planned"
    starts: datetime | None = None
    due: datetime | None = None
    by: str = ""


class Measure(Record, frozen=True, kw_only=True, tag="measure"):
    """Tells whether a result is reached: a figure on its way from a baseline to a target. `category` is its sector."""

    result: str = ""
    unit: str = ""
    figure: str = ""
    """Where its actual value comes from by itself: `kpi:ID`, `indicator:CODE`, `incidents:DAYS`; empty: readings alone."""
    better: Literal["up", "down"] = "up"
    baseline: float | None = None
    baseline_time: datetime | None = None
    target: float | None = None
    target_time: datetime | None = None
    benchmark: float | None = None
    benchmark_of: str = ""
    """Whose: "Sphere 2018", or the mission's own."""
    cadence_days: float | None = None
    """How old an actual value may be before it counts as not reported."""
    by: str = ""


class Reading(Record, frozen=True, kw_only=True, tag="reading"):
    """A value of a measure as a person entered it; `description` says where it is from, `event_time` of when it is."""

    measure: str = ""
    value: float | None = None
    completeness_pct: float | None = None
    by: str = ""


class Assessment(Record, frozen=True, kw_only=True, tag="assessment"):
    """A joint assessment: `description` is its text, of `adm_pcode` at `event_time`. Agencies sign it or dissent."""

    by: str = ""


class Signature(Record, frozen=True, kw_only=True, tag="signature"):
    """What an agency says of a joint assessment, by a person of its own; `description` is its dissent. Marked as that is."""

    assessment: str = ""
    assessment_revision: int = 0
    """Of the text that was signed: a later one is yet to be."""
    position: Literal["agrees", "dissents", "withdrawn"] = "agrees"
    by: str = ""
    by_agency: str = ""


class Risk(Record, frozen=True, kw_only=True, tag="risk"):
    """What may go wrong, by `agency` who owns it; `adm_pcode` is where, `category` its field."""

    code: str = ""
    cause: str = ""
    mitigation: str = ""
    likelihood: int = 0
    """1 (rare) to 5 (almost certain); 0: not judged."""
    impact: int = 0
    """1 (minor) to 5 (catastrophic); 0: not judged."""
    state: Literal["open", "closed"] = "open"
    review: datetime | None = None
    """By when it is to be looked at again."""
    figure: str = ""
    """The live figure that raises it, as a measure's."""
    comparison: Literal["at_least", "at_most"] = "at_least"
    threshold: float | None = None
    by: str = ""


class Crossing(Record, frozen=True, kw_only=True, tag="crossing"):
    """A live figure crossed a risk's threshold at `event_time`; marked as the join of the risk and what it was made of."""

    risk: str = ""
    value: float | None = None
    threshold: float | None = None
    ended: datetime | None = None
    """When the figure was heard to be back."""


class Contact(Record, frozen=True, kw_only=True, tag="contact"):
    """Whom to ask, kept by `agency` itself: an office and its duty phone, no person. `category` is the sector and `adm_pcode` the
    area it answers for (empty: every one), `title` the office."""

    role: Literal["lead", "co_lead", "liaison", "information"] = "liaison"
    decides: bool = False
    """Whether it decides for its sector and area."""
    phone: str = ""
    """Of the duty, not of somebody."""
    email: str = ""
    by: str = ""


class Attachment(Record, frozen=True, kw_only=True, tag="attachment"):
    """A photo that belongs to a report; the file lies in the home folder under its digest. Marked as the report."""

    about: str = ""
    """Public id of the report."""
    sha256: str = ""
    media_type: str = ""
    size_bytes: int = 0
    width_px: int = 0
    height_px: int = 0
    located: bool = False
    """Its writer wanted it kept whole: it may say where, when and with what it was taken."""


class Imagery(Record, frozen=True, kw_only=True, tag="imagery"):
    """A picture of the ground (from a satellite, the air, a scanned map), shown under the marks.

    `event_time` is when it was taken, `category` what it shows, `wkb` the box it lies in.
    """

    tiles: str = ""
    """SHA-256 of the file it came as, hexadecimal; its tiles lie in the home folder under that name."""
    minzoom: int = 0
    maxzoom: int = 0
    resolution_m: float | None = None
    """Of one pixel, on the ground."""
    crs: str = ""
    bands: str = ""
    stretch: str = ""
    """What was made black and white of, in the picture's own units; empty where its colours are as they came."""
    attribution: str = ""


class View(Record, frozen=True, kw_only=True, tag="view"):
    """A way of looking at a page that somebody saved: `title` is its name, `query` the address without the page."""

    page: str = ""
    query: str = ""
    by: str = ""
    shared: bool = False
    """With the agency of whoever saved it; else theirs alone."""


class Reference(Record, frozen=True, kw_only=True, tag="reference"):
    """A row of a partner's look-up table (items, stock cards, reasons); resolves other rows, is not on the picture."""

    table: str = ""


AnyRecord = (
    Incident
    | Alert
    | Report
    | SupplyLevel
    | Indicator
    | Feedback
    | Activity
    | Site
    | Track
    | RouteStatus
    | Boundary
    | Post
    | Judgement
    | IncidentHandling
    | AlertHandling
    | ReportHandling
    | Link
    | Handover
    | Objective
    | Result
    | Task
    | Measure
    | Reading
    | Assessment
    | Signature
    | Risk
    | Crossing
    | Contact
    | View
    | Attachment
    | Imagery
    | Reference
)


class Retract(msgspec.Struct, frozen=True, kw_only=True):
    """The source takes something back. The versions stay in the log; the picture no longer shows it."""

    kind: str
    source_ref: str
    reason: str
    version_time: datetime | None = None


class Entry(NamedTuple):
    """One readable row in the form the store appends. Times are microseconds since 1970-01-01T00:00Z."""

    row: int
    """Which row of the payload, from 1."""
    kind: int
    source_ref: str
    digest: int
    """Signed 64-bit digest of body and geometry: equal digests of one record mean nothing changed."""
    version_time_us: int | None
    event_time_us: int | None
    lon: float | None
    lat: float | None
    wkb: bytes | None
    body: bytes
    retracted: bool = False
    answers: int = 0
    """The reject in quarantine that this row is the mended form of; 0: none."""


class Reject(NamedTuple):
    """A row that is not on the picture: where it stood, what was wrong, and its raw text for the person who mends it.

    Row 0 is the payload as a whole.
    """

    row: int
    field: str
    reason: str
    """Without the value, so that equal reasons count together."""
    detail: str
    raw: str | bytes
    answers: int = 0
    """As an `Entry`'s: it was mended and is refused again."""


@dataclass(frozen=True)
class Kind:
    """One kind of record: its number in the store, its public collection, and what the picture keeps of it in memory.

    `numbers` become float64 columns (NaN: not said), `instants` int64 microseconds, `codes` dictionary-coded text.
    `listed`: it is a collection of the machine interface, counted, drawn and exported; what is not is read by its own page alone.
    `shared_as`: the collection by which agreements and marks speak of it, where that is another's.
    """

    number: int
    name: str
    collection: str
    type: type[Record]
    numbers: tuple[str, ...] = ()
    instants: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    listed: bool = True
    shared_as: str = ""


KINDS = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            Kind(
                1,
                "incident",
                "incidents",
                Incident,
                ("fatalities", "injured"),
                (),
                ("sub_event_type", "actor1", "actor2", "grade"),
            ),
            Kind(2, "alert", "alerts", Alert, (), ("expires", "onset"), ("urgency", "certainty", "status", "grade")),
            Kind(3, "report", "reports", Report, (), (), ("grade",)),
            Kind(
                4,
                "supply",
                "supply",
                SupplyLevel,
                ("stock_on_hand", "amc", "consumed"),
                ("period_end", "expiry"),
                ("site_ref", "item", "card"),
            ),
            Kind(
                5,
                "indicator",
                "indicators",
                Indicator,
                ("value", "completeness_pct"),
                ("period_start", "period_end"),
                ("indicator", "unit", "adm_pcode"),
            ),
            Kind(6, "feedback", "feedback", Feedback, (), ("answered_time",), ("channel", "status")),
            Kind(
                7,
                "activity",
                "activities",
                Activity,
                ("people_in_need", "people_targeted", "people_reached"),
                ("start", "end"),
                ("organisation", "status", "activity", "partner"),
            ),
            Kind(8, "site", "sites", Site, ("beds", "population_served"), (), ("functionality", "title", "source_ref")),
            Kind(
                9,
                "track",
                "tracks",
                Track,
                ("course_deg", "speed_m_s"),
                ("stale",),
                ("sidc", "affiliation", "callsign", "title"),
            ),
            Kind(10, "route", "routes", RouteStatus, (), (), ("status", "title", "source_ref")),
            Kind(11, "boundary", "boundaries", Boundary, ("level",), ("vintage",), ("pcode",)),
            Kind(12, "reference", "", Reference),
            Kind(13, "post", "posts", Post, listed=False),
            Kind(14, "judgement", "judgements", Judgement, listed=False, shared_as="posts"),
            Kind(15, "imagery", "imagery", Imagery, listed=False),
            *(
                Kind(
                    number,
                    f"{of}_handling",
                    f"{of}_handlings",
                    made,
                    (),
                    ("due", "acknowledged_time"),
                    ("about", "act", "by", "assignee"),
                    listed=False,
                    shared_as=f"{of}s",
                )
                for number, of, made in (
                    (20, "incident", IncidentHandling),
                    (21, "alert", AlertHandling),
                    (22, "report", ReportHandling),
                )
            ),
            Kind(23, "link", "links", Link, ("score",), (), ("one", "other"), listed=False, shared_as="incidents"),
            Kind(24, "handover", "handovers", Handover, listed=False),
            Kind(30, "objective", "objectives", Objective, listed=False),
            Kind(31, "result", "results", Result, listed=False, shared_as="objectives"),
            Kind(32, "task", "tasks", Task, listed=False, shared_as="objectives"),
            Kind(33, "measure", "measures", Measure, listed=False, shared_as="objectives"),
            Kind(34, "reading", "readings", Reading, listed=False, shared_as="objectives"),
            Kind(35, "assessment", "assessments", Assessment, listed=False),
            Kind(36, "signature", "signatures", Signature, listed=False, shared_as="assessments"),
            Kind(37, "risk", "risks", Risk, listed=False),
            Kind(38, "crossing", "crossings", Crossing, listed=False, shared_as="risks"),
            Kind(40, "view", "views", View, listed=False),
            Kind(60, "attachment", "attachments", Attachment, (), (), ("about",), listed=False, shared_as="reports"),
            Kind(50, "contact", "contacts", Contact, listed=False),
        )
    }
)
COLLECTIONS = MappingProxyType({kind.collection: kind for kind in KINDS.values() if kind.collection and kind.listed})
SHARED = MappingProxyType({kind.collection: kind for kind in KINDS.values() if kind.collection and not kind.shared_as})
"""What marks and agreements speak of: the collections, and what waits to become a record of one."""
SHARED_AS = MappingProxyType({kind.collection: kind.shared_as or kind.collection for kind in KINDS.values()})
KIND_OF_NUMBER = MappingProxyType({kind.number: kind for kind in KINDS.values()})
KIND_OF_TYPE = MappingProxyType({kind.type: kind for kind in KINDS.values()})

encoder = msgspec.json.Encoder(order="deterministic")


def blake(*parts: bytes) -> int:
    """Signed 64-bit digest of what a version says (equal digests of one record mean nothing changed)."""
    return int.from_bytes(hashlib.blake2b(b"".join(parts), digest_size=8).digest(), "big", signed=True)


_decoder = msgspec.json.Decoder(AnyRecord)


def decode(body: bytes) -> AnyRecord:
    """A record from its stored form (its `wkb` is kept beside it, not in it)."""
    record: AnyRecord = _decoder.decode(body)
    return record


Hot = Any
"""A version as the picture's columns need it: the fields below and those the kind names, nothing else is read."""
_HOT_FIELDS: tuple[tuple[str, Any, Any], ...] = (
    ("event_time", datetime | None, None),
    ("severity", int, 0),
    ("category", str, ""),
    ("source", str, ""),
    ("agency", str, ""),
    ("sensitivity", int, int(Sensitivity.high)),
    ("releasable_to", tuple[str, ...], ()),
    ("own", OwnMark | None, None),
    ("exercise", bool, False),
    ("place_precision", str, ""),
    ("adm_pcode", str | None, None),
    ("adm_names", tuple[str, ...], ()),
)


@cache
def hot_decoder(kind: Kind) -> msgspec.json.Decoder[Hot]:
    """Reads of a stored body only what becomes a column: a third of the time of the whole record."""
    # What a body leaves out is what its record says by default: a boundary's level 0, a site's "unknown".
    absent = {field.name: field.default for field in msgspec.structs.fields(kind.type)}
    warns: list[tuple[str, Any, Any]] = [("geocodes", tuple[str, ...], ()), ("area_desc", str, "")]
    own: list[tuple[str, Any, Any]] = [
        *(warns if kind.type is Alert else []),
        *([("sensitive", bool, False)] if kind.type is Feedback else []),
        *((name, float | None, absent[name]) for name in kind.numbers),
        *((name, datetime | None, absent[name]) for name in kind.instants),
        *((name, str | None, "" if absent[name] is msgspec.NODEFAULT else absent[name]) for name in kind.codes),
    ]
    fields = {name: (name, told, default) for name, told, default in (*own, *_HOT_FIELDS)}
    # gc=False: a million short-lived values of plain parts are not worth the collector's walks.
    return msgspec.json.Decoder(msgspec.defstruct(f"Hot_{kind.name}", list(fields.values()), gc=False))
