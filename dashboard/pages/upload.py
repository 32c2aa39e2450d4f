"""Bringing in files: what was recognised, where it is filed, its columns, what it would come to; then commit, or take back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dash import html

from dashboard.page import Page, shell
from dashboard.services import Services
from data.seen import Seen


def layout(services: Services, seen: Seen, query: Mapping[str, str]) -> Any:
    return shell("upload", html.Main(id="cg-upload"))


PAGE = Page(id="upload", path="/feeds/upload", layout=layout, order=81)
