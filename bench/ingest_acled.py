"""A million ACLED rows through the command line: rows a second, and the memory of the two processes it takes."""

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from measure import Row, report

from data.picture import Picture
from data.store import open_store
from tests.program import PROGRAM, environment

GIB = 1 << 30
HEADER = (
    "event_id_cnty,event_date,year,time_precision,disorder_type,event_type,sub_event_type,actor1,assoc_actor_1,inter1,actor2,"
    "assoc_actor_2,inter2,interaction,civilian_targeting,iso,region,country,admin1,admin2,admin3,location,latitude,longitude,"
    "geo_precision,source,source_scale,notes,fatalities,tags,timestamp\r\n"
)
TYPES = (
    ("Political violence", "Battles", "Armed clash"),
    ("Political violence", "Violence against civilians", "Attack"),
    ("Political violence", "Explosions/Remote violence", "Shelling/artillery/missile attack"),
    ("Demonstrations", "Protests", "Peaceful protest"),
    ("Demonstrations", "Riots", "Mob violence"),
    ("Strategic developments", "Strategic developments", "Looting/property destruction"),
)
NOTES = 2 * (
    "soldiers of the northern command and a local militia exchanged fire near the market after a convoy was stopped at a"
    " checkpoint; three houses were burned, the clinic closed for two days, and families left for the town across the river. "
)


def write(file: Path, rows: int) -> None:
    """Made-up events of a made-up country, with notes as long as real ones (about 260 characters)."""
    rng = np.random.default_rng(11)
    first = datetime(2020, 1, 1, tzinfo=UTC)
    days = rng.integers(0, 2_400, rows).tolist()
    kinds = rng.integers(0, len(TYPES), rows).tolist()
    places = rng.integers(0, 4_000, rows).tolist()
    dead = np.minimum(rng.geometric(0.6, rows) - 1, 60).tolist()
    lon, lat = rng.uniform(20, 36, 4_000).round(4).tolist(), rng.uniform(-12, 12, 4_000).round(4).tolist()
    start = rng.integers(0, 180, rows).tolist()
    dates = [(first + timedelta(days=n)).strftime("%Y-%m-%d") for n in range(2_400)]
    with file.open("w", encoding="utf-8", newline="") as stream:
        stream.write(HEADER)
        out = csv.writer(stream)
        for n in range(rows):
            place, date, (disorder, kind, sub) = places[n], dates[days[n]], TYPES[kinds[n]]
            out.writerow(
                (
                    f"BEN{n}", date, date[:4], 1, disorder, kind, sub, f"Militia {place % 40}", "", "Political militia",
                    f"Military Forces of Benna ({place % 7})", "", "State forces", "State forces-Political militia", "",
                    990, "Middle Ocean", "Benna", f"State {place % 10}", f"County {place % 80}", f"Payam {place % 500}",
                    f"Town {place}", lat[place], lon[place], 1 + place % 2, "Benna Courier", "National",
                    f"On {date}, {NOTES[start[n] : start[n] + 245]}", dead[n], "", 1_700_000_000 + n,
                )
            )  # fmt: skip


@dataclass
class Watch:
    """The most memory each process of a family ever held, sampled five times a second."""

    process: subprocess.Popen[str]
    parent: int = 0
    worker: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self.over.wait(0.2):
            listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,rss="], capture_output=True, text=True, check=False)
            for line in listed.stdout.splitlines():
                pid, parent, kib = map(int, line.split())
                if pid == self.process.pid:
                    self.parent = max(self.parent, kib * 1024)
                elif parent == self.process.pid:
                    self.worker = max(self.worker, kib * 1024)


def ingest(home: Path, file: Path) -> tuple[dict[str, object], float, Watch]:
    began = time.perf_counter()
    process = subprocess.Popen(
        [PROGRAM, "ingest", "acled", file, "--json"], stdout=subprocess.PIPE, env=environment(home, {}), text=True
    )
    watch = Watch(process)
    thread = threading.Thread(target=watch.run)
    thread.start()
    told, _ = process.communicate()
    seconds = time.perf_counter() - began
    watch.over.set()
    thread.join()
    if process.returncode:
        sys.exit(f"ingest ended with {process.returncode}")
    return json.loads(told), seconds, watch


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rows", type=int, default=1_000_000)
    rows = asked.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        file, home = Path(folder) / "acled.csv", Path(folder) / "home"
        home.mkdir()
        print(f"writing {rows:,} rows", file=sys.stderr, flush=True)
        write(file, rows)
        megabytes = file.stat().st_size / 1e6
        print(f"reading {megabytes:.0f} MB", file=sys.stderr, flush=True)
        first, seconds, watch = ingest(home, file)
        print("reading them again", file=sys.stderr, flush=True)
        second, again_s, _ = ingest(home, file)
        store = open_store(f"sqlite:///{home / 'commonground.sqlite'}")
        began = time.perf_counter()
        picture = Picture(store)
        picture.catch_up()
        load_s = time.perf_counter() - began
        held = picture.tables["incident"].length
        store.close()
        database = (home / "commonground.sqlite").stat().st_size / 1e6
    held_bytes = watch.parent + watch.worker
    figures = [
        Row(
            f"ingest acled, {rows:,} rows ({megabytes:.0f} MB), start to durable",
            f"{rows / seconds:,.0f} rows/s ({seconds:.1f} s)",
            ">= 40,000 rows/s",
            rows / seconds >= 40_000 and first["accepted"] == rows,
        ),
        Row(
            "memory, parent and worker together",
            f"{watch.parent / GIB:.2f} + {watch.worker / GIB:.2f} GiB",
            "<= 1.5 GB",
            held_bytes <= 1.5e9,
        ),
        Row(
            "the same file again",
            f"{rows / again_s:,.0f} rows/s, {second['unchanged']:,} unchanged, revision {second['revision']}",
            "all unchanged, revision 1",
            second["unchanged"] == rows and second["revision"] == 1,
        ),
        Row("into the picture", f"{held:,} rows in {load_s:.1f} s", "all", held == rows),
        Row("database", f"{database:.0f} MB", "-", True),
    ]
    report(f"Ingest of {rows:,} ACLED rows", figures)


if __name__ == "__main__":
    main()
