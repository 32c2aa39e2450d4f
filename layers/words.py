"""The words of layers in the language of the page, in layers/messages: by the English text, or by the key of a class."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources


def say(lang: str, text: str, **values: object) -> str:
    """The text in a language (as it stands where that has no words for it), with its {places} filled."""
    return catalogue(lang).get(text, text).format(**values) if values else catalogue(lang).get(text, text)


@cache
def catalogue(lang: str) -> Mapping[str, str]:
    """English text or key -> the words of a language; empty for one without a catalogue."""
    if lang not in LANGUAGES:
        return {}
    found: Mapping[str, str] = json.loads(
        resources.files("layers").joinpath(f"messages/{lang}.json").read_text(encoding="utf-8")
    )
    return found


LANGUAGES = ("en", "fr", "ar")
GROUPING = {"fr": "\u202f"}


def number(value: float, lang: str) -> str:
    """A figure for a legend: whole above ten, else with one decimal; thousands parted as the language does."""
    text = f"{value:,.0f}" if abs(value) >= 10 or value == int(value) else f"{value:,.1f}"
    return text.replace(",", GROUPING[lang]).replace(".", ",") if lang in GROUPING else text
