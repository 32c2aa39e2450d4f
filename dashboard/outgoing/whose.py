"""Whose view is sent out: an account's, or whatever anybody of an agency may see."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from data.access import EVERY_AGENCY, Viewer
from data.accounts import Account, plain_name
from data.consequences import agency_party
from data.outputs import CotOut

EXPORT = "export"
"""The role of whoever may take out what they see."""


def viewer_of(out: CotOut, accounts: Sequence[Account], agencies: Collection[str], now: datetime) -> Viewer:
    """Whom `agency:NAME` or `account:NAME` means now. Raises LookupError, with a sentence, where that is nobody.

    Nobody is sent out who stands for every agency: what the machine's own operator sees is for this machine.
    """
    kind, _, name = out.viewer.partition(":")
    if kind == "agency":
        if name in ("", EVERY_AGENCY) or name not in agencies:
            raise LookupError(f"There is no agency '{name}'.")
        found = agency_party(name, accounts, now).viewer
    else:
        account = next((one for one in accounts if one.name == plain_name(name)), None)
        if account is None or not account.usable(now):
            raise LookupError(f"There is no account '{name}' that may be used.")
        if account.profile.agency in ("", EVERY_AGENCY):
            raise LookupError(f"The account '{name}' is not of one agency.")
        if EXPORT not in account.profile.roles:
            raise LookupError(f"The account '{name}' may not take anything out; give it the role {EXPORT}.")
        found = account.viewer()
    return replace(found, clearance=min(found.clearance, out.clearance))
