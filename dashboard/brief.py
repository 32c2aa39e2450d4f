"""`GET /api/incidents/brief.pdf`: what the incidents page shows, on one page of paper for the briefing.

Of what may leave in a file only, by those who may take files out, and put down in the audit log before the first byte leaves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import numpy as np
import shapely
from starlette.requests import Request
from starlette.responses import Response

from dashboard import rights
from dashboard.answer import VARY, Refused
from dashboard.api import asked, extent, known_states
from dashboard.brief_page import Chart, Circle, Ring, Sheet, pdf
from dashboard.clauses import marking
from dashboard.incidents import KIND, ordered
from dashboard.selection import whole_names
from dashboard.services import Services
from dashboard.words import RIGHT_TO_LEFT, age, dtg, language, say
from data.choosing import Rows
from data.columns import NO_TIME
from data.crossfilter import counted, cross
from data.filters import Filters, moment
from data.periods import YEAR, Compared, changed, compared
from data.records import KINDS, Severity
from data.seen import Seen
from data.times import moment_of

TABLED = 23
LISTED = 6
BY = ("category", "area", "actor")
CELLS = 18
"""Across the map: circles nearer than that are one."""
NAMED = 14


def brief(services: Services, request: Request) -> Response:
    """`?since=` beside the filters. 403 without the role for files."""
    viewer = services.viewer(request)
    if not rights.exports(viewer):
        raise Refused(403, "Taking records out as files needs the role 'export'; an administrator gives it.")
    seen, filters, query = asked(services, request)
    filters = whole_names(seen, KINDS[KIND], filters, query)
    lang = language(query.get("lang"))
    crossed = cross(seen, filters)
    rows = seen.exportable(KIND, crossed.rows)
    since = moment(query["since"], "since") if query.get("since") else None
    then = services.picture.seen_by(viewer, since) if since else None
    mark = seen.marking((KIND, rows))
    told = [(kind, one) for kind, one in ((KIND, rows), ("boundary", seen.rows("boundary"))) if len(one)]
    flag = "EXERCISE · " if services.settings.mission.exercise or seen.column(KIND, "exercise")[rows].any() else ""
    marked = flag + (marking(lang, seen.marking(*told)) or services.settings.mission.marking)
    sheet = Sheet(
        rtl=lang in RIGHT_TO_LEFT,
        marking=marked,
        title=say(lang, "brief.title", mission=services.settings.mission.name),
        dtg=dtg(seen.now),
        sentence=_sentence(services, seen, filters, lang),
        figures=_figures(seen, filters, rows, since, then, lang),
        legend=[(severity, say(lang, f"severity.{severity.name}")) for severity in reversed(Severity)],
        lists=_lists(seen, {facet: counted(seen, rows, facet, crossed.level) for facet in BY}, lang),
        table=say(lang, "brief.worst", n=min(TABLED, len(rows)), all=f"{len(rows):,}"),
        columns=[say(lang, f"col.{name}") for name in ("time", "severity", "title", "place", "source", "grade")],
        rows=_rows(seen, rows, _titles(services), lang),
        sources=say(lang, "brief.sources"),
        ages=_ages(services, seen, rows, lang),
        notes=_notes(seen, len(crossed.rows) - len(rows), viewer.name, lang),
        chart=_chart(services, seen, filters, rows),
    )
    made = pdf(sheet)
    words = "&".join(f"{name}={value}" for name, value in query.items() if value)
    services.exported(
        viewer.name, "incidents", {"format": "pdf", "filters": words, "count": len(rows), "revision": seen.revision}
    )
    name = "-".join(
        [
            "brief",
            *(["exercise"] if flag else []),
            *([mark.sensitivity.name] if mark else []),
            dtg(seen.now).replace(" ", ""),
        ]
    )
    headers = {
        "Cache-Control": "private, no-store",
        "Content-Disposition": f'attachment; filename="{name}.pdf"',
        "Vary": VARY,
    }
    return Response(made, media_type="application/pdf", headers=headers)


def _sentence(services: Services, seen: Seen, filters: Filters, lang: str) -> str:
    """The filters as the page says them."""
    settings = services.settings
    names = {area.pcode: area.name for area in seen.places.areas}
    since, until = filters.span(seen.now)
    span = say(lang, "filter.all_time") if since is None else f"{dtg(since)} – {dtg(until or seen.now)}"
    area = f"{names.get(filters.area, '')} {filters.area}".strip()
    parts = [
        say(lang, "filter.showing"),
        ", ".join(filters.category) or say(lang, "filter.any_type"),
        say(lang, "filter.in"),
        area or say(lang, "filter.everything", mission=settings.mission.name),
        "·",
        span,
    ]
    if filters.severity:
        parts += ["·", say(lang, "filter.and_above", severity=say(lang, f"severity.{filters.severity.name}"))]
    for name, values in (
        ("agency", [settings.agencies.get(one, one) for one in filters.agency]),
        ("source", [_titles(services).get(one, one) for one in filters.source]),
        ("actor", filters.actor),
        ("grade", [filters.grade] if filters.grade else []),
        ("text", [f"“{filters.text}”"] if filters.text else []),
    ):
        if values:
            parts += ["·", say(lang, f"brief.of.{name}", names=", ".join(values))]
    if filters.circle:
        lon, lat, km = filters.circle
        parts += ["·", say(lang, "brief.of.circle", km=f"{km:g}", at=f"{lat:.4f}, {lon:.4f}")]
    if filters.polygon:
        parts += ["·", say(lang, "brief.of.polygon", n=len(filters.polygon))]
    known = say(lang, "brief.known", time=dtg(seen.now))
    return " ".join([*parts, "·", known])


def _titles(services: Services) -> dict[str, str]:
    return {name: source.title or name for name, source in services.settings.sources.items()}


def _figures(
    seen: Seen, filters: Filters, rows: Rows, since: datetime | None, then: Seen | None, lang: str
) -> list[tuple[str, str]]:
    may_leave = partial(seen.exportable, KIND)
    severity = seen.column(KIND, "severity")[rows]
    dead = seen.column(KIND, "fatalities")[rows]
    said = np.isfinite(dead)
    found = [
        (f"{len(rows):,}", say(lang, "brief.total")),
        (f"{int((severity >= Severity.severe).sum()):,}", say(lang, "brief.severe")),
        (
            f"{int(dead[said].sum()):,}" if said.any() else say(lang, "brief.unsaid"),
            say(lang, "brief.deaths", of=f"{int(said.sum()):,}", all=f"{len(rows):,}"),
        ),
        _against(compared(seen, KIND, filters, None, len(rows), may_leave), "before", lang),
        _against(compared(seen, KIND, filters, YEAR, len(rows), may_leave), "year_before", lang),
    ]
    if since is not None and then is not None:
        moved = changed(seen, then, KIND, filters, rows)
        numbers = " / ".join(
            f"{len(part):,}" for part in (moved.new, moved.revised, then.exportable(KIND, moved.retracted))
        )
        found.append((numbers, say(lang, "brief.since", time=dtg(since))))
    return found


def _against(then: Compared | None, name: str, lang: str) -> tuple[str, str]:
    if then is None:
        return "–", say(lang, f"brief.{name}.none")
    if then.count is None:
        return "–", f"{say(lang, f'brief.{name}')}: {say(lang, 'brief.no_data')}"
    ratio = f"× {then.ratio:.2f}" if then.ratio is not None else "–"
    part = f" {say(lang, 'brief.part')}" if then.state == "part" else ""
    return ratio, f"{say(lang, f'brief.{name}')}: {then.count:,}{part}"


def _lists(
    seen: Seen, counts: Mapping[str, Mapping[str | None, int]], lang: str
) -> list[tuple[str, list[tuple[str, str]]]]:
    names = {area.pcode: area.name for area in seen.places.areas}
    found = []
    for facet in BY:
        listed = sorted(((count, value) for value, count in counts[facet].items() if value), key=lambda one: -one[0])
        rows = [(names.get(value, value) if facet == "area" else value, f"{count:,}") for count, value in listed]
        if rows:
            found.append((say(lang, f"brief.by.{facet}"), rows[:LISTED]))
    return found


def _rows(seen: Seen, rows: Rows, titles: Mapping[str, str], lang: str) -> list[tuple[int, list[str]]]:
    told = []
    for item in seen.items(KIND, ordered(seen, rows, "severity", 0, TABLED)):
        record = item.record
        place = record.place or item.site or next((name for name in reversed(item.area_names) if name), "") or ""
        pcode = next((code for code in reversed(item.pcodes) if code), "")
        told.append(
            (
                int(record.severity),
                [
                    dtg(record.event_time),
                    say(lang, f"severity.{record.severity.name}"),
                    record.title or record.category,
                    f"{place} {pcode}".strip(),
                    titles.get(record.source, record.source),
                    record.grade,
                ],
            )
        )
    return told


def _ages(services: Services, seen: Seen, rows: Rows, lang: str) -> list[str]:
    """Each source of what is on the page with its newest event, and how it is doing now."""
    states = {state.name: state.state for state in known_states(services, seen.viewer)}
    titles = _titles(services)
    codes, times = seen.column(KIND, "source")[rows], seen.column(KIND, "time")[rows]
    told = []
    for code in np.unique(codes).tolist():
        name = seen.sources.labels[code]
        newest = int(times[codes == code].max())
        at = None if newest == NO_TIME else moment_of(newest)
        old = "" if at is None else f"{dtg(at)} ({age((seen.now - at).total_seconds())})"
        state = say(lang, f"brief.state.{states[name]}") if name in states and not seen.past else ""
        told.append(" ".join(part for part in (titles.get(name, name), old, state) if part))
    return told


def _notes(seen: Seen, left_out: int, who: str, lang: str) -> list[str]:
    notes = [say(lang, "brief.left_out", n=f"{left_out:,}")] if left_out else []
    return [*notes, say(lang, "brief.limits"), say(lang, "brief.made", who=who, n=f"{seen.revision:,}")]


def _chart(services: Services, seen: Seen, filters: Filters, rows: Rows) -> Chart:
    lon, lat = seen.column(KIND, "lon")[rows], seen.column(KIND, "lat")[rows]
    there = np.isfinite(lon)
    lon, lat, severity = lon[there], lat[there], seen.column(KIND, "severity")[rows][there]
    areas, names, box = _land(seen, filters.area)
    box = box or services.settings.mission.bbox or extent(seen) or _around(lon, lat)
    west, south, east, north = box
    outline: Ring = filters.polygon
    if filters.circle:
        x, y, km = filters.circle
        circle = shapely.Point(0, 0).buffer(km / 111.195).exterior.coords
        squeeze = max(0.1, float(np.cos(np.radians(y))))
        outline = [(x + dx / squeeze, y + dy) for dx, dy in circle]
    size = max((east - west), (north - south)) / CELLS
    cells: dict[tuple[int, int], list[int]] = {}
    spots: dict[tuple[int, int], list[float]] = {}
    across, down = np.floor((lon - west) / size).astype(int), np.floor((lat - south) / size).astype(int)
    for place, x, y, level in zip(
        zip(across.tolist(), down.tolist(), strict=True), lon.tolist(), lat.tolist(), severity.tolist(), strict=True
    ):
        cells.setdefault(place, [0] * len(Severity))[level] += 1
        spot = spots.setdefault(place, [0.0, 0.0])
        spot[0] += x
        spot[1] += y
    circles = [
        Circle(spots[place][0] / sum(counts), spots[place][1] / sum(counts), tuple(counts))
        for place, counts in cells.items()
    ]
    return Chart(box, areas, names, circles, outline)


def _around(lon: Any, lat: Any) -> tuple[float, float, float, float]:
    if not len(lon):
        return -180.0, -60.0, 180.0, 80.0
    return float(lon.min()) - 0.5, float(lat.min()) - 0.5, float(lon.max()) + 0.5, float(lat.max()) + 0.5


def _land(
    seen: Seen, chosen: str
) -> tuple[list[tuple[Ring, bool]], list[tuple[float, float, str]], tuple[float, float, float, float] | None]:
    """Outlines of the countries and their first areas, names of these, and the box of the area chosen."""
    rings: list[tuple[Ring, bool]] = []
    names: list[tuple[float, float, str]] = []
    box: tuple[float, float, float, float] | None = None
    for area in sorted(seen.places.areas, key=lambda one: one.level):
        if chosen and area.pcode.upper() == chosen.upper():
            west, south, east, north = area.geometry.bounds
            wide = max(east - west, north - south) * 0.15
            box = west - wide, south - wide, east + wide, north + wide
        if (area.level > 1 and not chosen) or area.level > 2:
            continue
        shape = shapely.simplify(area.geometry, 0.004)
        rings += [(list(part.exterior.coords), area.level == 0) for part in _polygons(shape)]
        if area.level == (2 if chosen else 1) and (not chosen or area.pcode.upper().startswith(chosen.upper())):
            point = shapely.point_on_surface(area.geometry)
            names.append((point.x, point.y, area.name))
    return rings, names[: NAMED * 3], box


def _polygons(shape: Any) -> Sequence[Any]:
    parts = shapely.get_parts(shape)
    return [part for part in parts if part.geom_type == "Polygon" and not part.is_empty]
