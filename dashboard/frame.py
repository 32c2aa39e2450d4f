"""The Dash application on its FastAPI server: the document, the pages, and the machine interface beside them."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path
from typing import Any

import dash
import dash_mantine_components as dmc
from dash import Dash, html
from fastapi import FastAPI

from dashboard.page import Page
from dashboard.pages import all_pages
from dashboard.services import Services
from dashboard.words import say
from data.filters import BadFilter, Filters, moment

ASSETS = Path(__file__).resolve().parent.parent / "assets"
DOCUMENT = """<!DOCTYPE html>
<html lang="en" data-theme="dark">
  <head>
    {%metas%}
    <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
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
        use_pages=True,
        pages_folder="",
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
    for page in all_pages():
        dash.register_page(
            f"pages.{page.id}",
            path=page.path,
            title=f"{say('en', f'page.{page.id}')} · {services.settings.mission.name}",
            layout=partial(_layout, page, services),
            order=page.order,
        )
        page.register(app, services)
    app.layout = dmc.MantineProvider(
        [dash.page_container],
        id="cg-mantine",
        theme={"fontFamily": "Noto Sans, Noto Sans Arabic, sans-serif", "primaryColor": "violet", "defaultRadius": 0},
        defaultColorScheme="dark",
    )
    return app


def _layout(page: Page, services: Services, **query: Any) -> Any:
    """A page's layout for whoever asked for it; Dash hands over the path and the query together."""
    told = {key: value for key, value in query.items() if isinstance(value, str)}
    try:
        at = moment(told["as_known_at"], "as_known_at") if told.get("as_known_at") else None
    except BadFilter as error:
        return html.P(str(error), className="cg-empty")
    return page.layout(services, services.seen(Filters(as_known_at=at)), told)


def assets_version() -> str:
    """Changes whenever what the browser loads does: browsers keep assets for good under it."""
    hasher = hashlib.blake2b(digest_size=6)
    for file in sorted(ASSETS.rglob("*")):
        if file.is_file():
            hasher.update(f"{file.relative_to(ASSETS)} {file.stat().st_size} {file.stat().st_mtime_ns}".encode())
    return hasher.hexdigest()
