"""The Dash application on its FastAPI server: the document, the pages, and the machine interface beside them."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import dash_mantine_components as dmc
from dash import Dash, Input, Output, State, dcc, html
from fastapi import FastAPI

from dashboard.answer import Refused
from dashboard.looking import VIEW_AS
from dashboard.pages import all_pages
from dashboard.services import Services
from dashboard.words import language, say
from data.filters import BadFilter, Filters, moment

ASSETS = Path(__file__).resolve().parent.parent / "assets"
DOCUMENT = """<!DOCTYPE html>
<html lang="en" data-theme="dark" data-grid="{grid}">
  <head>
    {metas}
    <title>{title}</title>
    <link rel="icon" type="image/svg+xml" href="{assets}/favicon.svg">
    {css}
    {ours}
  </head>
  <body>
    {app_entry}
    <footer>{config}{scripts}{renderer}</footer>
  </body>
</html>"""
GRID = re.compile(r'<script src="(/_dash-component-suites/dash_ag_grid/[^"]+)"></script>')
SOCKET = re.compile(r',"websocket":\{[^}]*\}')
ALONE = ("lite.css", "report.css")
"""Sheets of pages that stand outside the shell; in it they would dress what is not theirs."""
IMPORTED = re.compile(r'^(?:import|export)\b[^;"]*"\./([^"]+)";', re.MULTILINE)


class Documents(Dash):
    """Dash with a document of ours. It names our style sheets, scripts and modules (all of the graph, so that the browser
    asks for them at once) under an address that changes with their content, and leaves AG Grid, a third of all that
    would be loaded, to `assets/grid.js`, which gets it when a table is opened. Without the address of Dash's WebSocket,
    which no callback of ours uses, pages do not hold one open (each would hold threads of the server)."""

    def interpolate_index(self, **parts: str) -> str:
        version = assets_version()
        grid = GRID.search(parts["scripts"])
        parts["scripts"] = GRID.sub("", parts["scripts"])
        parts["config"] = SOCKET.sub("", parts["config"])
        return DOCUMENT.format(
            **parts, grid=grid.group(1) if grid else "", assets=f"/assets/v-{version}", ours=our_tags(version)
        )


def make_dash(server: FastAPI, services: Services) -> Dash:
    """Put the pages on a FastAPI server. Routes added to it before this call win over the pages' catch-all."""
    app = Documents(
        "commonground",
        server=server,
        use_pages=False,
        assets_folder=str(ASSETS),
        assets_ignore=".",
        title=services.settings.mission.name,
        update_title=None,
        suppress_callback_exceptions=True,
        add_log_handler=False,
        enable_mcp=False,
    )
    app.layout = dmc.MantineProvider(
        [dcc.Location(id="url", refresh=False), html.Div(id="cg-page")],
        id="cg-mantine",
        theme={"fontFamily": "Noto Sans, Noto Sans Arabic, sans-serif", "primaryColor": "violet", "defaultRadius": 0},
        defaultColorScheme="dark",
    )
    pages = {page.path: page for page in all_pages()}
    for page in pages.values():
        page.register(app, services)

    # Dash's own Pages would lay a page out anew on every change of the address, and with it take the map away.
    @app.callback(Output("cg-page", "children"), Input("url", "pathname"), State("url", "search"))
    def show(path: str | None, search: str | None) -> Any:
        page = pages.get((path or "/").rstrip("/") or "/")
        query = dict(parse_qsl((search or "").removeprefix("?")))
        if page is None:
            return html.P(say(language(query.get("lang")), "page.none"), className="cg-empty")
        try:
            at = moment(query["as_known_at"], "as_known_at") if query.get("as_known_at") else None
        except BadFilter as error:
            return html.P(str(error), className="cg-empty")
        try:
            return page.layout(services, services.seen(Filters(as_known_at=at), query.get(VIEW_AS, "")), query)
        except Refused as error:
            return html.P(str(error), className="cg-empty")

    return app


def assets_version() -> str:
    """Changes whenever what the browser loads does: browsers keep assets for good under it."""
    hasher = hashlib.blake2b(digest_size=6)
    for file in sorted([*ASSETS.glob("*.*"), *ASSETS.glob("messages/*"), ASSETS / "vendor" / "versions.json"]):
        if file.is_file():
            at = file.stat()
            hasher.update(f"{file.relative_to(ASSETS)} {at.st_size} {at.st_mtime_ns}".encode())
    return hasher.hexdigest()


@lru_cache(1)
def our_tags(version: str) -> str:
    """The tags of everything under assets/ that every page loads."""
    at = f"/assets/v-{version}"
    sheets = [file.name for file in sorted(ASSETS.glob("*.css")) if file.name not in ALONE]
    tags = [f'<link rel="stylesheet" href="{at}/{name}">' for name in sheets]
    tags += [f'<link rel="modulepreload" href="{at}/{name}">' for name in modules("main.mjs")]
    tags += [f'<link rel="preload" as="fetch" crossorigin href="{at}/messages/en.json">']
    tags += [f'<script src="{at}/{file.name}"></script>' for file in sorted(ASSETS.glob("*.js"))]
    return "\n    ".join([*tags, f'<script type="module" src="{at}/main.mjs"></script>'])


def modules(entry: str) -> list[str]:
    """The modules that one under assets/ imports (statically), and those import, without itself."""
    found = [entry]
    for name in found:  # grows
        if name.startswith("vendor/"):
            continue
        named = IMPORTED.findall((ASSETS / name).read_text(encoding="utf-8"))
        found += [other for other in dict.fromkeys(named) if other not in found]
    return found[1:]
