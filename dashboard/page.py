"""The page frame: a page is a frozen value of a layout function and, where it has any, its callbacks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dash import Dash, html

from dashboard.services import Services
from data.seen import Seen

Layout = Callable[[Services, Seen, Mapping[str, str]], Any]
"""(services, what the viewer may see, the address's query) -> the page's components."""


@dataclass(frozen=True)
class Page:
    """`path` is its address, `id` also its key in the message catalogues (`page.<id>`)."""

    id: str
    path: str
    layout: Layout
    register: Callable[[Dash, Services], None] = lambda app, services: None
    order: int = 100


def shell(page_id: str, *children: Any) -> html.Div:
    """The hosts that the browser modules fill, around a page's own parts. React never looks inside an empty host."""
    return html.Div(
        [
            html.Header(id="cg-banner"),
            *children,
            html.Section(id="cg-drawer"),
            html.Footer(id="cg-strip"),
            html.Div(id="cg-help"),
        ],
        id="cg-app",
        **{"data-page": page_id},
    )
