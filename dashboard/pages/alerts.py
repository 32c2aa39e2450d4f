"""Alerts issued by people here: those that stand, those before, and the form of a new one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dash import html

from dashboard.page import Page, shell
from dashboard.services import Services
from data.seen import Seen


def layout(services: Services, seen: Seen, query: Mapping[str, str]) -> Any:
    return shell("alerts", html.Main(id="cg-alerts"))


PAGE = Page(id="alerts", path="/alerts", layout=layout, order=60)
"""`/alerts?new=1` opens with the form of a new alert."""
