"""`/report`: field reports from a phone, with or without a link. A page of its own: one form, one module, one worker.

The page is the same for everybody, so that a phone can keep it; what is a viewer's own (who they are, the places they may know
of) comes from `/report/places`.
"""

from __future__ import annotations

from functools import partial
from html import escape
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from dashboard.answer import answer
from dashboard.frame import ASSETS, assets_version
from dashboard.plain import CURRENT, lang_of
from dashboard.services import Services
from dashboard.words import LANGUAGES, RIGHT_TO_LEFT, say, spoken
from data.records import Severity
from data.seen import Seen

CATEGORIES = ("security", "access", "displacement", "health", "water", "food", "shelter", "damage", "other")
PLACES = 6_000
"""Areas a phone is given to search: about 100 kB on the way."""
DOCUMENT = """<!DOCTYPE html>
<html lang="{lang}" dir="{direction}">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="robots" content="noindex">
    <title>{title} · {mission}</title>
    <link rel="icon" type="image/svg+xml" href="{assets}/favicon.svg">
    <link rel="manifest" href="/report/manifest.webmanifest?lang={lang}" crossorigin="use-credentials">
    <link rel="stylesheet" href="{assets}/report.css">
    <script type="module" src="{assets}/report.mjs"></script>
  </head>
  <body data-version="{version}">
    <header>{flag}<a href="/?lang={lang}" title="{picture}">{mission}</a><nav>{nav}<button id="theme" type="button"
      title="{theme}" aria-label="{theme}">◐</button></nav></header>
    <p id="link" role="status"></p>
    <main>{body}</main>
    <script type="application/json" id="words">{words}</script>
  </body>
</html>
"""


def page(services: Services, request: Request) -> Response:
    """The form, in the language of the address, else of the browser."""
    lang = lang_of(request)
    tell = partial(say, lang)
    mission, version = services.settings.mission, assets_version()
    nav = "".join(
        f'<a href="/report?lang={code}" lang="{code}"{CURRENT if code == lang else ""}>{code.upper()}</a>'
        for code in LANGUAGES
    )
    words = {key: text for key, text in spoken(lang).items() if key.startswith("report.")}
    text = DOCUMENT.format(
        lang=lang,
        direction="rtl" if lang in RIGHT_TO_LEFT else "ltr",
        title=escape(tell("report.title")),
        mission=escape(mission.name),
        assets=f"/assets/v-{version}",
        version=version,
        flag=f"<strong>{escape(tell('report.exercise'))}</strong>" if mission.exercise else "",
        picture=escape(tell("report.picture")),
        theme=escape(tell("report.theme")),
        nav=nav,
        body=_form(tell),
        words=msgspec.json.encode(words).decode().replace("<", "\\u003c"),
    )
    return HTMLResponse(text, headers={"Cache-Control": "private, no-cache"})


def _form(tell: Any) -> str:
    t = lambda key: escape(tell(f"report.{key}"))  # noqa: E731
    severities = [
        (each.name, t(f"severity.{each.name}"), each is Severity.unknown, f' data-severity="{each.value}"')
        for each in Severity
    ]
    # What is stored is one word for all languages.
    categories = [(say("en", f"report.category.{name}"), t(f"category.{name}"), False, "") for name in CATEGORIES]
    return f"""<noscript><p class="alert">{t("script")}</p></noscript>
      <h1 id="heading">{t("title")}</h1>
      <form id="form" novalidate>
        <label><span>{t("what")}</span><input name="title" maxlength="300" autocomplete="off" required
          placeholder="{t("what.help")}"></label>
        {_choice("category", t("category"), categories)}
        {_choice("severity", t("severity"), severities)}
        <fieldset><legend>{t("where")}</legend>
          <button type="button" id="here">{t("where.here")}</button>
          <label><span>{t("where.search")}</span><input id="search" type="search" autocomplete="off" autocapitalize="none"
            spellcheck="false" enterkeyhint="search" role="combobox" aria-expanded="false" aria-controls="found"></label>
          <ul id="found" role="listbox" hidden></ul>
          <p id="place" role="status"><bdi></bdi> <button type="button" id="no-place" hidden>{t("where.clear")}</button></p>
          <label><span>{t("place")}</span><input name="place" maxlength="200" autocomplete="off"></label>
        </fieldset>
        <label><span>{t("when")}</span><input name="event_time" type="datetime-local"></label>
        <label><span>{t("more")}</span><textarea name="description" rows="4" maxlength="8000"></textarea></label>
        <label><span>{t("needs")}</span><input name="needs" maxlength="500" autocomplete="off"></label>
        <fieldset><legend>{t("grade")}</legend><div class="pair">
          {_select("grade_source", t("grade.source"), [(c, t(f"grade.{c}")) for c in "ABCDEF"], "F")}
          {_select("grade_information", t("grade.information"), [(c, t(f"grade.{c}")) for c in "123456"], "6")}
        </div></fieldset>
        <fieldset><legend>{t("photo")}</legend>
          <label class="file"><span>{t("photo.take")}</span><input id="photo" type="file" accept="image/*"></label>
          <label class="check"><input id="keep" type="checkbox"><span>{t("photo.keep")}</span></label>
          <figure id="shown" hidden><img alt=""><figcaption></figcaption>
            <button type="button" id="no-photo">{t("photo.remove")}</button></figure>
        </fieldset>
        <p id="told" role="alert" hidden></p>
        <div class="do"><button id="send">{t("send")}</button><button type="reset">{t("discard")}</button></div>
      </form>
      <section><h2>{t("queue")}</h2><p id="none">{t("queue.none")}</p><ol id="queue"></ol></section>"""


def _choice(name: str, legend: str, options: list[tuple[str, str, bool, str]]) -> str:
    """Large targets, one of which is chosen: (value, words, chosen at first, more attributes)."""
    parts = "".join(
        f'<label{more}><input type="radio" name="{name}" value="{escape(value)}"{" checked" if first else ""}>'
        f"<span>{words}</span></label>"
        for value, words, first, more in options
    )
    return f'<fieldset class="choice"><legend>{legend}</legend><div>{parts}</div></fieldset>'


def _select(name: str, label: str, options: list[tuple[str, str]], chosen: str) -> str:
    parts = "".join(
        f'<option value="{value}"{" selected" if value == chosen else ""}>{words}</option>' for value, words in options
    )
    return f'<label><span>{label}</span><select name="{name}">{parts}</select></label>'


def places(services: Services, request: Request) -> Response:
    """Who is signed in, and the areas they may know of: [P-code, name, name of the area above, lon, lat], small ones last."""
    viewer = services.viewer(request)
    seen = services.picture.seen_by(viewer)
    return answer(request, {"who": viewer.name, "places": _areas(seen)}, cache="private, no-cache")


def _areas(seen: Seen) -> list[list[Any]]:
    areas = seen.places.areas
    found = []
    for index in sorted(range(len(areas)), key=lambda at: areas[at].level):
        area = areas[index]
        if not area.pcode or not area.level or not area.holds(seen.now):
            continue
        above = int(seen.places.ancestors[index, area.level - 1])
        point = area.geometry.representative_point()
        parent = areas[above].name if above >= 0 else ""
        found.append([area.pcode, area.name, parent, round(point.x, 3), round(point.y, 3), area.level])
    return found[:PLACES]


def worker(services: Services, request: Request) -> Response:
    """The service worker: it may answer for `/report` alone. Browsers ask for it without cookies, so it is open to all."""
    return Response(
        (ASSETS / "report_worker.mjs").read_bytes(),
        media_type="text/javascript",
        headers={"Service-Worker-Allowed": "/report", "Cache-Control": "private, no-cache"},
    )


def manifest(services: Services, request: Request) -> Response:
    """What a phone needs to keep the page among its programs (W3C Web Application Manifest)."""
    lang = lang_of(request)
    icon = {"src": "/assets/favicon.svg", "type": "image/svg+xml", "sizes": "any", "purpose": "any"}
    told = {
        "id": "/report",
        "name": f"{say(lang, 'report.title')} · {services.settings.mission.name}",
        "short_name": say(lang, "report.title"),
        "lang": lang,
        "dir": "rtl" if lang in RIGHT_TO_LEFT else "ltr",
        "start_url": f"/report?lang={lang}",
        "scope": "/report",
        "display": "standalone",
        "background_color": "#ffffff",
        "theme_color": "#10161d",
        "icons": [icon],
    }
    return answer(request, msgspec.json.encode(told), media_type="application/manifest+json", cache="private, no-cache")


READERS = {
    "/report": page,
    "/report/places": places,
    "/report/worker.mjs": worker,
    "/report/manifest.webmanifest": manifest,
}
