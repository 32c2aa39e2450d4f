"""What types of Cursor on Target mean: which kind of record, which affiliation, which symbol."""

from __future__ import annotations

from itertools import takewhile
from typing import Literal

from data.records import Severity
from ingest.cot_events import parsed
from ingest.feed import Refusal

MESSAGES = ("t-", "y-", "b-t-f", "b-f-t")


REPORTS = {"u-d": "drawing", "u-r": "range and bearing", "b-m-p": "marker"}


INCIDENTS = {False: ("emergency", Severity.critical), True: ("medical evacuation", Severity.severe)}


DRILL = {"e": "Exercise: ", "s": "Simulation: "}


AFFILIATION: dict[str, Literal["friend", "hostile", "neutral"]] = {
    **dict.fromkeys("fa", "friend"),
    **dict.fromkeys("hsjk", "hostile"),
    "n": "neutral",
}
"""As 2525C frames them: suspect, joker and faker have the hostile frame, pending and none specified the unknown."""


def deletions_of(event: bytes) -> list[dict[str, str]]:
    if b"t-x-d-d" not in event:
        return []
    try:
        said = parsed(event)
    except Refusal:
        return []
    link = said.find("detail/link")
    if said.get("type") != "t-x-d-d" or link is None:
        return []
    about = link.get("type", "")
    kinds = [kind_of(about)] if about[1:2] == "-" else ["track", "incident", "report", "route"]
    told = {"uid": link.get("uid", ""), "time": said.get("time", "")}
    return [{"deletes": kind, **told} for kind in kinds if kind != "message"]


def kind_of(cot_type: str) -> str:
    """`track`, `incident`, `route` or `report`; `message` for what is no thing seen."""
    if cot_type.startswith(MESSAGES):
        return "message"
    if cot_type.startswith("a-"):
        return "track"
    if cot_type.startswith(("b-a-", "b-r-f-h-c")):
        return "incident"
    return "route" if cot_type.startswith("b-m-r") else "report"


def sidc(cot_type: str) -> str:
    """MIL-STD-2525C symbol code of a CoT atom: `a-f-G-U-C` is `SFGPUC----*****`.

    Scheme S (warfighting), affiliation, battle dimension, status P (present), six letters of function, then size,
    mobility, country and order of battle unsaid; a ground installation (function I…) has H in the eleventh place. The
    letters are CoT's own, which were taken from 2525; its lower-case extensions (`-q` of a quadcopter) have none there.
    """
    _, affiliation, *rest = cot_type.split("-")
    letters = list(takewhile(lambda part: len(part) == 1 and part.isupper(), rest))
    frame = affiliation.upper() if affiliation in tuple("puafnshjko") else "O" if affiliation == "x" else "U"
    function = "".join(letters[1:7])
    installed = letters[:1] == ["G"] and function.startswith("I")
    return f"S{frame}{letters[0] if letters else 'Z'}P{function:-<6}{'H****' if installed else '*****'}"
