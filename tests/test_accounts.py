"""Accounts, sessions and tokens in the store, and the command line that makes them: on SQLite and on PostgreSQL."""

from __future__ import annotations

import hashlib
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from data import tokens
from data.access import EVERY_AGENCY
from data.accounts import BadAccount, Profile
from data.identity import Identity
from data.passwords import WeakPassword, matches
from data.records import Sensitivity
from data.store import Store, open_store
from data.tokens import BadToken

PASSWORD = "seven herons over the delta"
ANN = Profile("Ann", full_name="Ann Other", agency="JOC", clearance=Sensitivity.high, roles=("export",))
WALL = Profile("hall wall", "display", agency="JOC", clearance=Sensitivity.moderate)


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'commonground.sqlite'}"
    else:
        url = request.getfixturevalue("postgres_url")
    opened = open_store(url)
    yield opened
    opened.close()


@pytest.fixture
def identity(store: Store) -> Identity:
    return Identity(store)


def test_the_first_person_administers_and_later_ones_do_not(identity: Identity) -> None:
    assert not identity.people()
    wall = identity.add(WALL, "test")
    assert not identity.people(), "a display alone is nobody who could administer"
    first = identity.add(ANN, "test", PASSWORD)
    second = identity.add(Profile("bob", agency="WFP"), "test", PASSWORD)
    assert identity.people()
    assert (wall.profile.roles, first.profile.roles, second.profile.roles) == ((), ("admin", "export"), ())
    assert first.viewer().clearance is Sensitivity.high


def test_a_password_opens_its_own_account_however_the_name_is_typed(identity: Identity) -> None:
    identity.add(ANN, "test", PASSWORD)
    identity.add(Profile("bob", agency="WFP"), "test", "nine pelicans on a jetty")
    assert [bool(identity.check(name, PASSWORD)) for name in ("ann", "ANN", " Ann ", "bob", "carol", "")] == [
        True, True, True, False, False, False,
    ]  # fmt: skip
    assert identity.check("ann", "") is None
    assert identity.check("ann", PASSWORD + " ") is None
    identity.disable("bob", "test")
    assert identity.check("bob", "nine pelicans on a jetty") is None


def test_an_account_without_a_password_is_opened_by_none(identity: Identity) -> None:
    identity.add(Profile("carol", agency="JOC"), "test", issuer="https://id.example", subject="7")
    assert [identity.check("carol", told) for told in ("", "no account has this password")] == [None, None]
    found = identity.of_subject("https://id.example", "7")
    assert found is not None
    assert found.name == "carol"
    assert identity.of_subject("https://other.example", "7") is None
    assert identity.of_subject("", "") is None


@pytest.mark.parametrize(
    "password", ["", "short", "eleven char", "aaaaaaaaaaaaaaaa", "ann other ann", "Ann-Other12", "x" * 300]
)
def test_a_weak_password_is_not_taken(identity: Identity, password: str) -> None:
    identity.add(ANN, "test", PASSWORD)
    with pytest.raises(WeakPassword):
        identity.set_password("ann", password, "test")
    assert identity.check("ann", PASSWORD) is not None


def test_what_is_kept_of_a_password_is_argon2id_and_none_of_it(store: Store, identity: Identity) -> None:
    identity.add(ANN, "test", PASSWORD)
    with store.reader.connect() as connection:
        kept = connection.exec_driver_sql("SELECT password FROM account WHERE name = 'ann'").scalar_one()
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert PASSWORD not in kept
    assert matches(kept, PASSWORD)
    assert not matches(kept, PASSWORD.upper())


def test_the_same_text_from_another_keyboard_is_the_same_password(identity: Identity) -> None:
    identity.add(ANN, "test", "le d\u00e9p\u00f4t pr\u00e8s du fleuve")
    assert identity.check("ann", "le de\u0301po\u0302t pre\u0300s du fleuve") is not None


@pytest.mark.parametrize(
    ("profile", "told"),
    [
        (replace(ANN, name="operator"), "operator"),
        (replace(ANN, name=""), "name"),
        (replace(ANN, name='a"b'), "name"),
        (replace(ANN, agency=EVERY_AGENCY), r"\*"),
        (replace(ANN, agency="mission"), "mission"),
        (replace(ANN, roles=("amdin",)), "amdin"),
        (replace(ANN, component="navy"), "navy"),
        (
            replace(ANN, valid_from=datetime(2026, 2, 1, tzinfo=UTC), valid_until=datetime(2026, 1, 1, tzinfo=UTC)),
            "end",
        ),
        (replace(WALL, roles=("export",)), "display"),
    ],
)
def test_what_cannot_be_an_account_is_refused_by_name(identity: Identity, profile: Profile, told: str) -> None:
    with pytest.raises(BadAccount, match=told):
        identity.add(profile, "test")
    assert identity.accounts() == []


def test_a_name_is_taken_once_and_the_last_administrator_stays(identity: Identity) -> None:
    identity.add(ANN, "test", PASSWORD)
    with pytest.raises(BadAccount, match="ann"):
        identity.add(replace(ANN, name="ANN"), "test", PASSWORD)
    with pytest.raises(BadAccount, match="only administrator"):
        identity.disable("ann", "test")
    with pytest.raises(BadAccount, match="only administrator"):
        identity.change(replace(ANN, roles=()), "test")
    identity.add(Profile("bob", agency="JOC", roles=("admin",)), "test", PASSWORD)
    assert identity.change(replace(ANN, roles=()), "test").profile.roles == ()


def test_a_session_is_kept_as_a_hash_and_rotates(store: Store, identity: Identity) -> None:
    ann = identity.add(ANN, "test", PASSWORD)
    first = identity.begin_session(ann, "password", "Firefox")
    found = identity.session(first)
    assert found is not None
    assert (found.account.name, found.how, found.user_agent) == ("ann", "password", "Firefox")
    assert found.key == hashlib.sha256(first.encode()).digest()
    second = identity.begin_session(ann, "password", "Firefox", instead_of=first)
    assert second != first
    assert identity.session(first) is None
    assert [each.key for each in identity.sessions_of("ann")] == [hashlib.sha256(second.encode()).digest()]
    identity.end_session(second)
    assert identity.session(second) is None
    assert identity.session("") is None


def test_a_session_ends_with_its_hours_its_silence_and_its_account(store: Store, identity: Identity) -> None:
    ann = identity.add(ANN, "test", PASSWORD)
    identity.add(Profile("bob", agency="JOC", roles=("admin",)), "test", PASSWORD)

    def moved(column: str, hours: float) -> bool:
        cookie = identity.begin_session(ann, "password")
        at = int((datetime.now(UTC) + timedelta(hours=hours)).timestamp() * 1e6)
        with store.transaction() as connection:
            connection.exec_driver_sql(f"UPDATE session SET {column} = {at}")
        identity.forget()
        return identity.session(cookie) is not None

    assert [moved("expires_us", 1), moved("expires_us", -0.01)] == [True, False]
    assert [moved("seen_us", -1.9), moved("seen_us", -2.1)] == [True, False]
    cookie = identity.begin_session(ann, "password")
    identity.change(replace(ann.profile, valid_until=datetime.now(UTC) - timedelta(seconds=1)), "test")
    assert identity.session(cookie) is None
    identity.change(replace(ann.profile, valid_until=datetime.now(UTC) + timedelta(hours=1)), "test")
    assert identity.session(cookie) is not None
    identity.disable("ann", "test")
    assert identity.session(cookie) is None
    identity.disable("ann", "test", disabled=False)
    assert identity.session(cookie) is None, "an account that is let in again signs in again"


def test_a_session_that_is_used_is_noted_and_so_lasts(store: Store, identity: Identity) -> None:
    ann = identity.add(ANN, "test", PASSWORD)
    cookie = identity.begin_session(ann, "password")
    earlier = datetime.now(UTC) - timedelta(hours=1)
    with store.transaction() as connection:
        connection.exec_driver_sql(f"UPDATE session SET seen_us = {int(earlier.timestamp() * 1e6)}")
    identity.forget()
    assert identity.session(cookie) is not None
    deadline = time.monotonic() + 30
    while identity.sessions_of("ann")[0].seen < earlier + timedelta(minutes=30):
        assert time.monotonic() < deadline, "nobody noted that it is in use"
        time.sleep(0.02)


def test_a_change_made_by_another_process_is_known_within_two_seconds(store: Store, identity: Identity) -> None:
    ann = identity.add(ANN, "test", PASSWORD)
    identity.add(Profile("bob", agency="JOC", roles=("admin",)), "test", PASSWORD)
    cookie = identity.begin_session(ann, "password")
    assert identity.session(cookie) is not None
    Identity(store).disable("ann", "somebody else")
    deadline = time.monotonic() + 2
    while identity.session(cookie) is not None:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_new_password_ends_the_other_sessions(identity: Identity) -> None:
    ann = identity.add(ANN, "test", PASSWORD)
    here, there = identity.begin_session(ann, "password"), identity.begin_session(ann, "password")
    found = identity.session(here)
    assert found is not None
    identity.set_password("ann", "nine pelicans on a jetty", "ann", keep=found.key)
    assert (identity.session(here) is not None, identity.session(there)) == (True, None)
    assert identity.check("ann", PASSWORD) is None


def test_a_token_stands_for_its_account_until_it_is_taken_away(store: Store, identity: Identity) -> None:
    identity.add(ANN, "test", PASSWORD)
    secret = identity.make_token("ann", "field laptop", "ann", ["usgs"])
    found = identity.token(secret)
    assert found is not None
    assert (found.viewer.agency, found.viewer.kind, found.sources) == ("JOC", "person", ("usgs",))
    assert [found.may_send(name) for name in ("usgs", "else")] == [True, False]
    assert identity.token(secret + "x") is None
    with store.reader.connect() as connection:
        kept = connection.exec_driver_sql("SELECT hash FROM token").scalar_one()
    assert bytes(kept) == hashlib.sha256(secret.encode()).digest()
    (issued,) = identity.tokens_of("ann")
    identity.revoke_token(issued.id, "ann")
    assert identity.token(secret) is None
    with pytest.raises(BadToken, match="99"):
        identity.revoke_token(99, "ann")


def test_a_token_ends_with_its_time_and_its_account(identity: Identity) -> None:
    identity.add(ANN, "test", PASSWORD)
    identity.add(Profile("bob", agency="JOC", roles=("admin",)), "test", PASSWORD)
    ended = identity.make_token("ann", "old", "ann", expires=datetime.now(UTC) - timedelta(seconds=1))
    lasting = identity.make_token("ann", "new", "ann", expires=datetime.now(UTC) + timedelta(hours=1))
    assert identity.token(ended) is None
    assert identity.token(lasting) is not None
    identity.disable("ann", "test")
    assert identity.token(lasting) is None


def test_taking_a_displays_token_away_ends_its_sessions(identity: Identity) -> None:
    wall = identity.add(WALL, "test")
    identity.make_token("hall wall", "link", "test")
    cookie = identity.begin_session(wall, "display")
    identity.revoke_token(identity.tokens_of("hall wall")[0].id, "test")
    assert identity.session(cookie) is None
    with pytest.raises(BadToken, match="display"):
        identity.make_token("hall wall", "sends", "test", ["usgs"])


def test_every_act_is_in_the_audit_log_without_a_secret(store: Store, identity: Identity) -> None:
    ann = identity.add(ANN, "command line", PASSWORD)
    identity.add(Profile("bob", agency="JOC", roles=("admin",)), "ann", PASSWORD)
    cookie = identity.begin_session(ann, "password")
    identity.failed("ann", "wrong password")
    identity.failed("my own passphrase typed here", "no such account")
    secret = identity.make_token("ann", "laptop", "ann")
    identity.revoke_token(identity.tokens_of("ann")[0].id, "ann")
    identity.change(replace(ann.profile, clearance=Sensitivity.low), "bob")
    identity.set_password("ann", "nine pelicans on a jetty", "bob")
    identity.disable("ann", "bob")
    identity.end_session(cookie)
    with store.reader.connect() as connection:
        rows = connection.exec_driver_sql("SELECT act, who, subject, clause, details FROM audit ORDER BY seq").all()
    acts = [row[0] for row in rows]
    assert acts == [
        "account.add", "account.add", "session.begin", "session.refuse", "session.refuse", "token.make", "token.revoke",
        "account.change", "account.password", "account.disable",
    ]  # fmt: skip
    assert [row[1] for row in rows][-4:] == ["ann", "bob", "bob", "bob"]
    assert rows[3][2] == rows[2][2] == f"account:{ann.id}"
    text = repr(rows)
    assert not [told for told in (PASSWORD, "my own passphrase", secret, cookie, "pelicans", "argon2") if told in text]


def test_a_change_of_rights_is_a_commit_and_a_sign_in_is_none(store: Store, identity: Identity) -> None:
    ann = identity.add(ANN, "test", PASSWORD)
    identity.add(Profile("bob", agency="JOC", roles=("admin",)), "test", PASSWORD)
    start = store.revision()
    identity.begin_session(ann, "password")
    identity.failed("ann", "wrong password")
    identity.change(ann.profile, "test")
    assert store.revision() == start
    identity.change(replace(ann.profile, clearance=Sensitivity.low), "test")
    assert store.revision() == start + 1
    identity.disable("ann", "test")
    assert store.revision() == start + 2


def test_tokens_of_an_earlier_version_go_on_working(store: Store, identity: Identity, tmp_path: Path) -> None:
    file = tmp_path / tokens.EARLIER
    file.parent.mkdir()
    hashed = hashlib.sha256(b"cg_earlier").hexdigest()
    entry = f'[[token]]\nname = "Sensor 1"\nsha256 = "{hashed}"\nagency = "USGS"\nclearance = "moderate"\nsources = ["usgs"]\n'
    file.write_text(entry, encoding="utf-8")
    assert (tokens.adopt(store, tmp_path), tokens.adopt(store, tmp_path)) == (1, 0)
    found = identity.token("cg_earlier")
    assert found is not None
    assert (found.viewer.agency, found.viewer.clearance, found.sources) == ("USGS", Sensitivity.moderate, ("usgs",))
    file.write_text("nonsense", encoding="utf-8")
    with pytest.raises(BadToken, match=r"tokens\.toml"):
        tokens.adopt(store, tmp_path)


def test_the_local_token_stays_the_same_and_is_made_anew_when_it_was_taken_away(
    store: Store, identity: Identity, tmp_path: Path
) -> None:
    secret = tokens.local_token(store, tmp_path)
    assert tokens.local_token(store, tmp_path) == secret
    assert stat.S_IMODE((tmp_path / tokens.FILE).stat().st_mode) == 0o600
    identity.revoke_token(identity.tokens_of()[0].id, "test")
    again = tokens.local_token(store, tmp_path)
    assert again != secret
    found = identity.token(again)
    assert found is not None
    assert (found.viewer.agency, found.may_send("anything")) == (EVERY_AGENCY, True)


# The command line.

Run = Callable[..., Any]


def test_accounts_by_the_command_line(commonground: Run, home: Path) -> None:
    stdin = f"{PASSWORD}\n".encode()
    made = commonground(
        "account", "add", "Ann", "--agency", "JOC", "--clearance", "high", "--role", "export", stdin=stdin
    )
    assert made.returncode == 0, made.stderr
    assert "administer" in made.stderr
    assert "sign" in made.stderr
    assert commonground("account", "add", "ann", "--agency", "JOC", stdin=stdin).returncode == 2
    weak = commonground("account", "add", "bob", "--agency", "JOC", stdin=b"short\n")
    assert (weak.returncode, "12 to 256" in weak.stderr) == (2, True)
    nobody = commonground("account", "add", "carl", stdin=b"nine pelicans on a jetty\n")
    assert (nobody.returncode, "sees nothing" in nobody.stderr) == (0, True)
    wall = commonground("account", "add", "hall", "--display", "--agency", "JOC", "--clearance", "moderate")
    assert "/wall?display=cg_" in wall.stdout
    listed = commonground("account", "list").stdout
    assert [line.split()[:2] for line in listed.splitlines()] == [
        ["hall", "display"],
        ["ann", "person"],
        ["carl", "person"],
    ]
    assert commonground("account", "disable", "ann").returncode == 2
    changed = commonground("account", "change", "carl", "--agency", "WFP", "--role", "admin", "--until", "2999-01-01")
    assert "WFP" in changed.stdout
    assert commonground("account", "disable", "ann").returncode == 0
    assert "DISABLED" in commonground("account", "list").stdout
    assert commonground("account", "enable", "ann").returncode == 0
    assert commonground("account", "password", "ann", stdin=b"eight storks and a ferry\n").returncode == 0
    assert commonground("account", "password", "nobody here", stdin=stdin).returncode == 2
    assert commonground("account", "change", "carl", "--until", "soon").returncode == 2
    identity = Identity(open_store(f"sqlite:///{home / 'commonground.sqlite'}"))
    assert identity.check("ann", "eight storks and a ferry") is not None
    assert identity.check("ann", PASSWORD) is None
    identity.store.close()


def test_a_token_by_the_command_line_is_printed_once_and_revoked(commonground: Run, home: Path) -> None:
    made = commonground("token", "partner feed", "--source", "usgs", "--agency", "USGS", "--clearance", "moderate")
    assert made.returncode == 0, made.stderr
    again = commonground("token", "partner feed")
    assert (again.returncode, again.stdout) == (2, "")
    assert "partner feed" in again.stderr
    identity = Identity(open_store(f"sqlite:///{home / 'commonground.sqlite'}"))
    found = identity.token(made.stdout.strip())
    assert found is not None
    assert (found.name, found.sources, found.viewer.agency) == ("partner feed", ("usgs",), "USGS")
    listed = commonground("account", "tokens").stdout
    assert made.stdout.strip() not in listed
    assert commonground("account", "revoke", listed.split()[0]).returncode == 0
    identity.forget()
    assert identity.token(made.stdout.strip()) is None
    identity.store.close()


def test_serving_to_others_needs_an_account_and_says_how_to_make_one(commonground: Run) -> None:
    refused = commonground("serve", "--host", "0.0.0.0")
    assert refused.returncode == 2
    assert "commonground account add" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1


def test_the_database_holds_no_password_and_no_secret(commonground: Run, home: Path) -> None:
    commonground("account", "add", "ann", "--agency", "JOC", stdin=f"{PASSWORD}\n".encode())
    secret = commonground("account", "token", "ann").stdout.strip()
    with sqlite3.connect(home / "commonground.sqlite") as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    content = (home / "commonground.sqlite").read_bytes()
    assert PASSWORD.encode() not in content
    assert secret.encode() not in content
