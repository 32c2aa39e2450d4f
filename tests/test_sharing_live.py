"""A change of sharing on the real server: whoever has a page open is told, and every door follows."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import Queue

import pytest

from data import audit
from data.settings import load
from data.sharing_changes import add_agreement, revoke_agreement
from data.store import Store, open_store
from tests import program

SETTINGS = """
[[source]]
name = "clinics"
feed = "table"
agency = "MOH"
sensitivity = "high"
kind = "site"
[source.columns]
source_ref = "Code"
title = "Name"
"""
ROWS = b"Code,Name\n1,Clinic One\n2,Clinic Two\n"


class Partner:
    """A program of another agency: what it is told on its open stream, and what it gets when it asks."""

    def __init__(self, url: str, token: str) -> None:
        self.url, self.headers = url, {"Authorization": f"Bearer {token}"}
        self.heard: Queue[int] = Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        event = ""
        with self.open("/live") as stream:
            for line in stream:
                event = line[7:].decode().strip() if line.startswith(b"event: ") else event
                if line.startswith(b"data: ") and event in ("hello", "revision"):
                    self.heard.put(json.loads(line[6:])["revision"])

    def open(self, path: str) -> object:
        return urllib.request.urlopen(urllib.request.Request(self.url + path, headers=self.headers), timeout=60)

    def sites(self) -> tuple[int, int]:
        """How many sites are counted and listed."""
        with (
            self.open("/api/counts?collection=sites&by=agency") as counted,
            self.open("/ogc/collections/sites/items") as listed,
        ):
            return json.load(counted)["total"], json.load(listed)["numberMatched"]

    def told_again(self) -> int:
        return self.heard.get(timeout=30)


@pytest.fixture
def served(home: Path) -> Iterator[program.Served]:
    (home / "commonground.toml").write_text(SETTINGS)
    assert program.command(home, "ingest", "table", "-", "--source", "clinics", stdin=ROWS).returncode == 0
    with program.serving(home) as server:
        yield server


@pytest.fixture
def store(served: program.Served) -> Iterator[Store]:
    """The database beside the server, as the command line has it open."""
    opened = open_store(load({"COMMONGROUND_HOME": str(served.home)}).database_url)
    yield opened
    opened.close()


def partner(served: program.Served, agency: str) -> Partner:
    told = program.command(served.home, "token", f"{agency} program", "--agency", agency, "--clearance", "high")
    return Partner(served.url, told.stdout.strip())


def terms(lasts: timedelta) -> dict[str, object]:
    now = datetime.now(UTC)
    ends = (now + lasts).isoformat()
    return {
        "name": "A",
        "grantor": "MOH",
        "grantees": ["WHO"],
        "from": now.isoformat(),
        "to": ends,
        "maximum_sensitivity": "high",
    }


def test_an_open_page_follows_an_agreement_from_making_to_revoking(served: program.Served, store: Store) -> None:
    settings = load({"COMMONGROUND_HOME": str(served.home)})
    who, ngo = partner(served, "WHO"), partner(served, "NGO")
    began = who.told_again(), ngo.told_again()
    assert who.sites() == ngo.sites() == (0, 0)

    add_agreement(store, settings, "jon", terms(timedelta(days=1)))
    assert who.told_again() > began[0]
    assert (who.sites(), ngo.sites()) == ((2, 2), (0, 0))

    revoke_agreement(store, settings, "jon", "A")
    assert who.told_again() > began[0]
    assert who.sites() == (0, 0)
    assert ngo.heard.empty(), "it does not concern them"


def test_an_open_page_follows_an_agreement_that_ends_by_itself(served: program.Served, store: Store) -> None:
    settings = load({"COMMONGROUND_HOME": str(served.home)})
    who = partner(served, "WHO")
    who.told_again()
    add_agreement(store, settings, "jon", terms(timedelta(seconds=4)))
    who.told_again()
    assert who.sites() == (2, 2)
    who.told_again()
    assert who.sites() == (0, 0)
    assert audit.entries(store, act="sharing")[0].subject == "agreement:A"


def test_reading_what_is_high_is_logged_with_its_clause(served: program.Served, store: Store) -> None:
    settings = load({"COMMONGROUND_HOME": str(served.home)})
    who = partner(served, "WHO")
    who.told_again()
    add_agreement(store, settings, "jon", terms(timedelta(days=1)))
    who.told_again()
    who.sites()
    served.stop()
    [read] = audit.entries(store, act="read")
    assert (read.who, read.subject, read.clause) == ("who program", "sites", "agreement 'A' of MOH")
    assert len(json.loads(read.details)["ids"]) == 2
    assert "Clinic" not in read.details
    checked = program.command(served.home, "verify")
    assert checked.returncode == 0, checked.stdout
    assert (served.home / "audit-heads.jsonl").exists(), "the end of serving is signed"
