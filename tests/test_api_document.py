"""What the definitions tell is what is served: every route is told, and no answer is given that is not told of.

`COMMONGROUND_EXAMPLES=200` asks more of every operation.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import openapi_spec_validator
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from data.records import Alert
from tests.site import NOW, Site, incident, land, site

EXAMPLES = int(os.environ.get("COMMONGROUND_EXAMPLES", "2"))
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
ENDLESS = "/live"
OF_PAGES = (
    "/assets",
    "/lite",
    "/report",
    "/sign-in",
    "/sign-out",
    "/account",
    "/ogc",
    "/_dash",
    "/_reload",
    "/_favicon",
)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("told")) as found:
        found.put(land(), "codab", "OCHA", releasable_to=("mission",))
        found.put([incident(number) for number in range(20)], "usgs", "USGS", releasable_to=("mission",))
        found.put([Alert(source_ref="a", title="Flood", lon=30.5, lat=6.5, onset=NOW)], "cap", "MET")
        yield found


def test_every_route_is_told(here: Site) -> None:
    definition = here.get("/api/openapi.json").json()
    openapi_spec_validator.validate(definition)
    told = {f"{method.upper()} {path}" for path, of in definition["paths"].items() for method in of}
    served = {
        f"{method} {route.path}"
        for route in _routes(here)
        for method in route.methods - {"HEAD"}
        if not route.path.startswith(OF_PAGES) and getattr(route.endpoint, "__name__", "") != "_nothing"
    }
    assert told == served, "tell of a new route in dashboard/api_document.py"
    assert len(told) > 40
    of_features = here.get("/ogc/api").json()["paths"]
    assert all(f"/collections/{name}/queryables" in of_features for name in ("incidents", "boundaries"))


def _routes(here: Site) -> Any:
    from dashboard.http import routes

    return [route for route in routes(here.services, here.hub).routes if getattr(route, "methods", None)]


@pytest.mark.parametrize("definition", ["/api/openapi.json", "/ogc/api"])
def test_no_answer_is_given_that_is_not_told_of(here: Site, definition: str) -> None:
    told = here.get(definition).json()
    told["paths"].pop(ENDLESS, None)
    schema = schemathesis.openapi.from_dict(told)
    asked = 0
    for found in schema.get_all_operations():
        operation = found.ok()

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=EXAMPLES < 10,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def ask(case: schemathesis.Case) -> None:
            nonlocal asked
            asked += 1
            case.validate_response(case.call(base_url=told["servers"][0]["url"]), checks=CHECKS)

        ask()
    assert asked >= len(told["paths"])
