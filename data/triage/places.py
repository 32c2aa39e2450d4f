"""Which places a text names: the names of areas and sites that are loaded, as whole words, the longest first.

A name that several places bear suggests each of them, their confidence split; one whose area is named in the same text gets the
greater part. A name written without its capital counts half: many places are called like common things. An area is not suggested
beside a place within it that is named too: it is what told which one was meant.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from data.triage.words import Words, bare, without_prefix

WRITTEN, SMALL, HINTED = 0.8, 0.4, 0.95
"""How sure a name alone is: as it is written; without its capital; with an area around it named too."""
WITHIN = 5.0
"""How much likelier is one whose area is named than one whose area is not."""
KINDS = re.compile(
    r"\b(state|county|province|district|region|department|governorate|payam|etat|comte|departement|provincia|departamento|محافظه|ولايه)\b"
)
SHOWN = 4


@dataclass(frozen=True)
class Spot:
    """A place as it may be chosen. `within`: the P-codes of the areas it lies in, its own among them where it is one."""

    name: str
    names: tuple[str, ...]
    kind: str
    """adm0 to adm3, or site."""
    pcode: str
    within: tuple[str, ...]
    lon: float | None
    lat: float | None
    around: str = ""
    """The name of the area around it, which tells it from its namesakes."""


class Mention(NamedTuple):
    spot: Spot
    confidence: float
    because: tuple[str, ...]


class Names:
    """Spots by their names, ready to be sought."""

    def __init__(self, spots: Iterable[Spot]) -> None:
        self._of: dict[tuple[str, ...], list[Spot]] = defaultdict(list)
        self._longest = 1
        for spot in spots:
            for name in dict.fromkeys((*spot.names, spot.pcode if spot.kind != "site" else "")):
                for form in _forms(name):
                    if spot not in self._of[form]:
                        self._of[form].append(spot)
                        self._longest = max(self._longest, len(form))

    def __len__(self) -> int:
        return len(self._of)

    def like(self, begun: str, most: int) -> list[Spot]:
        """Spots one of whose names begins like this, areas before sites, short names before long ones."""
        wanted = " ".join(bare(word) for word in re.findall(r"[^\W_]+", begun))
        hits = [(form, spot) for form, spots in self._of.items() if " ".join(form).startswith(wanted) for spot in spots]
        hits.sort(key=lambda hit: (hit[1].kind == "site", len(" ".join(hit[0])), hit[1].name, hit[1].pcode))
        return list(dict.fromkeys(spot for _, spot in hits))[:most]

    def found(self, words: Words) -> list[Mention]:
        """The places a text may mean, likeliest first, at most four; of equals the one named first."""
        hits = list(self._hits(words))
        named = {spot.pcode for _, _, spots in hits for spot in spots if spot.kind != "site"}
        best: dict[Spot, tuple[float, list[str]]] = {}
        for quoted, capital, spots in hits:
            shares = {spot: WITHIN if _hinted(spot, spots, named) else 1.0 for spot in spots}
            for spot, share in shares.items():
                sure = HINTED if share > 1 else WRITTEN if capital else SMALL
                confidence = sure * share / sum(shares.values())
                before, because = best.get(spot, (0.0, []))
                best[spot] = (max(before, confidence), [*because, quoted] if quoted not in because else because)
        kept = [
            (confidence, spot, because) for spot, (confidence, because) in best.items() if not _told_finer(spot, best)
        ]
        kept.sort(key=lambda one: -one[0])
        return [Mention(spot, round(confidence, 2), tuple(because)) for confidence, spot, because in kept[:SHOWN]]

    def _hits(self, words: Words) -> Iterable[tuple[str, bool, Sequence[Spot]]]:
        """(as it stands, whether with its capital, who bears it) of each name, none within another."""
        listed, at = words.words, 0
        while at < len(listed):
            for length in range(min(self._longest, len(listed) - at), 0, -1):
                rest = tuple(word.bare for word in listed[at + 1 : at + length])
                spots = next(
                    (
                        self._of[form]
                        for first in without_prefix(listed[at].bare)
                        if (form := (first, *rest)) in self._of
                    ),
                    None,
                )
                if spots:
                    quoted = " ".join(words.text[listed[at].begin : listed[at + length - 1].end].split())
                    yield quoted, listed[at].capital, _finest(spots)
                    at += length
                    break
            else:
                at += 1


def _forms(name: str) -> Iterable[tuple[str, ...]]:
    """A name as words, and without the word for its kind of area ("Doro County" is spoken of as Doro)."""
    whole = " ".join(bare(word) for word in re.findall(r"[^\W_]+", name))
    for form in dict.fromkeys((whole, " ".join(KINDS.sub(" ", whole).split()))):
        if len(form) >= 3 and not form.isdigit():
            yield tuple(form.split())


def _finest(spots: Sequence[Spot]) -> list[Spot]:
    """Of namesakes one within another (a town, its district) the innermost: it is the same place, told more exactly."""
    areas = {code for spot in spots for code in spot.within if spot.kind == "site" or code != spot.pcode}
    left = [spot for spot in spots if spot.kind == "site" or spot.pcode not in areas]
    sites: dict[tuple[str, ...], Spot] = {}
    return [spot for spot in left if spot.kind != "site" or sites.setdefault(spot.within, spot) is spot]


def _hinted(spot: Spot, namesakes: Sequence[Spot], named: set[str]) -> bool:
    own = {one.pcode for one in namesakes}
    return any(code in named and code not in own for code in spot.within)


def _told_finer(spot: Spot, named: Iterable[Spot]) -> bool:
    return spot.kind != "site" and any(
        spot.pcode in other.within
        for other in named
        if other is not spot and (other.kind == "site" or other.pcode != spot.pcode)
    )
