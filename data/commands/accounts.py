"""`commonground account` and `commonground token`: who may sign in or send, from the machine's own command line."""

from __future__ import annotations

import argparse
import getpass
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from data.accounts import COMPONENTS, ROLES, Account, BadAccount, Kind, Profile
from data.identity import Identity
from data.passwords import WeakPassword
from data.records import Sensitivity
from data.settings import Settings
from data.store import open_store
from data.tokens import BadToken, Issued, make_service

WHO = "command line"
"""Who did it, in the audit log: somebody with the database file in their hands."""
FIRST = "commonground account add NAME --agency AGENCY"


class Misuse(ValueError):
    """What is wrong with what was asked, in one sentence."""


def account(settings: Settings, asked: argparse.Namespace) -> int:
    """Accounts: add, list, change, disable, enable; a person's password; a display's or program's tokens."""
    store = open_store(settings.database_url)
    try:
        act: Callable[[Identity, Settings, argparse.Namespace], int] = asked.act
        return act(Identity(store), settings, asked)
    except (BadAccount, BadToken, WeakPassword, Misuse) as error:
        print(f"commonground: {error}", file=sys.stderr)
        return 2
    finally:
        store.close()


def token(settings: Settings, asked: argparse.Namespace) -> int:
    """Make a bearer token for a program: what it may send, and as whom it sees. Printed once, kept as a hash."""
    store = open_store(settings.database_url)
    try:
        print(make_service(store, asked.name, WHO, asked.source, asked.agency, Sensitivity[asked.clearance]))
    except BadToken as error:
        print(f"commonground: {error}", file=sys.stderr)
        return 2
    finally:
        store.close()
    return 0


def add(identity: Identity, settings: Settings, asked: argparse.Namespace) -> int:
    kind: Kind = "display" if asked.display else "service" if asked.service else "person"
    profile = _profile(Profile(asked.name, kind), asked)
    first = kind == "person" and not identity.people()
    password = _password() if kind == "person" and not asked.no_password else ""
    made = identity.add(profile, WHO, password)
    print(_line(made))
    if kind == "display":
        secret = identity.make_token(made.name, made.name, WHO)
        print(f"Open this once on the display; it is shown this once:\n/wall?display={secret}")
    if kind == "service":
        print(identity.make_token(made.name, made.name, WHO, asked.source))
    for note in _notes(settings, made, first):
        print(note, file=sys.stderr)
    return 0


def change(identity: Identity, settings: Settings, asked: argparse.Namespace) -> int:
    before = identity.account(asked.name)
    if before is None:
        raise Misuse(f"there is no account '{asked.name}'; `commonground account list` names all.")
    made = identity.change(_profile(before.profile, asked), WHO)
    print(_line(made))
    for note in _notes(settings, made, False):
        print(note, file=sys.stderr)
    return 0


def listed(identity: Identity, settings: Settings, asked: argparse.Namespace) -> int:
    for found in identity.accounts():
        print(json.dumps(_told(found)) if asked.json else _line(found))
    return 0


def disable(identity: Identity, settings: Settings, asked: argparse.Namespace) -> int:
    print(_line(identity.disable(asked.name, WHO)))
    return 0


def enable(identity: Identity, settings: Settings, asked: argparse.Namespace) -> int:
    print(_line(identity.disable(asked.name, WHO, disabled=False)))
    return 0


def password(identity: Identity, settings: Settings, asked: argparse.Namespace) -> int:
    if identity.account(asked.name) is None:
        raise Misuse(f"there is no account '{asked.name}'; `commonground account list` names all.")
    identity.set_password(asked.name, _password(), WHO)
    print(f"{asked.name}: the new password holds, and every session of the account has ended")
    return 0


def make_token(identity: Identity, settings: Settings, asked: argparse.Namespace) -> int:
    found = identity.account(asked.name)
    expires = datetime.now(UTC) + timedelta(days=asked.days) if asked.days else None
    secret = identity.make_token(asked.name, asked.title or asked.name, WHO, asked.source, expires)
    print(f"/wall?display={secret}" if found is not None and found.profile.kind == "display" else secret)
    return 0


def tokens(identity: Identity, settings: Settings, asked: argparse.Namespace) -> int:
    now = datetime.now(UTC)
    for found in identity.tokens_of(asked.name or ""):
        print(_token_line(found, now))
    return 0


def revoke(identity: Identity, settings: Settings, asked: argparse.Namespace) -> int:
    identity.revoke_token(asked.number, WHO)
    print(f"token {asked.number}: taken away")
    return 0


def arguments(command: Callable[..., Any]) -> None:
    """Add both commands to the command line; `command(run)` makes one."""
    acts = command(account).add_subparsers(required=True, metavar="what")

    def one(act: Callable[..., int], name: str, told: str, *, whose: bool = True) -> argparse.ArgumentParser:
        added: argparse.ArgumentParser = acts.add_parser(name, help=told, description=told)
        added.set_defaults(act=act)
        if whose:
            added.add_argument("name", metavar="NAME")
        return added

    parts = one(
        add, "add", "A new account; the first person becomes the administrator. The password is asked for, or read"
    )
    kinds = parts.add_mutually_exclusive_group()
    kinds.add_argument("--display", action="store_true", help="a wall: signs in by a link, shows and does nothing else")
    kinds.add_argument("--service", action="store_true", help="a program: has a token")
    parts.add_argument("--no-password", action="store_true", help="a person whose password is set later")
    parts.add_argument("--source", action="append", default=[], metavar="NAME", help="a service may send for it")
    _parts_of_a_profile(parts)
    _parts_of_a_profile(one(change, "change", "Change what is said of an account; what is not named stays"))
    one(listed, "list", "Every account", whose=False).add_argument("--json", action="store_true")
    one(disable, "disable", "Shut an account out, at once")
    one(enable, "enable", "Let a disabled account in again")
    one(password, "password", "A new password for a person; their sessions end")
    parts = one(make_token, "token", "A new token of an account, printed once; a display's as its link")
    parts.add_argument("--title", metavar="TEXT", help="what it is for")
    parts.add_argument("--source", action="append", default=[], metavar="NAME", help="may send for it; * for every one")
    parts.add_argument("--days", type=float, help="how long it holds; without, until it is taken away")
    one(tokens, "tokens", "The tokens of an account, or of all", whose=False).add_argument("name", nargs="?")
    one(revoke, "revoke", "Take a token away, at once", whose=False).add_argument("number", type=int, metavar="NUMBER")

    parts = command(token)
    parts.add_argument("name", metavar="NAME", help="of the program, which gets an account of this name")
    parts.add_argument("--source", action="append", default=[], metavar="NAME", help="may send for it; * for every one")
    parts.add_argument("--agency", default="", metavar="NAME", help="sees what this agency sees; without one, nothing")
    parts.add_argument("--clearance", default="low", choices=list(Sensitivity.__members__))


def _parts_of_a_profile(parts: argparse.ArgumentParser) -> None:
    parts.add_argument("--full-name", metavar="TEXT")
    parts.add_argument("--email")
    parts.add_argument("--agency", metavar="NAME", help="whose records are its own; without one it sees nothing")
    parts.add_argument(
        "--guest", action="store_true", default=None, help="no part of the mission: released to by name only"
    )
    parts.add_argument("--component", choices=COMPONENTS)
    parts.add_argument("--role", action="append", choices=list(ROLES), help="may be said several times")
    parts.add_argument("--clearance", choices=list(Sensitivity.__members__))
    parts.add_argument("--compartment", action="append", metavar="NAME")
    parts.add_argument("--purpose", action="append", metavar="NAME")
    parts.add_argument("--from", dest="valid_from", metavar="TIME", help="like 2026-11-20 or 2026-11-20T18:00Z")
    parts.add_argument("--until", dest="valid_until", metavar="TIME")


def _profile(before: Profile, asked: argparse.Namespace) -> Profile:
    told = {
        "full_name": asked.full_name,
        "email": asked.email,
        "agency": asked.agency,
        "in_mission": None if asked.guest is None else not asked.guest,
        "component": asked.component,
        "roles": None if asked.role is None else tuple(asked.role),
        "clearance": None if asked.clearance is None else Sensitivity[asked.clearance],
        "compartments": None if asked.compartment is None else tuple(asked.compartment),
        "purposes": None if asked.purpose is None else tuple(asked.purpose),
        "valid_from": _moment("--from", asked.valid_from),
        "valid_until": _moment("--until", asked.valid_until),
    }
    return replace(before, **{name: value for name, value in told.items() if value is not None})


def _moment(option: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Misuse(f"{option} is '{text}'; write it like 2026-11-20 or 2026-11-20T18:00Z.") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _password() -> str:
    """Asked for twice on a terminal, else the first line of standard input; never an argument, which others can read."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    first = getpass.getpass("Password: ")
    if getpass.getpass("Once more: ") != first:
        raise Misuse("the two passwords are not the same; begin again.")
    return first


def _notes(settings: Settings, made: Account, first: bool) -> list[str]:
    """What whoever made this account should know of it."""
    told, notes = made.profile, []
    known = {*settings.agencies, *(source.agency for source in settings.sources.values())}
    if first:
        notes.append("From now on everybody signs in, at this machine too; this account may administer.")
    if not told.agency:
        notes.append(f"'{made.name}' has no agency and sees nothing; give it one with --agency.")
    elif known and told.agency not in known:
        notes.append(
            f"No source or agency of the settings is named '{told.agency}'; known are {', '.join(sorted(known))}."
        )
    return notes


def _line(found: Account) -> str:
    told = found.profile
    parts = [told.agency or "no agency", told.clearance.name, *told.roles]
    if told.valid_until is not None:
        parts.append(f"until {told.valid_until:%Y-%m-%d %H:%MZ}")
    return f"{found.name:<24} {told.kind:<8} {'DISABLED ' if found.disabled else ''}{', '.join(parts)}"


def _told(found: Account) -> dict[str, Any]:
    told = found.profile
    return {
        "name": found.name,
        "kind": told.kind,
        "full_name": told.full_name,
        "email": told.email,
        "agency": told.agency,
        "in_mission": told.in_mission,
        "component": told.component,
        "roles": told.roles,
        "clearance": told.clearance.name,
        "compartments": told.compartments,
        "purposes": told.purposes,
        "valid_from": told.valid_from and told.valid_from.isoformat(),
        "valid_until": told.valid_until and told.valid_until.isoformat(),
        "disabled": found.disabled,
        "password": found.has_password,
    }


def _token_line(found: Issued, now: datetime) -> str:
    state = "" if found.holds(now) else "revoked " if found.revoked else "ended "
    until = f", until {found.expires:%Y-%m-%d %H:%MZ}" if found.expires else ""
    sends = f", sends for {', '.join(found.sources)}" if found.sources else ""
    return f"{found.id:>6}  {found.account:<24} {state}{found.name}, made {found.created:%Y-%m-%d %H:%MZ}{until}{sends}"
