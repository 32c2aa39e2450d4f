"""Which posts tell one story: near-duplicates by the share of word pairs they have in common (Jaccard), within two days.

Oldest first, a post joins the earliest story that reads enough like it, else it begins one. A story is compared by its first post
alone, so that no chain of small changes can lead from one event to another, and never with one that names other places.

Exact, not sketched. Two posts that share half of all their pairs share one of the rarer half of each (prefix filtering: Bayardo,
Ma, Srikant, "Scaling up all pairs similarity search", WWW 2007), so that only stories with such a pair are compared at all.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from functools import lru_cache
from itertools import pairwise
from math import ceil
from typing import NamedTuple

from data.triage.words import Words

ALIKE = 0.5
WINDOW_US = 48 * 3_600_000_000
SHORTEST = 4
"""Shingles; what is shorter is one story only with what says the very same."""
REPEATED = frozenset(("rt", "via", "breaking", "update", "urgent", "exercise", "عاجل"))


class Told(NamedTuple):
    key: Hashable
    time_us: int
    words: Words
    apart: bool
    """A person said that it is a story of its own."""
    where: frozenset[str] = frozenset()
    """The places it names: the same words said of another place are another story."""


@lru_cache(maxsize=8_000)
def shingles(words: Words) -> frozenset[tuple[str, ...]]:
    """Pairs of neighbouring words."""
    told = [word.bare for word in words.words if word.bare not in REPEATED]
    return frozenset(pairwise(told)) or frozenset({tuple(told)})


def fold(posts: Sequence[Told]) -> list[list[Hashable]]:
    """The keys of each story, its first post first; stories in the order they began."""
    stories: list[list[Hashable]] = []
    first: list[tuple[Told, frozenset[tuple[str, ...]]]] = []
    holding: dict[tuple[str, ...], list[int]] = defaultdict(list)
    often = Counter(one for post in posts for one in shingles(post.words))
    for post in sorted(posts, key=lambda one: (one.time_us, str(one.key))):
        own = shingles(post.words)
        rare = sorted(own, key=lambda one: (often[one], one))[: len(own) - ceil(ALIKE * len(own)) + 1]
        story = None if post.apart else _alike(own, rare, post, first, holding)
        if story is not None:
            stories[story].append(post.key)
            continue
        stories.append([post.key])
        first.append((post, own))
        if not post.apart:
            for one in rare:
                holding[one].append(len(stories) - 1)
    return stories


def _alike(
    own: frozenset[tuple[str, ...]],
    rare: Sequence[tuple[str, ...]],
    post: Told,
    first: Sequence[tuple[Told, frozenset[tuple[str, ...]]]],
    holding: dict[tuple[str, ...], list[int]],
) -> int | None:
    for story in sorted({story for one in rare for story in holding.get(one, ())}):
        began, other = first[story]
        least = 1.0 if min(len(own), len(other)) < SHORTEST else ALIKE
        if post.where and began.where and not post.where & began.where:
            continue
        if post.time_us - began.time_us <= WINDOW_US and len(own & other) >= least * len(own | other):
            return story
    return None
