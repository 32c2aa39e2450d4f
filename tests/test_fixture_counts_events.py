"""Of incidents, hazards and figures, every row of every real file comes out: as many as another reader counts in it.

Each count is made here by csv, json, lxml or openpyxl, from what the format says a row is, and by nothing of the program.
"""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from lxml import etree

from data.records import Entry
from data.settings import Source
from ingest.feed import Context, Payload, parse
from ingest.feeds import all_feeds
from ingest.gdelt_columns import NEW, OLD

RECEIVED = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)
Count = Callable[[Path], int]


def lines(path: Path) -> list[dict[str, str]]:
    """Rows of a csv by their heading, without a row of HXL tags and without blank ones."""
    text = path.read_bytes().decode("utf-8-sig", errors="replace")
    rows = [{str(k): str(v or "") for k, v in row.items()} for row in csv.DictReader(io.StringIO(text, newline=""))]
    rows = [row for row in rows if any(value.strip() for value in row.values())]
    tagged = rows and sum(value.startswith("#") for value in rows[0].values()) > 1
    return rows[1:] if tagged else rows


def rows(path: Path) -> int:
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
        reader = csv.reader(stream)
        next(reader)
        first = next(reader)
        return (sum(cell.startswith("#") for cell in first) < 2) + sum(any(row) for row in reader)


def filled(*names: str) -> Count:
    return lambda path: sum(bool(row[name].strip()) for row in lines(path) for name in names)


def filled_but(*names: str) -> Count:
    """Filled cells of all columns but these."""
    return lambda path: sum(bool(v.strip()) for row in lines(path) for k, v in row.items() if k not in names)


def sheets(path: Path) -> Iterator[tuple[str, list[tuple[Any, ...]]]]:
    with closing(openpyxl.load_workbook(path, read_only=True, data_only=True)) as book:
        for sheet in book.worksheets:
            yield (
                sheet.title,
                [row for row in sheet.iter_rows(values_only=True) if any(c not in (None, "") for c in row)],
            )


def first_sheet(path: Path) -> int:
    (_, (_, *found)), *_ = sheets(path)
    return len(found) - sum(str(cell).startswith("#") for cell in found[0][:3] if cell) // 2


def monthly(path: Path) -> int:
    """Events and fatalities that are filled, in sheets that have them."""
    found = 0
    for _, (header, *body) in sheets(path):
        columns = [header.index(name) for name in ("Events", "Fatalities") if name in header]
        found += sum(row[column] not in (None, "") for row in body for column in columns)
    return found


def ebola(path: Path) -> int:
    """Figures of lines that have a day; of lines that have none, the lines."""
    found, no_figures = 0, {"population", "*calculated*", "", None}
    for title, (header, *body) in sheets(path):
        first = {
            "Common_URIs": 3,
            "Liberia_Transposed": 3,
            "Sierra_Leone_transposed": 3,
            "Liberia_raw": 2,
            "Sierra_Leone_raw": 2,
        }
        if title not in first:
            continue
        day = 0 if first[title] == 2 else 1
        figures = [n for n in range(first[title], len(header)) if first[title] == 2 or header[n] not in no_figures]
        for row in body:
            dated = re.match(r"\d{4}-\d\d-\d\d", str(row[day]))
            found += sum(row[n] not in (None, "", "-") for n in figures if n < len(row)) if dated else 1
    return found


def zipped(path: Path) -> int:
    with zipfile.ZipFile(path) as archive:
        (name,) = archive.namelist()
        return sum(1 for _ in csv.DictReader(io.TextIOWrapper(archive.open(name), "utf-8", newline="")))


def said(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def places(path: Path) -> int:
    return sum(len(event["geometry"]) for event in said(path)["events"])


def features(path: Path) -> int:
    return len(said(path)["features"])


def messages(path: Path) -> int:
    """Warnings, and those that an update takes back."""
    found = [feature["properties"] for feature in said(path)["features"]]
    return len(found) + sum(len(alert["references"]) for alert in found if alert["messageType"] == "Update")


def phases(path: Path) -> int:
    return sum(
        value is not None
        for row in said(path)["DataList"]
        for name, value in row.items()
        if re.search("_num|_class", name)
    )


def entries(path: Path) -> int:
    return len(re.findall(rb"<(?:item|entry)[ >]", path.read_bytes()))


def warnings(path: Path) -> int:
    """Alerts, entries without one, and what alerts take back; a Cancel only takes back."""
    root = etree.fromstring(path.read_bytes())
    found = sum(1 for entry in root.iter("{*}entry", "{*}item") if entry.find(".//{*}alert") is None)
    for alert in root.iter("{*}alert"):
        kind = alert.findtext("{*}msgType", "").strip()
        others = len(alert.findtext("{*}references", "").split()) if kind in ("Update", "Cancel") else 0
        found += others if kind == "Cancel" and others else 1 + others
    return found


def matrix(path: Path) -> int:
    """Prices below the line that says Year and Month."""
    with path.open(encoding="utf-8") as stream:
        found = list(csv.reader(stream))
    first = next(number for number, line in enumerate(found) if line and "year" in line[0].lower())
    return sum(bool(cell.strip()) for line in found[first + 1 :] for cell in line[2:])


WFP, HNO, II = "wfp/hdx-scraper-wfp-foodprices__", "hno/hdx-scraper-", "insecurity/"
HDX = "hdx-scraper-insecurity-insight__2020-202"
TO_DATE = "__download-{}-events-and-fatalities-as-of-2025-01-10.xlsx"
FILES: list[tuple[str, str, Count]] = [
    ("acled", "acled/fabflee_mali2012_acled.csv", rows),
    ("acled", "acled/ssd_conflict_data.csv", rows),
    (
        "conflict_counts",
        "acled/hdx-scraper-acled__hdx_hapi_conflict_event_global_1997.csv",
        filled("events", "fatalities"),
    ),
    ("conflict_counts", "acled/hdx-scraper-acled" + TO_DATE.format("civilian-targeting"), monthly),
    ("conflict_counts", "acled/hdx-scraper-acled" + TO_DATE.format("political-violence"), monthly),
    ("ucdp", "ucdp/hdx-scraper-ucdp__conflict_data_BGD.csv", rows),
    ("ucdp", "ucdp/hdx-scraper-ucdp__download.zip", zipped),
    ("insecurity", II + "2023-MMR-attacks-on-health-care.xlsx", first_sheet),
    ("insecurity", II + HDX + "3-explosive-weapons-monitor-data-by-insecurity-insight.xlsx", first_sheet),
    ("insecurity", II + HDX + "3-protection-in-danger-incident-data.xlsx", first_sheet),
    ("insecurity", II + HDX + "4-food-security-incident-data-backfill.xlsx", first_sheet),
    ("eonet", "eonet/eonet_events.json", places),
    ("eonet", "eonet/eonet_events_geojson.json", features),
    ("nws", "nws/nws_active_e2e.json", messages),
    ("nws", "nws/nws_active_testing.json", messages),
    ("usgs", "usgs/python-aio-geojson-usgs-earthquakes__earthquakes-1.json", features),
    *(("georss", f"georss/python-georss-client__generic_feed_{number}.xml", entries) for number in range(1, 7)),
    *(("georss", f"georss/python-georss-client__xml_parser_complex_{number}.xml", entries) for number in range(1, 4)),
    *(
        ("georss", f"georss/python-georss-client__xml_parser_geometries_{number}.xml", entries)
        for number in range(1, 3)
    ),
    *(("gdacs", f"georss/python-aio-georss-gdacs__gdacs-{name}.xml", entries) for name in ("1", "2", "rss-24h", "rss")),
    *(
        ("cap", f"cap/cap-library__{name}", warnings)
        for name in (
            *("amber.atom", "australia.cap", "canada.cap", "earthquake.cap", "earthquake_signed.cap", "invalid.cap"),
            *(
                "no_entries.atom",
                "no_id.atom",
                "no_link.atom",
                "no_optional_fields.cap",
                "no_title.atom",
                "ny_index.rss",
            ),
            *("weather.atom", "weather.cap", "weather_index.atom", "weather_invalid.atom"),
        )
    ),
    ("cap", "cap/cap__cap_amber_alert_example.xml", warnings),
    ("georss", "cap/cap-library__earthquake_index.atom", entries),
    ("disease", "epi/ebola2014_country_timeseries.csv", filled_but("Date", "Day")),
    ("disease", "epi/ebola2014_guinea_2014-10-01.csv", filled_but("Date", "Description")),
    ("disease", "epi/ebola2014_liberia_2014-10-04.csv", filled_but("Date", "Variable")),
    ("disease", "epi/ebola2014_who_montserrado.csv", rows),
    ("disease", "epi/ebola2014_who_sierraleone.csv", rows),
    ("disease", "epi/uganda2022_by_district.csv", filled_but("Date as of", "District")),
    ("disease", "epi/uganda2022_by_subcounty.csv", filled_but("Date as of", "District", "SubCounty")),
    ("disease", "epi/uganda2022_hospital.csv", filled_but("Date as of", "Hospital")),
    ("disease", "epi/ebola2014_cases_sl_lbr.xlsx", ebola),
    ("food_prices", WFP + "hdx_hapi_food_price_global_2019.csv", rows),
    ("food_prices", WFP + "wfp_food_prices_cog.csv", rows),
    ("food_prices", WFP + "wfp_food_prices_global_2023.csv", rows),
    ("food_prices", WFP + "wfp_food_prices_pse.csv", rows),
    ("food_prices", WFP + "MarketPrices_PriceMonthly_SYR_83.json", lambda path: len(said(path)["items"])),
    ("food_prices", "supply/ssd_food.csv", rows),
    ("food_prices", "supply/ssd_maize_price.csv", matrix),
    ("food_prices", "supply/ssd_wheat_price.csv", matrix),
    ("ipc", "ipc/south-sudan-conflict-food-security-ml__fewsnet_ipc_south_sudan.csv", rows),
    ("ipc", "ipc/prism-app__ssd-ipc-2022-03.json", phases),
    ("ipc", "ipc/prism-app__ssd-ipc-2022-07.json", phases),
    ("needs", HNO + "hno__hdx_hapi_humanitarian_needs_global_2024.csv", rows),
    ("needs", HNO + "hno__hpc_hno_2024.csv", filled("Population", "In Need", "Targeted", "Affected", "Reached")),
    (
        "needs",
        HNO + "hno__sdn_hpc_needs_api_2021.csv",
        filled("Population", "In Need", "Targeted", "Affected", "Reached"),
    ),
    ("refugees", HNO + "unhcr-population__HDX_Demographics.csv", rows),
    ("refugees", HNO + "unhcr-population__HDX_EndYearPopulationTotals.csv", filled_but("Year", "ISO3CoO", "ISO3CoA")),
]


@pytest.mark.filterwarnings("ignore:Unknown extension is not supported")  # of what openpyxl leaves out
@pytest.mark.parametrize(
    ("feed", "name", "count"), [pytest.param(*each, id=each[1].rpartition("/")[2]) for each in FILES]
)
def test_every_row_comes_out(fixtures_dir: Path, feed: str, name: str, count: Count) -> None:
    path = fixtures_dir / name
    payload = Payload("a.file", path)  # told by its content, not by its name
    scores = {each.name: each.recognise(payload) for each in all_feeds().values()}
    assert max(scores, key=lambda name: scores[name]) == feed, scores
    context = Context(Source("test", feed), RECEIVED)
    found = [item for batch in parse(all_feeds()[feed], payload, context) for item in batch]
    assert [item.row for item in found] == list(range(1, len(found) + 1))
    assert len(found) == count(path)


def test_a_list_of_patients_becomes_counts_and_nothing_else(fixtures_dir: Path) -> None:
    path = fixtures_dir / "epi" / "ebola2014_line_list.csv"
    context = Context(Source("test", "disease"), RECEIVED)
    found = [item for batch in parse(all_feeds()["disease"], Payload("a.file", path), context) for item in batch]
    bodies = [json.loads(item.body) for item in found if isinstance(item, Entry)]
    assert len(bodies) == len(found)
    people = lines(path)
    assert sum(body["value"] for body in bodies if body["indicator"] == "cases") == len(people)
    assert sum(body["value"] for body in bodies if body["indicator"] == "deaths") == sum(
        bool(p["death_date"]) for p in people
    )
    kept = " ".join(json.dumps({**body, "agency": ""}) for body in bodies)
    told = {p[name] for p in people for name in ("identifying_notes", "sub_sub_location", "exposure", "source")}
    areas = {p["sub_location"] for p in people} | {p["country"] for p in people}
    assert [one for one in told - areas if one.strip() and re.search(rf"\b{re.escape(one)}\b", kept)] == []


@pytest.mark.parametrize(
    ("name", "columns"),
    [("GDELT_2.0_Events_Column_Labels_Header_Row_Sep2016", NEW), ("events2", NEW), ("events1", OLD)],
)
def test_gdelts_columns_are_those_of_its_own_lists_of_them(
    fixtures_dir: Path, name: str, columns: tuple[str, ...]
) -> None:
    with (fixtures_dir / "gdelt" / f"gdeltPyR__{name}.csv").open(encoding="utf-8", newline="") as stream:
        _, *told = csv.reader(stream)
    assert tuple(line[0] for line in told) == tuple(columns)
