"""The mission's local time: a fixed offset, for the country lies in no real time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone

ZONE_NAME = "Etc/GMT-5"
"""IANA writes fixed offsets with the sign turned: this is UTC+05:00."""
ZONE = timezone(timedelta(hours=5))


def local_date(moment: datetime) -> date:
    return moment.astimezone(ZONE).date()


def start_of(day: date) -> datetime:
    """Local midnight as UTC."""
    return datetime.combine(day, time(), ZONE).astimezone(UTC)


def zulu(moment: datetime) -> str:
    """2026-11-20T18:00:00Z"""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def offset(moment: datetime) -> str:
    """2026-11-20T23:00:00+05:00"""
    return moment.astimezone(ZONE).isoformat(timespec="seconds")
