"""The Dash application on its FastAPI server: the document, the pages, and the machine interface beside them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import dash_mantine_components as dmc
from dash import Dash, Input, Output, State, dcc, html
from fastapi import FastAPI

from dashboard.pages import all_pages
from dashboard.services import Services
from dashboard.words import language, say
from data.filters import BadFilter, Filters, moment

ASSETS = Path(__file__).resolve().parent.parent / "assets"
DOCUMENT = """<!DOCTYPE html>
<html lang="en" data-theme="dark">
  <head>
    {%metas%}
    <title>{%title%}</title>
    {%favicon%}
    {%css%}
  </head>
  <body>
    {%app_entry%}
    <footer>{%config%}{%scripts%}{%renderer%}</footer>
  </body>
</html>"""


def make_dash(server: FastAPI, services: Services) -> Dash:
    """Put the pages on a FastAPI server. Routes added to it before this call win over the pages' catch-all."""
    app = Dash(
        "commonground",
        server=server,
        use_pages=False,
        assets_folder=str(ASSETS),
        assets_ignore=r"^(?!main\.mjs$).*\.mjs$",
        assets_path_ignore=["^vendor$", "^messages$"],
        index_string=DOCUMENT,
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
        return page.layout(services, services.seen(Filters(as_known_at=at)), query)

    return app


def assets_version() -> str:
    """Changes whenever what the browser loads does: browsers keep assets for good under it."""
    hasher = hashlib.blake2b(digest_size=6)
    for file in sorted(ASSETS.rglob("*")):
        if file.is_file():
            hasher.update(f"{file.relative_to(ASSETS)} {file.stat().st_size} {file.stat().st_mtime_ns}".encode())
    return hasher.hexdigest()
