"""What is shared: marks as they stand now, agreements, break-glass; every change is a commit that says whom it concerns."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from data import audit
from data.access import EVERY_AGENCY, LOCAL_OPERATOR, Agreement, Consent, Mark, Precision, Tlp, Viewer, decide
from data.agreements import ALLOWED
from data.glass import close_glass, glasses, open_glass, second_glass
from data.in_force import announce_due
from data.keeper import Keeper
from data.marks import raised
from data.picture import Picture
from data.records import Incident, OwnMark, Sensitivity
from data.settings import BadSettings, Settings, Source, load
from data.sharing import FEED, announce, read
from data.sharing_changes import CannotShare, add_agreement, revoke_agreement, set_source_mark
from data.store import Batch, Store, open_store
from data.tables import glass as glass_table
from data.upkeep import verify
from tests.pictures import entry

NOW = datetime.now(UTC)
DAY = timedelta(days=1)
MOH = Viewer("ministry", "MOH", Sensitivity.severe)
WHO = Viewer("who", "WHO", Sensitivity.severe, purposes=("health",))
NGO = Viewer("ngo", "NGO", Sensitivity.high)
GUEST = Viewer("guest", "PRESS", in_mission=False)
TERMS = {"name": "A", "grantor": "MOH", "grantees": ["WHO"], "from": str(NOW - DAY), "to": str(NOW + DAY)}


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    url = f"sqlite:///{tmp_path / 'commonground.sqlite'}"
    opened = open_store(url if request.param == "sqlite" else request.getfixturevalue("postgres_url"))
    yield opened
    assert list(verify(opened, tmp_path)) == []
    opened.close()


def mission(*agreements: Agreement, **sources: Source) -> Settings:
    return Settings(Path(), "", sources=sources, agreements=agreements)


def put(store: Store, source: str, ref: str = "1") -> int:
    record = Incident(source_ref=ref, title=f"{source} {ref}", source=source, agency="MOH", sensitivity=Sensitivity.low)
    return store.append(Batch(source, "table", "-", "", time.time_ns() // 1_000, [[entry(1, record)]])).revision


def seen_by(store: Store, settings: Settings, *viewers: Viewer) -> list[int]:
    """How many incidents each of them sees."""
    picture = Picture(store, lambda: read(store, settings))
    picture.catch_up()
    return [len(picture.seen_by(viewer).rows("incident")) for viewer in viewers]


# Marks


def test_marks_of_a_known_source_are_those_of_today_and_of_another_those_it_came_with(store: Store) -> None:
    stamped = Mark("OLD", Sensitivity.low, ("mission",))
    sharing = read(store, mission(s=Source("s", "table", "MOH", sensitivity=Sensitivity.severe, tlp=Tlp.red)))
    now = sharing.mark_of("s", stamped, "sites")
    assert now == Mark("MOH", Sensitivity.severe, (), "sites", tlp=Tlp.red)
    assert sharing.mark_of("elsewhere", stamped, "sites") == replace(stamped, collection="sites")


NAMES = st.lists(st.sampled_from(("MOH", "WHO", "NGO", "mission")), max_size=3, unique=True).map(tuple)
WORDS = st.lists(st.sampled_from("abc"), max_size=2, unique=True).map(tuple)
MARKS = st.builds(
    Mark,
    st.just("MOH"),
    st.sampled_from(list(Sensitivity)),
    NAMES,
    st.just("sites"),
    st.booleans(),
    WORDS,
    st.sampled_from(list(Tlp)),
    WORDS,
    st.sampled_from(list(Consent)),
    WORDS,
    st.sampled_from(list(Precision)),
    st.integers(1, 20),
)
OWN = st.builds(
    OwnMark,
    sensitivity=st.none() | st.sampled_from(list(Sensitivity)),
    releasable_to=st.none() | NAMES,
    originator_control=st.booleans(),
    compartments=WORDS,
    tlp=st.sampled_from(("", *(level.name for level in Tlp if level))),
    purposes=WORDS,
    consent=st.sampled_from(("", "given", "withdrawn")),
    personal_fields=WORDS,
    precision=st.sampled_from(("", *(level.name for level in Precision))),
    minimum_count=st.integers(1, 20),
)
VIEWERS = st.builds(
    Viewer,
    st.just("v"),
    st.sampled_from(("MOH", "WHO", "NGO", "PRESS", EVERY_AGENCY, "")),
    st.sampled_from(list(Sensitivity)),
    st.booleans(),
    st.sampled_from(("person", "display")),
    compartments=WORDS,
    purposes=WORDS,
)


@given(mark=MARKS, own=OWN, viewer=VIEWERS)
def test_a_records_own_word_only_ever_raises_its_mark(mark: Mark, own: OwnMark, viewer: Viewer) -> None:
    agreement = Agreement("A", "MOH", ("WHO",), NOW - DAY, NOW + DAY, maximum_sensitivity=Sensitivity.severe)
    before = decide(viewer, mark, [agreement], NOW)
    after = decide(viewer, raised(mark, own), [agreement], NOW)
    assert before.permit or not after.permit
    if after.permit:
        assert {*before.obligations.hidden} <= {*after.obligations.hidden}
        assert before.obligations.precision <= after.obligations.precision
        assert before.obligations.minimum_count <= after.obligations.minimum_count
        assert before.obligations.no_export <= after.obligations.no_export
        assert before.obligations.log <= after.obligations.log
    for part in fields(Mark):
        told = getattr(own, part.name, None)
        if part.name in ("sensitivity", "minimum_count") and told is not None:
            assert getattr(raised(mark, own), part.name) == max(getattr(mark, part.name), told)


def test_a_mark_set_on_screen_counts_at_once_for_records_that_are_there(store: Store) -> None:
    settings = mission(s=Source("s", "table", "MOH", sensitivity=Sensitivity.low))
    announce_due(store, settings, NOW)
    before = put(store, "s")
    assert seen_by(store, settings, MOH, WHO, LOCAL_OPERATOR) == [1, 0, 1]

    mark = set_source_mark(store, settings, "jon", "s", {"releasable_to": ["WHO"], "precision": "km5"})
    assert (mark.sensitivity, mark.releasable_to, mark.precision) == (Sensitivity.low, ("WHO",), Precision.km5)
    assert seen_by(store, settings, MOH, WHO, NGO) == [1, 1, 0]
    sharing = read(store, settings)
    assert [sharing.told_to(viewer) > before for viewer in (MOH, WHO, NGO, GUEST)] == [True, True, False, False]
    assert sharing.told_to(LOCAL_OPERATOR) == store.revision() == sharing.revision
    assert audit.entries(store)[0][2:7] == (
        "jon",
        "source.mark",
        "s",
        "",
        '{"precision":"km5","releasable_to":["WHO"]}',
    )

    set_source_mark(store, settings, "jon", "s", {"releasable_to": ["mission"]})
    assert seen_by(store, settings, WHO, NGO, GUEST) == [1, 1, 0]
    sharing = read(store, settings)
    assert sharing.told_to(NGO) == sharing.revision > sharing.told_to(GUEST)
    with pytest.raises(CannotShare, match="tlp is 'pink'; it is one of"):
        set_source_mark(store, settings, "jon", "s", {"tlp": "pink"})
    with pytest.raises(CannotShare, match="no class"):
        set_source_mark(store, settings, "jon", "s", {"retention": "casework"})


def test_marking_a_source_that_stands_nowhere_keeps_it_to_its_owner(store: Store) -> None:
    put(store, "walk-in")
    set_source_mark(store, mission(), "jon", "walk-in", {"agency": "NGO"})
    sharing = read(store, mission())
    assert sharing.sources["walk-in"].mark("") == Mark("NGO", Sensitivity.high)
    assert seen_by(store, mission(), MOH, NGO) == [0, 1]


# Agreements


def test_an_agreement_counts_from_making_to_revoking(store: Store) -> None:
    settings = mission(s=Source("s", "table", "MOH", sensitivity=Sensitivity.low))
    announce_due(store, settings, NOW)
    put(store, "s")
    made = add_agreement(store, settings, "jon", {**TERMS, "collections": ["incidents"], "minimum_precision": "km1"})
    assert read(store, settings).agreements == (made,)
    assert seen_by(store, settings, WHO, NGO) == [1, 0]
    told = read(store, settings)
    assert told.told_to(WHO) == told.told_to(MOH) == store.revision()
    assert told.told_to(NGO) == 0

    revoke_agreement(store, settings, "jon", "A", "the project ended")
    assert seen_by(store, settings, WHO, NGO) == [0, 0]
    assert read(store, settings).told_to(WHO) == store.revision()
    log = audit.entries(store, act="agreement")
    assert [(entry.act, entry.who, entry.subject, entry.clause) for entry in log] == [
        ("agreement.revoke", "jon", "A", "the project ended"),
        ("agreement.make", "jon", "A", ""),
    ]
    with pytest.raises(CannotShare, match="revoked already"):
        revoke_agreement(store, settings, "jon", "A")
    with pytest.raises(CannotShare, match="is there already"):
        add_agreement(store, settings, "jon", TERMS)


def test_an_agreement_of_the_settings_can_be_revoked_on_screen(store: Store) -> None:
    settings = mission(
        Agreement("A", "MOH", ("WHO",), NOW - DAY, NOW + DAY),
        s=Source("s", "table", "MOH", sensitivity=Sensitivity.low),
    )
    put(store, "s")
    assert seen_by(store, settings, WHO) == [1]
    revoke_agreement(store, settings, "jon", "A")
    assert seen_by(store, settings, WHO) == [0]
    with pytest.raises(CannotShare, match="No agreement is named 'B'"):
        revoke_agreement(store, settings, "jon", "B")


def test_a_change_that_fails_changes_nothing(store: Store) -> None:
    revision = store.revision()
    for told in ({**TERMS, "to": TERMS["from"]}, {**TERMS, "grantees": []}, {**TERMS, "collections": ["secrets"]}):
        with pytest.raises(CannotShare):
            add_agreement(store, mission(), "jon", told)
    assert (store.revision(), audit.head(store).seq, read(store, mission()).agreements) == (revision, 0, ())


# Announcing


def test_a_change_of_sharing_is_a_commit_without_versions(store: Store) -> None:
    put(store, "s")
    picture = Picture(store, lambda: read(store, mission()))
    picture.catch_up()
    revision = announce(store, ["MOH", "jon", "MOH", ""])
    assert revision == store.revision() == 2
    assert [commit.revision for commit in store.commits_since(0)] == [1, 2]
    moved = picture.catch_up()
    assert (moved.before, moved.revision, moved.rows) == (1, 2, {})
    assert read(store, mission()).told == {"MOH": 2, "jon": 2}
    assert put(store, "s", "2") == 3
    with store.reader.connect() as connection:
        feeds = connection.execute(sa.text("SELECT feed FROM commit_log ORDER BY revision")).scalars().all()
    assert feeds == ["table", FEED, "table"]


def test_what_time_alone_begins_and_ends_is_announced_once(store: Store) -> None:
    agreement = Agreement("A", "MOH", ("WHO",), NOW + DAY, NOW + 2 * DAY, onward=("NGO",))
    settings = mission(agreement)
    assert announce_due(store, settings, NOW) is None
    assert announce_due(store, settings, NOW + DAY) == 1
    assert announce_due(store, settings, NOW + DAY) is None
    assert read(store, settings).told == {"MOH": 1, "WHO": 1, "NGO": 1}
    assert announce_due(store, settings, NOW + 3 * DAY) == 2
    acts = [(entry.act, entry.subject) for entry in audit.entries(store)]
    assert acts == [("sharing.ended", "agreement:A"), ("sharing.began", "agreement:A")]


def test_what_ended_while_nothing_was_served_is_announced_at_the_next_look(store: Store) -> None:
    ends = Agreement("A", "MOH", ("WHO",), NOW - DAY, NOW + DAY)
    assert announce_due(store, mission(ends), NOW) is None, "at the first look nobody was told anything yet"
    assert announce_due(store, mission(), NOW) == 1, "it is no longer in the settings"
    assert announce_due(store, mission(replace(ends, ends=NOW + 2 * DAY)), NOW) == 2
    assert announce_due(store, mission(replace(ends, ends=NOW + 3 * DAY)), NOW) == 3, "its terms changed"
    assert read(store, mission()).told == {"MOH": 3, "WHO": 3}


def test_a_source_that_is_new_in_the_settings_matters_once_something_was_heard_of_it(store: Store) -> None:
    source = Source("s", "table", "MOH", releasable_to=("NGO",))
    announce_due(store, mission(), NOW)
    assert announce_due(store, mission(s=source), NOW) is None
    assert announce_due(store, mission(s=replace(source, releasable_to=("WHO",))), NOW) == 1
    assert read(store, mission()).told == {"MOH": 1, "NGO": 1, "WHO": 1}
    put(store, "t")
    assert announce_due(store, mission(s=source, t=Source("t", "table", "LOG")), NOW) == 3
    assert read(store, mission()).told["LOG"] == 3


def test_two_processes_that_look_at_once_announce_once(store: Store) -> None:
    settings = mission(Agreement("A", "MOH", ("WHO",), NOW, NOW + DAY))
    announce_due(store, mission(), NOW)
    found: list[int | None] = []
    lookers = [threading.Thread(target=lambda: found.append(announce_due(store, settings, NOW))) for _ in range(4)]
    for looker in lookers:
        looker.start()
    for looker in lookers:
        looker.join()
    assert sorted(each for each in found if each is not None) == [1]
    assert store.revision() == 1


def test_the_keeper_announces_by_itself(store: Store, tmp_path: Path) -> None:
    settings = replace(
        mission(Agreement("A", "MOH", ("WHO",), NOW - DAY, datetime.now(UTC) + timedelta(seconds=1))), home=tmp_path
    )
    keeper = Keeper(store, settings)
    keeper.start()
    try:
        deadline = time.monotonic() + 30
        while not read(store, settings).told and time.monotonic() < deadline:
            time.sleep(0.05)
        assert read(store, settings).told == {"MOH": 1, "WHO": 1}
    finally:
        keeper.stop()


# Break-glass


def test_glass_opens_one_agencys_records_for_one_person_and_tells_the_owner(store: Store) -> None:
    settings = mission(s=Source("s", "table", "MOH", sensitivity=Sensitivity.high))
    announce_due(store, settings, NOW)
    put(store, "s")

    def ngo() -> Viewer:
        return replace(NGO, opened=read(store, settings).opened.get(NGO.name, ()))

    assert seen_by(store, settings, ngo()) == [0]
    opened = open_glass(store, settings, NGO, "MOH", "cholera at the border", hours=2)
    assert seen_by(store, settings, ngo(), WHO) == [1, 0]
    assert glasses(store, owner="MOH") == [opened] == glasses(store, account=NGO.name)
    assert glasses(store, owner="WHO") == []
    assert read(store, settings).told_to(MOH) == store.revision() == read(store, settings).told_to(NGO)
    told = audit.entries(store)[0]
    assert (told.act, told.who, told.subject, told.clause) == ("glass.open", "ngo", opened.id, "cholera at the border")

    with pytest.raises(CannotShare, match="Only ngo, MOH or an administrator"):
        close_glass(store, settings, WHO, opened.id)
    closed = close_glass(store, settings, MOH, opened.id)
    assert closed.closed_by == "ministry"
    assert not closed.holds(datetime.now(UTC))
    assert seen_by(store, settings, ngo()) == [0]
    with pytest.raises(CannotShare, match="ended already"):
        close_glass(store, settings, MOH, opened.id)
    assert [entry.act for entry in audit.entries(store, act="glass")] == ["glass.close", "glass.open"]


def test_severe_records_need_a_second_person_who_is_cleared(store: Store) -> None:
    settings = mission(s=Source("s", "table", "MOH", sensitivity=Sensitivity.severe))
    put(store, "s")
    asked = open_glass(store, settings, NGO, "MOH", "a child is missing", maximum_sensitivity=Sensitivity.severe)
    assert asked.waits(datetime.now(UTC))
    assert read(store, settings).opened == {}
    for nobody, why in (
        (NGO, "Another person"),
        (replace(WHO, clearance=Sensitivity.high), "cleared for severe"),
        (replace(WHO, kind="display"), "Another person"),
        (replace(WHO, agency=""), "cleared for severe"),
    ):
        with pytest.raises(CannotShare, match=why):
            second_glass(store, settings, nobody, asked.id)
    opened = second_glass(store, settings, WHO, asked.id)
    assert (opened.second, opened.holds(datetime.now(UTC))) == ("who", True)
    [held] = read(store, settings).opened[NGO.name]
    assert held.holds(datetime.now(UTC))
    assert decide(replace(NGO, opened=(held,)), Mark("MOH", Sensitivity.severe)).permit
    with pytest.raises(CannotShare, match="ask anew"):
        second_glass(store, settings, WHO, asked.id)


def test_a_request_nobody_agreed_to_lapses_within_the_hour(store: Store) -> None:
    asked = open_glass(store, mission(), NGO, "MOH", "a child is missing", maximum_sensitivity=Sensitivity.severe)
    with store.transaction() as connection:
        connection.execute(glass_table.update().values(asked_us=glass_table.c.asked_us - 3_600_000_001))
    with pytest.raises(CannotShare, match="ask anew"):
        second_glass(store, mission(), WHO, asked.id)


def test_glass_ends_by_itself_and_is_announced(store: Store) -> None:
    announce_due(store, mission(), NOW)
    open_glass(store, mission(), NGO, "MOH", "cholera at the border", hours=1)
    before = store.revision()
    assert announce_due(store, mission(), datetime.now(UTC) + timedelta(minutes=59)) is None
    assert announce_due(store, mission(), datetime.now(UTC) + timedelta(minutes=61)) == before + 1
    assert read(store, mission()).told[NGO.name] == before + 1


@pytest.mark.parametrize(
    ("viewer", "owner", "reason", "hours", "why"),
    [
        (NGO, "MOH", "  too  short ", 1, "Say why"),
        (NGO, "MOH", "long enough", 4.01, "at most 4 hours"),
        (NGO, "MOH", "long enough", 0, "at most 4 hours"),
        (NGO, "NGO", "long enough", 1, "one other agency"),
        (NGO, "*", "long enough", 1, "one other agency"),
        (NGO, "mission", "long enough", 1, "one other agency"),
        (NGO, "", "long enough", 1, "one other agency"),
        (replace(NGO, kind="display"), "MOH", "long enough", 1, "for a person"),
        (replace(NGO, kind="service"), "MOH", "long enough", 1, "for a person"),
        (replace(NGO, agency=""), "MOH", "long enough", 1, "for a person"),
    ],
)
def test_glass_is_refused(tmp_path: Path, viewer: Viewer, owner: str, reason: str, hours: float, why: str) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'commonground.sqlite'}")
    with pytest.raises(CannotShare, match=why):
        open_glass(store, mission(), viewer, owner, reason, hours)
    assert (glasses(store), audit.head(store).seq) == ([], 0)
    store.close()


# Settings

SOURCE = '[[source]]\nname = "s"\nfeed = "table"\n'
AGREEMENT = '[[agreement]]\nname = "A"\ngrantor = "MOH"\ngrantees = ["WHO"]\nfrom = 2026-01-01\nto = 2027-01-01\n'


@pytest.fixture
def told(tmp_path: Path) -> Callable[[str], Settings]:
    def loaded(text: str) -> Settings:
        (tmp_path / "commonground.toml").write_text(text, encoding="utf-8")
        return load({"COMMONGROUND_HOME": str(tmp_path)})

    return loaded


def test_settings_say_every_part_of_a_mark(told: Callable[[str], Settings]) -> None:
    settings = told(
        SOURCE
        + 'agency = "MOH"\nsensitivity = "low"\nreleasable_to = ["WHO"]\noriginator_control = true\n'
        + 'compartments = ["X"]\ntlp = "amber_strict"\npurposes = ["health"]\nconsent = "given"\n'
        + 'personal_fields = ["Phone"]\nprecision = "adm3"\nminimum_count = 5\nretention = "short"\nkind = "site"\n'
        + '[retention]\nshort = "30d"\n'
    )
    assert settings.sources["s"].mark("sites") == Mark(
        "MOH",
        Sensitivity.low,
        ("WHO",),
        "sites",
        True,
        ("X",),
        Tlp.amber_strict,
        ("health",),
        Consent.given,
        ("Phone",),
        Precision.adm3,
        5,
        "short",
    )
    assert settings.sources["s"].options == {"kind": "site"}
    assert settings.retention["short"].whole_s == 30 * 86_400


def test_settings_say_every_term_of_an_agreement(told: Callable[[str], Settings]) -> None:
    digest = "ab" * 32
    text = AGREEMENT + (
        'title = "T"\ncollections = ["sites"]\npurposes = ["health"]\nmaximum_sensitivity = "high"\n'
        'minimum_precision = "km5"\nminimum_count = 3\nonward = ["NGO"]\npersonal_data = true\nexport = false\n'
        f'sha256 = "{digest}"\nrevoked_at = 2026-06-01T12:00:00+03:00\n'
    )
    assert all(f"{key} =" in text for key in ALLOWED)
    [found] = told(text).agreements
    assert found == Agreement(
        "A",
        "MOH",
        ("WHO",),
        datetime(2026, 1, 1, tzinfo=UTC),
        datetime(2027, 1, 1, tzinfo=UTC),
        ("sites",),
        ("health",),
        Sensitivity.high,
        Precision.km5,
        3,
        ("NGO",),
        True,
        False,
        digest,
        "T",
        datetime(2026, 6, 1, 9, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (SOURCE + 'tlp = "pink"\n', "clear, green, amber"),
        (SOURCE + "tlp = 3\n", "tlp is 3"),
        (SOURCE + 'precision = "1km"\n', "exact, km1, km5"),
        (SOURCE + 'consent = "yes"\n', "not_needed, given, withdrawn"),
        (SOURCE + 'compartments = "X"\n', "a list of compartments"),
        (SOURCE + 'purposes = ["-"]\n', "a word of the access rule"),
        (SOURCE + "minimum_count = 0\n", "a whole number from 1"),
        (SOURCE + "minimum_count = true\n", "a whole number from 1"),
        (SOURCE + 'originator_control = "yes"\n', "true or false"),
        (SOURCE + 'personal_fields = [""]\n', "a list of fields"),
        (SOURCE + 'retention = "short"\n', "no class of [retention]"),
        (AGREEMENT + AGREEMENT, "used twice"),
        (AGREEMENT.replace('"MOH"', '"mission"'), "words of the access rule"),
        (AGREEMENT.replace('["WHO"]', '["*"]'), "words of the access rule"),
        (AGREEMENT.replace('["WHO"]', "[]"), "name the agencies it is granted to"),
        (AGREEMENT.replace('["WHO"]', '["MOH"]'), "name the grantor MOH"),
        (AGREEMENT.replace("2027-01-01", "2026-01-01"), "the end is exclusive"),
        (AGREEMENT.replace("2027-01-01", '"soon"'), "a day like 2026-11-20"),
        (AGREEMENT.replace("to = 2027-01-01\n", ""), "to is missing"),
        (AGREEMENT + 'collections = ["rumours"]\n', "incidents, alerts, reports"),
        (AGREEMENT + 'maximum_sensitivity = "secret"\n', "low, moderate, high, severe"),
        (AGREEMENT + 'sha256 = "abc"\n', "64 hexadecimal digits"),
        (AGREEMENT + 'penalty = "none"\n', "'penalty' is not a term"),
        (AGREEMENT.replace('"A"', '""'), "printable characters"),
        ('agreement = "A"\n', "[[agreement]]"),
        ('[retention]\nshort = "soon"\n', '"90d"'),
        ('[retention]\nshort = { personal = "2d", all = "3d" }\n', "whole, personal"),
        ('retention = "30d"\n', "[retention]"),
    ],
)
def test_bad_settings_of_sharing_say_what_is_wrong(told: Callable[[str], Settings], text: str, why: str) -> None:
    with pytest.raises(BadSettings) as refused:
        told(text)
    assert why in str(refused.value)
    assert "commonground.toml" in str(refused.value)
    assert "\n" not in str(refused.value)
