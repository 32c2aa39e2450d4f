"""The access rule, sentence by sentence: each function holds for `data.access`, and falls when that sentence is broken.

They take the module as an argument, so that a module with a small wrong in it can be put in its place.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from data.records import Sensitivity

A = Any
"""`data.access`, or that module with a wrong in it."""
S = Sensitivity
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)
HOUR = timedelta(hours=1)


def person(a: A, agency: str = "blue", clearance: S = S.severe, **more: Any) -> Any:
    return a.Viewer("v", agency, clearance, **more)


def mark(a: A, agency: str = "red", sensitivity: S = S.low, **more: Any) -> Any:
    return a.Mark(agency, sensitivity, **more)


def pact(a: A, **more: Any) -> Any:
    told = {"name": "mou", "grantor": "red", "grantees": ("blue",), "starts": NOW - HOUR, "ends": NOW + HOUR}
    return a.Agreement(**{**told, **more})


def glass(a: A, **more: Any) -> Any:
    return a.BreakGlass(**{"owner": "red", "reason": "flood", "starts": NOW - HOUR, "ends": NOW + HOUR, **more})


def may(a: A, viewer: Any, of: Any, *agreements: Any, now: datetime = NOW) -> bool:
    decision = a.decide(viewer, of, agreements, now)
    assert decision.clause, "every decision names its clause"
    assert decision.permit is True or decision.permit is False
    return bool(decision.permit)


def duties(a: A, viewer: Any, of: Any, *agreements: Any, now: datetime = NOW) -> Any:
    decision = a.decide(viewer, of, agreements, now)
    assert decision.permit
    return decision.obligations


def case_default_deny(a: A) -> None:
    assert not may(a, person(a), mark(a))
    assert not may(a, person(a), a.Mark("red"))
    assert a.Mark("red").sensitivity is S.high
    assert may(a, person(a, "red", S.high), a.Mark("red"))
    assert not may(a, person(a, ""), mark(a, releasable_to=(a.MISSION, "")))
    assert not may(a, person(a, ""), mark(a, ""))
    assert not may(a, a.NOBODY, mark(a, releasable_to=(a.MISSION,)))


def case_clearance_holds_for_owners_too(a: A) -> None:
    for level in S:
        assert may(a, person(a, "red", level), mark(a, "red", level))
        assert may(a, person(a, "blue", level), mark(a, "red", level, releasable_to=("blue",)))
        assert may(a, person(a, a.EVERY_AGENCY, level), mark(a, "red", level))
        if level > S.low:
            below = S(level - 1)
            assert not may(a, person(a, "red", below), mark(a, "red", level))
            assert not may(a, person(a, "blue", below), mark(a, "red", level, releasable_to=("blue", a.MISSION)))
            assert not may(a, person(a, a.EVERY_AGENCY, below), mark(a, "red", level))
            assert not may(a, person(a, "blue", below), mark(a, "red", level), pact(a, maximum_sensitivity=S.severe))


def case_the_operator_sees_for_every_agency(a: A) -> None:
    assert may(a, a.LOCAL_OPERATOR, mark(a, "red", S.severe, compartments=("x",), purposes=("health",)))
    assert duties(a, a.LOCAL_OPERATOR, mark(a, minimum_count=9, personal_fields=("t",))) == a.Obligations()
    assert not may(a, a.LOCAL_OPERATOR, mark(a, consent=a.Consent.withdrawn))
    assert "every agency" in a.decide(a.LOCAL_OPERATOR, mark(a), (), NOW).clause


def case_accounts_end(a: A) -> None:
    of = mark(a, releasable_to=("blue",))
    assert may(a, person(a, valid_from=NOW, valid_until=NOW + TICK), of)
    assert not may(a, person(a, valid_from=NOW + TICK), of)
    assert not may(a, person(a, valid_until=NOW), of)
    assert not may(a, person(a, valid_until=NOW - TICK), of)
    assert may(a, person(a, valid_from=NOW - TICK), of)
    assert may(a, person(a, valid_until=NOW + HOUR), of)


def case_the_clock_where_no_time_is_given(a: A) -> None:
    real = datetime.now(UTC)
    of = mark(a, releasable_to=("blue",))
    assert a.decide(person(a, valid_from=real - HOUR, valid_until=real + HOUR), of).permit
    assert not a.decide(person(a, valid_until=real - HOUR), of).permit
    assert not a.decide(person(a, valid_from=real + HOUR), of).permit
    assert a.decide(person(a, valid_until=real - HOUR), of, (), real - 2 * HOUR).permit, "the time given counts"


def case_withdrawn_consent_is_over_everything(a: A) -> None:
    gone = mark(a, consent=a.Consent.withdrawn, releasable_to=("blue", a.MISSION))
    assert not may(a, person(a, "red"), gone)
    assert not may(a, person(a), gone, pact(a))
    assert not may(a, person(a, opened=(glass(a),)), gone)
    assert may(a, person(a), mark(a, consent=a.Consent.given, releasable_to=("blue",)))


def case_compartments_are_all_needed(a: A) -> None:
    both = mark(a, compartments=("x", "y"), releasable_to=("blue",))
    for read_into, expected in (
        ((), False),
        (("x",), False),
        (("y",), False),
        (("x", "y"), True),
        (("y", "z", "x"), True),
    ):
        assert may(a, person(a, compartments=read_into), both) is expected
        assert may(a, person(a, compartments=read_into), both, pact(a)) is expected
        assert may(a, person(a, "red", compartments=read_into), both) is expected, "for the owner's people too"
        glassed = person(a, compartments=read_into, opened=(glass(a),))
        assert may(a, glassed, mark(a, compartments=("x", "y"))) is expected, "break-glass does not lift them"
    assert may(a, person(a, compartments=("x",)), mark(a, releasable_to=("blue",)))


def case_a_display_shows_no_more_than_moderate(a: A) -> None:
    for level in S:
        shown = may(a, person(a, "red", kind="display"), mark(a, "red", level))
        assert shown is (level <= S.moderate)
        assert may(a, person(a, "red", kind="service"), mark(a, "red", level))
        wall_of_all = person(a, a.EVERY_AGENCY, kind="display")
        assert may(a, wall_of_all, mark(a, "red", level)) is (level <= S.moderate)
    told = mark(a, "red", S.low, personal_fields=("reporter",))
    for wall in (person(a, "red", kind="display"), person(a, a.EVERY_AGENCY, kind="display")):
        assert duties(a, wall, told).hidden == ("reporter",), "no personal data on a wall"
        assert duties(a, wall, told).no_export
    assert duties(a, person(a, "red"), told) == a.Obligations()
    on_wall = duties(a, person(a, kind="display"), told, pact(a, personal_data=True))
    assert on_wall.hidden == ("reporter",)


def case_owners_see_their_own_whole(a: A) -> None:
    own = mark(
        a,
        "red",
        personal_fields=("t",),
        precision=a.Precision.none,
        minimum_count=9,
        purposes=("health",),
        originator_control=True,
    )
    assert duties(a, person(a, "red"), own) == a.Obligations()
    assert "owner" in a.decide(person(a, "red"), own, (), NOW).clause


def case_release_by_name_and_to_the_mission(a: A) -> None:
    assert may(a, person(a), mark(a, releasable_to=("green", "blue")))
    assert not may(a, person(a), mark(a, releasable_to=("green",)))
    assert may(a, person(a), mark(a, releasable_to=(a.MISSION,)))
    assert not may(a, person(a, in_mission=False), mark(a, releasable_to=(a.MISSION,)))
    assert may(a, person(a, in_mission=False), mark(a, releasable_to=("blue",)))
    assert not may(a, person(a), mark(a, releasable_to=(a.MISSION,), originator_control=True))
    assert may(a, person(a), mark(a, releasable_to=("blue",), originator_control=True))
    assert "mission" in a.decide(person(a), mark(a, releasable_to=(a.MISSION,)), (), NOW).clause
    assert "blue" in a.decide(person(a), mark(a, releasable_to=("blue", a.MISSION)), (), NOW).clause


def case_the_mark_s_duties_come_with_release(a: A) -> None:
    told = {"personal_fields": ("b", "a"), "precision": a.Precision.km5, "minimum_count": 3}
    for released in (("blue",), (a.MISSION,)):
        found = duties(a, person(a), mark(a, releasable_to=released, **told))
        assert found.hidden == ("a", "b")
        assert found.precision is a.Precision.km5
        assert found.minimum_count == 3
        assert found.alters
        assert (found.no_export, found.watermark, found.log) == (False, False, False)


def case_alters_says_whether_anything_differs(a: A) -> None:
    assert not a.Obligations().alters
    assert not a.Obligations(no_export=True, watermark=True, log=True).alters
    assert a.Obligations(hidden=("t",)).alters
    assert a.Obligations(precision=a.Precision.km1).alters
    assert a.Obligations(minimum_count=2).alters


def case_purposes_bind(a: A) -> None:
    bound = mark(a, releasable_to=("blue",), purposes=("health", "wash"))
    assert not may(a, person(a), bound)
    assert not may(a, person(a, purposes=("security",)), bound)
    assert may(a, person(a, purposes=("wash", "security")), bound)
    assert may(a, person(a, purposes=("wash",)), mark(a, releasable_to=("blue",)))
    assert may(a, person(a), mark(a, releasable_to=("blue",)))
    assert not may(a, person(a), bound, pact(a)), "an agreement does not lift the mark's purposes"
    assert may(a, person(a, purposes=("health",)), mark(a, purposes=("health",)), pact(a))


def case_agreements_cover_what_they_name(a: A) -> None:
    of = mark(a, collection="incidents")
    assert may(a, person(a), of, pact(a))
    assert "mou" in a.decide(person(a), of, (pact(a),), NOW).clause
    assert not may(a, person(a), of, pact(a, grantor="green"))
    assert not may(a, person(a), of, pact(a, grantees=("green",)))
    assert may(a, person(a), of, pact(a, collections=("sites", "incidents")))
    assert not may(a, person(a), of, pact(a, collections=("sites",)))
    assert not may(a, person(a), of, pact(a, purposes=("health",)))
    assert not may(a, person(a, purposes=("wash",)), of, pact(a, purposes=("health",)))
    assert may(a, person(a, purposes=("wash", "health")), of, pact(a, purposes=("health",)))
    assert may(a, person(a, purposes=("wash",)), of, pact(a))
    assert not may(a, person(a), mark(a, ""), pact(a, grantor="")), "a figure of several owners is nobody's to grant"
    assert may(a, person(a), of, pact(a, grantees=()), pact(a)), "any one of several is enough"
    assert may(a, person(a), of, pact(a), pact(a, grantees=()))


def case_agreements_have_a_period(a: A) -> None:
    of = mark(a)
    for starts, ends, revoked, expected in (
        (NOW, NOW + TICK, None, True),
        (NOW - HOUR, NOW, None, False),
        (NOW + TICK, NOW + HOUR, None, False),
        (NOW - HOUR, NOW + HOUR, NOW, False),
        (NOW - HOUR, NOW + HOUR, NOW - TICK, False),
        (NOW - HOUR, NOW + HOUR, NOW + TICK, True),
    ):
        assert may(a, person(a), of, pact(a, starts=starts, ends=ends, revoked_at=revoked)) is expected
    ended = pact(a, ends=NOW - TICK, revoked_at=NOW + HOUR)
    assert not may(a, person(a), of, ended)


def case_agreements_have_a_highest_level(a: A) -> None:
    for level, most in itertools.product(S, S):
        assert may(a, person(a), mark(a, "red", level), pact(a, maximum_sensitivity=most)) is (level <= most)


def case_onward_sharing(a: A) -> None:
    onward = pact(a, grantees=("green",), onward=("blue",))
    assert may(a, person(a), mark(a), onward)
    assert "onward" in a.decide(person(a), mark(a), (onward,), NOW).clause
    assert not may(a, person(a), mark(a, originator_control=True), onward)
    assert not may(a, person(a), mark(a), pact(a, grantees=("green",), onward=("black",)))
    assert may(a, person(a), mark(a, originator_control=True), pact(a)), (
        "the owner's own agreement by name is its release"
    )


def case_an_agreement_s_terms(a: A) -> None:
    tiers = a.Precision
    of = mark(a, personal_fields=("t",), precision=tiers.km1, minimum_count=3)
    found = duties(a, person(a), of, pact(a))
    assert (found.hidden, found.precision, found.minimum_count, found.no_export) == (("t",), tiers.km1, 3, False)
    found = duties(
        a, person(a), of, pact(a, personal_data=True, minimum_precision=tiers.adm3, minimum_count=5, export=False)
    )
    assert (found.hidden, found.precision, found.minimum_count, found.no_export) == ((), tiers.adm3, 5, True)
    found = duties(a, person(a), of, pact(a, minimum_precision=tiers.exact, minimum_count=1))
    assert (found.precision, found.minimum_count) == (tiers.km1, 3), "an agreement does not loosen the mark"


def case_of_several_grants_the_least_burden(a: A) -> None:
    tiers = a.Precision
    of = mark(a, personal_fields=("s", "t"))
    plain = pact(a, name="plain", personal_data=True)
    for heavier in (
        {"minimum_count": 4, "personal_data": True},
        {"minimum_precision": tiers.km5, "personal_data": True},
        {"personal_data": False},
        {"export": False, "personal_data": True},
    ):
        worse = pact(a, name="worse", **heavier)
        for several in ((plain, worse), (worse, plain)):
            assert "plain" in a.decide(person(a), of, several, NOW).clause
            assert not duties(a, person(a), of, *several).alters
    counted = mark(a, releasable_to=("blue",), minimum_count=5)
    assert "released" in a.decide(person(a), counted, (pact(a, minimum_precision=tiers.km5),), NOW).clause
    coarse = pact(a, name="coarse", minimum_precision=tiers.adm2, personal_data=True)
    fine = pact(a, name="fine", minimum_count=2, personal_data=True)
    assert "coarse" in a.decide(person(a), of, (fine, coarse), NOW).clause, "seen coarsely before counted only"
    near = pact(a, name="near")
    assert "near" in a.decide(person(a), of, (coarse, near), NOW).clause, "a finer place before more fields"
    unexported = pact(a, name="unexported", export=False, personal_data=True)
    assert "unexported" in a.decide(person(a), of, (near, unexported), NOW).clause, "more fields before export"


def case_break_glass(a: A) -> None:
    opened = person(a, "blue", S.low, opened=(glass(a),))
    secret = mark(a, "red", S.high, personal_fields=("t",), precision=a.Precision.km5, minimum_count=9, purposes=("p",))
    found = duties(a, opened, secret)
    assert found == a.Obligations(("t",), no_export=True, watermark=True, log=True)
    assert "flood" in a.decide(opened, secret, (), NOW).clause
    quiet = duties(a, opened, mark(a, "red", S.low))
    assert (quiet.watermark, quiet.log, quiet.no_export) == (True, True, True)
    assert not may(a, opened, mark(a, "green", S.low)), "one agency's records only"
    assert not may(a, opened, mark(a, "red", S.severe))
    assert not may(a, person(a, opened=(glass(a, reason=""),)), secret)
    for kind in ("display", "service"):
        assert not may(a, person(a, "blue", kind=kind, opened=(glass(a),)), mark(a, "red", S.low))
    assert may(a, person(a, opened=(glass(a, owner="green"), glass(a))), secret), "any one that was opened"
    low = person(a, "blue", S.low, opened=(glass(a, maximum_sensitivity=S.moderate),))
    assert [may(a, low, mark(a, "red", level)) for level in S] == [True, True, False, False]
    both = person(a, "blue", S.severe, opened=(glass(a),))
    released = mark(a, "red", S.high, releasable_to=("blue",))
    assert "released" in a.decide(both, released, (), NOW).clause, "what is released anyhow is not opened by force"
    only_counted = mark(a, "red", S.high, releasable_to=("blue",), minimum_count=9)
    assert "flood" in a.decide(both, only_counted, (), NOW).clause


def case_break_glass_has_an_end_and_a_second_person(a: A) -> None:
    of = mark(a, "red", S.low)

    def open_(now: datetime = NOW, **more: Any) -> bool:
        return may(a, person(a, opened=(glass(a, **more),)), of, now=now)

    assert open_(starts=NOW)
    assert not open_(starts=NOW + TICK)
    assert not open_(ends=NOW)
    assert open_(ends=NOW + TICK)
    four = timedelta(hours=4)
    assert open_(starts=NOW - four + TICK, ends=NOW + 9 * HOUR)
    assert not open_(starts=NOW - four, ends=NOW + 9 * HOUR), "four hours at most, whatever was asked"
    severe = mark(a, "red", S.severe)
    alone = glass(a, maximum_sensitivity=S.severe)
    agreed = glass(a, maximum_sensitivity=S.severe, second="colleague")
    assert not may(a, person(a, opened=(alone,)), severe)
    assert not may(a, person(a, opened=(alone,)), of), "nothing is open until the second person agreed"
    assert may(a, person(a, opened=(agreed,)), severe)
    assert may(a, person(a, opened=(glass(a, second="colleague"),)), of)


def case_handling_advice(a: A) -> None:
    levels = a.Tlp
    for tlp in levels:
        for viewer in (person(a, "red"), person(a)):
            found = duties(a, viewer, mark(a, releasable_to=("blue",), tlp=tlp))
            assert found.watermark is (tlp in (levels.amber, levels.amber_strict, levels.red))
            assert found.no_export is (tlp is levels.red)
    for level in S:
        assert duties(a, person(a, "red"), mark(a, "red", level)).log is (level >= S.high)


def case_looking_as_another_shows_no_more_than_both(a: A) -> None:
    of = mark(a, releasable_to=("blue",))
    assert may(a, person(a, "blue", looking=person(a, "red")), of)
    assert not may(a, person(a, "blue", looking=person(a, "green")), of)
    assert not may(a, person(a, "green", looking=person(a, "red")), of)
    assert not may(a, person(a, "blue", looking=a.NOBODY), of)
    assert not may(
        a, person(a, "blue", S.low, looking=person(a, "red")), mark(a, "red", S.high, releasable_to=("blue",))
    )
    denied = a.decide(person(a, "blue", looking=person(a, "red")), mark(a, tlp=a.Tlp.red), (), NOW)
    assert denied == a.Decision(False, "not released by its owner")
    plain = duties(a, person(a, "blue", looking=person(a, "red")), of)
    assert plain == a.Obligations(no_export=True), "whoever looks as another takes nothing out"
    tiers = a.Precision
    to_blue = pact(a, name="to blue", minimum_precision=tiers.km5, minimum_count=2, personal_data=True)
    to_green = pact(a, name="to green", grantees=("green",), minimum_precision=tiers.km1, minimum_count=7)
    of = mark(a, "red", S.low, personal_fields=("t",))
    for one, other in (("blue", "green"), ("green", "blue")):
        found = duties(a, person(a, one, looking=person(a, other)), of, to_blue, to_green)
        assert found == a.Obligations(("t",), tiers.km5, 7, no_export=True)
        assert f"to {one}" in a.decide(person(a, one, looking=person(a, other)), of, (to_blue, to_green), NOW).clause
    opened = person(a, "green", opened=(glass(a),))
    for viewer in (person(a, "red", looking=opened), a.replace(opened, looking=person(a, "red"))):
        found = duties(a, viewer, mark(a, "red", S.moderate))
        assert (found.watermark, found.log) == (True, True)
    found = duties(a, person(a, "red", looking=person(a, "red")), mark(a, "red", S.moderate))
    assert (found.watermark, found.log) == (False, False)


def case_masks_are_decisions(a: A) -> None:
    marks = [mark(a), mark(a, releasable_to=("blue",)), mark(a, "blue"), mark(a, "blue", S.severe)]
    found = a.permitted(person(a, "blue", S.high), marks, (pact(a, collections=("none",)),), NOW)
    assert found.tolist() == [False, True, True, False]
    assert a.permitted(person(a), [mark(a)], (pact(a),), NOW).tolist() == [True]
    assert a.permitted(person(a), [mark(a)], (pact(a),), NOW + 2 * HOUR).tolist() == [False]


def _marks(a: A) -> Iterator[Any]:
    tiers, consents = a.Precision, a.Consent
    for agency in ("red", "blue"):
        yield mark(a, agency)
        yield mark(a, agency, S.high, releasable_to=("green", "blue"), personal_fields=("s",))
        yield mark(a, agency, releasable_to=(a.MISSION,), collection="incidents", purposes=("p",), retention="1y")
        yield mark(a, agency, S.moderate, releasable_to=("green", "red"), purposes=("p", "q"), precision=tiers.km5)
        yield mark(a, agency, releasable_to=("green",), purposes=("q",), compartments=("x",), collection="incidents")
        yield mark(a, agency, releasable_to=(a.MISSION, "green"), originator_control=True, tlp=a.Tlp.red)
        yield mark(a, agency, releasable_to=("green",), consent=consents.withdrawn, minimum_count=4)
        yield mark(a, agency, releasable_to=("green", a.MISSION), compartments=("y",), personal_fields=("t",))


def _viewers(a: A) -> Iterator[Any]:
    for agency in ("red", "blue", "green", "other", a.EVERY_AGENCY):
        yield person(a, agency)
        yield person(a, agency, S.moderate, purposes=("p",), compartments=("x",))
        yield person(a, agency, purposes=("q",), compartments=("x", "y"), in_mission=False)
    yield person(a, "other", opened=(glass(a), glass(a, owner="")), purposes=("p", "q"), compartments=("x", "y"))


def case_who_may_not_see_every_part_may_not_see_the_whole(a: A) -> None:
    agreements = (
        pact(a, grantees=("green", "other")),
        pact(a, grantor="blue", grantees=("other",), collections=("incidents",)),
        pact(a, grantor="", grantees=("other", "green")),
    )
    for one, other in itertools.product(list(_marks(a)), repeat=2):
        whole = a.join([one, other])
        for viewer in _viewers(a):
            if a.decide(viewer, whole, agreements, NOW).permit:
                for part in (one, other):
                    assert a.decide(viewer, part, agreements, NOW).permit, (viewer, one, other)


def case_joins_keep_what_is_common(a: A) -> None:
    assert a.join([]) is None
    for each in _marks(a):
        assert a.join([each]) == each
        assert a.join(iter([each, each])) == a.replace(
            each,
            releasable_to=tuple(sorted(each.releasable_to)),
        )
    both = a.join(
        [
            mark(
                a,
                "red",
                S.high,
                releasable_to=("blue", "green"),
                collection="sites",
                compartments=("x",),
                retention="1y",
            ),
            mark(
                a,
                "blue",
                S.low,
                releasable_to=("red", "green"),
                collection="sites",
                compartments=("y",),
                tlp=a.Tlp.amber,
                consent=a.Consent.given,
                personal_fields=("t",),
                precision=a.Precision.km5,
                minimum_count=4,
                originator_control=True,
                purposes=("p",),
                retention="1y",
            ),
        ]
    )
    assert both == a.Mark(
        "",
        S.high,
        ("blue", "green", "red"),
        "sites",
        True,
        ("x", "y"),
        a.Tlp.amber,
        ("p",),
        a.Consent.given,
        ("t",),
        a.Precision.km5,
        4,
        "1y",
    )
    assert not may(a, person(a, "green"), both)
    green = person(a, "green", purposes=("p",), compartments=("x", "y"))
    assert may(a, green, both)
    third = a.join([both, mark(a, "green", purposes=("q",), collection="alerts", retention="2y")])
    assert third.agency == ""
    assert third.releasable_to == ("green",), "of what was joined before, only its list counts"
    assert a.join([both, both]).releasable_to == both.releasable_to
    assert third.purposes == (a.NO_PURPOSE,), "nobody acts for purposes that have nothing in common"
    assert (third.collection, third.retention) == ("", "")
    assert a.join([mark(a, purposes=("p", "q")), mark(a, purposes=("q", "r"))]).purposes == ("q",)
    assert a.join([mark(a, purposes=("p",)), mark(a)]).purposes == ("p",)
    assert a.join([mark(a), mark(a, purposes=("p",))]).purposes == ("p",)
    assert a.join([mark(a, originator_control=True), mark(a)]).originator_control
    assert a.join([mark(a), mark(a)]).releasable_to == (), "within one agency the owner needs no release"
    assert not a.join([mark(a), mark(a)]).originator_control


def case_when_time_alone_changes_a_decision(a: A) -> None:
    day = timedelta(days=1)
    after = a.changes_after
    assert after(person(a), (), NOW) is None
    assert after(person(a, valid_from=NOW + day), (), NOW) == NOW + day
    assert after(person(a, valid_until=NOW + 2 * day), (), NOW) == NOW + 2 * day
    assert after(person(a, valid_from=NOW, valid_until=NOW - day), (), NOW) is None, "what has passed changes nothing"
    assert (
        after(person(a, valid_until=NOW + 9 * day), (pact(a, starts=NOW + day, ends=NOW + 2 * day),), NOW) == NOW + day
    )
    assert after(person(a), (pact(a, ends=NOW + 2 * day),), NOW) == NOW + 2 * day
    assert after(person(a), (pact(a, ends=NOW + 2 * day, revoked_at=NOW + day),), NOW) == NOW + day
    assert after(person(a, opened=(glass(a, starts=NOW + HOUR, ends=NOW + 9 * day),)), (), NOW) == NOW + HOUR
    assert after(person(a, opened=(glass(a, starts=NOW - HOUR, ends=NOW + HOUR),)), (), NOW) == NOW + HOUR
    assert after(person(a, opened=(glass(a, starts=NOW - HOUR, ends=NOW + day),)), (), NOW) == NOW + 3 * HOUR
    assert after(person(a, looking=person(a, valid_until=NOW + HOUR)), (), NOW) == NOW + HOUR


CASES: tuple[Callable[[A], None], ...] = tuple(
    value for name, value in sorted(globals().items()) if name.startswith("case_")
)
