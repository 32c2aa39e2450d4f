"""Text as a cell that no spreadsheet runs as a formula (OWASP, CSV Injection), and back."""

from __future__ import annotations

import re

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def harmless(text: str) -> str:
    """The text as a cell that no spreadsheet runs."""
    return "'" + text if text.startswith(FORMULA) else text


def harmless_row(text: str) -> str:
    """The same for a row that is to come back: a number stays as it is, however it begins."""
    return text if _NUMBER.fullmatch(text) else harmless(text)


def unharmed(text: str) -> str:
    """What was written as a harmless cell."""
    return text[1:] if text.startswith("'") and text[1:].startswith(FORMULA) else text
