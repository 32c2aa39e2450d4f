"""Days of supply: against a slow model in plain Python, and the cases that mislead."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.access import LOCAL_OPERATOR, Viewer
from data.analysis.supply import CLASSES, Supply, supply, worst_of_sites
from data.filters import Filters
from data.records import Record, Sensitivity, Site, SupplyLevel
from data.seen import Seen
from tests.pictures import add, picture_of

NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)
MONTH = 30.4375


def report(site: str, item: str, when: datetime | float, on_hand: float | None = None, **told: object) -> SupplyLevel:
    moment = when if isinstance(when, datetime) else NOW - timedelta(days=when)
    ref = f"{site}/{item}/{moment.isoformat()}/{sorted(told)}"
    return SupplyLevel(source_ref=ref, site_ref=site, item=item, stock_on_hand=on_hand, event_time=moment, **told)  # type: ignore[arg-type]


def seen_of(folder: Path, records: Iterable[Record]) -> Seen:
    return replace(picture_of(folder, records).seen_by(LOCAL_OPERATOR), now=NOW)


def by_pair(seen: Seen, found: Supply) -> dict[tuple[str, str], tuple[float, float | None, float | None, str]]:
    """(site, item) -> stock, AMC, days and class; None where not known."""
    refs, items = seen.labels("supply", "site_ref"), seen.labels("supply", "item")
    return {
        (refs[seen.column("supply", "site_ref")[row]], items[item]): (
            float(stock),
            None if np.isnan(amc) else float(amc),
            None if np.isnan(days) else float(days),
            CLASSES[status],
        )
        for row, item, stock, amc, days, status in zip(
            found.rows, found.item, found.stock, found.amc, found.days, found.status, strict=True
        )
    }


def month(moment: datetime) -> int:
    return moment.year * 12 + moment.month


def model(reports: list[SupplyLevel]) -> dict[tuple[str, str], tuple[float, float | None, float | None, str]]:
    pairs: dict[tuple[str, str], list[SupplyLevel]] = defaultdict(list)
    for each in reports:
        pairs[each.site_ref, each.item].append(each)
    found = {}
    for pair, rows in pairs.items():
        rows.sort(key=lambda each: each.event_time or NOW)
        counted = [each for each in rows if each.stock_on_hand is not None]
        last = (counted or rows)[-1]
        stock = last.stock_on_hand
        stated = [each for each in rows if each.amc is not None]
        amc = None
        if stated and month(stated[-1].event_time or NOW) > month(rows[-1].event_time or NOW) - 6:
            amc = stated[-1].amc
        if not amc:
            told = [each for each in rows if each.consumed is not None and month(each.event_time or NOW) < month(NOW)]
            newest = max((month(each.event_time or NOW) for each in told), default=0)
            used: dict[int, float] = defaultdict(float)
            for each in told:
                used[month(each.event_time or NOW)] += each.consumed or 0
            dry = {
                month(each.event_time or NOW)
                for each in rows
                if each.stock_on_hand is not None and each.stock_on_hand <= 0
            }
            good = [amount for at, amount in used.items() if newest - 6 < at and at not in dry]
            amc = sum(good) / len(good) if good else None
        days = stock / (amc / MONTH) if stock is not None and amc else None
        age = (NOW - (last.event_time or NOW)) / timedelta(days=1)
        if age > 60:
            status = "not_reported"
        elif stock is not None and stock <= 0:
            status = "stockout"
        elif days is None:
            status = "unknown"
        else:
            names = ("lt7", "d7_14", "d14_30", "gt30", "overstock")
            status = names[sum(days >= edge for edge in (7, 14, 30, 180))]
        found[pair] = (float("nan") if stock is None else stock, amc or None, days, status)
    return found


AMOUNTS = st.none() | st.sampled_from([0.0, 1.0, 7.0, 30.4375, 400.0])
REPORTS = st.lists(
    st.tuples(st.sampled_from("AB"), st.sampled_from("xy"), st.integers(0, 300), AMOUNTS, AMOUNTS, AMOUNTS),
    max_size=40,
    unique_by=lambda row: row[:3],
)


@settings(max_examples=60)
@given(rows=REPORTS)
def test_as_a_slow_model_has_it(rows: list[tuple[str, str, int, float | None, float | None, float | None]]) -> None:
    reports = [
        report(site, item, float(days), on_hand, amc=amc, consumed=consumed)
        for site, item, days, on_hand, amc, consumed in rows
    ]
    with tempfile.TemporaryDirectory() as folder:
        seen = seen_of(Path(folder), reports)
        found = by_pair(seen, supply(seen))
    expected = model(reports)
    assert found.keys() == expected.keys()
    for pair, (stock, amc, days, status) in expected.items():
        assert found[pair][3] == status, pair
        assert found[pair][0] == pytest.approx(stock, nan_ok=True)
        assert found[pair][1:3] == (pytest.approx(amc), pytest.approx(days)), pair


def test_no_use_is_unknown_and_never_forever(tmp_path: Path) -> None:
    seen = seen_of(
        tmp_path,
        [report("s", "stated zero", 3.0, 500, amc=0.0), report("s", "unsaid", 3.0, 500), report("s", "empty", 3.0, 0)],
    )
    told = {item: each[2:] for (_, item), each in by_pair(seen, supply(seen)).items()}
    assert told == {"stated zero": (None, "unknown"), "unsaid": (None, "unknown"), "empty": (None, "stockout")}
    assert supply(seen).limits.unknown == 2


def test_months_without_stock_do_not_lower_what_is_needed(tmp_path: Path) -> None:
    monthly = [(5, 100.0, 40.0), (6, 100.0, 20.0), (7, 2.0, 0.0), (8, 1.0, 0.0), (9, 100.0, 60.0), (10, 100.0, 50.0)]
    seen = seen_of(
        tmp_path,
        [report("s", "x", datetime(2026, m, 28, tzinfo=UTC), stock, consumed=use) for m, use, stock in monthly],
    )
    found = supply(seen)
    assert by_pair(seen, found)["s", "x"][1] == 100
    assert (found.limits.from_history, found.limits.censored_months) == (1, 2)


def test_the_running_month_is_not_yet_a_month(tmp_path: Path) -> None:
    days = [datetime(2026, 10, 31, 23, tzinfo=UTC), datetime(2026, 11, 10, tzinfo=UTC)]
    seen = seen_of(
        tmp_path, [report("s", "x", day, 50, consumed=use) for day, use in zip(days, (90.0, 5.0), strict=True)]
    )
    assert by_pair(seen, supply(seen))["s", "x"][1] == 90


def test_a_period_that_ends_at_midnight_is_of_the_month_before(tmp_path: Path) -> None:
    end = datetime(2026, 11, 1, tzinfo=UTC)
    seen = seen_of(tmp_path, [report("s", "x", end, 50, consumed=90.0, period_end=end)])
    assert by_pair(seen, supply(seen))["s", "x"][1] == 90


def test_use_told_twice_is_not_added(tmp_path: Path) -> None:
    october = [datetime(2026, 10, day, tzinfo=UTC) for day in (3, 17)]
    single = [report("s", "x", day, 50, consumed=40.0, category="movement") for day in october]
    monthly = report("s", "x", datetime(2026, 10, 31, tzinfo=UTC), 50, consumed=85.0, category="requisition")
    seen = seen_of(tmp_path, [*single, monthly])
    assert by_pair(seen, supply(seen))["s", "x"][1] == 85


def test_sites_are_found_by_code_in_their_own_list_first(tmp_path: Path) -> None:
    picture = picture_of(
        tmp_path, [report("F1", "x", 2.0, 5), report("F2", "x", 2.0, 5), report("F9", "x", 2.0, 5)], source="lmis"
    )
    add(picture, [Site(source_ref="F1", title="Own", lon=31.0, lat=7.0)], source="lmis")
    add(
        picture,
        [
            Site(source_ref="F1", title="Namesake", lon=1.0, lat=1.0),
            Site(source_ref="F2", title="Only", lon=32.0, lat=7.0),
        ],
        source="a",
    )
    add(picture, [Site(source_ref="F9", title="One", lon=3.0, lat=3.0)], source="b")
    add(picture, [Site(source_ref="F9", title="Two", lon=4.0, lat=4.0)], source="c")
    seen = replace(picture.seen_by(LOCAL_OPERATOR), now=NOW)
    found = supply(seen)
    refs = [seen.labels("supply", "site_ref")[seen.column("supply", "site_ref")[row]] for row in found.rows]
    titles = [
        None if row < 0 else seen.labels("site", "title")[seen.column("site", "title")[row]] for row in found.site_row
    ]
    assert dict(zip(refs, titles, strict=True)) == {"F1": "Own", "F2": "Only", "F9": None}
    assert found.limits.sites == 3
    assert found.limits.unlocated == 1


def test_the_worst_of_a_site_is_what_runs_out_first(tmp_path: Path) -> None:
    def kept(site: str, *items: tuple[str, float, float | None, float]) -> list[SupplyLevel]:
        return [report(site, item, age, on_hand, amc=amc) for item, on_hand, amc, age in items]

    seen = seen_of(
        tmp_path,
        [
            *kept("A", ("plenty", 900, 30, 2), ("little", 3, 30, 2), ("unsaid", 5, None, 2)),
            *kept("B", ("plenty", 900, 30, 2), ("none", 0, None, 2), ("little", 1, 30, 2)),
            *kept("C", ("unsaid", 5, None, 2), ("silent", 0, 30, 90)),
            *kept("D", ("silent", 0, 30, 90)),
        ],
    )
    found = supply(seen)
    items, refs = seen.labels("supply", "item"), seen.labels("supply", "site_ref")
    worst = {
        refs[seen.column("supply", "site_ref")[found.rows[at]]]: items[found.item[at]] for at in worst_of_sites(found)
    }
    assert worst == {"A": "little", "B": "none", "C": "unsaid", "D": "silent"}


def test_filters_and_marks_choose_the_reports(tmp_path: Path) -> None:
    picture = picture_of(tmp_path, [report("s", "x", 3.0, 70, amc=30.0)], source="one", agency="us")
    add(
        picture, [report("s", "x", 1.0, 10, amc=30.0), report("t", "y", 1.0, 10, amc=30.0)], source="two", agency="them"
    )
    everybody = replace(picture.seen_by(LOCAL_OPERATOR), now=NOW)
    ours = replace(picture.seen_by(Viewer("a", "us", Sensitivity.low)), now=NOW)
    assert len(supply(everybody).rows) == 3
    assert supply(everybody, Filters(source=("two",))).stock.tolist() == [10, 10]
    assert supply(everybody, Filters(), items=("y",)).stock.tolist() == [10]
    assert supply(ours).stock.tolist() == [70]
    assert supply(everybody, Filters(agency=("nobody",))).limits.sites == 0


def test_what_lies_ahead_or_has_no_report_is_told(tmp_path: Path) -> None:
    sites = [Site(source_ref=f"s{n}", title=f"Clinic {n}") for n in range(4)]
    seen = seen_of(
        tmp_path,
        [
            *sites,
            report("s0", "x", 2.0, 60, amc=30.0),
            report("s0", "x", -3.0, 1, amc=30.0),
            report("s1", "x", 70.0, 60, amc=30.0),
        ],
    )
    found = supply(seen)
    assert by_pair(seen, found) == {
        ("s0", "x"): (60, 30, pytest.approx(60 * MONTH / 30), "gt30"),
        ("s1", "x"): (60, 30, pytest.approx(60 * MONTH / 30), "not_reported"),
    }
    assert (found.limits.never_reported, found.limits.not_reported) == (2, 1)


def test_lots_of_an_item_are_added_and_a_newer_count_of_the_whole_stands_instead(tmp_path: Path) -> None:
    lots = [
        report("S", "tab", 9, 40.0, card="a"),
        report("S", "tab", 5, 30.0, card="a"),
        report("S", "tab", 8, 5.0, card="b"),
    ]

    def on_hand(name: str, *more: SupplyLevel) -> float:
        return float(supply(seen_of(tmp_path / name, [*lots, *more])).stock[0])

    assert on_hand("lots") == 35.0
    assert on_hand("newer", report("S", "tab", 2, 50.0)) == 50.0
    assert on_hand("older", report("S", "tab", 20, 50.0)) == 35.0
