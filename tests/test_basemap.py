"""An optional base map in the home folder: its tiles are served as they lie there, and a broken one costs nothing."""

from __future__ import annotations

import gzip
from pathlib import Path

import httpx
import pytest
from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import Writer

from tests.program import serving

TILE = b"\x1a\x0c\x0a\x05roads\x28\x80\x20\x78\x02"
"""A vector tile with one empty layer, "roads"."""


def write(home: Path) -> None:
    with (home / "basemap.pmtiles").open("wb") as stream:
        writer = Writer(stream)
        writer.write_tile(zxy_to_tileid(0, 0, 0), gzip.compress(TILE, mtime=0))
        writer.write_tile(zxy_to_tileid(2, 3, 3), gzip.compress(TILE, mtime=0))
        writer.finalize(
            {
                "tile_type": TileType.MVT,
                "tile_compression": Compression.GZIP,
                "min_zoom": 0,
                "max_zoom": 2,
                "min_lon_e7": -1800000000,
                "min_lat_e7": -850000000,
                "max_lon_e7": 1800000000,
                "max_lat_e7": 850000000,
                "center_zoom": 0,
                "center_lon_e7": 0,
                "center_lat_e7": 0,
            },
            {"attribution": "<a href='x'>Street people</a>", "vector_layers": [{"id": "roads", "fields": {}}]},
        )


@pytest.fixture
def mission(home: Path) -> Path:
    home.mkdir(parents=True, exist_ok=True)
    return home


def test_tiles_and_what_the_browser_must_know(mission: Path) -> None:
    write(mission)
    with serving(mission) as server, httpx.Client(base_url=server.url) as client:
        told = client.get("/api/layers").json()["mission"]["basemap"]
        assert (told["kind"], told["maxzoom"], told["layers"], told["attribution"]) == (
            "vector",
            2,
            ["roads"],
            "Street people",
        )
        found = client.get(f"/basemap/{told['version']}/0/0/0")
        assert found.content == TILE
        assert "immutable" in found.headers["cache-control"]
        assert client.get(f"/basemap/{told['version']}/1/0/0").status_code == 204
        for nowhere in ("3/0/0", "1/2/0", "0/0/x", "99999999/0/0"):
            assert client.get(f"/basemap/{told['version']}/{nowhere}").status_code == 404


def test_a_file_that_is_no_base_map_is_left_alone(mission: Path) -> None:
    (mission / "basemap.pmtiles").write_bytes(b"PMTiles\x03" + bytes(200))
    with serving(mission) as server, httpx.Client(base_url=server.url) as client:
        assert client.get("/api/layers").json()["mission"]["basemap"] is None
        assert client.get("/basemap/1/0/0/0").status_code == 404
        assert client.get("/healthz").status_code == 200
