"""Where a record is that states no point: by code, by a table of another vintage, by name; and for which areas a warning is."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from data.access import Viewer
from data.gazetteer import NOWHERE, Area, Listed
from data.picture import Picture
from data.places import build
from data.records import Alert, Boundary, Entry, Indicator, Record, Reference, Sensitivity, decode
from data.seen import Item
from data.settings import Source
from data.spelling import plain, skeleton
from ingest.feed import Context, Payload, parse
from ingest.feeds import all_feeds
from tests.pictures import add, picture_of

FIXTURES = Path(__file__).parents[2] / "shared" / "fixtures"
BOSS = Viewer(name="boss", agency="us", clearance=Sensitivity.severe)
OLD, NEW = datetime(2010, 1, 1, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=UTC)


def area(pcode: str, name: str, column: int, row: int, vintage: datetime | None = NEW, **told: object) -> Area:
    """One of a grid of squares; its level and parent are told by the length of its code (XX, XX01, XX0101)."""
    level = len(pcode) // 2 - 1
    size = (10.0, 5.0, 1.0)[level]
    shape = shapely.box(column, row, column + size, row + size)
    return Area(pcode, name, level, pcode[: 2 * level] if level else "", vintage, shape, **told)  # type: ignore[arg-type]


COUNTRY = area("XX", "Exland", 0, 0)
STATES = [area("XX01", "Northern Upper Nile", 0, 0), area("XX02", "Bahr el Ghazal", 5, 0)]
COUNTIES = [
    area("XX0101", "Juba", 0, 0),
    area("XX0102", "Lopa/Lafon", 1, 0),
    area("XX0103", "Bor North", 2, 0),
    area("XX0104", "Bor South", 3, 0),
    area("XX0201", "Raja", 5, 0, name_local="راجا"),
    area("XX0202", "Juba", 6, 0),
    area("XX0203", "Rubkona", 7, 0),
]
ALL = [COUNTRY, *STATES, *COUNTIES]


@pytest.mark.parametrize(
    ("pcode", "names", "meant", "method", "sure"),
    [
        ("XX0101", (), "XX0101", "code", "certain"),
        ("xx0101 ", ("Upper Nile North", "Juba"), "XX0101", "code", "certain"),
        ("XX0101", ("", "Joobah"), "XX0101", "code", "certain"),
        ("XX0101", ("", "Jubek"), "XX0101", "code", "probable"),
        (None, ("Northern Upper Nile", "Juba"), "XX0101", "name", "strong"),
        (None, ("Bahr al-Ghazāl", "RAGA"), "XX0201", "name", "probable"),
        (None, ("Bahr el Ghazal State", "راجا"), "XX0201", "name", "strong"),
        (None, ("Bahr el Ghazal", "Rubkoona"), "XX0203", "name", "probable"),
        (None, ("Northern Upper Nile", "Lafon"), "XX0102", "name", "strong"),
        (None, ("", "Raja"), "XX0201", "name", "probable"),
        ("9203", ("Northern Upper Nile", "Bor South"), "XX0104", "name", "strong"),
        # Ambiguous, contradictory or unknown: never lower than what is sure, and never another.
        (None, ("", "Juba"), None, "none", ""),
        (None, ("Northern Upper Nile", "Bor"), "XX01", "name", "partly"),
        (None, ("Northern Upper Nile", "Bor Sorth"), "XX01", "name", "partly"),
        ("XX0104", ("Northern Upper Nile", "Bor North"), "XX01", "none", ""),
        ("YY0101", ("Northern Upper Nile", "Juba"), None, "none", ""),
        ("XX0999", (), None, "none", ""),
        (None, (), None, "none", ""),
    ],
)
def test_a_stated_place_is_found_with_its_method_or_not_at_all(
    pcode: str | None, names: tuple[str, ...], meant: str | None, method: str, sure: str
) -> None:
    places = build(ALL)
    found = places.match(pcode, names)
    assert (None if found.area == NOWHERE else places.areas[found.area].pcode) == meant
    assert (found.method, found.sure) == (method, sure)
    assert found.note or sure in ("certain", "strong", "probable") or not (pcode or names)


def test_a_code_of_another_vintage_is_read_by_its_table_with_the_parents_of_that_table() -> None:
    listed = [
        Listed("XX07", "Bahr el Ghazal", 1, "XX", table="old"),
        Listed("XX0701", "Juba", 2, "XX07", table="old"),  # not the Juba of the other state
        Listed("XX0702", "Nowhere Now", 2, "XX07", lon=7.5, lat=0.5, table="old"),
        Listed("XX0703", "Gone", 2, "XX07", table="old"),
        Listed("XX0801", "Bor South", 2, "XX08", ("Northern Upper Nile", "Bor South"), table="old"),
    ]
    places = build(ALL, listed)
    found = {row.pcode: places.match(row.pcode, ()) for row in listed}
    assert [places.areas[found[code].area].pcode for code in ("XX07", "XX0701", "XX0702")] == [
        "XX02",
        "XX0202",
        "XX0203",
    ]
    assert {found[code].method for code in ("XX07", "XX0701", "XX0702")} == {"other vintage"}
    assert places.areas[places.match("XX08", ()).area].pcode == "XX01", "a parent that is only named beside its child"
    assert found["XX0701"].sure == "strong"
    assert found["XX0702"].sure == "probable"
    assert found["XX0703"].area == NOWHERE
    assert "Gone" in found["XX0703"].note


def test_a_code_that_changed_its_meaning_is_read_at_the_records_own_time() -> None:
    listed = [Listed("XX0101", "Raja", 2, "XX02", since=OLD, until=NEW, table="old")]
    places = build(ALL, listed)

    def meant(at: datetime | None, *names: str) -> str | None:
        index = places.match("XX0101", names, at).area
        return None if index == NOWHERE else places.areas[index].pcode

    assert meant(datetime(2015, 1, 1, tzinfo=UTC)) == "XX0201"
    assert meant(datetime(2022, 1, 1, tzinfo=UTC)) == "XX0101"
    assert meant(None, "", "Raja") == "XX0201", "its name tells"
    assert meant(None, "", "Juba") == "XX0101"
    assert meant(None) is None, "neither time nor name tells"


def test_of_two_vintages_the_one_that_held_at_the_records_time_has_its_point_and_its_name() -> None:
    before = area("XX0191", "Juba", 0, 0, OLD, valid_to=NEW)
    places = build([*ALL, before])
    moments = [datetime(2015, 6, 1, tzinfo=UTC), datetime(2023, 6, 1, tzinfo=UTC)]
    micros = np.array([int(at.timestamp() * 1e6) for at in moments])
    there = places.assign(np.array([0.5, 0.5]), np.array([0.5, 0.5]), micros)
    assert [places.areas[index].pcode for index in there] == ["XX0191", "XX0101"]
    named = [places.match(None, ("Northern Upper Nile", "Juba"), at).area for at in moments]
    assert named == list(there)


@given(st.sampled_from(ALL), st.booleans())
def test_every_loaded_name_means_itself_however_it_is_cased(one: Area, upper: bool) -> None:
    places = build(ALL)
    chain = [each.name for each in ALL if each.level and one.pcode.startswith(each.pcode)]
    found = places.match(None, tuple(name.upper() if upper else name for name in chain))
    assert not chain or places.areas[found.area].pcode == one.pcode


@given(st.text(max_size=40))
def test_no_text_breaks_the_comparing_of_names_and_comparing_twice_changes_nothing(text: str) -> None:
    assert plain(plain(text)) == plain(text)
    skeleton(text)
    build(ALL).match(text, (text, text, text))


# -------------------- through the picture


def boundary(one: Area, **codes: str) -> Boundary:
    return Boundary(
        source_ref=f"{one.pcode}@{one.vintage}",
        title=one.name,
        category=f"adm{one.level}",
        pcode=one.pcode,
        level=one.level,
        parent_pcode=one.parent_pcode,
        vintage=one.vintage,
        lon=one.geometry.representative_point().x,
        lat=one.geometry.representative_point().y,
        wkb=shapely.to_wkb(one.geometry),
        attributes=dict(codes),
    )


def code_row(pcode: str, name: str, level: int, parent: str) -> Reference:
    told = {"pcode": pcode, "name": name, "level": level, "parent": parent}
    return Reference(source_ref=pcode, table="pcode", adm_pcode=pcode, attributes=told)


def items(picture: Picture, kind: str) -> dict[str, Item]:
    seen = picture.seen_by(BOSS)
    return {item.record.source_ref: item for item in seen.items(kind, seen.rows(kind))}


def test_tables_and_boundaries_that_come_late_place_what_came_before(
    tmp_path: Path,
) -> None:
    picture = picture_of(tmp_path, [Indicator(source_ref="1", adm_pcode="XX0701")], source="population")
    assert items(picture, "indicator")["1"].match.method == "none"
    add(picture, [boundary(each) for each in ALL], source="boundaries")
    assert items(picture, "indicator")["1"].pcodes[1] is None
    add(picture, [code_row("XX0701", "Raja", 2, "XX02")], source="table")
    found = items(picture, "indicator")["1"]
    assert found.pcodes == ("XX", "XX02", "XX0201", None)
    assert (found.match.method, found.match.sure) == ("other vintage", "strong")
    add(picture, [code_row("XX0701", "Rubkona", 2, "XX02")], source="table")
    assert items(picture, "indicator")["1"].pcodes[2] == "XX0203", "a table sent again corrects what it placed"


WARNED = Alert(source_ref="w", title="Flood", geocodes=("SAME=001101", "SAME=001999"), area_desc="Juba and around")


def test_a_warning_without_a_shape_gets_the_areas_its_geocodes_mean_and_says_which_are_unknown(tmp_path: Path) -> None:
    far = Alert(source_ref="far", geocodes=("EMMA_ID=AT010",), area_desc="Raja")
    named = Alert(source_ref="named", area_desc="Raja; Rubkona")
    unsure = Alert(source_ref="unsure", area_desc="Juba")
    part = Alert(source_ref="part", geocodes=("SAME=901101",))
    coded = Alert(source_ref="coded", geocodes=("p-code=XX0101", "P-Code=XX0203"))
    picture = picture_of(tmp_path, [WARNED, far, named, unsure, part, coded])
    assert items(picture, "alert")["w"].wkb is None
    fips = {"XX0101": {"FIPS": "01101"}}
    add(picture, [boundary(each, **fips.get(each.pcode, {})) for each in ALL], source="boundaries")
    found = items(picture, "alert")
    whole = found["w"]
    assert whole.wkb is not None
    assert shapely.from_wkb(whole.wkb).equals(COUNTIES[0].geometry)
    assert (whole.match.method, whole.match.sure) == ("geocode", "partly")
    assert "SAME=001999" in whole.match.note
    assert shapely.from_wkb(found["coded"].wkb or b"").area == pytest.approx(2.0)
    assert found["coded"].pcodes[:2] == ("XX", None), "only the country holds both"
    assert found["named"].match.method == "area name"
    assert shapely.from_wkb(found["named"].wkb or b"").area == pytest.approx(2.0)
    for ref, told in (("far", "EMMA_ID=AT010"), ("unsure", "several areas"), ("part", "SAME=901101")):
        assert found[ref].wkb is None, ref
        assert told in found[ref].match.note
    seen = picture.seen_by(BOSS)
    rows = seen.rows("alert")
    assert seen.has_shape("alert", rows).sum() == 3
    first = next(row for row in rows.tolist() if seen.items("alert", [row])[0].record.source_ref == "w")
    assert seen.column("alert", "lon")[first] == pytest.approx(0.5)


def test_boundaries_a_viewer_may_not_see_give_no_warning_its_shape(tmp_path: Path) -> None:
    picture = picture_of(tmp_path, [])
    shared = [msgspec.structs.replace(WARNED, agency="us", releasable_to=("un",), sensitivity=Sensitivity.low)]
    add(picture, shared)
    add(picture, [boundary(COUNTIES[0], FIPS="01101")], source="boundaries")
    partner = picture.seen_by(Viewer(name="p", agency="un"))
    mine = items(picture, "alert")["w"]
    assert mine.wkb is not None
    theirs = partner.items("alert", partner.rows("alert"))
    assert [(item.wkb, item.record.lon, item.match.method) for item in theirs] == [(None, None, "none")]
    assert not partner.has_shape("alert", partner.rows("alert")).any()


# -------------------- real tables and boundaries of South Sudan

real = pytest.mark.skipif(not FIXTURES.exists(), reason="the real files are not here")


def records(feed: str, *paths: str) -> list[Record]:
    source = Source(name=feed, feed=feed)
    context = Context(source, datetime.now(UTC))
    chunks = (chunk for path in paths for chunk in parse(all_feeds()[feed], Payload(path, FIXTURES / path), context))
    entries = (entry for chunk in chunks for entry in chunk if isinstance(entry, Entry))
    return [msgspec.structs.replace(decode(each.body), wkb=each.wkb, agency="", own=None) for each in entries]


@real
def test_real_population_of_another_vintage_is_placed_by_name_within_its_state(tmp_path: Path) -> None:
    boundaries = records(
        "boundaries",
        "admin/ssd_adm0_unified.json",
        "admin/prism-app__ssd_admbnda_adm1_imwg_nbs_20210924.json",
        "admin/prism-app__ssd_admbnda_adm2_imwg_nbs_20180817.json",
    )
    people = records("population", "population/ssd_population.xlsx")
    codes = {each.pcode for each in boundaries if isinstance(each, Boundary)}
    assert not codes & {each.adm_pcode for each in people}
    picture = picture_of(tmp_path, people, source="people")
    add(picture, boundaries, source="boundaries")
    found = items(picture, "indicator").values()
    assert Counter((item.match.method, item.match.sure) for item in found) == {
        ("name", "strong"): 77,
        ("name", "probable"): 1,
    }
    assert all(plain(item.area_names[1] or "") == plain(item.record.adm_names[0]) for item in found)
    assert all(item.pcodes[2] for item in found)
