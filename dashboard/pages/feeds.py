"""Every source: tried, succeeded and observed apart; its cadence; and what is in quarantine, by reason, to the raw row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dash import html

from dashboard.page import Page, shell
from dashboard.services import Services
from data.seen import Seen


def layout(services: Services, seen: Seen, query: Mapping[str, str]) -> Any:
    return shell("feeds", html.Main(id="cg-feeds"))


PAGE = Page(id="feeds", path="/feeds", layout=layout, order=80)
