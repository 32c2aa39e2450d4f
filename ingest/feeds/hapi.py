"""Figures of HAPI, HDX's humanitarian API, that have no feed of their own: rainfall, poverty, risk, funding.

HAPI's tables share their columns: a location, areas by P-code, a reference period. Every column of figures named here is an
indicator; one row may give several. Tables of events, prices, needs, phases, displacement and population have their own feeds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ingest.feed import Feed, Payload, Source
from ingest.figures import Row, indicator, key_of, where
from ingest.headings import area_columns, bare, pick
from ingest.objects import headings
from ingest.sheets import Table, distinct, plain, tables
from ingest.values import text

FIGURES = {
    "rainfall": ("rainfall", "mm"),
    "rainfall_long_term_average": ("rainfall_long_term_average", "mm"),
    "rainfall_anomaly_pct": ("rainfall_anomaly", "%"),
    "mpi": ("multidimensional_poverty_index", "index 0-1"),
    "headcount_ratio": ("poverty_headcount_ratio", "%"),
    "intensity_of_deprivation": ("intensity_of_deprivation", "%"),
    "vulnerable_to_poverty": ("vulnerable_to_poverty", "%"),
    "in_severe_poverty": ("in_severe_poverty", "%"),
    "overall_risk": ("inform_risk", "index 0-10"),
    "hazard_exposure_risk": ("inform_hazard_exposure", "index 0-10"),
    "vulnerability_risk": ("inform_vulnerability", "index 0-10"),
    "coping_capacity_risk": ("inform_lack_of_coping_capacity", "index 0-10"),
    "requirements_usd": ("funding_required", "USD"),
    "funding_usd": ("funding", "USD"),
    "funding_pct": ("funding_coverage", "%"),
}
"""Column -> (indicator, unit), units as the INFORM, OPHI, FTS and CHIRPS tables behind HAPI have them."""
ABOUT = (
    "aggregation_period",
    "appeal_code",
    "population_group",
    "origin_location_code",
    "risk_class",
    "classification",
)


def recognise(payload: Payload) -> int:
    return 94 if any(_is_ours(names) for names in headings(payload)) else 0


def _is_ours(names: Iterable[str]) -> bool:
    names = set(names)
    return bool(names & FIGURES.keys()) and {"location_code", "reference_period_start"} <= names


def rows(payload: Payload, source: Source) -> Iterable[Row]:
    found = False
    for table in tables(payload):
        if _is_ours(bare(name) for name in table.header):
            found = True
            yield from _figures(table)
    if not found:
        raise ValueError(
            f"{payload.name} has no table of HAPI with a location, a reference period and a figure known here"
        )


def _figures(table: Table) -> Iterator[Row]:
    areas = area_columns(table.header)
    country, start, end = (
        pick(table.header, (name,)) or ""
        for name in ("location_code", "reference_period_start", "reference_period_end")
    )
    about = [name for name in table.header if bare(name) in ABOUT]
    values = [(name, *FIGURES[bare(name)]) for name in table.header if bare(name) in FIGURES]
    seen: dict[str, list[int]] = {}
    for row in table.rows:
        place = where(row, areas, text(row, country))
        more = [text(row, name) for name in about]
        rest = plain(row, {name for name, _, _ in values} | areas.used(row))
        told = [each for each in values if row.get(each[0]) is not None] or values[:1]  # a row of blanks is one unknown
        for name, called, unit in told:
            key = key_of(place, called, *more, text(row, start)[:10], country=text(row, country))
            yield {
                **place,
                "key": distinct(key, {"value": row.get(name), **row}, seen),
                "indicator": called,
                "category": "hapi",
                "value": row.get(name),
                "unit": unit,
                "start": row.get(start),
                "end": row.get(end),
                "attributes": rest,
            }


FEED = Feed(
    name="hapi",
    title="HAPI figures: rainfall, poverty, risk, funding (CSV)",
    kinds=("indicator",),
    formats=("csv", "json", "xlsx"),
    media_types=("text/csv", "application/json"),
    recognise=recognise,
    rows=rows,
    record=indicator,
    precedence=lambda payload: -20,
)
