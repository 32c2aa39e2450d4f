"""From partners' files to the screen, through the real program: every door tells the same, and what was taken in stays."""

from __future__ import annotations

import csv
import json
import math
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Page

from tests import mission, program, screen, tile_reader
from tests.mission import SEVERITIES, Happening
from tests.program import Served

LIMIT = 4


def items(server: Served, collection: str, **query: str) -> Iterator[dict[str, Any]]:
    """Every feature of a collection, page by page along the `next` links."""
    page = mission.asks(server, f"/ogc/collections/{collection}/items", limit=str(LIMIT), **query)
    matched = page["numberMatched"]
    found = 0
    while True:
        assert page["numberReturned"] == len(page["features"]) <= LIMIT
        found += len(page["features"])
        yield from page["features"]
        following = [link["href"] for link in page["links"] if link["rel"] == "next"]
        if not following:
            break
        answer = httpx.get(following[0], timeout=60)
        assert answer.status_code == 200
        page = answer.json()
    assert found == matched


def in_tiles(server: Served, layer: str, zoom: int, **query: str) -> Counter[str]:
    """Records of a layer by severity, added over every tile of a zoom that the mission touches."""
    west, south, east, north = mission.BBOX
    side = 2**zoom

    def column(lon: float) -> int:
        return int((lon + 180) / 360 * side)

    def row(lat: float) -> int:
        return int((1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * side)

    found: Counter[str] = Counter()
    for x in range(column(west), column(east) + 1):
        for y in range(row(north), row(south) + 1):
            answer = httpx.get(f"{server.url}/tiles/{layer}/latest/{zoom}/{x}/{y}.pbf", params=query, timeout=60)
            assert answer.status_code in (200, 204)
            for feature in tile_reader.features(answer.content):
                told = feature.properties
                if told["n"] == 1:
                    found[SEVERITIES[told["severity"]]] += 1
                else:
                    shares = {name: told[f"s{number}"] for number, name in enumerate(SEVERITIES)}
                    assert sum(shares.values()) == told["n"]
                    found.update({name: share for name, share in shares.items() if share})
    return found


def test_from_files_to_every_door_and_the_screen(home: Path, tmp_path: Path, page: Callable[..., Page]) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    mission.write_home(home)
    files = mission.payloads(tmp_path / "sent", now)
    tallies = mission.load(home, files)
    feeds = [tally["feed"] for tally in tallies]
    assert feeds == ["boundaries", "table", "acled", "usgs", "cot", "sites"]  # told from content, not from names
    for tally in tallies:
        parts = ("accepted", "revised", "unchanged", "retracted", "rejected")
        assert tally["read"] == sum(tally[part] for part in parts) == tally["accepted"] > 0
    revision = max(tally["revision"] for tally in tallies)
    again = mission.load(home, files)
    assert [tally["unchanged"] for tally in again] == [tally["read"] for tally in tallies]
    assert max(tally["revision"] for tally in again) == revision

    known = mission.told(now)
    severities = Counter(each.severity for each in known)
    with program.serving(home) as server:
        status = mission.asks(server, "/api/status")
        assert status["revision"] == revision
        assert status["records"]["incidents"] == len(known)

        # One by one.
        features = {feature["properties"]["source_ref"]: feature for feature in items(server, "incidents")}
        assert features.keys() == {each.ref for each in known}
        for each in known:
            told = features[each.ref]["properties"]
            assert features[each.ref]["geometry"]["coordinates"] == [each.lon, each.lat]
            assert (told["severity"], told["category"], told["agency"]) == (each.severity, each.category, each.agency)
            assert datetime.fromisoformat(told["event_time"]) == each.time
            codes = [told[f"adm{level}_pcode"] for level in range(3)]
            assert codes == ["XO", each.area[:4], each.area]
            assert told["exercise"] is True
            assert told["sensitivity"] == "low"

        # Counted, in the whole and by area and kind.
        counts = mission.asks(server, "/api/counts", collection="incidents", by="adm2_pcode,category")
        assert {(area, kind): n for area, kind, n in counts["rows"]} == Counter((e.area, e.category) for e in known)
        assert (counts["total"], counts["revision"]) == (len(known), revision)

        # On the map at every scale, and with a filter.
        for zoom in (0, 5, 7, 9):
            assert in_tiles(server, "incidents", zoom) == severities
        west = Counter(each.severity for each in known if each.area.startswith("XO01") and each.agency == "JOC")
        assert in_tiles(server, "incidents", 7, area="XO01", agency="JOC") == west

        # In figures, each with its records.
        kpis = {kpi["id"]: kpi for kpi in mission.asks(server, "/api/kpis", window="28d")["kpis"]}
        day = [each for each in known if each.time > now - timedelta(hours=24)]
        assert kpis["incidents_24h"]["value"] == len(day)
        days = [each for each in known if each.severity == "critical" and each.time > now - timedelta(hours=72)]
        assert kpis["critical"]["value"] == len(days)
        assert kpis["facilities_open"]["value"] == 66.7  # two of the three that say so
        assert kpis["units_heard"]["value"] == 1
        for kpi in kpis.values():
            assert mission.asks(server, kpi["records_href"])["numberMatched"] == kpi["count"]

        # Taken home.
        out = tmp_path / "incidents.csv"
        done = program.command(home, "export", "incidents", "--format", "csv", "--out", out)
        assert done.returncode == 0, done.stderr
        with out.open(encoding="utf-8-sig", newline="") as stream:
            _hashtags, *rows = csv.DictReader(stream)
        assert {row["source_ref"] for row in rows} == features.keys()

        # On the screen.
        opened = screen.ready(page(f"{server.url}/?window=all"))
        assert screen.revision(opened) == revision
        screen.says(screen.count(opened, "Incidents"), str(len(known)))
        assert {name: n for name, n in screen.legend(opened, "Incidents").items() if n} == severities
        screen.says(screen.figure(opened, "incidents_24h"), str(len(day)))
        screen.says(screen.figure(opened, "facilities_open"), "66.7")


def test_what_was_acknowledged_survives_a_killed_process_and_a_retry_doubles_nothing(
    mission_home: Path, home: Path
) -> None:
    shutil.copytree(mission_home, home, dirs_exist_ok=True)
    now = datetime.now(UTC)
    sent: list[str] = []
    acknowledged: list[str] = []

    def payload(ref: str) -> bytes:
        return mission.log(
            [Happening(ref, 0.5, "Roadblock", "moderate", -119.2, -29.2, f"Boulder {ref}", "Ardel")], now
        )

    def send(server: Served, token: str) -> None:
        with httpx.Client(headers={"Authorization": f"Bearer {token}"}, timeout=30) as client:
            for number in range(10_000):
                ref = f"K{number:04}"
                sent.append(ref)
                try:
                    answer = client.post(f"{server.url}/api/ingest/table?source=log", content=payload(ref))
                except httpx.HTTPError:
                    return  # killed under it
                assert answer.status_code == 200, answer.text
                acknowledged.append(ref)

    with program.serving(home) as server:
        token = mission.token(server)
        sender = threading.Thread(target=send, args=(server, token))
        sender.start()
        while len(acknowledged) < 12 and sender.is_alive():
            time.sleep(0.01)
        assert server.process is not None
        server.kill(server.process)
        sender.join(timeout=60)
        assert 12 <= len(acknowledged) < len(sent)

        server.start()
        kept = [feature["properties"]["source_ref"] for feature in items(server, "incidents", q="Boulder")]
        assert len(kept) == len(set(kept))
        assert set(acknowledged) <= set(kept) <= set(sent)

        # The sender does what senders do: sends everything again.
        tallies = [mission.send(server, "table", "log", payload(ref)) for ref in sent]
        assert sum(tally["unchanged"] for tally in tallies) == len(kept)
        assert mission.asks(server, "/api/counts", collection="incidents", q="Boulder")["total"] == len(sent)
    verified = program.command(home, "verify")
    assert (verified.returncode, verified.stderr) == (0, "")
    told = json.loads(program.command(home, "status", "--json").stdout)
    assert told["records"]["incidents"] == len(mission.LOG) + len(mission.EVENTS) + 1 + len(sent)


def test_a_taken_port_is_said_in_one_sentence(orlane: Served, home: Path) -> None:
    done = program.command(home, "serve", "--port", str(orlane.port))
    assert done.returncode == 2
    assert str(orlane.port) in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert " on http://" not in done.stdout
