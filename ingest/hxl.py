"""What a row of HXL tags (Humanitarian Exchange Language 1.1) says a table is of, and which column is which field.

A pattern is a tag with attributes that must be there (`+`) or must not (`-`); of several columns that match, the one with
the fewest other attributes is meant. Tags of the trial version of 2014 (`#lat_deg`, `#adm1_id`) are read as today's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

OLD = {
    "#lat_deg": "#geo+lat",
    "#lon_deg": "#geo+lon",
    "#loc_id": "#loc+code",
    "#loctype": "#loc+type",
    "#x_placename": "#loc+place",
    "#report_date": "#date+reported",
    "#period_date": "#date",
    "#from_date": "#date+start",
    "#to_date": "#date+end",
    "#aff_num": "#affected",
    "#idp_num": "#affected+idps",
    "#refugee_num": "#affected+refugees",
    "#activity_id": "#activity+code",
    "#x_uniqueid": "#meta+id",
    "#adm_id": "#adm1+code",
}
FIGURES = ("#affected", "#inneed", "#targeted", "#reached", "#population", "#beneficiary")
_GROUPS = re.compile(r"f|m|i|infants|children|adolescents|adults|elderly|age_?\w+")
_WORDLESS = frozenset(("num", "total", "ind", "people", "age"))

EVERY = {
    "source_ref": "#meta+id",
    "lon": "#geo+lon",
    "lat": "#geo+lat",
    "geometry": "#geo+wkt",
    "place": "#loc+name #loc+place #loc-code-type-reported-expected",
    "adm1_name": "#adm1+name #adm1-code",
    "adm2_name": "#adm2+name #adm2-code",
    "adm3_name": "#adm3+name #adm3-code",
    "adm_pcode": "#adm4+code #adm3+code #adm2+code #adm1+code #country+code",
    "event_time": "#date+occurred #date+observed #date+received #date+reported #date-start-end-year-week-updated-answered",
    "version_time": "#date+updated",
    "severity": "#severity",
    "grade": "#meta+grade",
    "description": "#description-title #comments",
}
PERIOD = {"period_start": "#date+start", "period_end": "#date+end"}
OF_KIND: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "activity": {
            "source_ref": "#meta+id #activity+id #activity+code",
            "category": "#sector",
            "organisation": "#org+prog #org+lead #org+reporting #org-impl-partner-funder-type-code",
            "partner": "#org+impl #org+partner",
            "activity": "#activity+name #activity-id-code",
            "status": "#status",
            "start": "#date+start",
            "end": "#date+end",
            "people_in_need": "#inneed",
            "people_targeted": "#targeted",
            "people_reached": "#reached",
        },
        "indicator": {
            "category": "#sector #indicator+type",
            "indicator": "#indicator+name #item+name",
            "value": "#indicator+value #value #indicator+num",
            "unit": "#indicator+unit #item+unit",
            "completeness_pct": "#indicator+completeness",
            **PERIOD,
        },
        "site": {
            "source_ref": "#loc+code #meta+id",
            "title": "#loc+name #loc-code-type-place",
            "category": "#loc+type",
            "functionality": "#status",
            "operator": "#org",
            "beds": "#capacity+beds",
        },
        "feedback": {
            "source_ref": "#feedback+id #meta+id",
            "category": "#feedback+theme #feedback+category",
            "description": "#feedback+text #description",
            "channel": "#channel #feedback+channel",
            "sensitive": "#feedback+sensitive",
            "answered_time": "#date+answered",
            "status": "#status",
        },
        "report": {
            "category": "#subject #sector",
            "title": "#description+title #subject",
            "form": "#meta+form",
            "needs": "#need",
            "reporter": "#contact+name #org",
            "event_time": f"{EVERY['event_time']} #date+start",
        },
        "incident": {
            "source_ref": "#incident+id #event+id #meta+id",
            "category": "#incident+type #event+type",
            "sub_event_type": "#incident+subtype #event+subtype",
            "title": "#incident+name #event+name",
            "fatalities": "#affected+killed",
            "injured": "#affected+injured",
            "event_time": f"{EVERY['event_time']} #date+start",
        },
        "route": {
            "source_ref": "#loc+route+code #meta+id",
            "title": "#loc+route+name",
            "category": "#loc+route+type",
            "status": "#status-reason",
            "reason": "#status+reason",
            "surface": "#loc+surface",
        },
    }
)


@dataclass(frozen=True)
class Mapped:
    """One record per row: its kind, the column of each field, and constants. `sums` are columns that make up a field."""

    kind: str
    columns: Mapping[str, str]
    constants: Mapping[str, Any] = field(default_factory=dict)
    sums: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Of a field: the partner's word -> ours."""


def find(tags: Mapping[str, str], patterns: str) -> str | None:
    """The column of the first of these patterns that a tag matches."""
    for pattern in patterns.split():
        base, *parts = re.split(r"(?=[+-])", pattern)
        must = {part[1:] for part in parts if part[0] == "+"}
        must_not = {part[1:] for part in parts if part[0] == "-"}
        found = []
        for tag, column in tags.items():
            name, *attributes = modern(tag).split("+")
            if name == base and must <= {*attributes} and not must_not & {*attributes}:
                found.append((len(attributes), column))
        if found:
            return min(found, key=lambda pair: pair[0])[1]
    return None


def modern(tag: str) -> str:
    if tag in OLD:
        return OLD[tag]
    if code := re.fullmatch(r"#(adm\d|country)_(?:id|code)", tag):
        return f"#{code[1]}+code"
    return re.sub(r"/(\w+)", r"+\1", tag)


def kind_of_tags(tags: Mapping[str, str]) -> str:
    bases = {modern(tag).split("+")[0] for tag in tags}
    if "#feedback" in bases:
        return "feedback"
    if find(tags, "#loc+route"):
        return "route"
    if find(tags, "#incident+type #event+type"):
        return "incident"
    if bases & {"#loc"} and find(tags, "#loc+type") and (find(tags, "#geo+lat") or find(tags, "#status")):
        return "site"
    if "#org" in bases and bases & {"#sector", "#activity", "#subsector"}:
        return "activity"
    return "indicator" if bases & {*FIGURES, "#indicator", "#value"} else "report"


def mapped(tags: Mapping[str, str], kind: str, told: Iterable[str] = ()) -> list[Mapped]:
    """How rows of these tags become records of a kind: for indicators of several figures, each figure its own record.

    `told` are fields that the settings map themselves.
    """
    fields = {**EVERY, **OF_KIND.get(kind, {})}
    columns = {name: column for name, patterns in fields.items() if (column := find(tags, patterns))}
    if kind in ("site", "route") and columns.get("place") == columns.get("title"):
        columns.pop("place", None)
    families = _families(tags)
    if kind == "indicator" and "value" not in {*columns, *told} and families:
        return [
            Mapped(
                kind,
                {
                    **columns,
                    **({"value": whole} if whole else {}),
                    **{f"disaggregation.{k}": c for k, c in groups.items()},
                },
                {} if "indicator" in columns else {"indicator": name},
                {} if whole else {"value": _sexes(groups)},
            )
            for name, (whole, groups) in families.items()
        ]
    sums: dict[str, tuple[str, ...]] = {}
    for name, figure in (("people_in_need", "inneed"), ("people_targeted", "targeted"), ("people_reached", "reached")):
        whole, groups = families.get(figure, (None, {}))
        if kind == "activity" and groups and not whole:
            columns.pop(name, None)
            sums[name] = _sexes(groups)
    return [Mapped(kind, columns, {}, sums)]


def _families(tags: Mapping[str, str]) -> dict[str, tuple[str | None, dict[str, str]]]:
    """Figure -> (column of its total, columns of its sex and age groups)."""
    found: dict[str, tuple[str | None, dict[str, str]]] = {}
    for tag, column in tags.items():
        base, *attributes = modern(tag).split("+")
        if base not in FIGURES:
            continue
        group = [part for part in attributes if _GROUPS.fullmatch(part)]
        name = "_".join([base[1:], *(part for part in attributes if part not in group and part not in _WORDLESS)])
        whole, groups = found.get(name, (None, {}))
        if group:
            groups["_".join(part.upper() if len(part) == 1 else part for part in sorted(group, reverse=True))] = column
        found[name] = (whole if group else whole or column, groups)
    return found


def _sexes(groups: Mapping[str, str]) -> tuple[str, ...]:
    """Women and men make up all; other groups may overlap, so that nothing is summed from them."""
    return tuple(groups[sex] for sex in ("F", "M")) if groups.keys() >= {"F", "M"} else ()
