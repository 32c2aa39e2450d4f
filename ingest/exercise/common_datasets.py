"""The Common Operational Datasets: boundaries (COD-AB, GeoJSON) and population (COD-PS, HXL-tagged XLSX).

The population of the second level is of an older vintage than the boundaries, as such tables often are: some units bear
other codes there, one bears another spelling, so that only the name within the parent tells what is meant.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime

import numpy as np
import shapely

from ingest.exercise import names, workbook
from ingest.exercise.areas import Ints
from ingest.exercise.coast import degrees
from ingest.exercise.noise import Floats
from ingest.exercise.sheet import Columns, tagged
from ingest.exercise.towns import CAPITAL, PROVINCE
from ingest.exercise.workbook import Cell
from ingest.exercise.world import Area, World, random

VALID_ON = date(2024, 1, 15)
OLD_YEAR = 2019
"""Of the second level's population table."""
LOCAL = "QT"
"""The language tag of the country's own spelling; ISO 639 keeps codes that begin with q for users."""
AGES = (
    ("00_04", 0.142), ("05_09", 0.131), ("10_14", 0.119), ("15_19", 0.106), ("20_24", 0.094), ("25_29", 0.083),
    ("30_34", 0.071), ("35_39", 0.060), ("40_44", 0.050), ("45_49", 0.041), ("50_54", 0.033), ("55_59", 0.026),
    ("60_64", 0.019), ("65_69", 0.013), ("70_74", 0.008), ("75_79", 0.005), ("80PLUS", 0.004),
)  # fmt: skip
"""Five-year groups and their usual share in a young population."""


def boundaries(world: World, level: int) -> bytes:
    """All areas of one level, in the columns of a COD-AB file."""
    features = [_feature(world, area) for area in world.levels[level]]
    head = {
        "type": "FeatureCollection",
        "name": f"{names.ISO3.lower()}_admbnda_adm{level}_nso_{VALID_ON:%Y%m%d}",
        "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}},
    }
    opening = json.dumps(head, ensure_ascii=False)[:-1]
    return (opening + ', "features": [\n' + ",\n".join(features) + "\n]}\n").encode()


def _feature(world: World, area: Area) -> str:
    middle = area.shape.representative_point()
    properties: dict[str, str | float | None] = {
        "Shape_Leng": round(area.shape.length, 6),
        "Shape_Area": round(area.shape.area, 8),
    }
    for level in range(area.level, -1, -1):
        holder = world.by_code[area.pcode[: 2 + 2 * level]]
        properties |= {f"ADM{level}_EN": holder.name, f"ADM{level}_{LOCAL}": _local(holder)}
        properties |= {f"ADM{level}_FR": _french(holder), f"ADM{level}_AR": _arabic(holder)}
        properties[f"ADM{level}_PCODE"] = holder.pcode
    properties |= {"date": "2023-11-02", "validOn": VALID_ON.isoformat(), "validTo": None}
    properties |= {"AREA_SQKM": area.area_km2, "Lat": round(middle.y, 6), "Long": round(middle.x, 6)}
    polygons = [
        [[[float(x), float(y)] for x, y in shapely.get_coordinates(ring)] for ring in (part.exterior, *part.interiors)]
        for part in shapely.get_parts(area.shape)
    ]
    geometry = {"type": "MultiPolygon", "coordinates": polygons}
    return json.dumps({"type": "Feature", "properties": properties, "geometry": geometry}, ensure_ascii=False)


def _local(area: Area) -> str:
    return names.COUNTRY_LOCAL if area.level == 0 else names.local(area.name)


def _french(area: Area) -> str:
    return names.COUNTRY_FR if area.level == 0 else names.french(area.name)


def _arabic(area: Area) -> str:
    return names.COUNTRY_AR if area.level == 0 else names.arabic(area.name)


def people_of(world: World) -> dict[str, int]:
    """Inhabitants by P-code, on every level."""
    found: dict[str, int] = {}
    for cell, people in enumerate(world.people):
        code = world.area_of(cell, 3).pcode
        for level in range(4):
            part = code[: 2 + 2 * level]
            found[part] = found.get(part, 0) + int(people)
    return found


def old_codes(world: World) -> dict[str, tuple[str, str]]:
    """Current P-code of a level-2 area -> (code, name) in the older table, where they differ.

    In one level-1 area the codes were dealt out in another order, and one name was spelt otherwise.
    """
    rng = random(world.seed, 31)
    groups = [[a for a in world.levels[2] if a.parent == one.pcode] for one in world.levels[1]]
    large = [group for group in groups if len(group) >= 3]
    group = large[int(rng.integers(len(large)))]
    changed = {area.pcode: (f"{area.parent}{51 + place:02d}", area.name) for place, area in enumerate(group)}
    again = large[(large.index(group) + 1) % len(large)][0]
    changed[again.pcode] = (f"{again.parent}71", f"{again.name.upper()}  District")
    return changed


def population(world: World, level: int, written: datetime) -> bytes:
    """A COD-PS table of one level: one row an area, by sex and five-year age group, with a row of HXL tags."""
    people = people_of(world)
    rng = random(world.seed, 32 + level)
    year = OLD_YEAR if level == 2 else 2025
    older = old_codes(world) if level == 2 else {}
    header: list[Cell] = ["Year", "ISO3"]
    tags: list[Cell] = ["#date+year", "#country+code+v_iso3"]
    for upper in range(level + 1):
        header += [f"ADM{upper}_EN", f"ADM{upper}_PCODE"]
        tags += [f"#adm{upper}+name" if upper else "#country+name", f"#adm{upper}+code" if upper else "#country+code"]
    for sex, tag in (("F", "+f"), ("M", "+m"), ("T", "")):
        header += [f"{sex}_TL", *(f"{sex}_{age}" for age, _ in AGES)]
        tags += [f"#population{tag or '+total'}", *(f"#population{tag}+age_{age.lower()}" for age, _ in AGES)]
    rows: list[Sequence[Cell]] = [header, tags]
    for area in world.levels[level]:
        code, name = older.get(area.pcode, (area.pcode, area.name))
        total = round(people[area.pcode] * (0.87 if year == OLD_YEAR else 1.0))
        female, male = _by_age(rng, total)
        row: list[Cell] = [year, names.ISO3]
        for upper in range(level):
            holder = world.by_code[area.pcode[: 2 + 2 * upper]]
            row += [holder.name, holder.pcode]
        row += [name, code]
        for group in (female, male, female + male):
            row += [int(group.sum()), *(int(count) for count in group)]
        rows.append(row)
    note: list[Sequence[Cell]] = [
        ["Title", f"{names.COUNTRY} subnational population statistics, administrative level {level}"],
        ["Reference year", year],
        ["Source", "National Statistics Office (exercise)"],
        ["Method", "Projection of the last census; whole persons"],
        ["Caveat", "EXERCISE: invented figures of an invented country"],
    ]
    return workbook.xlsx([(f"{names.ISO3.lower()}_admpop_adm{level}_{year}", rows), ("metadata", note)], written)


PLACE_COLUMNS: Columns = (
    ("Code", "#loc+code"), ("Name", "#loc+name"), ("Local name", "#loc+name+alt"), ("Type", "#loc+type"),
    ("Population", "#population"), ("Province", "#adm1+name"), ("District", "#adm2+name"),
    ("District P-code", "#adm2+code"), ("Latitude", "#geo+lat"), ("Longitude", "#geo+lon"),
)  # fmt: skip


def places(world: World) -> bytes:
    """The gazetteer: towns by rank, in the words of OpenStreetMap's `place`."""
    rows = []
    for number, town in enumerate(world.towns, start=1):
        lon, lat = degrees(np.array([[town.x, town.y]]))[0]
        one, two = world.area_of(town.cell, 1), world.area_of(town.cell, 2)
        kind = {CAPITAL: "capital", PROVINCE: "city"}.get(town.rank, "town")
        rows.append([
            f"PPL{number:03d}", town.name, names.local(town.name), kind, town.people, one.name, two.name, two.pcode,
            f"{lat:.5f}", f"{lon:.5f}",
        ])  # fmt: skip
    return tagged(PLACE_COLUMNS, rows)


def _by_age(rng: np.random.Generator, total: int) -> tuple[Ints, Ints]:
    """Women and men by age group; whole persons that sum to the total."""
    share: Floats = np.array([usual for _, usual in AGES]) * rng.lognormal(0, 0.06, len(AGES))
    both = np.concatenate([share * 0.507, share * 0.493])
    exact = both / both.sum() * total
    whole: Ints = np.floor(exact).astype(np.int64)
    whole[np.argsort(whole - exact)[: total - int(whole.sum())]] += 1
    return whole[: len(AGES)], whole[len(AGES) :]
