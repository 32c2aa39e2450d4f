"""Pictures of the ground: cut into tiles that lie where the picture lies, and handed to those alone who may see the picture."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from PIL import Image
from rasterio.warp import transform

from data.access import Precision
from data.records import Sensitivity
from data.settings import Source
from ingest import imagery
from ingest.feed import Payload
from ingest.run import ingest
from tests.site import Site, site

GOLDEN = Path(__file__).parent / "golden"

SOURCES = (
    Source("open", "imagery", agency="UNOSAT", sensitivity=Sensitivity.low, releasable_to=("mission",)),
    Source("intel", "imagery", agency="Intel", sensitivity=Sensitivity.severe),
    Source(
        "coarse",
        "imagery",
        agency="Intel",
        sensitivity=Sensitivity.low,
        releasable_to=("mission",),
        precision=Precision.km5,
    ),
)
FLOOD = GOLDEN / "imagery" / "flood.tif"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    home = tmp_path_factory.mktemp("imagery")
    with site(home, sources=SOURCES) as found:
        settings = found.services.settings
        for source in SOURCES:
            files = sorted((GOLDEN / "imagery").glob("*.*")) if source.name == "open" else [FLOOD]
            payloads = [Payload(file.name, path=file) for file in files if file.suffix not in (".json", ".toml")]
            ingest(found.store, settings, payloads, "imagery", source.name)
        found.picture.catch_up()
        yield found


def pictures(found: Site, token: str) -> dict[str, dict[str, Any]]:
    layers = found.get("/api/layers?window=all", token).json()["layers"]
    listed = next(layer for layer in layers if layer["id"] == "imagery")["legend"]
    return {f"{one['about']['source']} {one['label']}": one for one in listed}


def tile(found: Site, token: str, picture: dict[str, Any], z: int, x: int, y: int) -> Any:
    return found.get(f"/imagery/{picture['key']}/{picture['about']['version']}/{z}/{x}/{y}", token)


def place(lon: float, lat: float, zoom: int) -> tuple[int, int, int, int]:
    """Column, row, and the pixel within a tile of 512 (the usual formula of slippy maps, apart from ours)."""
    n = 2**zoom
    across = (lon + 180) / 360 * n
    down = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * n
    return int(across), int(down), int(across % 1 * 512), int(down % 1 * 512)


@pytest.mark.parametrize("name", ["open Flood extent, Nile", "open tiles"])
def test_a_tile_shows_what_the_picture_shows_there(served: Site, name: str) -> None:
    picture = pictures(served, served.ingest_token)[name]
    zoom = picture["about"]["maxzoom"]
    with rasterio.open(FLOOD) as dataset:
        for across, down in ((5, 5), (20, 15), (35, 25), (10, 28)):
            wanted = dataset.read()[:, down, across]
            east, north = dataset.xy(down, across)
            (lon,), (lat,) = transform(dataset.crs, "EPSG:4326", [east], [north])
            x, y, right, below = place(lon, lat, zoom)
            answer = tile(served, served.ingest_token, picture, zoom, x, y)
            assert answer.headers["content-type"] == "image/webp"
            pixel = np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGBA"))[below, right]
            assert pixel[3] == 255
            assert np.abs(pixel[:3].astype(int) - wanted.astype(int)).max() <= 12


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_beyond_its_edge_a_picture_shows_nothing(tmp_path: Path, dtype: str) -> None:
    file = tmp_path / "plain.tif"
    grid = Affine(0.01, 0, 31, 0, -0.01, 6)
    with rasterio.open(
        file, "w", driver="GTiff", width=40, height=30, count=1, dtype=dtype, crs="EPSG:4326", transform=grid
    ) as new:
        new.write((np.arange(1200).reshape(1, 30, 40) % 200 + 1).astype(dtype))
    found = {(z, x, y): image for z, x, y, image in imagery.tiles(Payload(file.name, path=file))}
    zoom = max(z for z, _, _ in found)

    def alpha(lon: float, lat: float) -> int:
        x, y, right, below = place(lon, lat, zoom)
        return int(np.asarray(Image.open(io.BytesIO(found[zoom, x, y])).convert("RGBA"))[below, right, 3])

    assert [alpha(31.01, 5.99), alpha(31.38, 5.72)] == [255, 255]
    assert [alpha(30.97, 5.9), alpha(31.2, 5.66), alpha(31.43, 5.9)] == [0, 0, 0]


def test_pictures_are_listed_with_when_they_were_taken_and_by_whom(served: Site) -> None:
    found = pictures(served, served.ingest_token)
    flood, elevation, scan = (found[f"open {name}"]["about"] for name in ("Flood extent, Nile", "elevation", "scan"))
    assert (flood["taken"], flood["agency"]) == ("2026-11-18T09:41:00Z", "UNOSAT")
    assert flood["notes"] == ["100 m a pixel", "© Survey office"]
    assert elevation["taken"] == "2026-11-17T08:00:00Z"
    assert any("shades stretched over 412.48 to 499" in note for note in elevation["notes"])
    assert scan["taken"] is None
    assert "open clock wrong" not in found


def test_where_there_is_no_picture_there_is_no_tile(served: Site) -> None:
    picture = pictures(served, served.ingest_token)["open elevation"]
    zoom = picture["about"]["maxzoom"]
    x, y, *_ = place(*picture["about"]["bounds"][:2], zoom)
    assert tile(served, served.ingest_token, picture, zoom, x - 3, y).status_code == 204
    for wrong in ((zoom + 1, x, y), (zoom, 2**zoom, y), (0, 0, 0)):
        assert tile(served, served.ingest_token, picture, *wrong).status_code == 404
    assert served.get(f"/imagery/{picture['key']}/0000/{zoom}/{x}/{y}", served.ingest_token).status_code == 404


def test_who_may_not_see_a_picture_gets_what_whoever_asks_for_none_gets(served: Site) -> None:
    guest = served.token("partner", agency="WFP", clearance=Sensitivity.high)
    everything = pictures(served, served.ingest_token)
    assert {name.split()[0] for name in everything} == {"open", "intel", "coarse"}
    assert {name.split()[0] for name in pictures(served, guest)} == {"open"}
    absent = served.get("/imagery/zzzzzzzzzzz/0/10/1/1", guest)
    for name in ("intel Flood extent, Nile", "coarse Flood extent, Nile"):
        picture = everything[name]
        zoom = picture["about"]["maxzoom"]
        x, y, *_ = place(31.2, 5.41, zoom)
        assert tile(served, served.ingest_token, picture, zoom, x, y).status_code == 200
        refused = tile(served, guest, picture, zoom, x, y)
        assert (refused.status_code, refused.content) == (absent.status_code, absent.content) == (404, absent.content)


def test_the_same_picture_again_is_unchanged_and_an_edited_one_its_next_version(served: Site, tmp_path: Path) -> None:
    settings = served.services.settings
    again = ingest(served.store, settings, [Payload("flood.tif", path=FLOOD)], "imagery", "open")
    assert [again[0][end] for end in ("unchanged", "revised", "accepted")] == [1, 0, 0]
    edited = tmp_path / "flood.tif"
    with rasterio.open(FLOOD) as old, rasterio.open(edited, "w", **old.profile) as new:
        new.write(255 - old.read())
        new.update_tags(**old.tags())
    revised = ingest(served.store, settings, [Payload("flood.tif", path=edited)], "imagery", "open")
    assert [revised[0][end] for end in ("unchanged", "revised", "accepted")] == [0, 1, 0]


def broken(folder: Path) -> Iterator[tuple[Path, str]]:
    def write(name: str, **said: Any) -> Path:
        told = {"driver": "GTiff", "width": 8, "height": 8, "count": 1, "dtype": "uint8"}
        with warnings.catch_warnings(action="ignore"), rasterio.open(folder / name, "w", **{**told, **said}) as file:
            file.write(np.ones((1, 8, 8), np.uint8).astype(said.get("dtype", "uint8")))
        return folder / name

    ground = Affine(0.01, 0, 31, 0, -0.01, 6)
    yield write("nowhere.tif"), "no coordinate system"
    yield write("radar.tif", dtype="complex64", crs="EPSG:4326", transform=ground), "complex numbers"
    huge = folder / "huge.tif"
    with rasterio.open(
        huge,
        "w",
        driver="GTiff",
        width=300_000,
        height=300_000,
        count=1,
        dtype="uint8",
        crs="EPSG:3857",
        transform=Affine(1, 0, 3.4e6, 0, -1, 6e5),
        tiled=True,
        sparse_ok=True,
        blockxsize=8192,
        blockysize=8192,
    ):
        pass  # fmt: skip
    yield huge, "tiles, more than"
    cut = folder / "cut.tif"
    cut.write_bytes(FLOOD.read_bytes()[:200])
    yield cut, "cannot be read as a picture"


def test_what_is_no_picture_is_refused_in_words_and_kept(served: Site, tmp_path: Path) -> None:
    for file, words in broken(tmp_path):
        result = ingest(served.store, served.services.settings, [Payload(file.name, path=file)], "imagery", "open")[0]
        assert words in result["error"], file.name
        assert result["rejected"] == 1
