"""View as: an information manager looks at the picture as a partner would, and never sees more than they may themselves.

Whom one looks as stands in the address (`view_as=agency:NAME` or `view_as=account:NAME`) and is checked at every request.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from dashboard.answer import Refused
from dashboard.clauses import clause, duties, level
from dashboard.rights import manages
from dashboard.words import say
from data.access import EVERY_AGENCY, Decision, Viewer, decide
from data.accounts import Account
from data.consequences import Party, agency_party
from data.filters import Filters
from data.identity import Identity
from data.records import COLLECTIONS
from data.seen import Seen
from data.settings import Settings
from data.sharing import Sharing

VIEW_AS = "view_as"
NOT_YOURS = Refused(403, "Only an administrator or an agency's liaison can look as somebody else would.")
NOT_THERE = Refused(404, "There is nobody of that name to look as; choose one on the page of administration.")


@dataclass(frozen=True)
class Known:
    """What is needed to tell who there is."""

    settings: Settings
    identity: Identity
    sharing: Sharing


def looking(known: Known, viewer: Viewer, told: str) -> Viewer:
    """Who looks as `told` says; the viewer alone where it says nothing. Raises `Refused`."""
    if not told or viewer.looking is not None:
        return viewer
    if not manages(viewer):
        raise NOT_YOURS
    # The name stays the manager's own: what is read meanwhile was read by them.
    return replace(party_of(known, told).viewer, name=viewer.name, looking=viewer)


def party_of(known: Known, told: str) -> Party:
    """Whom an address names. Raises `Refused`."""
    kind, _, name = told.partition(":")
    if kind == "agency" and name in agencies(known):
        return agency_party(name, known.identity.accounts(), datetime.now(UTC))
    if kind == "account":
        found = known.identity.account(name)
        if found is not None and lookable(found):
            return party(found)
    raise NOT_THERE


def lookable(of: Account) -> bool:
    """People and displays; programs that stand for the machine itself are nobody to look as."""
    return of.profile.kind != "service" and of.profile.agency not in ("", EVERY_AGENCY)


def party(of: Account) -> Party:
    return Party("display" if of.profile.kind == "display" else "account", of.name, of.viewer())


def agencies(known: Known) -> dict[str, str]:
    """Every agency that is named anywhere -> its full name where the settings have one, by name."""
    named = {source.agency for source in known.sharing.sources.values()}
    named |= {one.profile.agency for one in known.identity.accounts()}
    for agreement in known.sharing.agreements:
        named |= {agreement.grantor, *agreement.grantees, *agreement.onward}
    named -= {"", EVERY_AGENCY, "unknown"}
    return {name: known.settings.agencies.get(name, "") for name in sorted({*named, *known.settings.agencies})}


def parties(known: Known) -> list[Party]:
    """Whom sharing may reach: every agency, then every display."""
    accounts = known.identity.accounts()
    now = datetime.now(UTC)
    found = [agency_party(name, accounts, now) for name in agencies(known)]
    return found + [party(one) for one in accounts if one.profile.kind == "display" and one.usable(now)]


def title(known: Known, told: str, lang: str) -> str:
    """Whom one looks as, in words."""
    of = party_of(known, told)
    cleared = level(lang, of.viewer.clearance.name)
    if of.kind == "agency":
        return say(lang, "as.agency", name=of.name, clearance=cleared)
    return say(lang, "as.account", name=of.name, agency=of.viewer.agency, clearance=cleared)


def withheld(known: Known, seen: Seen, filters: Filters, told: str, lang: str) -> dict[str, Any]:
    """Of the records that `seen`'s own viewer may see, those the other gets not at all, by clause, and those that are altered.

    `{"shown", "withheld", "clauses": [{"clause", "count", "collections"}], "altered": [{"duties", "count"}]}`
    """
    other = party_of(known, told).viewer
    clauses: dict[str, dict[str, int]] = {}
    altered: dict[str, int] = {}
    shown = 0
    for name, kind in COLLECTIONS.items():
        for mark, count in by_mark(seen, kind.name, filters):
            decision = decide(other, seen.marks[mark], seen.sharing.agreements, seen.now)
            if not decision.permit:
                of_clause = clauses.setdefault(clause(lang, decision.clause), {})
                of_clause[name] = of_clause.get(name, 0) + count
                continue
            shown += count
            if decision.obligations.alters:
                words = "; ".join(_altering(lang, decision))
                altered[words] = altered.get(words, 0) + count
    listed = [{"clause": words, "count": sum(parts.values()), "collections": parts} for words, parts in clauses.items()]
    return {
        "shown": shown,
        "withheld": sum(entry["count"] for entry in listed),  # type: ignore[misc]
        "clauses": sorted(listed, key=lambda entry: -entry["count"]),  # type: ignore[operator]
        "altered": [{"duties": words, "count": count} for words, count in altered.items()],
    }


def _altering(lang: str, decision: Decision) -> Sequence[str]:
    told = decision.obligations
    return duties(lang, replace(told, no_export=False, watermark=False, log=False))


def by_mark(seen: Seen, kind: str, filters: Filters) -> list[tuple[int, int]]:
    """(mark code, records) of what the filters leave of what the viewer may see."""
    codes = seen.column(kind, "mark")[seen.rows(kind, filters)]
    counts = np.bincount(codes) if len(codes) else np.zeros(0, np.int64)
    return [(int(code), int(counts[code])) for code in np.flatnonzero(counts)]
