"""What holds for every feed, shown on its golden files: `tests/golden/<feed>/` with inputs and one `expected.json`.

A new feed needs a folder with at least one input. `GOLDEN_UPDATE=1 pytest tests/test_feed_contract.py` writes what the
feed makes of the inputs to `expected.json`; read it before you commit it. A feed that is told by settings how to read
has a `source.toml` beside the inputs (keys of a source, for example `timezone` and `[options]`).
"""

from __future__ import annotations

import json
import os
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import shapely

from data.records import KIND_OF_NUMBER, Entry, Reject, Sensitivity
from ingest.feed import Context, Feed, Payload, Source, parse
from ingest.feeds import all_feeds

GOLDEN = Path(__file__).parent / "golden"
RECEIVED = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)
FEEDS = tuple(all_feeds())


def inputs(feed_name: str) -> list[Path]:
    found = sorted((GOLDEN / feed_name).glob("*"))
    return [path for path in found if path.is_file() and path.name not in ("expected.json", "source.toml")]


INPUTS = [pytest.param(name, path, id=f"{name}/{path.name}") for name in FEEDS for path in inputs(name)]


def source_of(feed_name: str) -> Source:
    settings = GOLDEN / feed_name / "source.toml"
    told = tomllib.loads(settings.read_text()) if settings.is_file() else {}
    return Source(f"golden-{feed_name}", feed_name, agency="Golden", sensitivity=Sensitivity.moderate, **told)


def in_memory(path: Path) -> Payload:
    return Payload(path.name, content=path.read_bytes())


def read(feed: Feed, payload: Payload, references: dict[tuple[str, str], Any]) -> list[Entry | Reject]:
    """All that comes out, and what later payloads may look up in it."""
    context = Context(source_of(feed.name), RECEIVED, references)
    found = [item for batch in parse(feed, payload, context) for item in batch]
    for entry in found:
        if isinstance(entry, Entry) and KIND_OF_NUMBER[entry.kind].name == "reference":
            body = json.loads(entry.body)
            references[body["table"], entry.source_ref] = body.get("attributes", {})
    return found


def read_in_order(feed: Feed) -> dict[str, list[Entry | Reject]]:
    """Every input of a feed, look-ups before what looks up in them."""
    payloads = sorted((in_memory(path) for path in inputs(feed.name)), key=feed.precedence)
    references: dict[tuple[str, str], Any] = {}
    return {payload.name: read(feed, payload, references) for payload in payloads}


def shown(item: Entry | Reject) -> dict[str, Any]:
    """One thing that came out, as it stands in `expected.json`."""
    if isinstance(item, Reject):
        return {"row": item.row, "rejected": item.detail, "field": item.field, "reason": item.reason}
    found: dict[str, Any] = {"row": item.row, **json.loads(item.body)}
    if item.retracted:
        found["retracted"] = True
    if item.wkb is not None:
        shape = shapely.set_precision(shapely.from_wkb(item.wkb), 1e-6, mode="pointwise")
        found["geometry"] = shapely.to_wkt(shape, rounding_precision=6)
    return found


def test_every_golden_folder_belongs_to_a_feed() -> None:
    assert {path.name for path in GOLDEN.iterdir() if path.is_dir()} <= set(FEEDS)


@pytest.mark.parametrize("name", FEEDS)
def test_a_feed_has_golden_files_and_says_what_it_reads(name: str) -> None:
    feed = all_feeds()[name]
    assert inputs(name), f"put a small input of your own making into tests/golden/{name}/"
    assert feed.name == name
    assert feed.title
    assert feed.kinds
    assert feed.formats
    assert feed.media_types


@pytest.mark.parametrize("name", FEEDS)
def test_golden(name: str) -> None:
    made = {file: [shown(item) for item in items] for file, items in sorted(read_in_order(all_feeds()[name]).items())}
    expected = GOLDEN / name / "expected.json"
    if os.environ.get("GOLDEN_UPDATE"):
        expected.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    assert expected.is_file(), "run GOLDEN_UPDATE=1 pytest tests/test_feed_contract.py and read what it wrote"
    assert made == json.loads(expected.read_text(encoding="utf-8"))
    assert any("rejected" not in item for items in made.values() for item in items), "shows no record"
    assert any("rejected" in item for items in made.values() for item in items), "shows no rejected row"


@pytest.mark.parametrize(("name", "path"), INPUTS)
def test_a_feed_recognises_its_own(name: str, path: Path) -> None:
    scores = {other.name: other.recognise(in_memory(path)) for other in all_feeds().values()}
    own = scores.pop(name)
    assert own >= 50
    assert own > max(scores.values(), default=0), scores


@pytest.mark.parametrize("name", FEEDS)
def test_every_row_comes_out_once_and_the_same_each_time(name: str) -> None:
    feed = all_feeds()[name]
    first, second = read_in_order(feed), read_in_order(feed)
    assert first == second
    references: dict[tuple[str, str], Any] = {}
    for path in sorted(inputs(name), key=lambda path: feed.precedence(in_memory(path))):
        rows = sum(1 for _ in feed.rows(in_memory(path), source_of(name)))
        assert [item.row for item in first[path.name]] == list(range(1, rows + 1))
        assert read(feed, Payload(path.name, path), references) == first[path.name], "a file is read as its bytes are"


@pytest.mark.parametrize("name", FEEDS)
def test_records_are_of_the_feeds_kinds_and_carry_the_marks_of_their_source(name: str) -> None:
    feed = all_feeds()[name]
    for item in (item for items in read_in_order(feed).values() for item in items):
        if isinstance(item, Reject):
            assert item.reason.startswith(f"{item.field}: ")
            assert item.raw
            continue
        assert KIND_OF_NUMBER[item.kind].name in feed.kinds
        body = json.loads(item.body)
        if not item.retracted:
            assert (body["source"], body["agency"]) == (f"golden-{name}", "Golden")
            assert body.get("sensitivity", Sensitivity.high) in (Sensitivity.moderate, Sensitivity.severe)


@pytest.mark.parametrize(("name", "path"), INPUTS)
def test_a_cut_payload_is_read_as_far_as_it_goes_or_refused_in_words(name: str, path: Path) -> None:
    feed = all_feeds()[name]
    content = path.read_bytes()
    for cut in (0, 1, len(content) // 3, 2 * len(content) // 3, len(content) - 1):
        found, words = [], ""
        try:
            found = read(feed, Payload(path.name, content=content[:cut]), {})
        except ValueError as error:
            words = str(error)
        assert words or [item.row for item in found] == list(range(1, len(found) + 1))


FORBIDDEN = ("open", "socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "urllib.", "shutil.")
_touched: list[str] | None = None


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _touched is not None and event.startswith(FORBIDDEN):
        _touched.append(f"{event} {arguments[0] if arguments else ''}")


sys.addaudithook(_audit)


@contextmanager
def touched() -> Iterator[list[str]]:
    """What the interpreter opens, connects to or starts meanwhile (an audit hook stays, so it is switched)."""
    global _touched
    _touched = []
    try:
        yield _touched
    finally:
        _touched = None


@pytest.mark.parametrize("name", FEEDS)
def test_a_feed_touches_nothing_but_its_payload(name: str) -> None:
    feed = all_feeds()[name]
    read_in_order(feed)  # what is imported or cached at first use has been by now
    payloads = [in_memory(path) for path in inputs(name)]
    context = Context(source_of(name), RECEIVED)
    with touched() as seen:
        for payload in payloads:
            feed.recognise(payload)
            list(parse(feed, payload, context))
    assert seen == []
