"""An identity provider as the settings describe it, and what its claims say of a person: nothing but what is listed there.

A claim gives an account only values that `[oidc]` names one by one. What is not listed gives nothing; a person whose agency
is not listed is not let in. `data.vouched` makes the account.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from data.marks import BadTerms, agency, flag, texts
from data.records import Sensitivity

CALLBACK = "/sign-in/oidc/callback"
MAPPED = ("agency", "roles", "clearance", "compartments", "purposes", "component")
"""What of an account claims may give, each only by listed values."""
TEXTS = ("name", "full_name", "email")
ALLOWED = ("issuer", "client_id", "redirect_uri", "title", "scopes", "guests", "userinfo", *TEXTS, *MAPPED)
LONGEST = 200


class NotLetIn(ValueError):
    """Why the claims of a person let nobody in: `key` of the sentence they are told, and the reason for the log."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(reason)
        self.key = key


@dataclass(frozen=True)
class Claim:
    """Which claim says something, and what its values stand for here."""

    path: tuple[str, ...]
    """Its name; several where it lies within other claims."""
    values: Mapping[str, str] = field(default_factory=dict)
    """Value of the claim -> word of ours. What is not here gives nothing."""

    def found(self, claims: Mapping[str, Any]) -> tuple[str, ...]:
        """Our words for what the claim says, in the order of the settings."""
        said = {item for item in self.told(claims) if isinstance(item, str)}
        return tuple(dict.fromkeys(ours for theirs, ours in self.values.items() if theirs in said))

    def told(self, claims: Mapping[str, Any]) -> list[Any]:
        """What the claim says; one value is a list of one."""
        at: Any = claims
        for name in self.path:
            at = at.get(name) if isinstance(at, Mapping) else None
        return at if isinstance(at, list) else [at]

    def text(self, claims: Mapping[str, Any]) -> str:
        """What the claim says where that is one text."""
        told = self.told(claims)
        return " ".join(told[0].split())[:LONGEST] if len(told) == 1 and isinstance(told[0], str) else ""


@dataclass(frozen=True)
class Provider:
    """`[oidc]` of the settings. Claims without a mapping give nothing, and without one for agencies nobody is let in."""

    issuer: str
    client_id: str
    redirect_uri: str
    """Exactly as it is registered with the provider."""
    agency: Claim
    secret: str = field(default="", repr=False)
    title: str = ""
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    userinfo: bool = False
    """Whether claims that the ID token does not have are asked of the provider's userinfo endpoint."""
    guests: tuple[str, ...] = ()
    """Agencies whose people are not part of the mission: released to by name only."""
    name: Claim = Claim(("preferred_username",))
    full_name: Claim = Claim(("name",))
    email: Claim = Claim(("email",))
    roles: Claim = Claim(())
    clearance: Claim = Claim(())
    compartments: Claim = Claim(())
    purposes: Claim = Claim(())
    component: Claim = Claim(())


@dataclass(frozen=True)
class Claimed:
    """What the claims of one person give, by the settings."""

    subject: str
    name: str
    full_name: str
    email: str
    agency: str
    in_mission: bool
    component: str
    roles: tuple[str, ...]
    clearance: Sensitivity
    compartments: tuple[str, ...]
    purposes: tuple[str, ...]


def claimed(provider: Provider, claims: Mapping[str, Any]) -> Claimed:
    """What a person's claims, which are proven to be the provider's, give here. Raises `NotLetIn`."""
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject.strip() or len(subject) > 255:
        raise NotLetIn("oidc.unproven", "the claims name no subject")
    name = provider.name.text(claims)
    if not name:
        raise NotLetIn("oidc.unnamed", f"no text in the claim {'.'.join(provider.name.path)}")
    agencies = provider.agency.found(claims)
    if len(agencies) != 1:
        key = "oidc.agencies" if agencies else "oidc.no_agency"
        raise NotLetIn(key, f"[oidc.agency] gives {', '.join(agencies) or 'nothing'} for these claims")
    levels = [Sensitivity[level] for level in provider.clearance.found(claims)]
    components = provider.component.found(claims)
    return Claimed(
        subject=subject,
        name=name,
        full_name=provider.full_name.text(claims),
        email=provider.email.text(claims),
        agency=agencies[0],
        in_mission=agencies[0] not in provider.guests,
        component=components[0] if len(components) == 1 else "",
        roles=provider.roles.found(claims),
        clearance=max(levels, default=Sensitivity.low),
        compartments=provider.compartments.found(claims),
        purposes=provider.purposes.found(claims),
    )


def provider_of(told: Mapping[str, Any], secret: str) -> Provider:
    """An identity provider from what the settings say of it. Raises `BadTerms`."""
    for key in told:
        if key not in ALLOWED:
            raise BadTerms(f"'{key}' is not a setting; allowed are {', '.join(ALLOWED)}")
    for key in ("issuer", "client_id", "redirect_uri", "agency"):
        if key not in told:
            raise BadTerms(f"{key} is missing")
    redirect = _address("redirect_uri", told["redirect_uri"])
    if urlsplit(redirect).path != CALLBACK:
        raise BadTerms(f"redirect_uri is {redirect!r}; it is this server's own address and then {CALLBACK}")
    scopes = texts("scopes", told.get("scopes", Provider.scopes), "a list of scopes")
    given: dict[str, Any] = {key: _text(key, told[key]) for key in ("client_id", "title") if key in told}
    given |= {key: Claim(_path(key, told[key])) for key in TEXTS if key in told}
    given |= {key: _mapped(key, told[key], _CHECKS.get(key)) for key in MAPPED if key in told}
    guests = texts("guests", told.get("guests", ()), "a list of agencies")
    if unknown := sorted(set(guests) - set(given["agency"].values.values())):
        raise BadTerms(f"guests name '{unknown[0]}', which agency maps nobody to")
    return Provider(
        issuer=_address("issuer", told["issuer"]),
        redirect_uri=redirect,
        secret=secret,
        scopes=scopes if "openid" in scopes else ("openid", *scopes),
        userinfo=flag("userinfo", told.get("userinfo", False)),
        guests=guests,
        **given,
    )


def is_safe(address: str) -> bool:
    """Whether what travels to an address stays unread: TLS, or this machine itself."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        return False
    if parts.username is not None or parts.fragment or not host:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _here(host))


def _here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _address(key: str, value: Any) -> str:
    if not isinstance(value, str) or not is_safe(value) or urlsplit(value).query:
        raise BadTerms(f"{key} is {value!r}; use an https address without query (http only on this machine)")
    return value


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > LONGEST or not value.isprintable():
        raise BadTerms(f"{key} is {value!r}; use 1 to {LONGEST} printable characters")
    return value.strip()


def _path(key: str, value: Any) -> tuple[str, ...]:
    """`"groups"`, or `["realm_access", "roles"]` for a claim within a claim."""
    parts = value if isinstance(value, list) else [value]
    if not parts or not all(isinstance(part, str) and part for part in parts):
        raise BadTerms(f'claim of {key} is {value!r}; name a claim, or ["outer", "inner"]')
    return tuple(parts)


def _mapped(key: str, told: Any, check: Callable[[str], object] | None) -> Claim:
    """`{ claim = "org", values = { "Logistics Cluster" = "LOG" } }`."""
    if not isinstance(told, dict) or set(told) != {"claim", "values"} or not isinstance(told["values"], dict):
        raise BadTerms(f'{key} is {told!r}; write it as {{ claim = "...", values = {{ "theirs" = "ours" }} }}')
    for theirs, ours in told["values"].items():
        if not isinstance(ours, str) or not ours.strip():
            raise BadTerms(f"{key} gives {ours!r} for '{theirs}'; use a text")
        if check is not None:
            check(ours)
    return Claim(_path(key, told["claim"]), dict(told["values"]))


def _level(value: str) -> None:
    if value not in Sensitivity.__members__:
        raise BadTerms(f"clearance gives '{value}'; it is one of {', '.join(Sensitivity.__members__)}")


_CHECKS: Mapping[str, Callable[[str], object]] = {"agency": agency, "clearance": _level}
