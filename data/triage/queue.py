"""The queue as one viewer may see it: posts released to them, folded into stories, each with what is suggested and why.

Everything is made from `Seen`: a post that is not released is in no story, no count and no suggestion, and the names sought are
those of boundaries and sites that are released.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any

import numpy as np

from data.columns import NO_TIME
from data.filters import Filters
from data.records import Boundary, Judgement, Post
from data.seen import Item, Rows, Seen
from data.triage.fold import Told, fold
from data.triage.places import Mention, Names, Spot
from data.triage.topic import Guess, guesses, hedges
from data.triage.words import Words

WINDOW = timedelta(days=14)
FUTURE = timedelta(days=2)
LONGEST = 4_000
"""Characters of a post that are read and shown: beyond that it is no post but a book, or an attack."""
MOST = 2_000
"""Posts looked at, the newest: beyond that a queue is not worked through by hand."""
OWN_NAME = re.compile(r"(?i)\A(?:adm(?:in)?_?(\d)_?(?:name|[a-z]{2})(?:_?[a-z]{2,3})?|name[_:][a-z]{2,3})\Z")
"""Headings under which boundaries bear their names in further languages: ADM2_AR, admin2Name_fr, name:ar."""


@dataclass(frozen=True)
class Waiting:
    """A post with the judgement on it, if there is one."""

    post: Item
    told: Post
    judgement: Item | None
    judged: Judgement | None

    @property
    def time_us(self) -> int:
        """When it was published; where it does not say, when it came."""
        return round((self.told.event_time or self.post.received_at).timestamp() * 1e6)

    @property
    def edited(self) -> bool:
        """Changed since it was judged."""
        return (
            self.judged is not None and self.judged.verdict != "open" and self.post.revision > self.judged.post_revision
        )


@dataclass(frozen=True)
class Story:
    """Posts that read alike, oldest first, and what is suggested of the fullest of them."""

    posts: tuple[Waiting, ...]
    guesses: tuple[Guess, ...]
    mentions: tuple[Mention, ...]
    hedges: tuple[str, ...]

    @property
    def state(self) -> str:
        """`promoted` or `discarded` where one of its posts is, else `open`: what is told again later joins what was decided."""
        said = {one.judged.verdict for one in self.posts if one.judged is not None}
        return next((verdict for verdict in ("promoted", "discarded") if verdict in said), "open")

    @property
    def newest(self) -> Waiting:
        return self.posts[-1]

    @property
    def since(self) -> int:
        """How many of its posts came after the verdict on it."""
        return (
            sum(one.judged is None or one.judged.verdict == "open" for one in self.posts) if self.state != "open" else 0
        )


def stories(seen: Seen) -> list[Story]:
    """Every story of the last two weeks, the one told last first."""
    items = seen.items("post", seen.newest("post", _recent(seen), MOST))
    verdicts = seen.rows("judgement", Filters(window=WINDOW + FUTURE))  # a post is judged after it was published
    judged = {
        (item.record.source, item.record.source_ref): item
        for item in seen.items("judgement", verdicts)
        if isinstance(item.record, Judgement)
    }
    posts: dict[int, Waiting] = {}
    for item in items:
        verdict = judged.get((item.record.source, item.record.source_ref))
        said = verdict.record if verdict else None
        if isinstance(item.record, Post):
            posts[item.id] = Waiting(item, item.record, verdict, said if isinstance(said, Judgement) else None)
    names = names_of(seen) if posts else Names(())
    told = tuple(_told(one, names) for one in posts.values())
    found = [_story([posts[int(key)] for key in keys], names) for keys in _folded(told)]
    return sorted(found, key=lambda one: (-one.newest.time_us, one.newest.post.id))


def _recent(seen: Seen) -> Rows:
    """Posts of the last two weeks; of those that state no time, the ones that came in them."""
    rows = seen.rows("post")
    since_us = round((seen.now - WINDOW).timestamp() * 1e6)
    came = bisect_left(seen.commits, since_us, key=lambda commit: commit.committed_us)
    first = seen.commits[came].revision if came < len(seen.commits) else seen.at + 1
    time, begun = seen.column("post", "time")[rows], seen.column("post", "rev_from")[rows]
    return np.asarray(rows[np.where(time == NO_TIME, begun >= first, time >= since_us)])


def _told(one: Waiting, names: Names) -> Told:
    words = read(text_of(one.told))
    apart = one.judged is not None and one.judged.apart
    where = frozenset(mention.spot.pcode or mention.spot.name for mention in _mentions(names, words))
    return Told(one.post.id, one.time_us, words, apart, where)


def _story(posts: Sequence[Waiting], names: Names) -> Story:
    fullest = max(posts, key=lambda one: (len(text_of(one.told)), -one.post.id))
    words = read(text_of(fullest.told))
    return Story(tuple(posts), _guesses(words), _mentions(names, words), hedges(words))


def text_of(post: Post) -> str:
    """Headline and text, as far as they are read for suggestions."""
    return "\n".join(part for part in (post.title, post.description) if part)[:LONGEST]


# What follows from a text alone is kept: a queue is asked for again with every post that comes.


@lru_cache(maxsize=4 * MOST)
def read(text: str) -> Words:
    return Words(text)


@lru_cache(maxsize=4 * MOST)
def _guesses(words: Words) -> tuple[Guess, ...]:
    return tuple(guesses(words))


@lru_cache(maxsize=4 * MOST)
def _mentions(names: Names, words: Words) -> tuple[Mention, ...]:
    return tuple(names.found(words))


@lru_cache(maxsize=8)
def _folded(posts: tuple[Told, ...]) -> list[list[Any]]:
    return fold(posts)


def names_of(seen: Seen) -> Names:
    """The names of the areas and sites this viewer may see; made anew when either changed."""
    parts = tuple((kind, seen.column(kind, "seq")[seen.rows(kind)].tobytes()) for kind in ("boundary", "site"))
    key = (seen.alike("boundary"), seen.alike("site"), *parts)
    found = _names.get(key)
    if found is None:
        if len(_names) >= 8:
            _names.pop(next(iter(_names)))
        found = _names[key] = Names(spots(seen))
    return found


_names: dict[Any, Names] = {}


def spots(seen: Seen) -> list[Spot]:
    """Areas with their names in every language they were loaded with, and sites."""
    areas = seen.items("boundary", seen.rows("boundary"))
    found = [_area(item) for item in areas if isinstance(item.record, Boundary) and item.record.level <= 3]
    rows = seen.rows("site")
    titles, labels = seen.column("site", "title")[rows], seen.labels("site", "title")
    lon, lat = seen.column("site", "lon")[rows], seen.column("site", "lat")[rows]
    chain = [seen.areas("site", rows, level) for level in range(4)]
    for at, title in enumerate(titles):
        above = [seen.places.areas[int(level[at])] for level in chain if level[at] >= 0]
        if labels[title]:
            found.append(
                Spot(
                    labels[title],
                    (labels[title],),
                    "site",
                    above[-1].pcode if above else "",
                    tuple(area.pcode for area in above),
                    float(lon[at]) if math.isfinite(lon[at]) else None,
                    float(lat[at]) if math.isfinite(lat[at]) else None,
                    next((area.name for area in reversed(above) if area.name != labels[title]), ""),
                )
            )
    return found


def _area(item: Item) -> Spot:
    told = item.record
    level = told.level if isinstance(told, Boundary) else 0
    code = told.pcode if isinstance(told, Boundary) else ""
    # By its point it lies in areas below it too: only those above count.
    within = tuple(dict.fromkeys((*(one for one in item.pcodes[:level] if one), code)))
    around = next((name for name in reversed(item.area_names[:level]) if name and name != told.title), "")
    names = _names_said(told.attributes, level)
    local = told.name_local if isinstance(told, Boundary) else ""
    return Spot(told.title, (told.title, local, *names), f"adm{level}", code, within, told.lon, told.lat, around)


def _names_said(attributes: Mapping[str, Any], level: int) -> list[str]:
    found = []
    for heading, value in attributes.items():
        own = OWN_NAME.match(heading)
        if own and (own[1] is None or int(own[1]) == level) and isinstance(value, str) and value:
            found.append(value)
    return found
