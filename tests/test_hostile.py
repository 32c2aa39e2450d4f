"""Whatever comes in: the app lives, nothing is half-written, nothing executes, and the tally adds up.

The corpus is `tests/hostile/`, files of every feed's own (from `tests/golden/`) that were damaged, and bombs made here.
Every one of it is given to every feed, and left to be recognised.
"""

from __future__ import annotations

import io
import json
import random
import re
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import openpyxl
import pytest

from data import quarantine
from data.access import LOCAL_OPERATOR
from data.picture import Picture
from data.records import KINDS
from data.settings import Settings, load
from data.store import Store, open_store
from data.upkeep import verify
from ingest.feed import Payload, decode_text
from ingest.feeds import all_feeds
from ingest.run import Result, ingest

HOSTILE = Path(__file__).parent / "hostile"
GOLDEN = Path(__file__).parent / "golden"
FEEDS = tuple(all_feeds())
SECRET = "c4n4ry-of-this-machine"
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
MEGA = 1 << 20


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    opened = open_store(load({"COMMONGROUND_HOME": str(home)}).database_url)
    yield opened
    opened.close()


@pytest.fixture
def settings(home: Path) -> Settings:
    return load({"COMMONGROUND_HOME": str(home)})


@pytest.fixture
def visits() -> Iterator[tuple[str, list[str]]]:
    """The address of a server that nobody should ever ask, and what it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/visit", asked
    server.shutdown()
    thread.join()
    server.server_close()


def golden(feed: str) -> list[Path]:
    return sorted(p for p in (GOLDEN / feed).iterdir() if p.name not in ("expected.json", "source.toml"))


def damaged(path: Path) -> dict[str, bytes]:
    """A file of a feed's own, damaged in every way that is cheap to think of."""
    whole = path.read_bytes()
    rng = random.Random(path.name)
    made = {
        "a third": whole[: len(whole) // 3],
        "without its end": whole[:-20],
        "a mark before": b"\xef\xbb\xbf" + whole,
        "a NUL inside": whole[: len(whole) // 2] + b"\x00" + whole[len(whole) // 2 :],
        "twice": whole + whole,
    }
    for number in range(3):
        bytes_ = bytearray(whole)
        for _ in range(max(3, len(whole) // 200)):
            bytes_[rng.randrange(len(bytes_))] = rng.randrange(256)
        made[f"dust {number}"] = bytes(bytes_)
    if not whole.startswith(b"PK"):
        text = decode_text(whole)
        numbers = re.compile(r"(?<![\w.-])-?\d+\.\d+(?![\w.-])")
        dates = re.compile(r"\b20\d\d-\d\d-\d\d")
        made |= {
            "UTF-16": text.encode("utf-16"),
            "Windows-1252": text.replace("a", "é").encode("cp1252", "replace"),
            "not a number": numbers.sub("NaN", text).encode(),
            "infinite": numbers.sub("-1e999", text).encode(),
            "far too large": numbers.sub("98765432109876543210", text).encode(),
            "no such day": dates.sub("2026-02-31", text).encode(),
            "the year one": dates.sub("0001-01-01", text).encode(),
            "the last year": dates.sub("9999-12-31", text).encode(),
            "markup": re.sub(r"\b([A-Z][a-z]{4,})\b", r"<script>alert(\1)</script>", text).encode(),
            "turned round": re.sub(r"\b([A-Z][a-z]{4,})\b", "\u202e\\1\u2066\ufeff", text).encode(),
            "nothing between": re.sub(r"(?<=[,;:>\"])[^,;:<>\"\n]+(?=[,;<\"])", "", text).encode(),
        }
    return {f"{name}, {path.name}": content for name, content in made.items()}


def corpus(visit: str, folder: Path) -> list[Payload]:
    """The files of `tests/hostile`, pointing to a secret file and an address here."""
    secret = folder / "secret.txt"
    secret.write_text(SECRET)
    return [
        Payload(
            path.name,
            content=path.read_bytes()
            .replace(b"FILE:CANARY", secret.as_uri().encode())
            .replace(b"HTTP:CANARY", visit.encode()),
        )
        for path in sorted(HOSTILE.iterdir())
        if path.is_file()
    ]


def check(store: Store, results: list[Result], payloads: list[Payload]) -> None:
    """What holds after anything at all was read."""
    for result, payload in zip(results, payloads, strict=True):
        told = (result["path"], result.get("error"), result["reasons"])
        changed = result["accepted"] + result["revised"] + result["retracted"]
        assert result["path"] == payload.name
        assert result["read"] == changed + result["unchanged"] + result["rejected"], told
        assert result["rejected"] == sum(result["reasons"].values()), told
        if "error" in result:
            assert (changed, result["unchanged"], result["rejected"]) == (0, 0, 1), told
            assert result["error"].startswith(payload.name), told
            assert len(result["error"]) < 600, told
            assert "Traceback" not in result["error"], told
            assert not result["error"].removeprefix(payload.name).startswith(" brought its reader down"), told
        assert SECRET not in json.dumps(result), told
    assert list(verify(store)) == []
    check_quarantine(store, results)
    check_records(store)


def check_quarantine(store: Store, results: list[Result]) -> None:
    kept = quarantine.entries(store.reader, limit=1_000_000)
    assert sum(row["seen"] for row in kept) == sum(result["rejected"] for result in results)
    for row in kept:
        assert row["field"], row
        assert row["reason"], row
        assert len(row["reason"]) < 600, row
        assert row["row"] is None or row["row"] > 0, row
        assert row["raw"] or "is empty" in row["reason"], row
        assert not UNSEEN.search(row["reason"] + row["detail"] + row["field"]), row
        assert SECRET not in row["reason"] + row["detail"], row


def check_records(store: Store) -> None:
    picture = Picture(store)
    picture.catch_up()
    seen = picture.seen_by(LOCAL_OPERATOR)
    for kind in (name for name, kind in KINDS.items() if kind.collection):
        for item in seen.items(kind, seen.rows(kind)):
            record = item.record
            text = repr(record)
            assert record.source_ref.strip(), record
            assert SECRET not in text, record
            assert not UNSEEN.search("".join((record.title, record.description, record.place, record.source_ref))), (
                record
            )
            assert (record.lon is None) == (record.lat is None), record
            if record.lon is not None and record.lat is not None:
                assert -180 <= record.lon <= 180, record
                assert -90 <= record.lat <= 90, record
            if record.event_time is not None:
                assert 1900 <= record.event_time.year < 2130, record


@pytest.mark.parametrize("feed", [*FEEDS, "auto"])
def test_the_corpus(store: Store, settings: Settings, tmp_path: Path, visits: tuple[str, list[str]], feed: str) -> None:
    payloads = corpus(visits[0], tmp_path)
    results = ingest(store, settings, payloads, feed)
    check(store, results, payloads)
    assert visits[1] == []
    for payload in payloads:
        ingest(store, settings, [payload], feed)
        revision = store.revision()
        (again,) = ingest(store, settings, [payload], feed)
        assert (again["accepted"], again["revised"], again["retracted"]) == (0, 0, 0), again
        assert store.revision() == revision


def test_the_corpus_into_postgresql(
    settings: Settings, postgres_url: str, tmp_path: Path, visits: tuple[str, list[str]]
) -> None:
    store = open_store(postgres_url)
    payloads = corpus(visits[0], tmp_path)
    check(store, ingest(store, settings, payloads), payloads)
    made = {name: content for path in golden("acled") for name, content in damaged(path).items()}
    payloads = [Payload(f"{name}\x00\u202e", content=content) for name, content in made.items()]
    results = ingest(store, settings, payloads, "acled", "a source")
    assert any(result["accepted"] for result in results)
    assert list(verify(store)) == []
    store.close()


@pytest.mark.parametrize("feed", FEEDS)
def test_its_own_files_damaged(store: Store, settings: Settings, feed: str) -> None:
    made = {name: content for path in golden(feed) for name, content in damaged(path).items()}
    payloads = [Payload(name, content=content) for name, content in made.items()]
    check(store, ingest(store, settings, payloads, feed), payloads)
    (whole, *_) = [Payload(path.name, path=path) for path in golden(feed)]
    (result,) = ingest(store, settings, [whole], feed)
    assert "error" not in result or feed == "table", "the next good file is read"


def test_others_files_damaged_and_left_to_be_recognised(store: Store, settings: Settings) -> None:
    made = {f"{feed} {name}": it for feed in FEEDS for path in golden(feed) for name, it in damaged(path).items()}
    payloads = [Payload(name, content=content) for name, content in made.items()]
    check(store, ingest(store, settings, payloads), payloads)


# -------------------- bombs


def zipped(parts: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return packed.getvalue()


def sparse_workbook() -> bytes:
    """Two cells, and seventeen thousand million between them."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet["A1"] = "event_id_cnty"
    sheet["XFD1048576"] = "far away"
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def lying_workbook() -> bytes:
    """A sheet that says it has one row and holds cells at both ends."""
    with zipfile.ZipFile(io.BytesIO(sparse_workbook())) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    for name, content in parts.items():
        parts[name] = content.replace(b'ref="A1:XFD1048576"', b'ref="A1:B2"')
    return zipped(parts)


def workbook_with(sheet: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(sparse_workbook())) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    return zipped({**parts, "xl/worksheets/sheet1.xml": sheet})


def bombs() -> dict[str, bytes]:
    header = b"event_id_cnty,event_date,event_type,latitude,longitude\n"
    laughs = (
        b'<!DOCTYPE s [<!ENTITY a "'
        + b"ha" * 50
        + b'">'
        + b"".join(b'<!ENTITY %c "' % (98 + n) + b"&%c;" % (97 + n) * 10 + b'">' for n in range(12))
    )
    sheet = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    cells = b'<row r="1"><c r="A1" t="inlineStr"><is><t>&m;</t></is></c></row></sheetData></worksheet>'
    return {
        "sparse.xlsx": sparse_workbook(),
        "lying.xlsx": lying_workbook(),
        "laughing.xlsx": workbook_with(laughs + b"]>" + sheet + cells),
        "swollen.xlsx": workbook_with(sheet + b" " * (120 * MEGA) + cells.replace(b"&m;", b"x")),
        "rows.xlsx": workbook_with(sheet + b"<row><c><v>1</v></c></row>" * 1_100_000 + b"</sheetData></worksheet>"),
        "swollen.zip": zipped({"events.csv": header + b"," * (200 * MEGA)}),
        "many.zip": zipped({f"{n}.csv": header for n in range(5_000)}),
        "nested.zip": zipped({"a.zip": zipped({"b.zip": zipped({"events.csv": header})})}),
        "climbing.zip": zipped({"../" * 9 + "climbed.csv": header + b"Z1,2026-11-01,Riots,5,30\n"}),
        "deep.json": b"[" * 500_000,
        "deep objects.json": b'{"features":' * 100_000 + b"1" + b"}" * 100_000,
        "deep.xml": b"<alert>" * 200_000,
        "deep closed.xml": b"<event>" * 50_000 + b"</event>" * 50_000,
        "one line.csv": b"a" * (24 * MEGA),
        "one field.csv": header + b'"' + b"x" * (24 * MEGA) + b'",2026-11-01,Riots,5,30\n',
        "columns.csv": header.strip() + b"," * (4 * MEGA) + b"\nA1,2026-11-01,Riots,5,30\n",
        "spaces.csv": b" " * (8 * MEGA),
        "tags.csv": b"#a" + b"+a " * 20_000 + b"!\n",
        "signs.csv": b"-" * 60_000 + b"," + b"1." * 30_000 + b"\n" * 60_000,
        "attribute.xml": b'<event uid="' + b"u" * (12 * MEGA) + b'"/>',
        "texts.xml": b"<rss><channel><item><title>" + b"&amp;" * (4 * MEGA) + b"</title></item></channel></rss>",
        "number.json": b'[{"event_id_cnty":' + b"9" * (4 * MEGA) + b"}]",
        "list.json": b'{"features":[' + b"{}," * 200_000 + b"{}]}",
    }


@pytest.fixture(scope="module")
def made_bombs() -> dict[str, bytes]:
    return bombs()


@pytest.mark.parametrize("feed", ["acled", "cap", "sites", "usgs", "auto"])
def test_bombs(store: Store, settings: Settings, made_bombs: dict[str, bytes], feed: str) -> None:
    payloads = [Payload(name, content=content) for name, content in made_bombs.items()]
    results = ingest(store, settings, payloads, feed)
    for result in results:
        assert result["read"] == result["accepted"] + result["revised"] + result["unchanged"] + result["rejected"]
        assert "brought its reader down" not in result.get("error", "")
    assert list(verify(store)) == []
    assert not any((folder / "climbed.csv").exists() for folder in (Path.cwd(), *Path.cwd().parents))
    (good,) = ingest(store, settings, [Payload("events.csv", path=GOLDEN / "acled/events.csv")], "acled", "after")
    assert good["accepted"] > 0
