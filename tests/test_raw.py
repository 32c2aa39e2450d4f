"""A row kept as text is the same row when it is read again, or is said not to be enough."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from ingest.raw import RAW_LIMIT, NotEnough, raw_text, row_of

PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.datetimes() | st.dates()
CELLS = PLAIN | st.datetimes(timezones=st.just(UTC)) | st.text(max_size=20).map(str.encode)
ROWS = st.recursive(CELLS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12)


def again(row: Any) -> Any:
    return row_of(raw_text(row).encode("utf-8", "surrogatepass"))


@given(st.dictionaries(st.text(st.characters(exclude_characters="$")), ROWS) | st.text(max_size=200))
def test_rows_come_back_as_they_were(row: Any) -> None:
    assert again(row) == row


@pytest.mark.parametrize(
    "row",
    [
        "plain, text",
        '{"text": "that looks like JSON"}',
        "<text>that looks like XML</text>",
        b"<event uid='x'><point lat='1'/></event>",
        b"1,2,3",
        [1, None, "x"],
        {"when": datetime(2026, 11, 20, 12, tzinfo=UTC), "day": date(2026, 11, 20)},
        {"lone": "\ud800"},
    ],
)
def test_each_shape_of_row(row: Any) -> None:
    assert again(row) == row


def test_elements_keep_their_namespaces_and_children() -> None:
    row = etree.fromstring('<a:alert xmlns:a="urn:cap"><a:info lang="ar">نص</a:info>tail</a:alert>')
    assert etree.tostring(again(row), method="c14n") == etree.tostring(row, method="c14n")
    inner = again({"of": row})["of"]
    assert etree.tostring(inner, method="c14n") == etree.tostring(row, method="c14n")


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"long": "x" * RAW_LIMIT}, "only its first 65,536 characters were kept"),
        ({"value": object()}, "does not hold what was there"),
        (b"\xff\xfe not text", "does not hold what was there"),
        ({(1, 2): "no key of JSON"}, "does not hold what was there"),
    ],
)
def test_what_is_not_enough_says_so(row: Any, why: str) -> None:
    with pytest.raises(NotEnough, match=why):
        again(row)


def test_an_entity_in_a_kept_row_is_not_followed() -> None:
    kept = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>'
    with pytest.raises(NotEnough, match="document type"):
        row_of(kept)
