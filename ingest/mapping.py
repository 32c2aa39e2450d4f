"""How the settings of a source, or its HXL tags, turn the rows of a table into fields."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from data.settings import Source
from ingest import hxl
from ingest.fields import FIELDS
from ingest.handling import PARTS
from ingest.headings import bare, pick
from ingest.sheets import Row, Table
from ingest.values import text

EXTRA = re.compile(rf"adm[123]_name|geometry|disaggregation\..+|own\.({'|'.join(PARTS)})")
COUNTED = re.compile(
    r"value|completeness_pct|people_.*|stock_on_hand|amc|consumed|received|losses|status|description|severity|version_time"
    r"|answered_time|functionality|beds|population_served|fatalities|injured|disaggregation\..*|own\..*"
)
"""Fields that tell what was counted or changes by and by, not what the record is about."""


def columns_of(source: Source) -> dict[str, Any]:
    """`columns` of the source, with `disaggregation.F = "Women"` and `own.tlp = "TLP"` as one name each.

    Raises ValueError at what is no mapping.
    """
    found: dict[str, Any] = {}
    for name, spec in dict(source.options.get("columns") or {}).items():
        if name in ("disaggregation", "own") and isinstance(spec, Mapping):
            found |= {f"{name}.{part}": column for part, column in spec.items()}
        elif isinstance(spec, str) or (
            isinstance(spec, Mapping) and ({"column"} <= spec.keys() or {"value"} <= spec.keys())
        ):
            found[name] = spec
        else:
            raise ValueError(
                f"columns.{name} of source {source.name} must be a heading, an HXL tag, {{ value = … }} or"
                " { column = …, words = { … } }"
            )
    return found


def check_settings(kind: str, columns: Mapping[str, Any], source: Source) -> None:
    """Raise ValueError at a kind or a field that there is not."""
    if kind not in FIELDS:
        raise ValueError(f"kind of source {source.name} is {kind!r}; allowed are {', '.join(FIELDS)}")
    for name in columns:
        if name not in FIELDS[kind] and not EXTRA.fullmatch(name):
            raise ValueError(f"columns.{name} of source {source.name}: {kind} has {', '.join(FIELDS[kind])}")


def told(way: hxl.Mapped, columns: Mapping[str, Any], table: Table) -> hxl.Mapped:
    """What the tags say, overruled by what the settings say. Raises LookupError with the column that is not there."""
    found = {name: column for name, column in way.columns.items() if name not in columns}
    constants, words = dict(way.constants), {}
    for name, spec in columns.items():
        if isinstance(spec, Mapping) and "column" not in spec:
            constants[name] = spec["value"]
            continue
        wanted = spec["column"] if isinstance(spec, Mapping) else str(spec)
        column = (
            wanted
            if wanted in table.header
            else hxl.find(table.tagged(), wanted) or pick(table.header, (bare(wanted),))
        )
        if column is None:
            raise LookupError(wanted)
        found[name] = column
        if isinstance(spec, Mapping) and "words" in spec:
            words[name] = {str(word).casefold(): str(meant) for word, meant in spec["words"].items()}
    sums = {name: parts for name, parts in way.sums.items() if name not in columns}
    return hxl.Mapped(way.kind, found, constants, sums, words)


def figures_of(way: hxl.Mapped) -> set[str]:
    """The columns that only this way of reading a row has."""
    counted = {column for name, column in way.columns.items() if name == "value" or name.startswith("disaggregation.")}
    return counted | {part for parts in way.sums.values() for part in parts}


def filled(template: str, values: Mapping[str, Any]) -> str:
    """The template with headings and fields filled in; empty where one of them is."""
    names = re.findall(r"\{([^{}]+)\}", template)
    if not all(text(values, name) for name in names):
        return ""
    return re.sub(r"\{([^{}]+)\}", lambda name: text(values, name[1]), template)


def digest(kind: str, said: Mapping[str, Any], row: Row) -> str:
    """A key made of what the record is about; of all it says where it is one person's report of one moment."""
    about = {name: value for name, value in said.items() if not COUNTED.fullmatch(name)}
    whole = kind in ("report", "feedback", "incident") or not about
    content = sorted((name, str(value)) for name, value in (row if whole else about).items())
    return hashlib.blake2b(repr(content).encode(), digest_size=8).hexdigest()
