"""The audit log: nothing can be taken out of it, changed, moved or cut off without `verify` saying so."""

from __future__ import annotations

import io
import json
import shutil
import stat
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from data import audit, seal
from data.readings import Readings
from data.store import Store, open_store
from data.tables import audit as audit_log
from data.tables import audit_head, audit_signature
from data.upkeep import backup, restore, verify

WRITTEN = 8
"""Entries of the log that is tampered with, the key's own among them."""


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    url = f"sqlite:///{tmp_path / 'commonground.sqlite'}"
    opened = open_store(url if request.param == "sqlite" else request.getfixturevalue("postgres_url"))
    yield opened
    opened.close()


def write(store: Store, count: int, who: str = "amina") -> None:
    for number in range(count):
        with store.transaction() as connection:
            audit.append(connection, "act", who, f"subject {number}", "by a clause", {"n": number, "ids": ["a", "ß"]})


def test_every_entry_follows_the_one_before(store: Store, tmp_path: Path) -> None:
    write(store, 3)
    newest, middle, first = audit.entries(store)
    assert (first.seq, first.previous, middle.previous, newest.previous) == (1, "", first.hash, middle.hash)
    assert audit.head(store) == (3, newest.hash)
    assert json.loads(newest.details) == {"n": 2, "ids": ["a", "ß"]}
    assert list(seal.verify(store, tmp_path)) == []
    assert [entry.seq for entry in audit.entries(store, before=3, limit=1)] == [2]
    assert [entry.seq for entry in audit.entries(store, subject="subject 0", who="amina", act="act")] == [1]


def test_an_act_that_fails_leaves_no_entry(store: Store, tmp_path: Path) -> None:
    write(store, 1)
    with pytest.raises(sa.exc.SQLAlchemyError), store.transaction() as connection:
        connection.execute(
            audit_head.insert(), {"id": audit.append(connection, "act", "amina") - 1, "seq": 0, "hash": ""}
        )
    write(store, 1)
    assert [entry.seq for entry in audit.entries(store)] == [2, 1]
    assert list(seal.verify(store, tmp_path)) == []


def test_many_writers_make_one_chain(store: Store, tmp_path: Path) -> None:
    writers = [threading.Thread(target=write, args=(store, 10, f"writer {number}")) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert audit.head(store).seq == 40
    assert list(seal.verify(store, tmp_path)) == []


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a log whose head was signed."""
    home = tmp_path_factory.mktemp("sealed")
    opened = open_store(f"sqlite:///{home / 'commonground.sqlite'}")
    write(opened, WRITTEN - 1)
    assert seal.sign_head(opened, home) is not None
    assert list(verify(opened, home)) == []
    opened.close()
    return home


SEQS = st.integers(1, WRITTEN)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
EDITS = st.one_of(
    st.tuples(st.just("edit"), SEQS, st.sampled_from(("who", "act", "subject", "clause", "details")), TEXTS),
    st.tuples(st.just("edit"), SEQS, st.just("time_us"), st.integers(0, 2**60)),
    st.tuples(st.just("edit"), SEQS, st.sampled_from(("hash", "previous")), st.text("0123456789abcdef", max_size=64)),
)
DELETIONS = st.tuples(st.just("delete"), st.sets(SEQS, min_size=1))
SWAPS = st.tuples(st.just("swap"), st.permutations(range(1, WRITTEN + 1)))
CUTS = st.tuples(st.just("cut"), st.integers(0, WRITTEN - 1), st.booleans(), st.booleans())
REWRITES = st.tuples(st.just("rewrite"), SEQS, TEXTS)
INSERTS = st.tuples(st.just("insert"), st.integers(0, 3), TEXTS)


@given(act=st.one_of(EDITS, DELETIONS, SWAPS, CUTS, REWRITES, INSERTS))
def test_tampering_is_found(sealed: Path, act: tuple[str, ...]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        shutil.copytree(sealed, home)
        store = open_store(f"sqlite:///{home / 'commonground.sqlite'}")
        try:
            before = sorted(audit.entries(store))
            with store.transaction() as connection:
                TAMPER[act[0]](connection, *act[1:])
            after = sorted(audit.entries(store))
            faults = list(verify(store, home))
            assert bool(faults) == (after != before), (act, faults)
            assert all((fault.endswith(".") and "audit log" in fault) or "head of entry" in fault for fault in faults)
        finally:
            store.close()


def edit(connection: sa.Connection, seq: int, column: str, value: object) -> None:
    connection.execute(audit_log.update().where(audit_log.c.seq == seq).values({column: value}))


def delete(connection: sa.Connection, seqs: set[int]) -> None:
    connection.execute(audit_log.delete().where(audit_log.c.seq.in_(seqs)))


def swap(connection: sa.Connection, order: list[int]) -> None:
    """The entries in another order, each with a number that fits its place."""
    rows = {row.seq: row._asdict() for row in connection.execute(sa.select(audit_log))}
    connection.execute(audit_log.delete())
    connection.execute(audit_log.insert(), [{**rows[old], "seq": new} for new, old in enumerate(order, 1)])


def cut(connection: sa.Connection, kept: int, tidy: bool, heads: bool) -> None:
    """The end is cut off; `tidy`: the head is put right too; `heads`: the database's signed heads are removed too."""
    connection.execute(audit_log.delete().where(audit_log.c.seq > kept))
    if tidy:
        last = connection.execute(sa.select(audit_log.c.hash).where(audit_log.c.seq == kept)).scalar() or ""
        connection.execute(audit_head.update().values(seq=kept, hash=last))
    if heads:
        connection.execute(audit_signature.delete())


def rewrite(connection: sa.Connection, seq: int, who: str) -> None:
    """An entry is changed, and every hash from there on made anew, and the database's signed heads are removed."""
    previous = ""
    for row in connection.execute(sa.select(audit_log).order_by(audit_log.c.seq)).all():
        entry = audit.Entry(*row)
        entry = entry._replace(previous=previous, who=who if entry.seq == seq else entry.who)
        entry = entry._replace(hash=audit.digest(entry))
        previous = entry.hash
        connection.execute(audit_log.update().where(audit_log.c.seq == entry.seq).values(entry._asdict()))
    connection.execute(audit_head.update().values(hash=previous))
    connection.execute(audit_signature.delete())


def insert(connection: sa.Connection, beyond: int, who: str) -> None:
    """An entry that no act wrote, after the last, with or without a gap."""
    row = connection.execute(sa.select(audit_log).order_by(audit_log.c.seq.desc()).limit(1)).one()
    entry = audit.Entry(*row)._replace(seq=row.seq + 1 + beyond, who=who, previous=row.hash)
    connection.execute(audit_log.insert(), entry._replace(hash=audit.digest(entry))._asdict())


TAMPER: dict[str, Callable[..., None]] = {
    "edit": edit,
    "delete": delete,
    "swap": swap,
    "cut": cut,
    "rewrite": rewrite,
    "insert": insert,
}


@given(st.data())
def test_an_exported_log_is_checked_without_database_or_home(sealed: Path, data: st.DataObject) -> None:
    lines = exported(sealed)
    assert list(seal.check_export(lines, seal.public_key(sealed))) == []
    told = list(lines)
    match data.draw(st.sampled_from(("drop", "swap", "repeat", "change", "cut"))):
        case "drop":
            del told[data.draw(st.integers(0, len(told) - 1))]
        case "swap":
            one, other = data.draw(st.lists(st.integers(0, len(told) - 1), min_size=2, max_size=2, unique=True))
            told[one], told[other] = told[other], told[one]
        case "repeat":
            told.insert(data.draw(st.integers(1, len(told))), told[data.draw(st.integers(1, len(told) - 1))])
        case "change":
            number = data.draw(st.integers(1, len(told) - 1))
            entry = json.loads(told[number])
            part = entry.get("head", entry)
            name = data.draw(st.sampled_from(sorted(part)))
            part[name] = data.draw(st.integers(0, 2**50) if isinstance(part[name], int) else TEXTS)
            told[number] = json.dumps(entry)
        case "cut":
            told = told[: data.draw(st.integers(0, len(told) - 1))]
    same = [json.loads(line) for line in told] == [json.loads(line) for line in lines]
    assert bool(list(seal.check_export(told))) != same


def exported(home: Path, after: int = 0) -> list[str]:
    store = open_store(f"sqlite:///{home / 'commonground.sqlite'}")
    try:
        out = io.StringIO()
        seal.export(store, home, out, after)
        return out.getvalue().splitlines()
    finally:
        store.close()


@pytest.mark.parametrize("after", [0, 1, WRITTEN - 1, WRITTEN])
def test_a_part_of_the_log_is_checked_from_where_it_begins(sealed: Path, after: int) -> None:
    lines = exported(sealed, after)
    assert len(lines) == WRITTEN - after + 2
    assert list(seal.check_export(lines)) == []
    begin = json.loads(lines[0])
    forged = [json.dumps({**begin, "previous": "0" * 64}), *lines[1:]]
    assert list(seal.check_export(forged)) != []


def test_entries_added_to_an_exported_log_are_found(sealed: Path) -> None:
    """Each fits the one before: only the signed head tells that they were not there."""
    lines = exported(sealed)
    last = audit.Entry(**json.loads(lines[-2]))
    forged = last._replace(seq=last.seq + 1, who="somebody else", previous=last.hash)
    forged = forged._replace(hash=audit.digest(forged))
    told = list(seal.check_export([*lines[:-1], json.dumps(forged._asdict()), lines[-1]]))
    assert told == ["the entries after 8 were added when the log had been signed."]


def test_what_the_log_has_not_cannot_be_exported_or_shown(sealed: Path) -> None:
    with pytest.raises(ValueError, match="has no entry 9"):
        exported(sealed, WRITTEN + 1)
    begin, *_, head = exported(sealed)
    assert list(seal.check_export([json.dumps({**json.loads(begin), "after": WRITTEN + 1}), head])) != []


def test_a_log_signed_by_another_key_is_found(sealed: Path, tmp_path: Path) -> None:
    """Whoever rewrites the log without the home's key has to sign it with another."""
    shutil.copytree(sealed, tmp_path / "home")
    (tmp_path / "home" / "secrets" / "audit-key.pem").unlink()
    lines = exported(tmp_path / "home")
    assert list(seal.check_export(lines)) == [], "it is whole in itself"
    assert "another key" in " ".join(seal.check_export(lines, seal.public_key(sealed)))


def test_a_head_that_nobody_signed_is_found(sealed: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(sealed, home)
    kept = json.loads((home / seal.HEADS).read_text().splitlines()[-1])
    for name, value in (("signature", "00" * 64), ("time_us", 1), ("public_key", "ab" * 32)):
        (home / seal.HEADS).write_text(json.dumps({**kept, name: value}) + "\n")
        store = open_store(f"sqlite:///{home / 'commonground.sqlite'}")
        assert list(verify(store, home)) != [], name
        store.close()


def test_a_log_written_anew_and_signed_with_ones_own_key_is_found(sealed: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(sealed, home)
    store = open_store(f"sqlite:///{home / 'commonground.sqlite'}")
    with store.transaction() as connection:
        rewrite(connection, 2, "somebody else")
    last, key = audit.head(store), Ed25519PrivateKey.generate()
    message = json.dumps(["commonground audit 1", last.seq, last.hash, 1], separators=(",", ":")).encode()
    head = seal.Signed(last.seq, last.hash, 1, key.public_key().public_bytes_raw().hex(), key.sign(message).hex())
    (home / seal.HEADS).write_text(json.dumps(head._asdict()) + "\n")
    assert list(verify(store, home)) == ["the head of entry 8 is signed by a key that the audit log does not name."]
    store.close()


def test_the_key_is_the_owners_alone_and_stays(store: Store, tmp_path: Path) -> None:
    write(store, 1)
    signed = seal.sign_head(store, tmp_path)
    assert signed is not None
    file = tmp_path / "secrets" / "audit-key.pem"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert seal.sign_head(store, tmp_path) is None, "nothing was added since"
    write(store, 1)
    again = seal.sign_head(store, tmp_path)
    assert again is not None
    assert (again.public_key, again.seq) == (signed.public_key, signed.seq + 1)
    assert [entry.subject for entry in audit.entries(store, act="audit")] == [signed.public_key]
    assert signed.signature not in file.read_text()


def test_a_backup_keeps_the_log_and_its_heads(sealed: Path, tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{sealed / 'commonground.sqlite'}")
    backup(store, sealed, tmp_path / "backup.zip")
    store.close()
    home = tmp_path / "restored"
    restore(tmp_path / "backup.zip", home)
    assert (home / seal.HEADS).read_text() == (sealed / seal.HEADS).read_text()
    restored = open_store(f"sqlite:///{home / 'commonground.sqlite'}")
    write(restored, 2)
    assert seal.sign_head(restored, home) is not None
    assert list(verify(restored, home)) == [], "signed by two keys, both named in it"
    restored.close()


def test_readings_are_gathered_and_told_once(store: Store, tmp_path: Path) -> None:
    readings = Readings(store)
    for _ in range(3):
        readings.note("amina", "read", "incidents", ["a1", "b2"], "its owner")
        readings.note("amina", "read", "incidents", ["b2", "c3"], "its owner")
        readings.note("jon", "read", "incidents", ["a1"], "agreement 'X' of MOH")
    assert audit.head(store).seq == 0, "noting waits for nothing"
    readings.flush()
    readings.note("amina", "read", "incidents", ["c3"], "its owner")
    readings.note("amina", "read", "incidents", ["c3"], "break-glass: flood")
    readings.stop()
    told = [(e.who, e.clause, json.loads(e.details)["ids"]) for e in reversed(audit.entries(store))]
    assert told == [
        ("amina", "its owner", ["a1", "b2", "c3"]),
        ("jon", "agreement 'X' of MOH", ["a1"]),
        ("amina", "break-glass: flood", ["c3"]),
    ]
    assert list(seal.verify(store, tmp_path)) == []


def test_readings_wait_for_a_database_that_does_not_answer(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'commonground.sqlite'}")
    readings = Readings(store)
    readings.note("amina", "read", "sites", ["a1"], "its owner")
    with store.transaction() as connection:
        connection.exec_driver_sql("ALTER TABLE audit RENAME TO away")
    with pytest.raises(sa.exc.SQLAlchemyError):
        readings.flush()
    with store.transaction() as connection:
        connection.exec_driver_sql("ALTER TABLE away RENAME TO audit")
    readings.flush()
    assert [entry.subject for entry in audit.entries(store)] == ["sites"]
    store.close()


def test_the_command_line_exports_checks_and_verifies(
    home: Path, tmp_path: Path, commonground: Callable[..., CompletedProcess[str]]
) -> None:
    file = tmp_path / "log.jsonl"
    assert commonground("audit", "export", str(file)).returncode == 0
    key = commonground("audit", "key").stdout.strip()
    assert commonground("audit", "verify", str(file), "--key", key).returncode == 0
    assert commonground("audit", "verify", str(file), "--key", "ab" * 32).returncode == 1
    refused = commonground("audit", "export", str(tmp_path / "later.jsonl"), "--after", "99")
    assert (refused.returncode, refused.stderr) == (
        2,
        "commonground: the audit log has no entry 99; name one that it has.\n",
    )
    assert list(tmp_path.glob("*later*")) == []
    listed = commonground("audit", "list", "--json")
    assert json.loads(listed.stdout.splitlines()[0])["act"] == "audit.key"
    assert commonground("verify").returncode == 0
    store = open_store(f"sqlite:///{home / 'commonground.sqlite'}")
    with store.transaction() as connection:
        connection.execute(audit_log.update().values(who="somebody else"))
    store.close()
    found = commonground("verify")
    assert found.returncode == 1
    assert "entry 1 does not read as it was written" in found.stdout
