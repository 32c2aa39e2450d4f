"""Attacks on aid, health care, education, food and protection: Insecurity Insight's incident lists (XLSX, CSV, JSON).

One row is one incident. Its key is the SiND number, whose column is called `SiND Event ID`, `SiND ID` or `SiND Incident
ID`; a row without one is keyed by all it says, so that a revision of it is a new incident. An incident that is in several
lists is one; the list read last says what it is. Nobody who was hurt is named; the sex and age of victims stay among the
attributes as the list states them. `fatalities` and `injured` are what the columns of people killed and injured add up
to; of columns repeated by group (`Health Workers Killed.1`, "Female …") only the first is counted.

`Geo Precision` begins with a number: (1) the place, (2) within 25 km, (3) a district, (4) a larger area, (5) the country;
`censored` means that Insecurity Insight withholds the place. Severity: as by deaths in every feed; else serious where
somebody was injured, kidnapped, arrested or assaulted, and moderate otherwise.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Any

from data.records import Incident, Record, Severity
from ingest.casualties import by_deaths
from ingest.feed import Context, Feed, Payload, Source
from ingest.figures import months_first
from ingest.headings import bare, pick
from ingest.insecurity_words import ACTOR, HURT, KEY, OWN, PERPETRATOR, PRECISION, SUBJECTS
from ingest.objects import headings
from ingest.sheets import Table, distinct, plain, tables
from ingest.values import lon_lat, number, text
from ingest.written import moment


def _is_ours(names: Iterable[str]) -> bool:
    names = set(names)
    said = names & {*KEY[:4]} or any("health_workers_killed" in name for name in names)
    return bool(said) and {"date", "country"} <= names and bool(names & {*PERPETRATOR, "weapon_carried_used"})


def recognise(payload: Payload) -> int:
    return 93 if any(_is_ours(names) for names in headings(payload)) else 0


def rows(payload: Payload, source: Source) -> Iterable[dict[str, Any]]:
    found = False
    for table in tables(payload):
        if _is_ours(bare(name) for name in table.header):
            found = True
            yield from _incidents(table, months_first(payload, [pick(table.header, ("date",)) or ""], source))
    if not found:
        raise ValueError(
            f"{payload.name} has no table of incidents with Date, Country and a SiND number or perpetrator"
        )


def _incidents(table: Table, order: bool | None) -> Iterable[dict[str, Any]]:
    own = {name: bare(name) if bare(name) in OWN else name for name in table.header}
    subject = next(
        (s for s, words in SUBJECTS.items() if re.search(words, f"{table.sheet} {' '.join(own)}".lower())), ""
    )
    key = pick(table.header, KEY)
    seen: dict[str, list[int]] = {}
    for row in table.rows:
        said = (
            text(row, key or "")
            or hashlib.blake2b(repr(sorted(plain(row).items())).encode(), digest_size=8).hexdigest()
        )
        yield {
            **{own[name]: value for name, value in plain(row).items()},
            "key": distinct(said.removesuffix(".0"), row, seen),
            "subject": subject,
            "month_first": order,
        }


def record(row: dict[str, Any], context: Context) -> Record:
    said = {name: value for name, value in row.items() if name not in ("key", "subject", "month_first")}
    lon, lat = lon_lat(row, "longitude", "latitude")
    hurt = {name: number(row, name) or 0 for name in row if HURT.match(name.lower()) and not re.search(r"\.\d$", name)}
    killed, injured = (
        int(sum(hurt.values())) if hurt else None
        for hurt in ({n: v for n, v in hurt.items() if word in n.lower()} for word in ("killed", "injured"))
    )
    what = text(row, "sector_affected") or row["subject"] or "humanitarian work"
    title = f"Attack on {what.lower()}"
    coarse = re.match(r"\(?(\d)", text(row, "Geo Precision"))
    return Incident(
        source_ref=row["key"],
        title=f"{title}, {killed:,} killed" if killed else title,
        description=text(row, "event_description"),
        category=title.lower(),
        sub_event_type=text(row, "Weapon Carried/Used") or text(row, "Explosive Weapon Type"),
        severity=by_deaths(killed) or (Severity.serious if any(hurt.values()) else Severity.moderate),
        event_time=moment(row, "date", context.source.timezone, row["month_first"]),
        lon=lon,
        lat=lat,
        place=text(row, "country"),
        adm_names=(text(row, "admin_1"),) if text(row, "admin_1") else (),
        place_precision=PRECISION.get(coarse[1], "") if coarse and lon is not None else "",
        attributes={name: value for name, value in said.items() if name not in OWN},
        actor1=next((text(row, name) for name in (*ACTOR, *PERPETRATOR) if text(row, name)), ""),
        fatalities=killed,
        injured=injured,
    )


FEED = Feed(
    name="insecurity",
    title="Insecurity Insight incidents (Excel, CSV, JSON)",
    kinds=("incident",),
    formats=("xlsx", "csv", "json"),
    media_types=("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "text/csv", "application/json"),
    recognise=recognise,
    rows=rows,
    record=record,
)
