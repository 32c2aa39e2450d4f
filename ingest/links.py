"""Payloads that a polled one only names: each is fetched once, and again when the list says that it changed.

A link is followed as a redirect of the list would be: from a public source never into a private network, and with the source's
own headers only to its own origin. At most `MOST_A_TURN` are fetched a turn; the others wait for the next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ingest.fetch import Unheard
from ingest.intake import Result

MOST_A_TURN = 100
UNREADABLE = "!"
"""Before the stamp of a link that led to no payload of the feed: asked again when the list says it changed."""


@dataclass(frozen=True)
class Followed:
    """`fate` tells the feed of each link: `whole` (it was read), `now whole` (and was not before); of others nothing.

    `memory` is for the next turn: link -> stamp it was read with, empty where it is still to be had.
    """

    fate: Mapping[str, str]
    memory: Mapping[str, str]
    tried: int = 0
    failures: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        return all(self.memory.values())


def follow(links: Sequence[tuple[str, str]], known: Mapping[str, str], read: Callable[[str], Result]) -> Followed:
    """Fetch and read what is new or changed, in the order of the list. `read` raises `Unheard`."""
    fate: dict[str, str] = {}
    memory: dict[str, str] = {}
    failures: list[str] = []
    tried = 0
    for link, said in dict(links).items():
        stamp, before = said or "-", known.get(link)
        if before == stamp:
            fate[link], memory[link] = "whole", stamp
        elif before == UNREADABLE + stamp:
            memory[link] = before
        elif tried >= MOST_A_TURN:
            fate[link], memory[link] = (
                "whole",
                "",
            )  # its turn comes; until then the list's few words do not stand for it
        else:
            tried += 1
            try:
                unreadable = "error" in read(link)
            except Unheard as error:
                failures.append(str(error))
                memory[link] = ""
                continue
            memory[link] = UNREADABLE + stamp if unreadable else stamp
            if not unreadable:
                fate[link] = "whole" if before is None else "now whole"
    return Followed(fate, memory, tried, tuple(failures))
