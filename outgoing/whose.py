"""Whose view is sent out: an account's, or whatever anybody of an agency may see."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from data.access import EVERY_AGENCY, Viewer
from data.accounts import Account, plain_name
from data.consequences import agency_party


def viewer_of(told: str, accounts: Sequence[Account], agencies: Collection[str], now: datetime) -> Viewer:
    """Whom `agency:NAME` or `account:NAME` means now. Raises LookupError, with a sentence, where that is nobody.

    Nobody is sent out who stands for every agency: what the machine's own operator sees is for this machine.
    """
    kind, _, name = told.partition(":")
    if kind == "agency":
        if name in ("", EVERY_AGENCY) or name not in agencies:
            raise LookupError(f"There is no agency '{name}'.")
        return agency_party(name, accounts, now).viewer
    found = next((one for one in accounts if one.name == plain_name(name)), None)
    if found is None or not found.usable(now):
        raise LookupError(f"There is no account '{name}' that may be used.")
    if found.profile.agency in ("", EVERY_AGENCY):
        raise LookupError(f"The account '{name}' is not of one agency.")
    return found.viewer()
