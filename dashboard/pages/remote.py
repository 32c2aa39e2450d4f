"""The wall's remote: from a phone or a desk, which scene a wall shows, and whether it stays there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dash import html

from dashboard.page import Page, shell
from dashboard.services import Services
from data.seen import Seen


def layout(services: Services, seen: Seen, query: Mapping[str, str]) -> Any:
    return shell("remote", html.Main(id="cg-remote"))


PAGE = Page(id="remote", path="/wall/remote", layout=layout, order=91)
