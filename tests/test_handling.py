"""What a row says of its own handling: it raises its source's mark, and what cannot be understood refuses the row."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from data.records import Entry, OwnMark, Record, Reject, Sensitivity, decode
from data.settings import Source
from ingest.feed import Context, Payload, parse
from ingest.feeds import all_feeds

COLUMNS = {
    "source_ref": "Key",
    "category": "Theme",
    "sensitive": "Sensitive",
    "own": {"sensitivity": "Level", "tlp": {"column": "TLP", "words": {"Internal": "amber"}}, "consent": "Consent"},
    "own.compartments": "Groups",
    "own.minimum_count": "At least",
    "own.originator_control": "ORCON",
    "own.precision": {"value": "km5"},
}
SOURCE = Source(
    "s",
    "table",
    "CEA",
    sensitivity=Sensitivity.moderate,
    releasable_to=("mission",),
    options={"kind": "feedback", "columns": COLUMNS},
)


def table(**cells: str) -> Entry | Reject:
    row = {"Key": "1", "Theme": "water", "Sensitive": "", "Level": "", "TLP": "", "Consent": "", "Groups": ""}
    row |= {"At least": "", "ORCON": ""} | {name.replace("_", " "): value for name, value in cells.items()}
    text = "\n".join(",".join(f'"{cell}"' for cell in line) for line in (row.keys(), row.values()))
    return only("table", text, SOURCE)


def only(feed: str, text: str, source: Source) -> Entry | Reject:
    payload = Payload("rows.csv" if feed == "table" else "rows.json", content=text.encode())
    [[found]] = parse(all_feeds()[feed], payload, Context(source, datetime(2026, 11, 20, tzinfo=UTC)))
    return found


def record(found: Entry | Reject) -> Record:
    assert isinstance(found, Entry), found
    return decode(found.body)


def test_a_row_raises_the_mark_of_its_source() -> None:
    found = record(
        table(Level="High", TLP="TLP:AMBER+STRICT", Consent="yes", Groups="PSEA; MEDEVAC,", At_least="5", ORCON="x")
    )
    assert found.own == OwnMark(
        sensitivity=Sensitivity.high,
        tlp="amber_strict",
        consent="given",
        compartments=("PSEA", "MEDEVAC"),
        minimum_count=5,
        originator_control=True,
        precision="km5",
    )
    assert (found.sensitivity, found.releasable_to) == (Sensitivity.high, ("mission",))


def test_a_row_cannot_lower_it() -> None:
    found = record(table(Level="low", TLP="Internal"))
    assert found.sensitivity is Sensitivity.moderate
    assert found.own == OwnMark(sensitivity=Sensitivity.low, tlp="amber", precision="km5")


def test_a_sensitive_complaint_is_severe_whatever_its_source_is() -> None:
    assert record(table(Sensitive="yes", Level="low")).sensitivity is Sensitivity.severe
    assert record(table(Sensitive="no")).sensitivity is Sensitivity.moderate


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"Level": "secret"}, "own.sensitivity: is none of low, moderate, high, severe"),
        ({"TLP": "pink"}, "own.tlp: is none of clear, green, amber"),
        ({"TLP": "unstated"}, "own.tlp: is none of"),
        ({"Consent": "perhaps"}, "own.consent: is neither given"),
        ({"At_least": "0"}, "own.minimum_count: is not a whole number from 1"),
        ({"At_least": "few"}, "own.minimum_count: is not a whole number from 1"),
        ({"ORCON": "maybe"}, "own.originator_control: is neither yes nor no"),
    ],
)
def test_what_cannot_be_understood_refuses_the_row(cells: dict[str, str], reason: str) -> None:
    found = table(**cells)
    assert isinstance(found, Reject)
    assert found.reason.startswith(reason)


def test_the_same_thing_marked_in_another_way_is_still_the_same_thing() -> None:

    source = Source(
        "s", "table", "CEA", options={"kind": "activity", "columns": {"category": "Theme", "own": {"tlp": "TLP"}}}
    )
    one, other = (only("table", f"Theme,TLP\nwater,{level}", source) for level in ("green", "red"))
    assert isinstance(one, Entry)
    assert isinstance(other, Entry)
    assert one.source_ref == other.source_ref
    assert one.digest != other.digest


REPORT = {"source_ref": "1", "title": "Bridge out", "reporter": "A."}


def report(**more: Any) -> Entry | Reject:
    return only("report", json.dumps({**REPORT, **more}), Source("r", "report", "JOC", sensitivity=Sensitivity.low))


def test_a_field_report_raises_its_own_mark_in_an_object() -> None:
    found = record(report(own={"sensitivity": "severe", "releasable_to": [], "personal_fields": ["reporter"]}))
    assert found.sensitivity is Sensitivity.severe
    assert found.own == OwnMark(sensitivity=Sensitivity.severe, releasable_to=(), personal_fields=("reporter",))
    assert record(report()).own is None
    assert "own" not in record(report(own={"tlp": "red"})).attributes


@pytest.mark.parametrize(
    "own", ["severe", ["severe"], {"sensitivity": "top"}, {"compartments": [1]}, {"agency": "WHO"}]
)
def test_a_field_report_whose_mark_cannot_be_understood_is_refused(own: Any) -> None:
    found = report(own=own)
    assert isinstance(found, Reject), found
