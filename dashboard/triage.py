"""The triage queue over HTTP: stories of posts with what is suggested and why, and what a person makes of them.

Reading shows what is released to whoever asks; judging is the watch's (`dashboard.rights.watches`), of posts released to them.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from dashboard import rights
from dashboard.answer import NOT_FOUND, Refused, answer
from dashboard.api import asked
from dashboard.noted import note_read
from dashboard.services import Services
from data.access import Viewer
from data.filters import BadFilter
from data.judging import CannotJudge, Judged, Looked, Overtaken
from data.records import Incident, Judgement, Post, Report, Severity
from data.seen import Item, Seen, public_id
from data.triage.places import Spot
from data.triage.queue import LONGEST, Story, Waiting, names_of, stories
from data.triage.topic import Guess

Told = Mapping[str, Any]
STATES = ("open", "promoted", "discarded")
SHOWN = 100
POSTS_SHOWN = 12
FOUND = 12
GRADE = re.compile(r"[A-F][1-6]\Z")
PRECISION = {"site": "near", "adm3": "adm3", "adm2": "adm2", "adm1": "adm1", "adm0": "adm0"}


def queue(services: Services, request: Request) -> Response:
    """`?state=open|promoted|discarded`: the stories of one state, the one told last first, and how many there are of each."""
    seen, _, query = asked(services, request)
    state = query.get("state") or "open"
    if state not in STATES:
        raise BadFilter(f"state: '{state[:20]}' is not one of {', '.join(STATES)}.")
    every = stories(seen)
    counts = Counter(one.state for one in every)
    listed = [one for one in every if one.state == state][:SHOWN]
    note_read(services, seen, [post.post for one in listed for post in one.posts[-POSTS_SHOWN:]])
    used = seen.released_labels("incident", "category") - {""}
    told = {
        "state": state,
        "counts": {name: counts[name] for name in STATES},
        "edited": sum(any(post.edited for post in one.posts) for one in every),
        "may": rights.watches(seen.viewer),
        "categories": sorted(used, key=str.casefold),
        "stories": [_story(seen, one, used) for one in listed],
        "revision": seen.revision,
    }
    return answer(request, told)


def waiting(services: Services, request: Request) -> Response:
    """How many stories wait, for the head of every page."""
    seen, _, _ = asked(services, request)
    return answer(
        request, {"waiting": sum(one.state == "open" for one in stories(seen)), "may": rights.watches(seen.viewer)}
    )


def places(services: Services, request: Request) -> Response:
    """`?q=`: areas and sites whose name begins like this."""
    seen, _, query = asked(services, request)
    found = names_of(seen).like(query.get("q", ""), FOUND) if query.get("q", "").strip() else []
    return answer(request, {"places": [_spot(spot) for spot in found]})


def _story(seen: Seen, one: Story, used: set[str]) -> dict[str, Any]:
    verdict = next((post for post in one.posts if post.judged is not None and post.judged.verdict == one.state), None)
    judged = verdict.judged if verdict else None
    told: dict[str, Any] = {
        "id": public_id(one.posts[0].post.id),
        "state": one.state,
        "count": len(one.posts),
        "since": one.since,
        "outlets": list(dict.fromkeys(post.told.outlet for post in one.posts if post.told.outlet)),
        "posts": [_post(seen, post) for post in one.posts[-POSTS_SHOWN:]],
        "guesses": [_guess(guess, used) for guess in one.guesses],
        "places": [
            {**_spot(mention.spot), "confidence": mention.confidence, "because": mention.because}
            for mention in one.mentions
        ],
        "hedges": one.hedges,
        "grade": one.posts[0].told.grade,
    }
    if judged is not None:
        told["verdict"] = {
            "by": judged.by,
            "at": judged.event_time,
            "reason": judged.description,
            "made": _made(seen, judged),
        }
    return told


def _made(seen: Seen, judged: Judgement) -> dict[str, Any] | None:
    """The record a story was promoted to, where it is still there and this viewer's to see."""
    item = seen.find(judged.made) if judged.made else None
    return {"id": judged.made, "title": item.record.title, "kind": item.kind} if item else None


def _post(seen: Seen, one: Waiting) -> dict[str, Any]:
    told = one.told
    return {
        "id": public_id(one.post.id),
        "revision": one.post.revision,
        "judged": one.judgement.revision if one.judgement else 0,
        "apart": bool(one.judged and one.judged.apart),
        "edited": one.edited,
        "source": told.source,
        "outlet": told.outlet,
        "language": told.language,
        "title": told.title,
        "text": told.description[:LONGEST],
        "link": told.link,
        "media": told.media,
        "at": told.event_time,
        "received_at": one.post.received_at,
        "exercise": told.exercise,
        "verdict": one.judged.verdict if one.judged else "open",
    }


def _guess(one: Guess, used: set[str]) -> dict[str, Any]:
    category = next((name for name in one.categories if name in used), next(iter(one.categories), ""))
    return {
        "topic": one.topic,
        "category": category,
        "confidence": one.confidence,
        "because": one.because,
        "relevant": one.relevant,
    }


def _spot(spot: Spot) -> dict[str, Any]:
    return {
        "name": spot.name,
        "kind": spot.kind,
        "pcode": spot.pcode,
        "around": spot.around,
        "lon": spot.lon,
        "lat": spot.lat,
    }


# Acts


def may(services: Services, viewer: Viewer, told: Told) -> bool:
    return rights.watches(viewer)


def promote(services: Services, viewer: Viewer, told: Told, lang: str) -> Any:
    """`{posts, kind, title, category, severity, grade, place}`: these posts become one incident or report."""
    seen = services.picture.seen_by(viewer)
    looked = _looked(seen, told)
    kind = told.get("kind", "incident")
    if kind not in ("incident", "report"):
        raise Refused(422, "kind: use incident or report.")
    title, category = _text(told, "title", 200), _text(told, "category", 80)
    if not title or not category:
        raise Refused(422, f"{'title' if not title else 'category'}: say what it is before it goes on the picture.")
    severity = Severity.__members__.get(_text(told, "severity", 20) or "unknown")
    if severity is None:
        raise Refused(422, f"severity: use one of {', '.join(Severity.__members__)}.")
    grade = _text(told, "grade", 2)
    if not GRADE.match(grade):
        raise Refused(422, "grade: give the source A to F and the information 1 to 6, as in C3.")
    posts = [item.record for item, _ in looked if isinstance(item.record, Post)]
    times = [post.event_time for post in posts if post.event_time is not None]
    outlets = "; ".join(dict.fromkeys(post.outlet for post in posts if post.outlet))
    made = (Incident if kind == "incident" else Report)(
        source_ref="new",
        title=title,
        description=_text(told, "description", 4_000),
        category=category,
        severity=severity,
        grade=grade,
        event_time=min(times, default=datetime.now(UTC)),
        attributes={"outlets": outlets} if outlets else {},
        **_place(told),
    )
    if "triage" in seen.sharing.sources:
        raise Refused(
            422, "A source of the settings is named 'triage', the name of what is promoted; give it another name."
        )
    public = _judge(services, viewer, looked, Judged("promoted", _text(told, "reason", 500), made=made))
    return {"made": public}


def discard(services: Services, viewer: Viewer, told: Told, lang: str) -> Any:
    """`{posts, reason}`: nothing for the picture."""
    reason = _text(told, "reason", 500)
    if not reason:
        raise Refused(422, "reason: say in a word or two why; whoever looks later will ask.")
    _judge(services, viewer, _looked(services.picture.seen_by(viewer), told), Judged("discarded", reason))


def reopen(services: Services, viewer: Viewer, told: Told, lang: str) -> Any:
    """`{posts}`: back to the queue; what they were promoted to is taken back."""
    _judge(
        services, viewer, _looked(services.picture.seen_by(viewer), told), Judged("open", _text(told, "reason", 500))
    )


def apart(services: Services, viewer: Viewer, told: Told, lang: str) -> Any:
    """`{posts, apart}`: a story of its own, or no more."""
    looked = _looked(services.picture.seen_by(viewer), told)
    _judge(services, viewer, looked, Judged("open", apart=told.get("apart") is not False))


def _looked(seen: Seen, told: Told) -> list[tuple[Item, int]]:
    """The posts named, each as this viewer sees it now, with the judgement they saw. Raises `Refused`."""
    named = told.get("posts")
    if not isinstance(named, list) or not 1 <= len(named) <= 500 or not all(isinstance(one, dict) for one in named):
        raise Refused(422, "posts: list the posts with the revisions you saw, at most 500.")
    found = []
    for one in named:
        item = seen.find(str(one.get("id")))
        if item is None or item.kind != "post":
            raise NOT_FOUND
        if one.get("revision") != item.revision:
            raise Refused(409, "The post was edited meanwhile; look at it again before you judge it.")
        judged = one.get("judged", 0)
        found.append((item, judged if isinstance(judged, int) else 0))
    return found


def _judge(services: Services, viewer: Viewer, looked: list[tuple[Item, int]], judged: Judged) -> str:
    seen = services.picture.seen_by(viewer)
    posts = []
    for item, known in looked:
        mark = int(seen.column("post", "mark")[item.row])
        headline = item.record.title or item.record.description[:120]
        posts.append(
            Looked(
                item.id,
                seen.stamps[mark],
                seen.marks[mark],
                item.record.source_ref,
                headline,
                item.revision,
                known,
                item.record.exercise,
            )
        )
    try:
        return services.judge(viewer.name, posts, judged)
    except Overtaken as error:
        raise Refused(409, str(error)) from None
    except CannotJudge as error:
        raise Refused(422, str(error)) from None


def _place(told: Told) -> dict[str, Any]:
    place = told.get("place")
    if not place:
        return {}
    if not isinstance(place, dict):
        raise Refused(422, "place: use an object with name, kind, pcode, lon and lat.")
    lon, lat = place.get("lon"), place.get("lat")
    if lon is not None or lat is not None:
        numbers = [float(one) for one in (lon, lat) if isinstance(one, (int, float)) and not isinstance(one, bool)]
        if len(numbers) != 2 or not all(map(math.isfinite, numbers)) or abs(numbers[0]) > 180 or abs(numbers[1]) > 90:
            raise Refused(422, "place: lon and lat are degrees, -180 to 180 and -90 to 90.")
    return {
        "place": _text(place, "name", 200),
        "adm_pcode": _text(place, "pcode", 40) or None,
        "lon": lon,
        "lat": lat,
        "place_precision": PRECISION.get(_text(place, "kind", 10), "near"),
    }


def _text(told: Told, name: str, longest: int) -> str:
    value = told.get(name) or ""
    if not isinstance(value, str) or len(value) > longest:
        raise Refused(422, f"{name}: use text of at most {longest} characters.")
    return value.strip()
