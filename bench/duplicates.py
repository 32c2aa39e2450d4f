"""How well `data.analysis.duplicates` finds what two agencies told of in the exercise, which knows which events those are.

Run: python -m bench.duplicates [FOLDER]; prints one line for each least score.
"""

from __future__ import annotations

import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import app
from data.access import LOCAL_OPERATOR
from data.analysis import duplicates
from data.filters import Filters
from data.picture import Picture
from data.settings import load
from data.store import open_store
from ingest.exercise.load import SEED, load_exercise
from ingest.exercise.retold import DAYS, retold

LEASTS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85)


def main(folder: str = "") -> None:
    home = Path(folder or tempfile.mkdtemp(prefix="duplicates"))
    settings = load({"COMMONGROUND_HOME": str(home)})
    for _ in load_exercise(settings):
        pass
    settings = load({"COMMONGROUND_HOME": str(home)})
    store = open_store(settings.database_url)
    picture = Picture(store, app._sharing(store, settings))
    picture.catch_up()
    seen = picture.seen_by(LOCAL_OPERATOR)
    started = datetime.fromisoformat(_started(home)).astimezone(UTC)
    same = {frozenset((each.serial, each.event_id)) for each in retold(SEED, started)}
    rows = seen.rows("incident", Filters(window=timedelta(days=DAYS + 1)))
    duplicates.LEAST = min(LEASTS)  # type: ignore[misc]
    found = duplicates.likely(seen, rows)
    needed = sorted({row for one in found for row in (one.one, one.other)})
    items = seen.items("incident", needed)
    refs = {row: item.record.source_ref for row, item in zip(needed, items, strict=True)}
    print(f"{len(rows):,} reports, {len(same)} events told by both, {len(found)} pairs of {min(LEASTS)} or more")
    for least in LEASTS:
        told = [one for one in found if one.score >= least]
        right = sum(frozenset((refs[one.one], refs[one.other])) in same for one in told)
        precision = right / len(told) if told else 1.0
        print(
            f"least {least:.2f}: suggested {len(told):4}, right {right:3}, "
            f"precision {precision:.2f}, recall {right / len(same):.2f}"
        )
    store.close()


def _started(home: Path) -> str:
    import json

    return str(json.loads((home / "exercise/state.json").read_text())["started"])


if __name__ == "__main__":
    main(*sys.argv[1:])
