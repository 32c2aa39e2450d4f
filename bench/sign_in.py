"""Signing in over HTTP, from the form that is shown to the first page one is sent to: one person after another, and a shift
that changes at once."""

import math
import re
import tempfile
import threading
import time
from pathlib import Path

import httpx
import numpy as np
from measure import Row, Times, report

from data.accounts import Profile
from data.identity import Identity
from data.store import open_store
from tests.program import serving

PASSWORD = "seven herons over the delta"
PEOPLE = 40
ONE_BY_ONE = 120
AT_ONCE = 5
"""People who press the button in the same instant; a password costs about 0.14 s of a core, so few cores make a queue."""
REACH_MS = 500.0
FORM = re.compile(r'name="form" value="([0-9a-f]+)"')


def signed_in(url: str, name: str, password: str = PASSWORD) -> tuple[float, int]:
    """Milliseconds from sending the form to its answer, and the answer's status; showing the form is not counted."""
    with httpx.Client(base_url=url, headers={"Origin": url}, timeout=60) as client:
        found = FORM.search(client.get("/sign-in").text)
        assert found
        form = {"form": found[1], "name": name, "password": password}
        begin = time.perf_counter()
        status = client.post("/sign-in", data=form).status_code
        return (time.perf_counter() - begin) * 1000, status


def together(url: str, names: list[str]) -> list[float]:
    """The same, by so many people in the same instant."""
    taken: list[float] = []
    start = threading.Barrier(len(names))

    def one(name: str) -> None:
        start.wait()
        ms, status = signed_in(url, name)
        assert status == 303, status
        taken.append(ms)

    threads = [threading.Thread(target=one, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return taken


def p95(times: Times) -> float:
    return float(np.percentile(times.ms, 95))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        store = open_store(f"sqlite:///{home / 'commonground.sqlite'}")
        identity = Identity(store)
        for number in range(PEOPLE):
            identity.add(Profile(f"person {number}", agency="JOC"), "bench", PASSWORD)
        store.close()
        with serving(home) as server:
            signed_in(server.url, "person 0")
            alone = Times(tuple(signed_in(server.url, f"person {n % PEOPLE}")[0] for n in range(ONE_BY_ONE)))
            crowd = []
            for first in range(0, PEOPLE, AT_ONCE):
                crowd += together(server.url, [f"person {first + n}" for n in range(AT_ONCE)])
            shift = Times(tuple(crowd))
            refused = [signed_in(server.url, name, "wrong") for name in ("person 1", "nobody at all") for _ in range(4)]
    known, unknown = (np.median([ms for ms, _ in refused[part]]) for part in (slice(0, 4), slice(4, 8)))
    assert {status for _, status in refused} == {401}
    report(
        "Signing in",
        [
            Row(f"one after another ({ONE_BY_ONE})", told(alone), f"p95 <= {REACH_MS:g} ms", p95(alone) <= REACH_MS),
            Row(f"{AT_ONCE} at once, {PEOPLE // AT_ONCE} times", told(shift), "", True),
            Row("a wrong password, a name nobody has", f"{known:.0f} ms, {unknown:.0f} ms", "", True),
        ],
    )


def told(times: Times) -> str:
    return f"p50 {times.p50:.0f} ms, p95 {math.ceil(p95(times))} ms"


if __name__ == "__main__":
    main()
