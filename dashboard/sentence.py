"""The filter bar: one sentence whose words are the filters. The page's address holds the state; the bar only edits it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html

from dashboard.words import dtg, language, say
from data.filters import BadFilter, moment, parse
from data.records import Severity
from data.seen import Seen
from data.settings import Settings

WORDS = ("area", "window", "severity", "category", "agency", "q", "as_known_at")
WINDOWS = (("24h", 24, "h"), ("72h", 72, "h"), ("7d", 7, "d"), ("28d", 28, "d"), ("90d", 90, "d"), ("1y", 1, "y"))
DEFAULT_WINDOW = "28d"
CHOSEN = "chosen"
"""The window's value while `from` and `to` are in the address (brushed on the chart at the foot)."""


def sentence(seen: Seen, settings: Settings, query: Mapping[str, str]) -> html.Div:
    """The bar for what this viewer may see, set to the address's filters."""
    lang = language(query.get("lang"))
    values = words_of(query)
    parts: list[Any] = [
        # The browser modules write the address and put its query in here when what is asked for changes.
        dcc.Store(id="address", data="?" + urlencode(query)),
        dcc.Store(id="words-told", data=told(query)),
        _text(lang, "filter.showing"),
        _choice(
            "category", values, [("", say(lang, "filter.any_type")), *_named(_categories(seen))], lang, search=True
        ),
        _text(lang, "filter.in"),
        _choice("area", values, [("", _everything(settings, lang)), *_areas(seen)], lang, search=True),
        _text(lang, "filter.from_the"),
        _choice("window", values, windows(query, lang), lang),
        _text(lang, "filter.with"),
        _choice("severity", values, _severities(lang), lang),
        _text(lang, "filter.by"),
        _choice(
            "agency", values, [("", say(lang, "filter.any_agency")), *_agencies(seen, settings)], lang, search=True
        ),
        _text(lang, "filter.text"),
        dmc.TextInput(
            id="word-q",
            value=values["q"],
            placeholder=say(lang, "filter.text_hint"),
            debounce=True,  # on Enter or leaving: a delay would also send back, late, what the address put in
            variant="unstyled",
            className="cg-pick cg-pick-text",
            **{"aria-label": say(lang, "filter.text")},
        ),
        _text(lang, "filter.known"),
        dmc.DateTimePicker(
            id="word-as_known_at",
            value=values["as_known_at"] or None,
            placeholder=say(lang, "filter.now"),
            valueFormat="DDHHmm[Z] MMM YY",
            clearable=True,
            variant="unstyled",
            className="cg-pick cg-pick-time",
            **{"aria-label": say(lang, "filter.known")},
        ),
        html.Span(id="cg-more"),
    ]
    return html.Div(parts, className="cg-sentence")


def register(app: Dash) -> None:
    """From the address to the words here; from the words to the address in the browser (`assets/words.js`)."""

    @app.callback(
        *(Output(f"word-{name}", "value") for name in WORDS),
        Output("word-window", "data"),
        Output("words-told", "data"),
        Input("address", "data"),
        prevent_initial_call=True,
    )
    def follow(search: str | None) -> tuple[Any, ...]:
        query = dict(parse_qsl((search or "").removeprefix("?")))
        words = told(query)
        return *words.values(), windows(query, language(query.get("lang")), True), words

    app.clientside_callback(
        ClientsideFunction("commonground", "words"),
        *(Input(f"word-{name}", "value") for name in WORDS),
        State("words-told", "data"),
        prevent_initial_call=True,
    )


def told(query: Mapping[str, str]) -> dict[str, str | None]:
    """The value of each word's control for an address, in the order of `WORDS`."""
    return {name: value or _empty(name) for name, value in words_of(query).items()}


def words_of(query: Mapping[str, str]) -> dict[str, str]:
    """What each word shows for an address; filters that cannot be understood show as not set."""
    shown = {name: query.get(name, "") for name in WORDS}
    shown["window"] = CHOSEN if query.get("from") or query.get("to") else query.get("window") or DEFAULT_WINDOW
    try:
        parse({"severity": shown["severity"]})
    except BadFilter:
        shown["severity"] = ""
    try:
        at = moment(shown["as_known_at"], "as_known_at") if shown["as_known_at"] else None
    except BadFilter:
        at = None
    shown["as_known_at"] = f"{at:%Y-%m-%d %H:%M:%S}" if at else ""
    return shown


def windows(query: Mapping[str, str], lang: str, as_options: bool = False) -> list[Any]:
    """The time words; a brushed interval is one of them while it holds."""
    named = [(value, say(lang, "filter.last", n=n, unit=say(lang, f"unit.{unit}"))) for value, n, unit in WINDOWS]
    named.append(("all", say(lang, "filter.all_time")))
    if query.get("from") or query.get("to"):
        ends = [_short(query.get(name, "")) for name in ("from", "to")]
        named.insert(0, (CHOSEN, say(lang, "filter.chosen", from_=ends[0], to=ends[1])))
    elif query.get("window") and query["window"] not in dict(named):
        named.append((query["window"], query["window"]))
    return _options(named) if as_options else named


def _short(value: str) -> str:
    try:
        return dtg(moment(value, "time")) if value else "…"
    except BadFilter:
        return "…"


def _empty(name: str) -> str | None:
    return None if name == "as_known_at" else ""


def _text(lang: str, key: str) -> html.Span:
    return html.Span(say(lang, key), className="cg-word")


def _choice(
    name: str, values: Mapping[str, str], named: list[tuple[str, str]], lang: str, search: bool = False
) -> dmc.Select:
    if values[name] not in dict(named):  # of a shared address: what nothing here is called, named all the same
        named = [*named, (values[name], values[name])]
    return dmc.Select(
        id=f"word-{name}",
        value=values[name],
        data=_options(named),
        searchable=search,
        allowDeselect=False,
        variant="unstyled",
        className=f"cg-pick cg-pick-{name}",
        comboboxProps={"width": 280, "position": "bottom-start"},
        maxDropdownHeight=420,
        **{
            "aria-label": say(lang, f"filter.{'of_type' if name == 'category' else name}")
            if name == "category"
            else name
        },
    )


def _options(named: list[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"value": value, "label": label} for value, label in named]


def _named(values: list[str]) -> list[tuple[str, str]]:
    return [(value, value) for value in values]


def _categories(seen: Seen) -> list[str]:
    """Categories of incidents this viewer may see, most frequent first."""
    counts = seen.count("incident", seen.rows("incident"), ("category",)).rows
    return [category for category, _ in sorted(counts, key=lambda row: -row[1]) if category and "," not in category]


def _everything(settings: Settings, lang: str) -> str:
    return say(lang, "filter.everything", mission=settings.mission.name)


def _areas(seen: Seen) -> list[tuple[str, str]]:
    areas = {area.pcode: area for area in seen.places.areas if area.level <= 2 and area.pcode}
    return [(code, f"{area.name}  {code}") for code, area in sorted(areas.items())]


def _severities(lang: str) -> list[tuple[str, str]]:
    levels = [severity.name for severity in Severity if severity]
    named = [(name, say(lang, "filter.and_above", severity=say(lang, f"severity.{name}"))) for name in levels]
    return [("", say(lang, "filter.any_severity")), *named]


def _agencies(seen: Seen, settings: Settings) -> list[tuple[str, str]]:
    counts = seen.count("incident", seen.rows("incident"), ("agency",)).rows
    return [(agency, settings.agencies.get(agency, agency)) for agency, _ in counts if agency]
