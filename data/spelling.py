"""Names of places compared: as they are written, and as they may be spelt by another ear."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

KIND_OF_AREA = re.compile(
    r"\b(states?|count(?:y|ies)|provinces?|districts?|regions?|departments?|governorates?|departements?|municipalit(?:y|e|es)"
    r"|wilayat|wilaya|wilayah|muhafazat|muhafazah|mohafazat|prefectures?|administrative area|oblasts?|raions?|locality"
    r"|provincia|departamento|municipio|estado)\b|(?:^|\s)(?:محافظة|ولاية|محلية|مديرية|قضاء)(?=\s)"
)
ARTICLE = re.compile(r"\b(?:al|el|ad|ed|an|en|ar|er|as|es|ash|esh|at|et|az|ez|l|la|le|les|de|du|des|d|of|the|and|et)\b")
SAME_WORD = {
    **dict.fromkeys(("northern", "nord", "norte", "north"), "n"),
    **dict.fromkeys(("southern", "sud", "sur", "south"), "s"),
    **dict.fromkeys(("eastern", "est", "este", "east"), "e"),
    **dict.fromkeys(("western", "ouest", "oeste", "west"), "w"),
    **dict.fromkeys(("centre", "center", "central", "centrale"), "centre"),
    **dict.fromkeys(("saint", "sainte", "st", "ste"), "st"),
    **dict.fromkeys(("greater", "grand", "grande", "gran"), "greater"),
    **dict.fromkeys(("upper", "haut", "haute", "alto", "alta"), "upper"),
    **dict.fromkeys(("lower", "bas", "basse", "bajo", "baja"), "lower"),
}
"""Words of direction and size, which a name keeps in every language and spelling."""
LETTERS = (
    ("ou|oo|w(?=u)", "u"),
    ("ee|ei|ie|ey|ay|ai|y", "i"),
    ("kh|qu|ck|q|c(?=[aou])", "k"),
    ("dj|dz|zh|j|g(?!h)", "j"),
    ("gh", "j"),
    ("ph", "f"),
    ("th", "t"),
    ("dh", "d"),
    ("sh|ch|tch|ş|č", "sh"),
    ("w|v", "w"),
    ("e", "i"),
    ("o", "u"),
    ("h$|h(?=[^aeiou])", ""),
)
"""What one sound is written as when Arabic and other scripts are written in Latin letters: by English, French, or OCHA."""
ARABIC = (("ال(?=\\w{2})", ""), ("ة", "ه"), ("ى", "ي"), ("ٱ", "ا"), ("ـ", ""))


@lru_cache(maxsize=65_536)
def plain(name: str) -> str:
    """A name for comparing: no accents, case, punctuation or word for the kind of area."""
    bare = unicodedata.normalize("NFKD", name)
    bare = "".join(ch for ch in bare if not unicodedata.combining(ch)).casefold()
    words = re.findall(r"\w+", re.sub("['’‘ʼ`ʿʾ]", "", bare))
    whole = " ".join(words)
    return " ".join(KIND_OF_AREA.sub(" ", whole).split()) or whole


@lru_cache(maxsize=65_536)
def skeleton(name: str) -> str:
    """What is left of a name when spelling is: articles, doubled letters, vowels as they are heard, the order of words."""
    flat = plain(name)
    for old, new in ARABIC:
        flat = re.sub(old, new, flat)
    kept = ARTICLE.sub(" ", flat).split() or flat.split()
    return " ".join(sorted(SAME_WORD.get(word) or _heard(word) for word in kept))


def _heard(word: str) -> str:
    for old, new in LETTERS:
        word = re.sub(old, new, word)
    return re.sub(r"(.)\1+", r"\1", word)
