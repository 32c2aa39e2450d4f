"""The columns of GDELT's event files, which have no header: 1.0 (57, with the address of a source 58) and 2.0 (61)."""

from __future__ import annotations


def _words(said: str) -> tuple[str, ...]:
    return tuple(said.split())


_ACTOR = _words(
    "Code Name CountryCode KnownGroupCode EthnicCode Religion1Code Religion2Code Type1Code Type2Code Type3Code"
)
_GEO = _words("Type FullName CountryCode ADM1Code ADM2Code Lat Long FeatureID")
_HEAD = (
    *_words("GLOBALEVENTID SQLDATE MonthYear Year FractionDate"),
    *(f"Actor{number}{name}" for number in (1, 2) for name in _ACTOR),
    *_words("IsRootEvent EventCode EventBaseCode EventRootCode QuadClass GoldsteinScale NumMentions NumSources"),
    *_words("NumArticles AvgTone"),
)
_TAIL = [f"{who}Geo_{name}" for who in ("Actor1", "Actor2", "Action") for name in _GEO]
NEW = [*_HEAD, *_TAIL, "DATEADDED", "SOURCEURL"]
OLD = [*_HEAD, *(name for name in _TAIL if not name.endswith("ADM2Code")), "DATEADDED", "SOURCEURL"]
COLUMNS = {61: NEW, 58: OLD, 57: OLD[:-1]}
