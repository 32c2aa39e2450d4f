"""Who may administer what. A right never lets anybody see a record: `data.access.decide` alone does."""

from __future__ import annotations

from data.access import EVERY_AGENCY, Viewer

ADMIN, SHARING, APPROVE, EXPORT, FEEDS, WATCH = "admin", "sharing", "approve", "export", "feeds", "watch"


def operates(viewer: Viewer) -> bool:
    """Whoever sits at a machine without accounts, or holds its own token."""
    return viewer.agency == EVERY_AGENCY


def runs(viewer: Viewer) -> bool:
    """Accounts, displays, tokens, the audit log, and what is shared on every agency's behalf."""
    return viewer.looking is None and (operates(viewer) or ADMIN in viewer.roles)


def shares(viewer: Viewer, agency: str) -> bool:
    """Marks and agreements of an agency: its liaison, or an administrator."""
    liaison = SHARING in viewer.roles and bool(viewer.agency) and viewer.agency == agency
    return runs(viewer) or (viewer.looking is None and liaison)


def manages(viewer: Viewer) -> bool:
    """An information manager: an administrator, or a liaison of an agency. May look as others would."""
    return runs(viewer) or (viewer.looking is None and SHARING in viewer.roles and bool(viewer.agency))


def approves(viewer: Viewer) -> bool:
    """The second person for break-glass up to severe."""
    return viewer.looking is None and (operates(viewer) or APPROVE in viewer.roles)


def watches(viewer: Viewer) -> bool:
    """The watch: judges the posts it may see."""
    return viewer.looking is None and viewer.kind == "person" and (runs(viewer) or WATCH in viewer.roles)


def handles(viewer: Viewer, assignee: str) -> bool:
    """The watch acts on what it may see; whoever something was assigned to, or a person of that agency, on that."""
    theirs = bool(assignee) and assignee in (viewer.name, viewer.agency)
    return watches(viewer) or (viewer.looking is None and viewer.kind == "person" and theirs)


def steers(viewer: Viewer, agency: str) -> bool:
    """Turns the pages of an agency's walls: its watch; an administrator those of all."""
    own = WATCH in viewer.roles and bool(viewer.agency) and viewer.agency == agency
    return viewer.looking is None and viewer.kind != "display" and (runs(viewer) or own)


def keeps(viewer: Viewer) -> bool:
    """Keeps views of their own: a person of an agency, or whoever sits at a machine without accounts."""
    return viewer.looking is None and viewer.kind == "person" and bool(viewer.agency)


def concerned(viewer: Viewer) -> bool:
    """A person of an agency: reads what it grants and is granted, and who opened its records."""
    return viewer.looking is None and viewer.kind != "display" and bool(viewer.agency)


def exports(viewer: Viewer) -> bool:
    """Takes what is seen, and may leave, out as files."""
    return viewer.looking is None and viewer.kind != "display" and (operates(viewer) or EXPORT in viewer.roles)


def feeds(viewer: Viewer, agency: str) -> bool:
    """An information manager: brings in files for an agency's sources, mends what was refused, takes payloads back."""
    own = FEEDS in viewer.roles and viewer.kind == "person" and bool(viewer.agency) and viewer.agency == agency
    return runs(viewer) or (viewer.looking is None and own)


def warns(viewer: Viewer, agency: str) -> bool:
    """Issues warnings in an agency's name: its watch or its administrator."""
    own = bool(agency) and viewer.agency == agency and (WATCH in viewer.roles or ADMIN in viewer.roles)
    return viewer.looking is None and viewer.kind != "display" and (operates(viewer) or own)


def plans(viewer: Viewer, agency: str) -> bool:
    """Writes objectives, risks and assessments: the watch anybody's, a person of an agency its own."""
    own = bool(agency) and viewer.agency == agency and viewer.kind == "person"
    return watches(viewer) or (viewer.looking is None and own)


def signs(viewer: Viewer) -> bool:
    """Speaks for an agency: a person of its own, never the machine and nobody on its behalf."""
    person = viewer.looking is None and viewer.kind == "person"
    return person and bool(viewer.agency) and not operates(viewer)


def registers(viewer: Viewer, agency: str) -> bool:
    """Keeps an agency's entries in the register of contacts: its own information manager or liaison."""
    roles = {FEEDS, SHARING} & set(viewer.roles)
    own = bool(agency) and viewer.agency == agency and viewer.kind == "person" and bool(roles)
    return runs(viewer) or (viewer.looking is None and own)
