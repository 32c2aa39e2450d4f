"""How often the surge detector raises an alarm on the exercise: alarms per area-week over the last weeks, beside what it expects.

`python bench/surge_alarms.py HOME`, a home with the exercise in it. Its own real rises are among the alarms; beside them
the same counts with each area's weeks shuffled, in which nothing is going on, so that every alarm is a false one.
"""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from measure import RESULTS

import app
from data.access import LOCAL_OPERATOR
from data.analysis.patterns import weekly
from data.analysis.surge import Surge, detect
from data.filters import Filters
from data.picture import Picture
from data.settings import load
from data.store import open_store

WEEKS = 52


def main(home: Path) -> None:
    settings = load({"COMMONGROUND_HOME": str(home)})
    store = open_store(settings.database_url)
    picture = Picture(store, app._sharing(store, settings))
    picture.catch_up()
    seen = picture.seen_by(LOCAL_OPERATOR)
    now = datetime.now(UTC)
    print("| alarms in | area-weeks | alarms | per area-week | expected of nothing |\n|---|---|---|---|---|")
    recent = [weekly(seen, Filters(until=now - timedelta(weeks=back))) for back in range(WEEKS)]
    _tell("the last 52 weeks as they were", [detect(counts) for counts in recent])
    rng = np.random.default_rng(1)
    mixed = [detect(rng.permuted(recent[0], axis=1)) for _ in range(WEEKS)]
    _tell("the same weeks, each area's shuffled: nothing is going on in them", mixed)
    store.close()


def _tell(what: str, found: list[Surge]) -> None:
    tested, alarms = sum(one.tested for one in found), sum(int(np.count_nonzero(one.alarm)) for one in found)
    expected = sum(one.false_alarms for one in found)
    print(f"| {what} | {tested:,} | {alarms:,} | {alarms / tested:.4f} | {expected:,.1f} ({expected / tested:.4f}) |")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else RESULTS / "home-exercise")
