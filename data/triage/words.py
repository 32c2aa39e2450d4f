"""Words of a text as they are compared, in English, French, Spanish and Arabic: without case, accents, vowel signs and tatweel,
Arabic letters that people write for one another made one. Each keeps where it stood, so that what was found can be quoted.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from typing import NamedTuple

WORD = re.compile(r"[^\W_]+")
ADDRESS = re.compile(r"https?://\S+|www\.\S+")
ALIKE = str.maketrans("أإآٱىةؤئ", "ااااي" + "هوي")
"""Hamza carriers, alef maksura and ta marbuta, as they are typed for one another."""
ARABIC = re.compile(r"[\u0621-\u064a]")
PREFIXES = ("وبال", "وال", "بال", "فال", "كال", "لل", "ال", "و", "ب", "ل", "ف", "ك")
"""Conjunctions, prepositions and the article, which Arabic writes as part of the word."""


class Word(NamedTuple):
    bare: str
    begin: int
    end: int
    capital: bool
    """Begins with a capital, or is of a script that has none."""


class Words:
    """The words of a text; `line` is all of them, one blank between, for patterns."""

    def __init__(self, text: str) -> None:
        self.text = ADDRESS.sub(lambda found: " " * len(found[0]), text)
        self.words: list[Word] = []
        for found in WORD.finditer(self.text):
            if plain := bare(found[0]):
                first = found[0][0]
                self.words.append(Word(plain, found.start(), found.end(), not first.islower()))
        self.line = " ".join(word.bare for word in self.words)
        self._starts: list[int] = []
        at = 0
        for word in self.words:
            self._starts.append(at)
            at += len(word.bare) + 1

    def quoted(self, begin: int, end: int) -> str:
        """As it stands in the text: what lies between two offsets of `line`."""
        first, last = (bisect_right(self._starts, at) - 1 for at in (begin, end - 1))
        return " ".join(self.text[self.words[first].begin : self.words[last].end].split())


def bare(word: str) -> str:
    """One word as it is compared."""
    plain = unicodedata.normalize("NFKD", word).replace("\u0640", "")
    return "".join(ch for ch in plain if not unicodedata.combining(ch)).casefold().translate(ALIKE)


def without_prefix(word: str) -> list[str]:
    """An Arabic word as it stands, and without what may be written before it; three letters are left at least."""
    if not ARABIC.match(word):
        return [word]
    return [word, *(word[len(one) :] for one in PREFIXES if word.startswith(one) and len(word) - len(one) >= 3)]
