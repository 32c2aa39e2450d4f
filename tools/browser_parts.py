"""Copy what the pages load from node_modules to assets/vendor, and cut the base map from Natural Earth.

Usage: python tools/browser_parts.py node_modules assets/vendor

docs/decisions/0001-browser-parts.md says what each part is for and how a page refers to it.
"""

import json
import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

import geopandas
import numpy as np
import pyogrio
import shapely
from shapely.geometry.base import BaseGeometry

# Copied as they are, each into a folder of its package's name. Source maps, development builds and types stay behind.
COPIES = {
    "maplibre-gl": ("dist/maplibre-gl.mjs", "dist/maplibre-gl-worker.mjs", "LICENSE.txt"),
    "milsymbol": ("dist/milsymbol.js", "LICENSE"),
    "plotly.js-basic-dist-min": ("plotly-basic.min.js", "LICENSE"),
    "world-atlas": ("LICENSE",),
    "@fontsource/noto-sans": (
        *(
            f"files/noto-sans-{script}-{weight}-normal.woff2"
            for script in ("latin", "latin-ext")
            for weight in (400, 600)
        ),
        "LICENSE",
    ),
    "@fontsource/noto-sans-arabic": (
        *(f"files/noto-sans-arabic-arabic-{weight}-normal.woff2" for weight in (400, 600)),
        "LICENSE",
    ),
}

# Natural Earth's three scales by map zoom. At zoom 5 a tile's grid is finer than the 10m data's own, so the browser
# overzooms from there and loses nothing.
SCALES = {"110m": (0, 1), "50m": (2, 3), "10m": (4, 5)}

# Western Sahara has an ISO number but its boundary is drawn undetermined on United Nations maps.
UNDETERMINED = {"732"}


def main(packages: Path, vendor: Path) -> None:
    if vendor.exists():
        shutil.rmtree(vendor)
    for package, files in COPIES.items():
        folder = vendor / Path(package).name
        folder.mkdir(parents=True)
        for file in files:
            shutil.copyfile(packages / package / file, folder / Path(file).name)
    write_base_map(packages / "world-atlas", vendor / "base")
    # Written last: `make` takes it as the sign that the folder is whole.
    versions = {package: json.loads((packages / package / "package.json").read_text())["version"] for package in COPIES}
    (vendor / "versions.json").write_text(json.dumps(versions, indent=1) + "\n", encoding="utf-8")
    size = sum(path.stat().st_size for path in vendor.rglob("*") if path.is_file())
    print(f"{vendor}: {size / 1e6:.1f} MB")


def write_base_map(atlas: Path, folder: Path) -> None:
    """Cut Natural Earth into vector tiles, zoom 0 to 5: layers `countries`, `borders` and `names`.

    `countries` are polygons with `id` (ISO 3166-1 numeric, absent where there is none) and `name`; `borders` are the
    lines between two of them, once each, with `disputed` 0 or 1; `names` are points with `name` and `from_zoom`, the
    zoom at which the country is wide enough to carry its name. A tile of open sea is an empty file, so that no request
    fails.
    """
    for z in range(6):
        for x in range(2**z):
            (folder / str(z) / str(x)).mkdir(parents=True)
            for y in range(2**z):
                (folder / f"{z}/{x}/{y}.pbf").touch()
    for scale, zooms in SCALES.items():
        path = atlas / f"countries-{scale}.json"
        countries = pyogrio.read_dataframe(path, layer="countries").set_crs(4326)
        cut = [uncrossed(shape) for shape in countries.geometry.values]
        sound = shapely.make_valid(cut, method="structure", keep_collapsed=False)
        countries["geometry"] = shapely.clip_by_rect(sound, -180, -85, 180, 85)
        countries = countries[~countries.is_empty]
        for layer, frame in (("countries", countries), ("borders", borders(path)), ("names", names(countries))):
            add_tiles(folder, layer, frame, zooms)


def uncrossed(shape: BaseGeometry) -> BaseGeometry:
    """World-atlas joins what the antimeridian parts (Chukotka, Fiji), which is right on a globe: on a flat map an edge
    would run around the world. Such rings are laid out without the leap, and what then lies past 180 is brought back."""
    parts: list[shapely.Polygon] = []
    for part in shapely.get_parts(shape):
        rings = [np.array(ring.coords) for ring in (part.exterior, *part.interiors) if not ring.is_empty]
        for ring in rings:
            longitudes = np.unwrap(ring[:, 0], period=360)
            if abs(longitudes[-1] - longitudes[0]) < 180:  # Antarctica's goes around the pole and closes beyond 85 S
                ring[:, 0] = longitudes
        for ring in rings[1:]:
            ring[:, 0] += 360 * round((rings[0][:, 0].mean() - ring[:, 0].mean()) / 360)
        if rings:
            west, east = rings[0][:, 0].min(), rings[0][:, 0].max()
            turns = range(int((west + 180) // 360), int((east + 180) // 360) + 1)
            parts += [
                shapely.Polygon(rings[0] - (360 * turn, 0), [hole - (360 * turn, 0) for hole in rings[1:]])
                for turn in turns
            ]
    return shapely.MultiPolygon(parts)


def add_tiles(folder: Path, layer: str, frame: geopandas.GeoDataFrame, zooms: tuple[int, int]) -> None:
    """Append one layer to the tiles: vector tiles are protobuf messages, so layers join by joining their bytes."""
    with tempfile.TemporaryDirectory() as scratch:
        tiles = Path(scratch) / "tiles"
        options = {"MINZOOM": zooms[0], "MAXZOOM": zooms[1], "COMPRESS": "NO", "MAX_SIZE": 10_000_000}
        pyogrio.write_dataframe(frame, tiles, layer=layer, driver="MVT", dataset_options=options)
        for tile in tiles.rglob("*.pbf"):
            with (folder / tile.relative_to(tiles)).open("ab") as joined:
                joined.write(tile.read_bytes())


def borders(path: Path) -> geopandas.GeoDataFrame:
    """Lines that two countries share, from the TopoJSON arcs that both of them use."""
    topology = json.loads(path.read_text(encoding="utf-8"))
    scale, shift = topology["transform"]["scale"], topology["transform"]["translate"]
    countries = topology["objects"]["countries"]["geometries"]
    users: dict[int, set[int]] = defaultdict(set)
    for number, country in enumerate(countries):
        for arc in flatten(country.get("arcs", [])):
            users[arc if arc >= 0 else ~arc].add(number)
    lines, disputed = [], []
    for arc, sides in users.items():
        if len(sides) > 1:
            xs = accumulate(step[0] for step in topology["arcs"][arc])
            ys = accumulate(step[1] for step in topology["arcs"][arc])
            points = [(x * scale[0] + shift[0], y * scale[1] + shift[1]) for x, y in zip(xs, ys, strict=True)]
            lines.append(shapely.LineString(points))
            ids = {countries[side].get("id") for side in sides}
            disputed.append(int(None in ids or bool(ids & UNDETERMINED)))
    return geopandas.GeoDataFrame({"disputed": disputed}, geometry=lines, crs=4326)


def names(countries: geopandas.GeoDataFrame) -> geopandas.GeoDataFrame:
    """One point a country, in the middle of its widest part."""
    flat = countries.to_crs(3857).geometry
    circles = shapely.maximum_inscribed_circle(flat.values, tolerance=2_000)
    widths = shapely.length(circles) * 2
    # A name takes some 80 px; a 512 px tile of zoom 0 is 40,075 km wide.
    room = [next((z for z in range(6) if width / 40_075_017 * 512 * 2**z >= 80), 6) for width in widths]
    points = geopandas.GeoSeries(shapely.get_point(circles, 0), crs=3857).to_crs(4326)
    return geopandas.GeoDataFrame({"name": countries["name"], "from_zoom": room}, geometry=points.values, crs=4326)


def flatten(arcs: list[object]) -> Iterator[int]:
    for arc in arcs:
        if isinstance(arc, list):
            yield from flatten(arc)
        elif isinstance(arc, int):
            yield arc


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
