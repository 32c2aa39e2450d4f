"""Lists of people, one line each, made into counts before anything is kept: no line, name, age or date of one leaves here.

A list of patients becomes cases and deaths, a register of people (who arrived, who was registered) the people in it.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from ingest.feed import Refusal
from ingest.figures import Row, day, key_of
from ingest.headings import bare
from ingest.sheets import Table
from ingest.values import text

ID = re.compile(
    r"(case|patient|person|individual|id|epid|unique|registration|household)_?(id|no|number|code|case|patient|key)?"
    r"|(id|no|num|numero|n)_?(cas|patient|epid|case|individu)|uniq_?id"
)
PERSON = re.compile(
    r"age(_\w+)?|sexe?|gender|genre|((patient|first|last|full|sur|other|family|given)_?)?names?|(pre)?nom|occupation|hcw|dob"
    r"|date_(of_birth|naissance|de_naissance)"
)
OWN_OF_PERSON = re.compile(
    r"(first|last|family|given|middle|sur|patient|beneficiary|head_of_(the_)?household|respondent)_?name|date_of_birth|^dob$"
    r"|passport|national_id|id_card|(mobile|phone|tel(ephone)?)_?(no|number|num|numero)?$|tracked_?entity|program_?stage|prenom"
)
ONSET = re.compile(r"(\w+_)?onset(_\w+)?|(date_)?(de_)?debut_(des_)?(sympt\w+|maladie)")
OTHER_DATES = re.compile(
    r"\w*(report|notif|consult|hospital|admission|visit|sample|confirm)\w*date\w*"
    r"|date_?(of_|de_)?(report|notif|consult|admi|visit|sample)\w*"
)
REGISTERED = re.compile(
    r"(date_(of_)?)?(registration|registered|arrival|enrol\w+)(_?date)?|date_(d_)?(enregistrement|arrivee)"
)
DEATH = re.compile(r"death_?date|date_(of_)?death|died|death|outcome|final_status|status_final|issue|evolution")
DIED = re.compile(
    r"di(ed|es)|dead|death|deceased|fatal|decede|mort|muert|falleci|\d{4}-\d\d-\d\d|\d{1,2}[/-]\d", re.IGNORECASE
)
ALIVE = re.compile(r"\b(no|not|alive|surviv\w*|recover\w*|none)\b", re.IGNORECASE)
CLASS = re.compile(r"(epi_?)?(case_?)?(classification|class|status|definition|def)(_\w+)?")
AREAS = (
    re.compile(r"(adm(in)?_?1(_?name)?|region|province|state|sub_location|governorate)(_?(of_)?res\w*)?"),
    re.compile(r"(adm(in)?_?2(_?name)?|district|county|prefecture|zone_de_sante|lga|health_zone)(_?(of_)?res\w*)?"),
)
CLASSES = {
    "confirmed": re.compile(r"\bconfirm", re.IGNORECASE),
    "probable": re.compile(r"\bprobable", re.IGNORECASE),
    "suspected": re.compile(r"\bsusp", re.IGNORECASE),
    "discarded": re.compile(r"\b(discard|non.?case|not a case|exclu|negati)", re.IGNORECASE),
}
"""How a case is classified; other words in such a column may be anything, and are not kept."""
MOST_WEEKS = 520
SEXES = {"f": "F", "female": "F", "femme": "F", "m": "M", "male": "M", "homme": "M"}
FEWEST = 5
"""Counts of fewer people are not split by sex, and no count is of an area below the second level."""


def of_persons(header: Iterable[str]) -> bool:
    """Whether a table's columns are about persons: two things told of one, or what only a person has."""
    names = [_called(name) for name in header]
    told = {name for name in names if PERSON.fullmatch(name) and name not in ("name", "names", "nom", "nome")}
    return len(told) >= 2 or any(OWN_OF_PERSON.search(name) for name in names)


def kind_of_list(table: Table) -> Literal["patients", "people", ""]:
    """Whether a table has a line for each patient (a number, two things told of a person, a day, and how it went), or for
    each person of a register (a number, age and sex, and a day of arrival or registration)."""
    names = [_called(name) for name in table.header]

    def some(words: re.Pattern[str]) -> bool:
        return any(words.fullmatch(name) for name in names)

    if not some(ID) or sum(bool(PERSON.fullmatch(name)) for name in names) < 2:
        return ""
    classed = any(CLASS.fullmatch(name) and name != "status" for name in names)
    if (some(ONSET) or some(OTHER_DATES)) and (some(ONSET) or some(DEATH) or classed):
        return "patients"
    aged = any(re.match(r"age|dob|date_of_birth|date_(de_)?naissance", name) for name in names)
    sexed = any(re.fullmatch(r"sexe?|gender|genre", name) for name in names)
    return "people" if aged and sexed and some(REGISTERED) else ""


def _called(heading: str) -> str:
    """`date_onset` for `DateOnset`."""
    return bare(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", heading))


def counts(table: Table, order: Mapping[str, bool | None], disease: str) -> Iterator[Row]:
    """Cases and deaths by area and week (ISO 8601, by onset or else the first other day), as `figures.indicator` reads them.

    Every line is counted once: one without a day that can be read as of no known week. Weeks without a case, within those
    that the list has, are counted as 0, so that a patient whom a later list has in another week is not in two.
    """
    onset, others, death, status = (_columns(table, words) for words in (ONSET, OTHER_DATES, DEATH, CLASS))
    ill = kind_of_list(table) == "patients"
    dates, category = ([*onset, *others], disease) if ill else (_columns(table, REGISTERED), "registration")
    told = (
        ("cases", "deaths", *((f"cases_{kind}" for kind in CLASSES) if status else ()))
        if ill
        else ("people_registered",)
    )
    areas = [next(iter(_columns(table, words)), "") for words in AREAS]
    sex = next((name for name in table.header if _called(name) in ("sex", "sexe", "gender", "genre")), "")
    country = next((name for name in table.header if _called(name) in ("country", "iso3", "pays")), "")
    found: dict[tuple[str, tuple[str, ...], str, datetime | None], Counter[str]] = defaultdict(Counter)
    for row in table.rows:
        week = _week(row, dates, order)
        where = (text(row, country), tuple(text(row, name) for name in areas))
        figures = [told[0]]
        if ill and any(_dead(text(row, name), _called(name)) for name in death):
            figures.append("deaths")
        figures += [
            f"cases_{kind}" for kind, words in CLASSES.items() if any(words.search(text(row, n)) for n in status)
        ]
        for figure in figures:
            found[*where, figure, week].update(("all", SEXES.get(text(row, sex).lower(), "")))
    weeks: list[datetime | None] = [*_weeks({week for *_, week in found if week}), None]
    for of, names in dict.fromkeys((of, names) for of, names, *_ in found):
        for figure in told:
            for week in weeks:
                yield _count(of, names, figure, week, found.get((of, names, figure, week), Counter()), category)


def _weeks(found: set[datetime]) -> list[datetime]:
    """The Mondays from the first to the last; only those found where a mistyped year pulls them far apart."""
    first, last = min(found, default=None), max(found, default=None)
    if first is None or last is None or last - first > MOST_WEEKS * timedelta(weeks=1):
        return sorted(found)
    return [first + timedelta(weeks=number) for number in range((last - first).days // 7 + 1)]


def _count(
    of: str, names: tuple[str, ...], figure: str, week: datetime | None, people: Counter[str], category: str
) -> Row:
    names = names if names[-1] else names[:1] if names[0] else ()
    place = {"names": names, "place": "" if names else of}
    return {
        **place,
        "key": key_of(place, figure, week.date() if week else "no week", country=of),
        "indicator": figure,
        "title": figure.replace("_", " ").capitalize(),
        "category": category,
        "unit": {"deaths": "deaths", "people_registered": "people"}.get(figure, "cases"),
        "value": people["all"],
        "groups": {group: people[group] for group in ("F", "M") if people["all"] >= FEWEST and people[group]},
        "start": week,
        "end": week + timedelta(days=6) if week else None,
        "attributes": {"counted from": "a list of people", **({"country": of} if of else {})},
    }


def _columns(table: Table, words: re.Pattern[str]) -> list[str]:
    return [name for name in table.header if words.fullmatch(_called(name))]


def _week(row: Mapping[str, Any], names: list[str], order: Mapping[str, bool | None]) -> datetime | None:
    for name in names:
        try:
            moment = day(row, name, "UTC", order.get(name, False))
        except Refusal:
            continue
        if moment is not None:
            monday = moment.date() - timedelta(days=moment.weekday())
            return datetime(monday.year, monday.month, monday.day, tzinfo=UTC)
    return None


def _dead(said: str, heading: str) -> bool:
    if re.search(r"(not|n't|non) surviv", said, re.IGNORECASE):
        return True
    if not said or ALIVE.search(said):
        return False
    return bool(DIED.search(said)) or (
        heading in ("died", "death") and said.lower() in ("y", "yes", "1", "true", "oui")
    )
