"""What of a record is released on given terms: the fields that stay, field by field and kind by kind.

Below the exact place everything that may tell the place goes. What stays is listed, not what goes: codes, numbers and times. So
a field that is added later is withheld until somebody says here that it tells no place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec

from data.access import Mark, Obligations, Precision
from data.precision import LEVEL, STATED
from data.records import KIND_OF_TYPE, Record

FRAME = frozenset(("source", "agency", "sensitivity", "releasable_to", "own", "exercise"))
"""Filled by the frame, not by the partner: the rule itself reads them."""
PLACING = frozenset(("lon", "lat", "wkb", "geometry", "position", "geocodes", "area_desc"))
"""Where these are hidden fields there is no place at all."""
PLACED = frozenset(("lon", "lat", "wkb", "adm_pcode", "adm_names", "place_precision", "title", "attributes"))
"""Fields that the terms set themselves."""
EVERY_KIND = frozenset(("category", "severity", "event_time", "version_time", "grade"))
STAYS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "incident": frozenset(("sub_event_type", "fatalities", "injured")),
        "alert": frozenset(
            (
                *("urgency", "certainty", "cap_severity", "msg_type", "status", "scope"),
                *("effective", "onset", "expires", "language"),
            )
        ),
        "report": frozenset(("form",)),
        "supply": frozenset(
            (
                *("item", "item_name", "unit", "stock_on_hand", "amc", "consumed", "received", "losses"),
                *("period_start", "period_end", "stockout_days", "expiry"),
            )
        ),
        "indicator": frozenset(
            ("indicator", "value", "unit", "period_start", "period_end", "completeness_pct", "disaggregation")
        ),
        "feedback": frozenset(("channel", "answered_time", "status", "sensitive")),
        "activity": frozenset(
            ("organisation", "status", "start", "end", "people_in_need", "people_targeted", "people_reached")
        ),
        "site": frozenset(("functionality", "beds", "population_served")),
        "track": frozenset(("sidc", "affiliation", "how", "course_deg", "speed_m_s", "accuracy_m", "stale")),
        "route": frozenset(("status", "surface")),
        "boundary": frozenset(("level", "vintage", "disputed")),
        "post": frozenset(("language",)),
        "judgement": frozenset(("verdict", "apart", "post_revision")),
        **dict.fromkeys(
            ("incident_handling", "alert_handling", "report_handling"),
            frozenset(("about", "act", "by", "by_agency", "assignee", "due", "acknowledged_by", "acknowledged_time")),
        ),
        "link": frozenset(("one", "other", "verdict", "by", "score")),
        "handover": frozenset(("given_by", "period_start", "taken_by", "taken_time")),
        "view": frozenset(("shared",)),
        "contact": frozenset(("role", "decides")),
        "objective": frozenset(("starts", "ends")),
        "result": frozenset(),
        "task": frozenset(("state", "starts", "due")),
        "measure": frozenset(
            ("better", "baseline", "baseline_time", "target", "target_time", "benchmark", "cadence_days")
        ),
        "reading": frozenset(("value", "completeness_pct")),
        "assessment": frozenset(),
        "signature": frozenset(("assessment_revision", "position")),
        "risk": frozenset(("likelihood", "impact", "state", "review", "comparison", "threshold")),
        "crossing": frozenset(("risk", "threshold", "ended")),
        "attachment": frozenset(),
        "imagery": frozenset(("resolution_m",)),
        "reference": frozenset(),
    }
)
"""Per kind, beside `EVERY_KIND`: what is released where the place is not exact."""
AnyRecordT = TypeVar("AnyRecordT", bound=Record)


@dataclass(frozen=True)
class Terms:
    """How the records of one mark are released to one viewer. `hidden` in lower case."""

    hidden: frozenset[str] = frozenset()
    precision: Precision = Precision.exact
    minimum_count: int = 1

    @property
    def plain(self) -> bool:
        """Everything is released as it is known."""
        return not self.hidden and self.precision is Precision.exact and self.minimum_count <= 1

    @property
    def listed(self) -> bool:
        """Shown as a record, not only counted."""
        return self.minimum_count <= 1

    def withholds(self, kind: str, field: str) -> bool:
        """Whether a field of a kind is released as "not said"."""
        if field in FRAME:
            return False
        if field.casefold() in self.hidden:
            return True
        return self.precision is not Precision.exact and field not in EVERY_KIND and field not in STAYS[kind]


PLAIN = Terms()


def terms_of(duties: Obligations) -> Terms:
    hidden = frozenset(name.casefold() for name in duties.hidden)
    precision = Precision.none if hidden & PLACING else duties.precision
    return Terms(hidden, precision, duties.minimum_count)


def released(
    record: AnyRecordT, terms: Terms, mark: Mark, lon: float | None, lat: float | None, code_level: int | None
) -> AnyRecordT:
    """The record as released: at this point, which is the tier's, and marked as it is marked now.

    `code_level` is the level of the area its stated P-code means, None where it means none.
    """
    told: dict[str, Any] = {"sensitivity": mark.sensitivity, "releasable_to": mark.releasable_to}
    if not terms.plain:
        kind = KIND_OF_TYPE[type(record)].name
        fields = set(record.__struct_fields__) - PLACED - FRAME
        told |= {name: _blank(type(record), name) for name in fields if terms.withholds(kind, name)}
        told |= {name: _blank(type(record), name) for name in PLACED if name in terms.hidden}
        told["attributes"] = _attributes(record, terms)
        if terms.precision is not Precision.exact:
            told |= _placed(record, terms, lon, lat, code_level)
    if all(getattr(record, name) == value for name, value in told.items()):
        return record
    return msgspec.structs.replace(record, **told)


def _placed(
    record: Record, terms: Terms, lon: float | None, lat: float | None, code_level: int | None
) -> dict[str, Any]:
    deepest = LEVEL.get(terms.precision, -1)
    hidden = terms.hidden
    coded = code_level is not None and code_level <= deepest and "adm_pcode" not in hidden
    return {
        "lon": lon,
        "lat": lat,
        "wkb": None,
        "adm_pcode": record.adm_pcode if coded else None,
        "adm_names": () if "adm_names" in hidden else record.adm_names[: max(deepest, 0)],
        "place_precision": _coarser(record.place_precision, STATED[terms.precision]),
        "title": "" if {"category", "title"} & hidden else record.category,
    }


def _attributes(record: Record, terms: Terms) -> dict[str, Any]:
    if terms.precision is not Precision.exact or "attributes" in terms.hidden:
        return {}
    return {name: value for name, value in record.attributes.items() if name.casefold() not in terms.hidden}


_COARSENESS = ("exact", "", "near", "adm3", "adm2", "adm1", "adm0")


def _coarser(stated: str, released_as: str) -> str:
    return max(stated, released_as, key=_COARSENESS.index) if released_as else ""


@cache
def _defaults(kind: type[Record]) -> Mapping[str, Any]:
    return {
        field.name: field.default
        if field.default is not msgspec.NODEFAULT
        else ""
        if field.default_factory is msgspec.NODEFAULT
        else field.default_factory()
        for field in msgspec.structs.fields(kind)
    }


def _blank(kind: type[Record], name: str) -> Any:
    return _defaults(kind)[name]
