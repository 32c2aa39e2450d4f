"""Words of the pages, from message catalogues; numbers, ages and times as the field writes them."""

from __future__ import annotations

import json
from datetime import datetime
from functools import cache
from pathlib import Path

LANGUAGES = ("en", "fr", "ar")
RIGHT_TO_LEFT = frozenset({"ar"})


def language(wanted: str | None) -> str:
    """The language asked for where we speak it, else English."""
    return wanted if wanted in LANGUAGES else "en"


def say(lang: str, key: str, **parts: object) -> str:
    """The text of a key, English where a translation is missing; `{name}` in it is replaced by `parts`."""
    text = _catalogue(language(lang)).get(key) or _catalogue("en").get(key, key)
    return text.format(**parts) if parts else text


def spoken(lang: str) -> dict[str, str]:
    """Every text of a language by its key, English where a translation is missing."""
    return {**_catalogue("en"), **_catalogue(language(lang))}


@cache
def _catalogue(lang: str) -> dict[str, str]:
    found: dict[str, str] = json.loads(
        (Path(__file__).parent / "messages" / f"{lang}.json").read_text(encoding="utf-8")
    )
    return found


def age(seconds: float | None) -> str:
    """An age as one number and one unit: 6 s, 41 min, 2 h, 3 d, 14 mo."""
    if seconds is None:
        return ""
    for limit, unit, size in ((90, "s", 1), (5_400, "min", 60), (129_600, "h", 3_600), (5_184_000, "d", 86_400)):
        if seconds < limit:
            return f"{max(0, round(seconds / size))} {unit}"
    months = seconds / 2_629_800
    return f"{round(months)} mo" if months < 24 else f"{round(months / 12)} y"


def figure(value: float | None) -> str:
    """A number with thin spaces between thousands; an empty text where there is none."""
    if value is None:
        return ""
    text = f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:,.1f}"
    return text.replace(",", "\u202f")


def dtg(moment: datetime | None) -> str:
    """A date-time group in Zulu: 201800Z NOV 26."""
    return f"{moment:%d%H%M}Z {moment:%b %y}".upper() if moment else ""
