"""Accounts of people for whom an identity provider vouches: made at their first sign-in, brought up to date at every later one.

An account is found by the provider's issuer and subject alone, never by a name or an address of mail: those a person may be
able to choose there. What the provider no longer says is taken away at the next sign-in, let in or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from data import accounts, sessions
from data.accounts import COMPONENTS, ROLES, Account, BadAccount, Profile
from data.identity import Identity
from data.marks import BadTerms
from data.provider import Claimed, NotListed, Provider, claimed
from data.records import Sensitivity


def check(provider: Provider) -> None:
    """Whether accounts can hold what the settings map claims to. Raises `BadTerms`."""
    for role in provider.roles.values.values():
        if role not in ROLES:
            raise BadTerms(f"roles give '{role}'; roles are {', '.join(ROLES)}")
    for component in provider.component.values.values():
        if component.casefold() not in COMPONENTS:
            raise BadTerms(f"component gives '{component}'; components are {', '.join(COMPONENTS)}")


def vouched(identity: Identity, provider: Provider, claims: Mapping[str, Any]) -> Account:
    """The account of whoever these claims, proven to be the provider's, are about; its rights are what they say now.

    Raises `data.provider.NotListed` and `data.accounts.BadAccount` where nobody is let in.
    """
    known = identity.of_subject(provider.issuer, str(claims.get("sub", "")))
    try:
        told = claimed(provider, claims)
    except NotListed:
        if known is not None:
            _withdraw(identity, known, provider.issuer)
        raise
    if known is None:
        return _first(identity, provider, told)
    now = _profile(told, known.profile)
    if now != known.profile:
        known = identity.change(now, provider.issuer)
    if not known.usable(datetime.now(UTC)):
        raise BadAccount(f"The account '{known.name}' is closed here; an administrator can open it.")
    return known


def _first(identity: Identity, provider: Provider, told: Claimed) -> Account:
    if not identity.people():
        # Whoever comes first administers: that is decided at the machine, not by who happens to sign in.
        raise BadAccount("There is no administrator here yet; `commonground account add` makes the first account.")
    profile = _profile(told, Profile(told.name))
    try:
        return identity.add(profile, provider.issuer, issuer=provider.issuer, subject=told.subject)
    except BadAccount:
        if (meanwhile := identity.of_subject(provider.issuer, told.subject)) is not None:
            return meanwhile  # the same person in another window, a moment earlier
        if identity.account(profile.name) is None:
            raise
        raise BadAccount(f"There is an account '{profile.name}' here that is not the identity provider's.") from None


def _profile(told: Claimed, before: Profile) -> Profile:
    """What an account's profile becomes; its name stays, and so does the period an administrator gave it."""
    return accounts.checked(
        replace(
            before,
            full_name=told.full_name,
            email=told.email,
            agency=told.agency,
            in_mission=told.in_mission,
            component=told.component,
            roles=told.roles,
            clearance=told.clearance,
            compartments=told.compartments,
            purposes=told.purposes,
        )
    )


def _withdraw(identity: Identity, known: Account, who: str) -> None:
    """Nobody vouches for it any more: it has no agency, so it sees nothing, by its sessions and tokens neither."""
    nothing = replace(
        known.profile, agency="", roles=(), clearance=Sensitivity.low, compartments=(), purposes=(), component=""
    )
    if nothing != known.profile:
        identity.change(nothing, who)
    sessions.end_others(identity.store, known, b"")
    identity.changed()
