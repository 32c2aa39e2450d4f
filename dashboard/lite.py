"""`/lite/incidents`, `/lite/supply`, `/lite/activities`: the figures of the pages of the same names for weak links.

Made whole by the server, without a script; each figure is the one its page's own answer tells, so that both say the same to
the same viewer. Filters are plain forms, and the whole view is in the address.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache, partial
from html import escape
from typing import Any
from urllib.parse import urlencode

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from dashboard import activities, incidents, rights, supply
from dashboard.api import asked
from dashboard.frame import ASSETS, assets_version
from dashboard.marking import mark_text
from dashboard.plain import CURRENT, lang_of
from dashboard.services import Services
from dashboard.words import LANGUAGES, RIGHT_TO_LEFT, dtg, figure, say
from data.records import Severity

PAGES = ("incidents", "supply", "activities")
WINDOWS = ("24h", "72h", "7d", "28d", "90d", "1y", "all")
LISTED = 12
Told = Mapping[str, Any]
Words = Callable[..., str]
DOCUMENT = """<!DOCTYPE html>
<html lang="{lang}" dir="{direction}">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="robots" content="noindex">
    <title>{title} · {mission}</title>
    <link rel="icon" type="image/svg+xml" href="{assets}/favicon.svg">
    <link rel="stylesheet" href="{assets}/lite.css">
  </head>
  <body class="cg-lite">
    <header>{flag}<strong>{mission}</strong><span>{marking}</span><nav>{pages}</nav><nav>{languages}</nav></header>
    <main><h1>{title}</h1>
{body}
    </main>
  </body>
</html>
"""


def incidents_page(services: Services, request: Request) -> Response:
    """`/lite/incidents`: totals, by severity, area and category, and the newest."""
    told, t, query = _told(incidents.overview, services, request)
    facets = told["facets"]
    form = _form(
        request,
        t,
        _select(t("lite.window"), "window", [(one, one) for one in WINDOWS], query.get("window", "all")),
        _select(t("lite.area"), "area", _facet(facets["area"]), query.get("area", ""), t("lite.every")),
        _select(t("lite.category"), "category", _facet(facets["category"]), query.get("category", ""), t("lite.every")),
        _select(
            t("lite.severity"),
            "severity",
            [(one.name, t(f"severity.{one.name}")) for one in Severity if one],
            query.get("severity", ""),
            t("lite.every"),
        ),
        _text(t("lite.q"), "q", query.get("q", "")),
    )
    before = told["before"]
    dead = told["fatalities"]
    figures = [
        (t("lite.total"), figure(told["total"])),
        (t("lite.fatalities", n=figure(dead["said_of"])), figure(dead["sum"]) if dead["said_of"] else "–"),
        *([(t("lite.before_then"), figure(before.get("count")))] if before and "count" in before else []),
        *((t(f"severity.{name}"), figure(count)) for name, count in reversed(told["severities"].items()) if count),
    ]
    rows = [
        (
            _time(row["t"]),
            t(f"severity.{row['severity']}"),
            row["title"],
            row["place"] or "",
            figure(row["fatalities"]) if row["fatalities"] is not None else "–",
            row["agency"],
            row["grade"],
        )
        for row in told["table"]["rows"]
    ]
    heads = [t(f"lite.{name}") for name in ("time", "severity", "what", "place", "dead", "source", "grade")]
    heads[1] = t("col.severity")
    parts = (form, _figures(figures), table(heads, rows, t, numbers=(4,)), _pages(request, t, told["table"]))
    return _page(services, request, "incidents", told, t, "".join(parts))


def supply_page(services: Services, request: Request) -> Response:
    """`/lite/supply`: how many stocks last how long, and which run out first."""
    told, t, query = _told(supply.overview, services, request)
    form = _form(
        request,
        t,
        _select(
            t("lite.item"),
            "item",
            [(one["item"], one["name"]) for one in told["items"]],
            told["item"],
            t("lite.every"),
        ),
        _select(
            t("lite.area"),
            "area",
            [(one["pcode"], one["name"]) for one in told["areas"]],
            query.get("area", ""),
            t("lite.every"),
        ),
        _select(t("lite.horizon"), "horizon", [(str(n), str(n)) for n in supply.HORIZONS], str(told["horizon"])),
        _select(
            t("lite.sort"),
            "sort",
            [(name, t(f"supply.sort.{name}")) for name in supply.SORTS],
            query.get("sort", "days"),
        ),
    )
    figures = [(t(f"supply.class.{name}"), figure(count)) for name, count in told["classes"].items()]
    rows = [
        (
            " · ".join(part for part in (row["name"], row["area"]) if part),
            row["item_name"] or row["item"],
            f"{figure(row['stock'])} {row['unit']}".strip(),
            figure(row["amc"]) or "–",
            figure(row["days"]) if row["days"] is not None else t("supply.class.unknown"),
            _ends(row["ends"], t),
            f"{row['chance']:.0%}" if row["chance"] is not None else "–",
            figure(row["people"]) or "–",
            f"{_day(row['counted'])} {row['agency']}",
        )
        for row in told["table"]["rows"]
    ]
    heads = [t(f"lite.{n}") for n in ("site", "item", "stock", "use", "days", "ends", "chance", "people", "counted")]
    limits = told["limits"]
    note = t("lite.not_counted", n=figure(limits["never_reported"]), old=figure(limits["not_reported"]))
    parts = (
        form,
        _figures(figures),
        f"<p>{escape(note)}</p>",
        table(heads, rows, t, numbers=(2, 3, 4, 6, 7)),
        _pages(request, t, told["table"]),
    )
    return _page(services, request, "supply", told, t, "".join(parts))


def activities_page(services: Services, request: Request) -> Response:
    """`/lite/activities`: for one sector or all, who is where, how many of those in need were reached, what is missing."""
    told, t, query = _told(activities.overview, services, request)
    sectors = {one["code"]: one["name"] for one in told["sectors"]}
    areas = {one["pcode"]: one for one in told["areas"]}
    parents = sorted({one["parent"] for one in areas.values() if one["parent"]})
    sector, parent = query.get("sector", ""), query.get("in", "")
    form = _form(
        request,
        t,
        _select(t("lite.sector"), "sector", list(sectors.items()), sector, t("lite.every")),
        _select(t("lite.area"), "in", [(name, name) for name in parents], parent, t("lite.every")),
    )

    def wanted(one: Told) -> bool:
        return (not sector or one["sector"] == sector) and (not parent or areas[one["area"]]["parent"] == parent)

    cells = [one for one in told["cells"] if one["area"] in areas and wanted(one)]
    cells.sort(
        key=lambda one: (sectors.get(one["sector"], ""), areas[one["area"]]["parent"], areas[one["area"]]["name"])
    )
    offset = int(text) if (text := query.get("offset", "")).isascii() and text.isdigit() and len(text) < 7 else 0
    shown = cells[offset : offset + incidents.PAGE]
    rows = [
        (
            sectors.get(one["sector"], one["sector"]),
            f"{areas[one['area']]['name']}, {areas[one['area']]['parent']}",
            _standing(one["standing"], t),
            figure(one["need"]) or "–",
            figure(one["targeted"]) or "–",
            figure(one["reached"]) or "–",
            f"{one['share']:.0%}" if one["share"] is not None else "–",
            ", ".join(map(_name, one["who"])),
        )
        for one in shown
    ]
    heads = [t(f"lite.{n}") for n in ("sector", "area", "standing", "need", "targeted", "reached", "share", "who")]
    gaps = [
        (
            sectors.get(one["sector"], one["sector"]),
            areas[one["area"]]["name"],
            _standing(one["standing"], t),
            figure(one["need"]) or "–",
            figure(one["gap"]) or "–",
        )
        for one in [one for one in told["gaps"] if one["area"] in areas and wanted(one)][:LISTED]
    ]
    twice = [
        (sectors.get(one["sector"], one["sector"]), areas[one["area"]]["name"], one["what"], ", ".join(one["who"]))
        for one in [one for one in told["overlaps"] if one["area"] in areas and wanted(one)][:LISTED]
    ]
    parts = (
        form,
        f"<h2>{escape(t('lite.gaps'))}</h2>",
        table([t(f"lite.{n}") for n in ("sector", "area", "standing", "need", "gap")], gaps, t, numbers=(3, 4)),
        f"<h2>{escape(t('lite.overlaps'))}</h2>",
        table([t(f"lite.{n}") for n in ("sector", "area", "what", "who")], twice, t),
        f"<h2>{escape(t('lite.activities'))}</h2>",
        table(heads, rows, t, numbers=(3, 4, 5, 6)),
        _pages(request, t, {"offset": offset, "count": len(cells), "rows": shown}),
    )
    return _page(services, request, "activities", told, t, "".join(parts))


def _told(read: Callable[..., Response], services: Services, request: Request) -> tuple[Told, Words, Mapping[str, str]]:
    """What the page's own answer tells whoever asks, the words, and the query; a choice left open in a form is none."""
    plain = Request(_without_empty(request))
    query = dict(plain.query_params)
    return msgspec.json.decode(read(services, plain).body), partial(_say, lang_of(request)), query


def _without_empty(request: Request) -> dict[str, Any]:
    """The request's scope without what a form left open, and without the validator of the page around the answer."""
    query = urlencode({name: value for name, value in request.query_params.items() if value})
    headers = [(name, value) for name, value in request.scope["headers"] if name != b"if-none-match"]
    return {**request.scope, "query_string": query.encode(), "headers": headers}


def _say(lang: str, key: str, **parts: object) -> str:
    """Our words, or those of the page itself."""
    return _words_of_pages(lang).get(key) or say(lang, key, **parts)


@cache
def _words_of_pages(lang: str) -> dict[str, str]:
    words: dict[str, str] = msgspec.json.decode((ASSETS / "messages" / f"{lang}.json").read_bytes())
    return {key: text for key, text in words.items() if key.startswith("supply.")}


def _page(services: Services, request: Request, name: str, told: Told, t: Words, body: str) -> HTMLResponse:
    lang = lang_of(request)
    seen, filters, _ = asked(services, Request(_without_empty(request)))
    query = {key: value for key, value in request.query_params.items() if value}
    full = {key: value for key, value in query.items() if key not in ("offset", "in")}
    whole = f"/{name}?{urlencode({**full, 'lang': lang})}"
    head = (
        f'<p class="as-of">{escape(t("lite.as_of", time=_time(told["as_of"]) or dtg(seen.now)))} · '
        f"{escape(t('lite.note'))} "
        f'<a href="{escape(whole)}">{escape(t("lite.full"))}</a></p>'
    )
    if rights.exports(seen.viewer):
        sheet = f"/lite/sheet/{name}?{urlencode(full)}"
        body += f'<p><a href="{escape(sheet)}">{escape(t("lite.sheet"))}</a> · '
        body += f'<a href="/lite/sheet?lang={lang}">{escape(t("lite.sheet.back"))}</a></p>'
    marking = mark_text(seen, filters, lang, services.settings.mission.marking)
    return frame(services, request, t(f"lite.{name}"), head + body, name, marking)


def frame(
    services: Services, request: Request, title: str, body: str, name: str = "", marking: str = ""
) -> HTMLResponse:
    """A whole page around `body`, which is HTML; what came from outside is escaped in it already."""
    lang, mission = lang_of(request), services.settings.mission
    t = partial(say, lang)
    pages = "".join(
        f'<a href="/lite/{one}?lang={lang}"{CURRENT if one == name else ""}>{escape(t(f"lite.{one}"))}</a>'
        for one in PAGES
    )
    pages += f'<a href="/report?lang={lang}">{escape(t("lite.report"))}</a>'
    languages = "".join(
        f'<a href="{_address(request, lang=code)}" lang="{code}"{CURRENT if code == lang else ""}>{code.upper()}</a>'
        for code in LANGUAGES
    )
    text = DOCUMENT.format(
        lang=lang,
        direction="rtl" if lang in RIGHT_TO_LEFT else "ltr",
        title=escape(title),
        mission=escape(mission.name),
        assets=f"/assets/v-{assets_version()}",
        flag=f"<b>{escape(t('plain.exercise'))}</b>" if mission.exercise else "",
        marking=escape(marking),
        pages=pages,
        languages=languages,
        body=body,
    )
    return HTMLResponse(text, headers={"Cache-Control": "private, no-store"})


def _address(request: Request, **changed: object) -> str:
    """This page's address with parts of its query changed, for an attribute."""
    query = {key: value for key, value in request.query_params.items() if value}
    return escape(f"{request.url.path}?{urlencode({**query, **changed})}")


def _form(request: Request, t: Words, *fields: str) -> str:
    lang = lang_of(request)
    return (
        f'<form method="get"><input type="hidden" name="lang" value="{lang}">'
        f"{''.join(fields)}<button>{escape(t('lite.show'))}</button></form>"
    )


def _select(label: str, name: str, options: Iterable[tuple[str, str]], chosen: str, every: str = "") -> str:
    listed = [("", every), *options] if every else list(options)
    parts = "".join(
        f'<option value="{escape(value)}"{" selected" if value == chosen else ""}>{escape(words)}</option>'
        for value, words in listed
    )
    return f'<label>{escape(label)} <select name="{name}">{parts}</select></label>'


def _text(label: str, name: str, value: str) -> str:
    return f'<label>{escape(label)} <input name="{name}" value="{escape(value)}" maxlength="100" size="12"></label>'


def _facet(facet: Told) -> list[tuple[str, str]]:
    listed = [one for one in facet["values"] if one["value"]]
    return [(one["value"], f"{one['label']} ({figure(one['count'])})") for one in listed]


def _figures(figures: Sequence[tuple[str, str]]) -> str:
    parts = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in figures)
    return f"<dl>{parts}</dl>"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], t: Words, numbers: Sequence[int] = ()) -> str:
    if not rows:
        return f"<p>{escape(t('lite.none'))}</p>"
    mark = [' class="n"' if at in numbers else "" for at in range(len(heads))]
    head = "".join(f"<th{mark[at]}>{escape(name)}</th>" for at, name in enumerate(heads))
    lines = "".join(
        "<tr>" + "".join(f"<td{mark[at]}>{escape(str(cell))}</td>" for at, cell in enumerate(row)) + "</tr>\n"
        for row in rows
    )
    return f"<div><table><thead><tr>{head}</tr></thead><tbody>\n{lines}</tbody></table></div>"


def _pages(request: Request, t: Words, table: Told) -> str:
    """Which rows these are, and the way to those before and after."""
    offset, count, shown = table["offset"], table["count"], len(table["rows"])

    def link(to: int, words: str) -> str:
        return f'<a href="{_address(request, offset=to)}">{escape(words)}</a>'

    rows = t("lite.rows", first=figure(offset + 1), last=figure(offset + shown), count=figure(count)) if shown else ""
    before = link(max(0, offset - incidents.PAGE), t("lite.before")) if offset else ""
    after = link(offset + shown, t("lite.next")) if shown and offset + shown < count else ""
    return f'<p class="pages">{before} <span>{escape(rows)}</span> {after}</p>'


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _time(text: str | None) -> str:
    return dtg(_moment(text))


def _day(text: str | None) -> str:
    at = _moment(text)
    return f"{at:%d %b %y}".upper() if at else "–"


def _ends(ends: Sequence[str | None], t: Words) -> str:
    """The range of days between which stock ends if nothing arrives."""
    days = [_day(one) for one in (ends[0], ends[-1]) if one] if ends else []
    return "–".join(dict.fromkeys(days)) or "–"


def _standing(standing: str, t: Words) -> str:
    told = t(f"lite.standing.{standing}")
    return standing.replace("_", " ") if told.startswith("lite.") else told


def _name(who: Any) -> str:
    return str(who.get("name", "")) if isinstance(who, dict) else str(who)


READERS = {
    "/lite/incidents": incidents_page,
    "/lite/supply": supply_page,
    "/lite/activities": activities_page,
}
