"""What a text is about: a sum of weights of words, shown with the words. `topics` holds the words.

A topic scores the weights of its distinct terms that occur; its confidence is its share of all that was scored, with 2 added, so
that one word alone is never certain: score / (sum of all scores + 2). Below a score of 2 nothing is suggested. No learning, no
memory, nothing outside the text: the same text always gets the same suggestion.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

from data.triage.topics import HEDGES, NOT_RELEVANT, TOPICS, Topic
from data.triage.words import ARABIC, PREFIXES, Words, bare

DOUBT = 2.0
LEAST = 2.0
SHOWN = 3


class Guess(NamedTuple):
    topic: str
    categories: tuple[str, ...]
    """What sources of incidents call it; none of what is not relevant."""
    confidence: float
    because: tuple[str, ...]
    """The words of the text it rests on, as they stand there."""

    @property
    def relevant(self) -> bool:
        return self.topic != NOT_RELEVANT


def guesses(words: Words) -> list[Guess]:
    """Topics a text may be of, likeliest first, at most three."""
    found: list[tuple[float, Topic, tuple[str, ...]]] = []
    for topic in TOPICS:
        score = 0.0
        because: list[str] = []
        taken: set[tuple[int, int]] = set()
        for weight, pattern in _patterns(topic):
            for hit in pattern.finditer(words.line):
                quoted = words.quoted(*hit.span())
                inside = any(begin <= hit.start() and hit.end() <= end for begin, end in taken)
                if not inside and quoted.casefold() not in (one.casefold() for one in because):
                    score += weight
                    because.append(quoted)
                taken.add(hit.span())
        if score >= LEAST:
            found.append((score, topic, tuple(because)))
    total = sum(score for score, _, _ in found) + DOUBT
    found.sort(key=lambda one: -one[0])  # of equals the one listed first
    return [
        Guess(topic.id, topic.categories, round(score / total, 2), because) for score, topic, because in found[:SHOWN]
    ]


def hedges(words: Words) -> tuple[str, ...]:
    """What in a text says that it is not known."""
    return tuple(dict.fromkeys(words.quoted(*hit.span()) for hit in _pattern(HEDGES).finditer(words.line)))


@cache
def _patterns(topic: Topic) -> tuple[tuple[int, re.Pattern[str]], ...]:
    return tuple((weight, _pattern(terms)) for weight, terms in topic.terms)


@cache
def _pattern(terms: str) -> re.Pattern[str]:
    """Longest term first, so that the longer of two at one place is found."""
    each = sorted(terms.split("|"), key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(_term(one.split()) for one in each)})(?!\w)")


def _term(parts: Iterable[str]) -> str:
    return " ".join(map(_part, parts))


def _part(part: str) -> str:
    if part == "*":
        return r"\w+"
    told = re.escape(bare(part.removesuffix("*"))) + (r"\w*" if part.endswith("*") else "")
    return rf"(?:{'|'.join(PREFIXES)})?{told}" if ARABIC.match(part) else told
