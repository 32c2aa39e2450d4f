"""Which records of a collection an address asks for: the filters of every view, the collection's own, and a KPI's records."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np

from dashboard.api import FILTER_NAMES
from dashboard.features import ENUMS
from dashboard.kpi import rows_behind
from dashboard.kpis import all_kpis
from dashboard.openapi import own_filters
from dashboard.services import Services
from data.filters import BadFilter, Filters
from data.records import Kind
from data.seen import Rows, Seen

PAGE_VIEW = frozenset({"at", "layers", "theme", "lang", "record", "kpi", "metric", "item", "table"})
"""What an address of ours may carry for the screen; it selects nothing."""


def refuse_unknown(kind: Kind, query: Mapping[str, str], others: Iterable[str]) -> None:
    """Raises `BadFilter` of a parameter that means nothing here: a filter with a slip in its name would select everything."""
    own = own_filters(kind)
    if unknown := query.keys() - own.keys() - {"kpi", *FILTER_NAMES} - PAGE_VIEW - set(others):
        told = ", ".join(own)
        raise BadFilter(f"{min(unknown)[:40]}: is not a parameter of {kind.collection}; those of its own are {told}.")


def chosen(services: Services, seen: Seen, kind: Kind, filters: Filters, query: Mapping[str, str]) -> Rows:
    """The rows of a kind that an address asks for. Raises `BadFilter`, `Refused`."""
    filters = whole_names(seen, kind, filters, query)
    if asked := query.get("kpi"):
        rows = rows_behind(all_kpis(), asked, kind.name, seen, filters, services.settings.thresholds)
    else:
        rows = seen.rows(kind.name, filters)
    return _with_own(seen, kind, rows, query)


def whole_names(seen: Seen, kind: Kind, filters: Filters, query: Mapping[str, str]) -> Filters:
    """A text that is a name as it stands is that name, commas and all; only others are lists."""

    def whole(name: str, parts: tuple[str, ...]) -> tuple[str, ...]:
        return (query[name],) if len(parts) > 1 and query[name] in seen.released_labels(kind.name, name) else parts

    return replace(
        filters,
        category=whole("category", filters.category),
        source=whole("source", filters.source),
        agency=whole("agency", filters.agency),
        actor=_whole_actor(seen, kind, filters, query),
        codes=tuple((name, whole(name, parts)) for name, parts in filters.codes),
    )


def _whole_actor(seen: Seen, kind: Kind, filters: Filters, query: Mapping[str, str]) -> tuple[str, ...]:
    if len(filters.actor) < 2 or "actor1" not in kind.codes:
        return filters.actor
    known = seen.released_labels(kind.name, "actor1") | seen.released_labels(kind.name, "actor2")
    return (query["actor"],) if query["actor"] in known else filters.actor


def _with_own(seen: Seen, kind: Kind, rows: Rows, query: Mapping[str, str]) -> Rows:
    """The rows that also match the properties that are not filters of every view."""
    for name in own_filters(kind):
        text = query.get(name, "")
        if not text or name in kind.codes:
            continue
        if name.startswith("adm"):
            wanted = {part.strip().upper() for part in text.split(",")}
            chosen = np.array([*(area.pcode.upper() in wanted for area in seen.places.areas), False], np.bool_)
            rows = rows[chosen[seen.areas(kind.name, rows, int(name[3]))]]
        elif name == "exercise":
            if text not in ("true", "false"):
                raise BadFilter(f"exercise: '{text[:40]}' is not true or false.")
            rows = rows[seen.column(kind.name, "exercise")[rows] == (text == "true")]
        elif name == "sensitivity":
            if text not in ENUMS["sensitivity"]:
                raise BadFilter(f"sensitivity: '{text[:40]}' is not one of {', '.join(ENUMS['sensitivity'])}.")
            fits = np.array([mark.sensitivity.name == text for mark in seen.marks], np.bool_)
            rows = rows[fits[seen.column(kind.name, "mark")[rows]]] if len(rows) else rows
        else:
            rows = rows[seen.column(kind.name, name)[rows] == _value(name, text)]
    return rows


def _value(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise BadFilter(f"{name}: '{text[:40]}' is not a number.") from None


def revision_time(seen: Seen, revision: int | None = None) -> datetime | None:
    """A time as of which a revision (by default that of `seen`) was the newest known; None before the first."""
    wanted = seen.revision if revision is None else revision
    index = bisect_right(seen.commits, wanted, key=lambda commit: commit.revision)
    if not index:
        return None
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=seen.commits[index - 1].committed_us)


def rfc3339(moment: datetime) -> str:
    """A time as programs write it, with Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
