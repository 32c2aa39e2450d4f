"""Objectives: what the mission agreed, how each part of it stands, and what agencies jointly assess."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dash import html

from dashboard.page import Page, shell
from dashboard.services import Services
from data.seen import Seen


def layout(services: Services, seen: Seen, query: Mapping[str, str]) -> Any:
    return shell("objectives", html.Main(id="cg-objectives"))


PAGE = Page(id="objectives", path="/objectives", layout=layout, order=50)
"""`/objectives?open=ID` opens a measure."""
