"""How often the suggestions of triage are right: precision and recall, with the posts of the exercise and with real event notes.

python bench/triage.py                  the exercise's posts
python bench/triage.py ACLED.csv [ADM.geojson ...]   an ACLED export with notes, and the boundaries of its country
"""

from __future__ import annotations

import csv
import json
import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path

from data.triage.fold import Told, fold
from data.triage.places import Names, Spot
from data.triage.topic import guesses
from data.triage.words import Words

ACLED = {
    "Battles": {"clash"},
    "Violence against civilians": {"civilians", "aid"},
    "Protests": {"protest"},
    "Riots": {"riot"},
    "Explosions/Remote violence": {"blast", "mine"},
    "Strategic developments": {"move", "looting"},
}


def main(paths: list[str]) -> None:
    if paths:
        acled(Path(paths[0]), [Path(path) for path in paths[1:]])
    else:
        exercise()


def exercise() -> None:
    from ingest.exercise import names, talk
    from ingest.exercise.world import build

    world = build(7)
    spots = [
        Spot(area.name, (area.name, names.french(area.name), names.arabic(area.name)), f"adm{level}", area.pcode,
             tuple(area.pcode[: 2 + 2 * up] for up in range(level + 1)), None, None)
        for level, areas in enumerate(world.levels) for area in areas
    ]  # fmt: skip
    said = talk.said(7, datetime(2026, 11, 20, 18, tzinfo=UTC))
    words = {one.key: Words(one.text) for one in said}
    for language in ("en", "fr", "ar", ""):
        some = [one for one in said if language in ("", one.language)]
        topics([(words[one.key], {one.topic}) for one in some], f"exercise {language or 'all'}")
        found = Names(spots)
        located([(words[one.key], found, {one.places[0]}) for one in some], f"exercise {language or 'all'}")
    names_ = Names(spots)
    where = {key: frozenset(one.spot.pcode for one in names_.found(each)) for key, each in words.items()}
    told_ = [Told(one.key, round(one.at.timestamp() * 1e6), words[one.key], False, where[one.key]) for one in said]
    start = time.perf_counter()
    stories = fold(told_)
    took = time.perf_counter() - start
    told = {pair for keys in stories for pair in combinations(sorted(keys), 2)}  # type: ignore[type-var]
    true = {pair for pair in combinations(sorted(words), 2) if pair[0].rpartition("-")[0] == pair[1].rpartition("-")[0]}
    right = len(told & true)
    print(f"folding: {len(said)} posts, {len(stories)} stories of {len({one.event for one in said})} events; pairs: "
          f"precision {right / max(1, len(told)):.2f}, recall {right / max(1, len(true)):.2f}; {took * 1e3:.1f} ms")  # fmt: skip


def acled(path: Path, boundaries: list[Path]) -> None:
    with path.open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    topics([(Words(row["notes"]), ACLED[row["event_type"]]) for row in rows if row["event_type"] in ACLED], path.name)
    spots = [spot for each in boundaries for spot in _spots(each)]
    if spots:
        names = Names(spots)
        for level in (1, 2):
            codes = {spot.name.casefold(): spot.pcode for spot in spots if spot.kind == f"adm{level}"}
            told = [(Words(row["notes"]), names, codes.get(row[f"admin{level}"].casefold())) for row in rows]
            located([(words, names, {code}) for words, names, code in told if code], f"{path.name}, level {level}")


def _spots(path: Path) -> Iterable[Spot]:
    for feature in json.loads(path.read_text(encoding="utf-8"))["features"]:
        told = {key.upper(): value for key, value in feature["properties"].items()}
        level = max(n for n in range(4) if f"ADM{n}_PCODE" in told)
        codes = tuple(told[f"ADM{n}_PCODE"] for n in range(level + 1) if told.get(f"ADM{n}_PCODE"))
        yield Spot(told[f"ADM{level}_EN"], (told[f"ADM{level}_EN"],), f"adm{level}", codes[-1], codes, None, None)


def topics(told: list[tuple[Words, set[str]]], name: str) -> None:
    found = [(guesses(words), wanted) for words, wanted in told]
    right = [(some[0].confidence, some[0].topic in wanted) for some, wanted in found if some]
    among = sum(any(one.topic in wanted for one in some) for some, wanted in found)
    sure = [hit for confidence, hit in right if confidence >= 0.6]
    unsure = [hit for confidence, hit in right if confidence < 0.6]
    tell(f"category, {name}", len(told), [hit for _, hit in right], among)
    print(f"    right at 0.6 or more: {share(sure)} of {len(sure)}; below: {share(unsure)} of {len(unsure)}")


def located(told: list[tuple[Words, Names, set[str]]], name: str) -> None:
    """Right is a place in the area wanted, or one of the areas wanted."""
    found = [(names.found(words), wanted) for words, names, wanted in told]
    right = [bool({*some[0].spot.within} & wanted) for some, wanted in found if some]
    among = sum(any({*one.spot.within} & wanted for one in some) for some, wanted in found)
    tell(f"place, {name}", len(told), right, among)


def tell(what: str, texts: int, right: list[bool], among: int) -> None:
    recall, shown = sum(right) / max(1, texts), among / max(1, texts)
    print(f"{what}: {texts} texts, precision {share(right)}, recall {recall:.2f}, among those shown {shown:.2f}")


def share(hits: list[bool]) -> str:
    return f"{sum(hits) / len(hits):.2f}" if hits else "-"


if __name__ == "__main__":
    main(sys.argv[1:])
