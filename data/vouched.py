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
from data.provider import Claimed, NotLetIn, Provider, claimed
from data.records import Sensitivity
from data.settings import BadSettings, Settings


def check(settings: Settings) -> None:
    """Whether accounts can hold what `[oidc]` maps claims to. Raises `BadSettings`."""
    provider = settings.oidc
    for role in provider.roles.values.values() if provider else ():
        if role not in ROLES:
            raise _bad(settings, f"roles give '{role}'; roles are {', '.join(ROLES)}")
    for component in provider.component.values.values() if provider else ():
        if component.casefold() not in COMPONENTS:
            raise _bad(settings, f"component gives '{component}'; components are {', '.join(COMPONENTS)}")


def vouched(identity: Identity, provider: Provider, claims: Mapping[str, Any]) -> Account:
    """The account of whoever these claims, proven to be the provider's, are about; its rights are what they say now.

    Raises `data.provider.NotLetIn`.
    """
    known = identity.of_subject(provider.issuer, str(claims.get("sub", "")))
    try:
        told = claimed(provider, claims)
    except NotLetIn:
        if known is not None:
            _withdraw(identity, known, provider.issuer)
        raise
    try:
        if known is None:
            return _first(identity, provider, told)
        now = _profile(told, known.profile)
        if now != known.profile:
            known = identity.change(now, provider.issuer)
    except BadAccount as error:
        raise NotLetIn("oidc.unfit", str(error)) from None
    if not known.usable(datetime.now(UTC)):
        raise NotLetIn("oidc.closed", f"the account '{known.name}' is closed")
    return known


def _first(identity: Identity, provider: Provider, told: Claimed) -> Account:
    if not identity.people():
        # Whoever comes first administers: that is decided at the machine, not by who happens to sign in.
        raise NotLetIn("oidc.first", "there is no administrator yet")
    profile = _profile(told, Profile(told.name))
    try:
        return identity.add(profile, provider.issuer, issuer=provider.issuer, subject=told.subject)
    except BadAccount:
        if (meanwhile := identity.of_subject(provider.issuer, told.subject)) is not None:
            return meanwhile  # the same person in another window, a moment earlier
        if identity.account(profile.name) is None:
            raise
        raise NotLetIn("oidc.taken", f"there is an account '{profile.name}' that is not the provider's") from None


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


def _bad(settings: Settings, why: str) -> BadSettings:
    return BadSettings(f"{settings.home / 'commonground.toml'}: of [oidc] {why}.")
