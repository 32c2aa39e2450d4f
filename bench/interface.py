"""The machine interface at a million incidents, by the real server: the time each answer took there (`Server-Timing`), and
with the way through HTTP on this machine."""

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import urlencode

import httpx
import numpy as np
from measure import Row, Times, report
from million import home_of

from tests.program import serving

RUNS = 150


def timed(client: httpx.Client, addresses: Callable[[], str], runs: int = RUNS) -> tuple[Times, Times, int]:
    """Of so many requests: milliseconds in the server, milliseconds until the answer was read, bytes of the largest."""
    inside, whole, largest = [], [], 0
    for run in range(runs + 5):
        address = addresses()
        begin = time.perf_counter()
        answer = client.get(address)
        took = (time.perf_counter() - begin) * 1000
        answer.raise_for_status()
        if run >= 5:
            told = re.search(r"app;dur=([\d.]+)", answer.headers["server-timing"])
            inside.append(float(told[1]) if told else float("nan"))
            whole.append(took)
            largest = max(largest, int(answer.headers.get("content-length", 0)))
    return Times(tuple(inside)), Times(tuple(whole)), largest


def main() -> None:
    rng = np.random.default_rng(11)
    with serving(home_of()) as server, httpx.Client(base_url=server.url, timeout=120) as client:
        total = client.get("/api/status").json()["records"]["incidents"]
        categories, often = zip(*client.get("/api/counts?by=category").json()["rows"], strict=True)
        (west, south, east, north) = client.get("/ogc/collections/incidents").json()["extent"]["spatial"]["bbox"][0]

        def select() -> str:
            """Another box, of a quarter of the country, and another category every time: nothing can have been kept.
            Categories are asked for as often as they occur."""
            x, y = rng.uniform(west, (west + east) / 2), rng.uniform(south, (south + north) / 2)
            box = ",".join(f"{part:.4f}" for part in (x, y, x + (east - west) / 2, y + (north - south) / 2))
            category = str(rng.choice(categories, p=np.array(often) / sum(often)))
            query = {"bbox": box, "window": "28d", "category": category, "limit": "100"}
            return "/ogc/collections/incidents/items?" + urlencode(query)

        matched = [client.get(select()).json()["numberMatched"] for _ in range(20)]
        rows = [
            line(f"select bbox + 28 days + category of {total:,}, page of 100", timed(client, select), 10.0),
            line(
                f"counts adm1 x week x category of {total:,}",
                timed(client, lambda: "/api/counts?by=adm1_pcode,week,category"),
                15.0,
            ),
            line("counts by day of 28 days", timed(client, lambda: "/api/counts?by=day&window=28d")),
            line("KPIs of the picture", timed(client, lambda: "/api/kpis?window=28d", 30)),
            line("layers of the picture", timed(client, lambda: "/api/layers?window=28d", 30)),
            line("one record with its history", timed(client, one(client, "/api/records/"))),
            line("as known a minute ago, page of 100", timed(client, lambda: select() + "&" + past())),
        ]
        print(f"selected: {np.median(matched):,.0f} records in the middle case, at most {max(matched):,}")
        report("The machine interface", rows)


def past() -> str:
    return urlencode({"as_known_at": datetime.fromtimestamp(time.time() - 60, UTC).isoformat()})


def one(client: httpx.Client, path: str) -> Callable[[], str]:
    ids = [feature["id"] for feature in client.get("/ogc/collections/incidents/items?limit=500").json()["features"]]
    listed = iter(ids * 10)
    return lambda: path + next(listed)


def line(what: str, measured: tuple[Times, Times, int], most_ms: float | None = None) -> Row:
    inside, whole, largest = measured
    told = f"{inside} in the server; with HTTP p50 {whole.p50:.1f} ms; {largest / 1000:,.0f} kB"
    if most_ms is None:
        return Row(what, told, "", True)
    return Row(what, told, f"p50 <= {most_ms:g} ms in the server", inside.p50 <= most_ms)


if __name__ == "__main__":
    main()
