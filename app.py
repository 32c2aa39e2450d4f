"""Common Ground: settings -> store -> picture -> feeds -> dashboard; the command line.

Exit codes: 0 done; 1 a fault was found (`verify`) or the thing asked for is not there; 2 bad usage or settings; 3 a payload was
unreadable as a whole (it is in quarantine, the others were read).
"""

from __future__ import annotations

import argparse
import json
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from data.commands import accounts as account_commands
from data.commands import certificates as certificate_commands
from data.commands import quarantine as quarantine_commands
from data.commands import upkeep as upkeep_commands
from data.settings import BadSettings, Settings, load

PROGRAM = "commonground"
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the console script's door."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    try:
        settings = load()
        run: Callable[[Settings, argparse.Namespace], int] = asked.run
        return run(settings, asked)
    except BadSettings as error:
        return _refuse(str(error))
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except KeyboardInterrupt:
        return 130


def _refuse(sentence: str) -> int:
    print(f"{PROGRAM}: {sentence}", file=sys.stderr)
    return 2


def _store(settings: Settings) -> Any:
    from data.store import open_store

    return open_store(settings.database_url)


def serve(settings: Settings, asked: argparse.Namespace) -> int:
    """The app. Without accounts it binds loopback only, and says so."""
    from data.vouched import check

    host, port = asked.host or settings.host, asked.port or settings.port
    if host not in LOOPBACK and not _people(settings):
        remedy = f"add the first with `{PROGRAM} account add NAME --agency AGENCY`, or serve on 127.0.0.1"
        return _refuse(f"without accounts only this machine may connect, not {host}: {remedy}.")
    settings = replace(settings, host=host, port=port)
    check(settings)
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        return _refuse(f"port {port} of {host} cannot be had ({error.strerror}); name another with --port.")
    from dashboard.http import run
    from dashboard.wall import check as check_scenes
    from data.keeper import Keeper
    from data.picture import Picture
    from data.readings import Readings
    from data.tokens import local_token
    from ingest.exercise.load import start_playing
    from ingest.run import start
    from ingest.staging import Sweeper

    check_scenes(settings)
    # A thread that computes hands over to one that has to answer after this long, not after Python's 5 ms.
    sys.setswitchinterval(0.0005)
    # Asked to end, it ends by the way below: what is noted is written, and the audit log is signed as it stands.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    people = _people(settings)
    store = _store(settings)
    keeper, readings, sweeper = Keeper(store, settings), Readings(store), Sweeper(settings)
    keeper.start()
    readings.start()
    sweeper.start()
    picture = Picture(store, _sharing(store, settings))
    picture.catch_up()
    local_token(store, settings.home)
    sending = _sending(settings, store, picture, readings)
    triggers = _triggers(settings, store, picture)
    running = [
        each
        for each in (
            start(store, settings),
            start_playing(store, settings),
            *sending,
            triggers,
            sweeper,
            readings,
            keeper,
        )
        if each
    ]
    try:
        told = "everybody signs in" if people else "this machine only: there are no accounts"
        print(f"{settings.mission.name} on http://{host}:{port} ({told})", flush=True)
        run(_services(settings, store, picture, readings))
    finally:
        for each in running:
            each.stop()
        store.close()
    return 0


def _sharing(store: Any, settings: Settings) -> Callable[[], Any]:
    """What is shared, to be asked again whenever that changes."""
    from data.sharing import read

    return lambda: read(store, settings)


def _sending(settings: Settings, store: Any, picture: Any, readings: Any) -> list[Any]:
    """What is sent out by itself, begun: one for each `[[cot_out]]`."""
    from dashboard.outgoing.tak import Sending
    from dashboard.outgoing.whose import viewer_of
    from data.identity import Identity

    identity = Identity(store)
    titles = {name: source.title or name for name, source in settings.sources.items()}
    agencies = {*settings.agencies, *(source.agency for source in settings.sources.values())}

    def viewer(out: Any) -> Any:
        accounts = identity.accounts()
        return viewer_of(out, accounts, {*agencies, *(one.profile.agency for one in accounts)}, datetime.now(UTC))

    sending = [
        Sending(out, settings.home, picture, partial(viewer, out), readings.note, titles) for out in settings.cot_out
    ]
    for each in sending:
        each.start()
    return sending


def _triggers(settings: Settings, store: Any, picture: Any) -> Any:
    """What looks whether live figures crossed the thresholds of risks, begun."""
    from dashboard.triggers import Triggers
    from data.access import LOCAL_OPERATOR
    from data.written import write

    def written(who: str, act: str, changes: Any, reason: str, details: Any) -> list[str]:
        return write(store, who, act, changes, reason, details)

    found = Triggers(
        picture,
        written,
        machine=LOCAL_OPERATOR,
        thresholds=settings.thresholds,
        exercise=settings.mission.exercise,
    )
    found.start()
    return found


def _people(settings: Settings) -> bool:
    """Whether anybody has an account; also takes over what earlier versions kept of tokens."""
    from data.accounts import any_person
    from data.tokens import BadToken, adopt

    store = _store(settings)
    try:
        adopt(store, settings.home)
        return any_person(store)
    except BadToken as error:
        raise BadSettings(str(error)) from None
    finally:
        store.close()


def _services(settings: Settings, store: Any, picture: Any, readings: Any = None) -> Any:
    """What the dashboard is given: the picture to read, and functions for everything that is not reading."""
    from dashboard.looking import VIEW_AS, Known, looking
    from dashboard.oidc import BEGIN
    from dashboard.services import Services
    from dashboard.sign_in import viewer_of
    from dashboard.walls import Walls
    from data import corrected, health, judging, quarantine
    from data.identity import Identity
    from data.notice import wait_for_change
    from data.readings import Readings
    from data.written import write
    from ingest.mending import Mending
    from ingest.run import Intake
    from ingest.uploads import Uploads
    from ingest.workbooks import first_sheet

    intake = Intake(store, settings)
    from dashboard.outgoing.board import states as output_states

    identity = Identity(store, lambda name: picture.sharing.opened.get(name, ()))

    def viewer(request: Any) -> Any:
        known = Known(settings, identity, picture.sharing)
        return looking(known, viewer_of(identity, request), request.query_params.get(VIEW_AS, ""))

    def entry(number: int) -> dict[str, Any] | None:
        found = quarantine.entries(store.reader, ids=[number])
        return found[0] if found else None

    return Services(
        settings=settings,
        picture=picture,
        viewer=viewer,
        identity=identity,
        states=lambda: health.states(store, settings, datetime.now(UTC)),
        outputs=lambda: output_states(settings.home, settings.cot_out),
        wait=lambda revision, seconds: wait_for_change(store, revision, seconds),
        receive=lambda *sent: _received(intake, *sent),
        quarantine_groups=lambda: quarantine.groups(store.reader),
        quarantine_entry=entry,
        acts=_acts(settings, store),
        walls=Walls(settings.home, lambda *order: _steered(store, *order)),
        uploads=Uploads(store, settings),
        mending=Mending(store, settings),
        attachments=_attachments(settings, store),
        sheet_rows=first_sheet,
        correct=lambda *told: corrected.correct(store, *told),
        judge=lambda who, posts, judged: judging.judge(store, who, posts, judged),
        write=lambda who, act, changes, reason, details: write(store, who, act, changes, reason, details),
        signed_in=lambda who: _signed_in(store, who),
        note=(readings or Readings(store)).note,
        alerts=_own_alerts(settings, store),
        exported=lambda who, collection, details: _exported(store, who, collection, details),
        ways=((provider.title or urlsplit(provider.issuer).netloc, BEGIN),) if (provider := settings.oidc) else (),
    )


def _attachments(settings: Settings, store: Any) -> Any:
    """Photos of reports, and by which number a report is known."""
    from types import SimpleNamespace

    from dashboard.answer import Refused
    from data import attachments

    def attach(who: str, source: str, ref: str, content: bytes, keep: bool) -> tuple[str, int]:
        try:
            return attachments.attach(store, settings.home, who, source, ref, content, keep)
        except attachments.CannotAttach as error:
            raise Refused(422, str(error)) from None
        except OSError:
            raise Refused(503, "The photo cannot be stored at this moment; send it again.", Retry_After="10") from None

    return SimpleNamespace(
        attach=attach,
        report_id=lambda source, ref: attachments.report_id(store, source, ref),
        file=lambda sha256: attachments.file_of(settings.home, sha256),
    )


def _own_alerts(settings: Settings, store: Any) -> Any:
    """Warnings issued here: written as messages, and read by our own feed like everybody's."""
    from dashboard.services import OwnAlerts
    from data import own_alerts
    from ingest.feed import Context, Payload, parse
    from ingest.feeds import all_feeds

    def read(content: bytes, source: Any) -> list[Any]:
        context = Context(source, datetime.now(UTC))
        batches = parse(all_feeds()[own_alerts.FEED], Payload("own alert", content=content), context)
        return [entry for batch in batches for entry in batch]

    return OwnAlerts(
        issued=lambda: own_alerts.issued(store),
        drafted=lambda told: own_alerts.drafted(store, settings, told),
        issue=lambda who, told: own_alerts.issue(store, settings, who, told, read),
    )


def _signed_in(store: Any, who: str) -> list[datetime]:
    """When somebody signed in the last two times, the latest first."""
    from data import audit

    entries = audit.entries(store, limit=2, who=who, act="session.begin")
    return [datetime.fromtimestamp(entry.time_us / 1e6, UTC) for entry in entries]


def _exported(store: Any, who: str, collection: str, details: Any) -> None:
    from data import audit

    with store.transaction() as connection:
        audit.append(connection, "export", who, collection, details=details)


def _steered(store: Any, who: str, wall: str, scene: str, held: bool) -> None:
    from data import audit

    with store.transaction() as connection:
        audit.append(connection, "wall.steer", who, f"wall:{wall}", details={"scene": scene, "held": held})


def _acts(settings: Settings, store: Any) -> Any:
    """What is done on the page of administration."""
    from dashboard.services import Acts
    from data import audit, glass, seal, sharing_changes

    return Acts(
        add_agreement=lambda who, told: sharing_changes.add_agreement(store, settings, who, told),
        revoke_agreement=lambda who, name, why: sharing_changes.revoke_agreement(store, settings, who, name, why),
        set_source_mark=lambda who, source, told: sharing_changes.set_source_mark(store, settings, who, source, told),
        glasses=lambda: glass.glasses(store),
        open_glass=lambda viewer, owner, reason, hours, most: glass.open_glass(
            store, settings, viewer, owner, reason, hours, most
        ),
        second_glass=lambda viewer, number: glass.second_glass(store, settings, viewer, number),
        close_glass=lambda viewer, number: glass.close_glass(store, settings, viewer, number),
        newest=lambda limit: audit.entries(store, limit=limit),
        check=lambda: list(seal.verify(store, settings.home)),
    )


GENERIC_TYPES = ("", "application/octet-stream", "application/x-www-form-urlencoded", "text/plain")
"""What clients say that do not say what they send."""


async def _received(intake: Any, feed: str, source: str, content: bytes, media_type: str) -> Any:
    """`ingest.run.receive_soon`, with what it cannot take as a refusal of the request."""
    from asyncio import QueueFull

    from sqlalchemy.exc import OperationalError

    from dashboard.answer import Refused
    from ingest.intake import AUTO, feed_of
    from ingest.run import Misuse, receive_soon

    try:
        told = media_type.partition(";")[0].strip().lower()
        taken = [name.partition(";")[0].lower() for name in feed_of(feed).media_types] if feed != AUTO else [told]
        if told not in (*taken, *GENERIC_TYPES):
            raise Refused(415, f"The feed {feed} does not read {told}; it reads {', '.join(taken)}.")
        return await receive_soon(intake, feed, source, content)
    except Misuse as error:
        sentence = str(error)
        raise Refused(422, sentence[:1].upper() + sentence[1:]) from None
    except QueueFull:
        raise Refused(503, "Too much is waiting to be stored; send it again shortly.", Retry_After="5") from None
    except (OperationalError, OSError):
        reason = "The database does not answer: keep the payload and send it again."
        raise Refused(503, reason, Retry_After="10") from None


def ingest(settings: Settings, asked: argparse.Namespace) -> int:
    """Read files through a feed and say what became of every row."""
    from ingest.feed import Payload
    from ingest.feeds import all_feeds
    from ingest.run import ingest as read

    if asked.feed != "auto" and asked.feed not in all_feeds():
        return _refuse(f"no feed is named '{asked.feed}'; use auto, or one of {', '.join(all_feeds())}.")
    payloads = []
    for name in asked.paths:
        if name == "-":
            payloads.append(Payload("-", content=sys.stdin.buffer.read()))
        elif Path(name).is_file():
            payloads.append(Payload(name, path=Path(name).resolve()))
        else:
            return _refuse(f"{name} is not a file.")
    store = _store(settings)
    try:
        results = read(store, settings, payloads, asked.feed, asked.source, progress=_progress())
    finally:
        store.close()
    for result in results:
        print(json.dumps(result) if asked.json else _tally(result), flush=True)
    return 3 if any("error" in result for result in results) else 0


def _tally(result: dict[str, Any]) -> str:
    if "error" in result:
        return f"{result['path']}: {result['error']}"
    names = ("accepted", "revised", "unchanged", "retracted", "rejected")
    told = ", ".join(f"{result[name]:,} {name}" for name in names if result[name])
    lines = [
        f"{result['path']}: {result['feed']}, {result['read']:,} read: {told or 'nothing'} (revision {result['revision']})"
    ]
    lines += [
        f"  {count:,} x {reason}" for reason, count in sorted(result["reasons"].items(), key=lambda item: -item[1])
    ]
    return "\n".join(lines)


def _progress() -> Callable[[str, int], None] | None:
    """Rows so far, on a terminal only."""
    if not sys.stderr.isatty():
        return None

    def show(name: str, rows: int) -> None:
        print(f"\r{name}: {rows:,} rows", end="", file=sys.stderr, flush=True)

    return show


def feeds(settings: Settings, asked: argparse.Namespace) -> int:
    """Every feed: name, title, kinds, formats, media types."""
    from ingest.feeds import all_feeds

    listed = [
        {
            "name": feed.name,
            "title": feed.title,
            "kinds": list(feed.kinds),
            "formats": list(feed.formats),
            "media_types": list(feed.media_types),
        }
        for feed in all_feeds().values()
    ]
    if asked.json:
        print(json.dumps(listed, indent=1))
    else:
        for feed in listed:
            print(f"{feed['name']:<12} {feed['title']}  ({', '.join(feed['formats'])} -> {', '.join(feed['kinds'])})")
    return 0


def exercise(settings: Settings, asked: argparse.Namespace) -> int:
    """Load the bundled exercise into an empty home; `--fresh` moves an exercise that is there aside first."""
    from ingest.exercise.load import CannotLoad, load_exercise

    try:
        for line in load_exercise(settings, fresh=asked.fresh, progress=_progress()):
            print(line, flush=True)
    except CannotLoad as error:
        return _refuse(str(error))
    return 0


def status(settings: Settings, asked: argparse.Namespace) -> int:
    """Revision, records per kind, state of every source."""
    from dataclasses import asdict

    from dashboard.outgoing.board import states as output_states
    from data.health import states
    from data.upkeep import counts

    store = _store(settings)
    try:
        now = datetime.now(UTC)
        sources = [asdict(state) for state in states(store, settings, now)]
        told = {"revision": store.revision(), "records": counts(store), "sources": sources}
    finally:
        store.close()
    told["outputs"] = [asdict(state) for state in output_states(settings.home, settings.cot_out)]
    if asked.json:
        print(json.dumps(told, default=_time, indent=1))
        return 0
    print(f"revision {told['revision']:,}")
    for collection, count in told["records"].items():
        print(f"  {collection:<12} {count:>10,}")
    for source in told["sources"]:
        print(
            f"  {source['name']:<24} {source['state']:<7} observed {_time(source['last_observed'])}"
            + (f" {source['ailment']}: {source['reason']}" if source["ailment"] else "")
            + (f" ({source['refused']:,} clients turned away)" if source["refused"] else "")
        )
    for out in told["outputs"]:
        numbers = f"{out['shown']:,} on their map" + (f", {out['left_out']:,} too many" if out["left_out"] else "")
        print(
            f"  -> {out['name']:<21} {out['state']:<9} {out['address']} as {out['viewer']}, {numbers} {out['last_error']}"
        )
    return 0


def _time(moment: Any) -> str:
    return moment.isoformat().replace("+00:00", "Z") if isinstance(moment, datetime) else "never"


def _replay(*asked: Any) -> list[Any]:
    """`ingest.run.replay`; ingest is not loaded before it is needed."""
    from ingest.run import replay

    return replay(*asked)


def export(settings: Settings, asked: argparse.Namespace) -> int:
    """What a user may see of one collection, as a file."""
    from dashboard.export import export as write
    from data.access import LOCAL_OPERATOR
    from data.filters import BadFilter, parse
    from data.identity import Identity
    from data.picture import Picture
    from data.records import COLLECTIONS

    if asked.collection not in COLLECTIONS:
        return _refuse(f"no collection is named '{asked.collection}'; use one of {', '.join(COLLECTIONS)}.")
    try:
        filters = parse(dict(pair.partition("=")[::2] for pair in asked.filter))
    except BadFilter as error:
        return _refuse(str(error))
    store = _store(settings)
    try:
        name = asked.viewer or LOCAL_OPERATOR.name
        viewer = LOCAL_OPERATOR if name == LOCAL_OPERATOR.name else Identity(store).named(name)
        if viewer is None:
            return _refuse(f"there is no user '{name}'; use {LOCAL_OPERATOR.name}, or the name of an account.")
        picture = Picture(store, _sharing(store, settings))
        picture.catch_up()
        seen = picture.seen_by(viewer, filters.as_known_at)
        count = write(seen, asked.collection, filters, asked.format, Path(asked.out))
        details = {"format": asked.format, "filters": asked.filter, "count": count, "revision": seen.revision}
        _exported(store, viewer.name, asked.collection, details)
    except BadFilter as error:
        return _refuse(str(error))
    except OSError as error:
        return _refuse(f"{asked.out} cannot be written: {error.strerror or error}.")
    finally:
        store.close()
    print(f"{asked.out}: {count:,} {asked.collection}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM, description="One live picture of a mission, shared by every agency in it."
    )
    commands = parser.add_subparsers(required=True, metavar="command")

    def command(run: Callable[[Settings, argparse.Namespace], int], *, name: str = "", as_json: bool = False) -> Any:
        told = (run.__doc__ or "").strip()
        added = commands.add_parser(name or run.__name__, help=told, description=told)
        added.set_defaults(run=run)
        if as_json:
            added.add_argument("--json", action="store_true", help="one JSON object per line (or one document)")
        return added

    parts = command(serve)
    parts.add_argument("--host")
    parts.add_argument("--port", type=int)
    parts = command(ingest, as_json=True)
    parts.add_argument("feed", metavar="FEED", help="a feed's name, or auto")
    parts.add_argument("paths", metavar="PATH", nargs="+", help="files; - is standard input")
    parts.add_argument("--source", metavar="NAME", help="which source of the settings these come from")
    command(feeds, as_json=True)
    command(exercise).add_argument("--fresh", action="store_true", help="start the exercise anew")
    command(status, as_json=True)
    quarantine_commands.arguments(command, _replay, _tally)
    parts = command(export)
    parts.add_argument("collection", metavar="COLLECTION")
    parts.add_argument("--format", required=True, choices=("geojson", "csv", "xlsx", "gpkg", "parquet"))
    parts.add_argument("--out", required=True, metavar="FILE")
    parts.add_argument("--as", dest="viewer", metavar="USER")
    parts.add_argument("--filter", action="append", default=[], metavar="NAME=VALUE", help="as in page addresses")
    account_commands.arguments(command)
    upkeep_commands.arguments(command)
    certificate_commands.arguments(command)
    return parser


if __name__ == "__main__":
    sys.exit(main())
