"""Invented names: two related languages, coast and upland, their own spelling, and an Arabic rendering.

Syllables are drawn at random; whatever equals the name of a country or of a well-known place is drawn again.
"""

from __future__ import annotations

import numpy as np

COUNTRY, COUNTRY_LOCAL, COUNTRY_FR, COUNTRY_AR = "Tamaru", "Tamárū", "Tamarou", "تامارو"
ISO2, ISO3, ISO_NUMBER = "XT", "XTA", 990
"""Codes that ISO 3166-1 leaves to users; none is or will be given to a country."""

_COAST = (
    ("t", "s", "l", "r", "m", "n", "k", "v", "sh", "nd", "mb", "p", "h", "y", "rr", "z"),
    ("a", "e", "i", "o", "u", "a", "e", "ia", "ei"),
    ("ra", "ni", "lo", "mu", "she", "ndi", "vo", "sa", "reh", "li", "tai", "ku"),
)
_UPLAND = (
    ("d", "k", "g", "r", "t", "kh", "dr", "b", "j", "n", "m", "gh", "th", "z"),
    ("a", "o", "u", "e", "a", "i", "au"),
    ("gor", "dath", "ruk", "mek", "jan", "zor", "khad", "bun", "thar", "gim", "dov", "rahk"),
)

_REAL = """
afghanistan albania algeria andorra angola argentina armenia australia austria azerbaijan bahamas bahrain bangladesh
barbados belarus belgium belize benin bhutan bolivia bosnia botswana brazil brunei bulgaria burkina burundi cambodia
cameroon canada chad chile china colombia comoros congo croatia cuba cyprus czechia denmark djibouti dominica
ecuador egypt eritrea estonia eswatini ethiopia fiji finland france gabon gambia georgia germany ghana greece
grenada guatemala guinea guyana haiti honduras hungary iceland india indonesia iran iraq ireland israel italy
jamaica japan jordan kazakhstan kenya kiribati kosovo kuwait kyrgyzstan laos latvia lebanon lesotho liberia libya
liechtenstein lithuania luxembourg madagascar malawi malaysia maldives mali malta mauritania mauritius mexico
micronesia moldova monaco mongolia montenegro morocco mozambique myanmar namibia nauru nepal netherlands nicaragua
niger nigeria niue norway oman pakistan palau palestine panama paraguay peru philippines poland portugal qatar
romania russia rwanda samoa senegal serbia seychelles singapore slovakia slovenia somalia spain sudan suriname
sweden switzerland syria taiwan tajikistan tanzania thailand timor togo tonga tunisia turkey turkmenistan tuvalu
uganda ukraine uruguay uzbekistan vanuatu venezuela vietnam yemen zambia zimbabwe nairobi mombasa kampala kigali
juba khartoum maputo lusaka harare luanda kinshasa lagos accra bamako dakar niamey male colombo mumbai delhi karachi
lahore kabul kandahar tehran baghdad mosul aleppo idlib raqqa beirut gaza sanaa marib taiz aden hodeida mogadishu
kismayo merca hargeisa mekelle gondar goma bukavu bunia beni kivu ituri bangui maiduguri gao kidal timbuktu mopti
menaka jakarta manila marawi dili apia suva honiara sendai osaka samara sahara toledo verona ravenna roma milano
torino pemba palma mueda beira tete moroni mutsamudu toliara tulear sokoto zaria kano kaduna jos makurdi katsina
kassala darfur nyala bentiu malakal bor wau yambio torit rumbek aweil kuajok yei sinai tikrit basra herat zaranj
kunduz khost
"""


class Namer:
    """Draws names that are all different; `upland` is 0 on the coast to 1 in the hills."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._used: set[str] = set(_REAL.split()) | {COUNTRY.lower()}

    def draw(self, upland: float = 0.0, long: bool = False) -> str:
        while True:
            first, vowels, last = _UPLAND if self._rng.random() < upland else _COAST
            middle = int(self._rng.integers(1, 3)) + long
            name = "".join(self._pick(first) + self._pick(vowels) for _ in range(middle)) + self._pick(last)
            plain = not any(letter * 3 in name for letter in "aeiou") and not _clashing(name)
            if 6 <= len(name) <= 10 and plain and name not in self._used and name[:4] not in self._used:
                self._used |= {name, name[:4]}
                return name.capitalize()

    def _pick(self, choices: tuple[str, ...]) -> str:
        return choices[int(self._rng.integers(len(choices)))]


def _clashing(name: str) -> bool:
    """Consonants that nobody could say in a row."""
    run = 0
    for letter in name:
        run = 0 if letter in "aeiou" else run + 1
        if run > 3:
            return True
    return name[:2] in {"rr", "nd"} or "hh" in name or "khh" in name


_SPELLING = (("sh", "š"), ("kh", "ḫ"), ("gh", "ġ"), ("th", "ŧ"), ("ei", "ē"), ("au", "ō"), ("ia", "já"), ("rr", "ř"))
_ACUTE = {"a": "á", "e": "é", "i": "í", "o": "ó", "u": "ú"}


def local(name: str) -> str:
    """The name in the country's own spelling."""
    word = name.lower()
    for plain, own in _SPELLING:
        word = word.replace(plain, own)
    plain_vowels = [place for place, letter in enumerate(word) if letter in _ACUTE]
    if len(plain_vowels) > 1:
        place = plain_vowels[-2]
        word = word[:place] + _ACUTE[word[place]] + word[place + 1 :]
    return word.capitalize()


_FRENCH = (("sh", "ch"), ("u", "ou"), ("kh", "k"), ("gh", "gu"), ("th", "t"), ("j", "dj"))


def french(name: str) -> str:
    """The name as French maps would write it."""
    word = name.lower()
    for plain, written in _FRENCH:
        word = word.replace(plain, written)
    return word.capitalize()


_ARABIC = {
    "sh": "ش", "kh": "خ", "gh": "غ", "th": "ث", "rr": "رّ", "ia": "يا", "ei": "ي", "au": "او", "a": "ا", "b": "ب",
    "d": "د", "e": "ي", "g": "ج", "h": "ه", "i": "ي", "j": "ج", "k": "ك", "l": "ل", "m": "م", "n": "ن", "o": "و",
    "p": "ب", "r": "ر", "s": "س", "t": "ت", "u": "و", "v": "ف", "y": "ي", "z": "ز",
}  # fmt: skip


def arabic(name: str) -> str:
    """The name in Arabic letters."""
    word, written, place = name.lower(), "", 0
    while place < len(word):
        pair = word[place : place + 2]
        step = 2 if pair in _ARABIC else 1
        written += _ARABIC.get(pair if step == 2 else word[place], "")
        place += step
    return ("أ" + written[1:]) if written.startswith("ا") else written
