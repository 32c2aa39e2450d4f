"""Pictures of the ground as tiles of the web map: GeoTIFF and MBTiles, read by GDAL.

Runs in the guarded worker. A picture is warped to Web Mercator (EPSG:3857) and cut into 512-pixel tiles: the finest zoom is
read from it, each coarser tile is made of its four children, so that no pixel is read twice whatever overviews a file has.
Bands of more than 8 bits are stretched from their 2nd to their 98th percentile, which is said (`Picture.stretch`).
"""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.feed import Payload

TILE_PX = 512
WORLD_M = 40_075_016.685578488
"""Circumference of the sphere of Web Mercator."""
MOST_TILES = 50_000
MOST_ZOOM = 20
GDAL = {"GDAL_CACHEMAX": 128 << 20, "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR", "GDAL_TIFF_INTERNAL_MASK": "YES"}
DRIVERS = {b"II*\0": "GTiff", b"MM\0*": "GTiff", b"II+\0": "GTiff", b"MM\0+": "GTiff", b"SQLite format 3\0": "MBTiles"}
"""Which one reads a file, by how it begins; no other is asked."""
QUALITY = 82
"""Of WebP; palettes, whose colours mean something, are kept exactly."""

Pixels = NDArray[np.uint8]
Tile = tuple[int, int, int, bytes]
"""Zoom, column, row (from the north), and the image."""


class NoPicture(ValueError):
    """Why a file is no picture of the ground, as what follows its name."""


@dataclass(frozen=True)
class Picture:
    """What is told of a picture. Bounds are west, south, east, north in degrees (EPSG:4326)."""

    bounds: tuple[float, float, float, float]
    minzoom: int
    maxzoom: int
    tiles: int
    """At most; those that are empty are left out."""
    resolution_m: float | None
    crs: str
    bands: str
    stretch: str
    tags: Mapping[str, str]


def describe(payload: Payload) -> Picture:
    """What a picture is, from its head. Raises `NoPicture`."""
    with _opened(payload) as (dataset, ground):
        count = counted(ground.tiles)
        look = _Look.of(dataset)
        bounds = _degrees(ground.bounds_m)
        middle = math.radians((bounds[1] + bounds[3]) / 2)
        return Picture(
            bounds=bounds,
            minzoom=ground.minzoom,
            maxzoom=ground.maxzoom,
            tiles=count,
            resolution_m=round(ground.pixel_m * math.cos(middle), 3),
            crs=str(dataset.crs or dataset.gcps[1]),
            bands=f"{dataset.count} × {dataset.dtypes[0]}",
            stretch=look.told,
            tags={key: str(value) for key, value in dataset.tags().items()} | dataset.tags(ns="IMAGERY"),
        )


def tiles(payload: Payload) -> Iterator[Tile]:
    """Every tile with something on it, children before their parent. Raises `NoPicture`."""
    with _opened(payload) as (dataset, ground):
        counted(ground.tiles)
        look = _Look.of(dataset)
        first, top, last, bottom, _ = _span(ground.bounds_m, ground.minzoom)
        for x in range(first, last + 1):
            for y in range(top, bottom + 1):
                yield from _below(dataset, ground, look, ground.minzoom, x, y)


def _below(
    dataset: Any, ground: _Ground, look: _Look, zoom: int, x: int, y: int
) -> Generator[Tile, None, Pixels | None]:
    """A tile with all below it, depth first; its own pixels are the generator's value, None where it is empty."""
    if not _touches(ground.bounds_m, zoom, x, y):
        return None
    pixels: Pixels | None
    if zoom == ground.maxzoom:
        pixels = _read(dataset, look, zoom, x, y)
    else:
        whole = np.zeros((2 * TILE_PX, 2 * TILE_PX, 4), np.uint8)
        some = False
        for down in (0, 1):
            for right in (0, 1):
                part = yield from _below(dataset, ground, look, zoom + 1, 2 * x + right, 2 * y + down)
                if part is not None:
                    at = slice(down * TILE_PX, (down + 1) * TILE_PX), slice(right * TILE_PX, (right + 1) * TILE_PX)
                    whole[at], some = part, True
        pixels = _halved(whole, look.exact) if some else None
    if pixels is None or not pixels[..., 3].any():
        return None
    yield zoom, x, y, _encoded(pixels, look.exact)
    return pixels


# -------------------- pixels


@dataclass(frozen=True)
class _Look:
    """How bands become colours."""

    bands: tuple[int, ...]
    palette: NDArray[np.uint8] | None
    ranges: tuple[tuple[float, float], ...]
    exact: bool
    told: str

    @staticmethod
    def of(dataset: Any) -> _Look:
        from rasterio.enums import ColorInterp

        seen = {meaning: band for band, meaning in reversed(list(enumerate(dataset.colorinterp, start=1)))}
        if ColorInterp.palette in seen and dataset.dtypes[0] == "uint8":
            table = np.zeros((256, 4), np.uint8)
            for value, colour in dataset.colormap(seen[ColorInterp.palette]).items():
                table[value] = colour
            return _Look((seen[ColorInterp.palette],), table, (), True, "")
        colours = tuple(seen[each] for each in (ColorInterp.red, ColorInterp.green, ColorInterp.blue) if each in seen)
        plain = [band for band in range(1, dataset.count + 1) if dataset.colorinterp[band - 1] != ColorInterp.alpha]
        bands = colours if len(colours) == 3 else tuple(plain[:3] if len(plain) >= 3 else plain[:1])
        if not bands:
            raise NoPicture("has no band that shows anything")
        if any(dataset.dtypes[band - 1].startswith("complex") for band in bands):
            raise NoPicture("holds complex numbers (radar before processing); send what was made of them")
        if all(dataset.dtypes[band - 1] == "uint8" for band in bands):
            return _Look(bands, None, (), False, "")
        ranges = tuple(_range(dataset, band) for band in bands)
        told = ", ".join(f"{low:g} to {high:g}" for low, high in ranges)
        return _Look(bands, None, ranges, False, told)


def _range(dataset: Any, band: int) -> tuple[float, float]:
    """The 2nd and 98th percentile of a band, of about a million of its pixels."""
    share = min(1.0, 1_000 / max(dataset.width, dataset.height))
    shape = (max(1, int(dataset.height * share)), max(1, int(dataset.width * share)))
    values = dataset.read(band, out_shape=shape, masked=True).compressed()
    values = values[np.isfinite(values)]
    if not len(values):
        raise NoPicture("has no pixel with a value")
    low, high = (float(each) for each in np.percentile(values, (2, 98)))
    return (low, high) if high > low else (low, low + 1.0)


def _read(dataset: Any, look: _Look, zoom: int, x: int, y: int) -> Pixels | None:
    from affine import Affine
    from rasterio.enums import ColorInterp, Resampling
    from rasterio.vrt import WarpedVRT

    side = WORLD_M / 2**zoom
    pixel = side / TILE_PX
    grid = Affine(pixel, 0, x * side - WORLD_M / 2, 0, -pixel, WORLD_M / 2 - y * side)
    own_alpha = ColorInterp.alpha in dataset.colorinterp or dataset.nodata is not None
    how = Resampling.nearest if look.exact else Resampling.bilinear
    with WarpedVRT(
        dataset,
        crs="EPSG:3857",
        transform=grid,
        width=TILE_PX,
        height=TILE_PX,
        resampling=how,
        add_alpha=not own_alpha,
    ) as tile:
        shown = _shown(tile)
        if not shown.any():
            return None
        values = tile.read(list(look.bands))
    pixels = np.zeros((TILE_PX, TILE_PX, 4), np.uint8)
    if look.palette is not None:
        pixels[...] = look.palette[values[0]]
        pixels[..., 3] = np.minimum(pixels[..., 3], shown)
        return pixels
    for index in range(3):
        band = values[min(index, len(values) - 1)]
        if look.ranges:
            low, high = look.ranges[min(index, len(look.ranges) - 1)]
            scaled = (band.astype(np.float64) - low) / (high - low) * 254 + 1
            band = np.clip(np.nan_to_num(scaled, nan=0.0), 0, 255).astype(np.uint8)
        pixels[..., index] = band
    pixels[..., 3] = shown
    return pixels


def _shown(tile: Any) -> Pixels:
    """How much each pixel shows, 0 to 255. GDAL takes an alpha band for a mask only where it has eight bits."""
    from rasterio.enums import ColorInterp

    if ColorInterp.alpha in tile.colorinterp:
        alpha = tile.read(tile.colorinterp.index(ColorInterp.alpha) + 1)
        return np.asarray(alpha if alpha.dtype == np.uint8 else np.where(alpha > 0, 255, 0), np.uint8)
    return np.asarray(tile.dataset_mask(), np.uint8)


def _halved(whole: Pixels, exact: bool) -> Pixels:
    """Half the size: colours averaged by how much of them shows, or every second pixel where colours are classes."""
    if exact:
        return whole[::2, ::2]
    from PIL import Image

    return np.asarray(Image.fromarray(whole).reduce(2))


def _encoded(pixels: Pixels, exact: bool) -> bytes:
    from PIL import Image

    written = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(written, "WEBP", lossless=exact, quality=QUALITY, method=2)
    return written.getvalue()


# -------------------- GDAL


@dataclass(frozen=True)
class _Ground:
    """Where a picture lies in Web Mercator: west, south, east, north in metres, and the zooms that show it."""

    bounds_m: tuple[float, float, float, float]
    pixel_m: float
    """In metres of the projection, which are larger than those of the ground."""

    @property
    def maxzoom(self) -> int:
        """The first zoom whose pixels are no larger than the picture's, or nearly."""
        return min(max(math.ceil(math.log2(WORLD_M / TILE_PX / self.pixel_m) - 0.1), 0), MOST_ZOOM)

    @property
    def minzoom(self) -> int:
        """The last zoom at which the picture is no larger than a tile."""
        west, south, east, north = self.bounds_m
        return min(max(math.floor(math.log2(WORLD_M / max(east - west, north - south))), 0), self.maxzoom)

    @property
    def tiles(self) -> int:
        """How many there are at most."""
        return sum(_span(self.bounds_m, zoom)[4] for zoom in range(self.minzoom, self.maxzoom + 1))


@contextmanager
def _opened(payload: Payload) -> Iterator[tuple[Any, _Ground]]:
    """The file by its driver, and where it lies. Raises `NoPicture`."""
    import rasterio
    from rasterio.vrt import WarpedVRT

    driver = driver_of(payload)
    with ExitStack() as stack:
        stack.enter_context(rasterio.Env(**GDAL))
        stack.enter_context(warnings.catch_warnings(action="ignore"))  # what it warns of is refused below
        try:
            # GDAL knows MBTiles by the end of the name alone.
            if payload.path is not None and (driver != "MBTiles" or payload.path.suffix == ".mbtiles"):
                dataset = stack.enter_context(rasterio.open(payload.path, driver=driver))
            else:
                memory = stack.enter_context(rasterio.MemoryFile(payload.read(), ext=f".{driver.lower()}"))
                dataset = stack.enter_context(memory.open(driver=driver))
            if dataset.crs is None and not (dataset.gcps[0] and dataset.gcps[1]):
                raise NoPicture("does not say where it lies: it has no coordinate system")
            if not dataset.count or not dataset.width or not dataset.height:
                raise NoPicture("holds no picture")
            with WarpedVRT(dataset, crs="EPSG:3857") as warped:
                bounds = tuple(min(max(float(at), -WORLD_M / 2), WORLD_M / 2) for at in warped.bounds)
                pixel_m = float(max(warped.res))
            if not (0 < pixel_m < WORLD_M and bounds[0] < bounds[2] and bounds[1] < bounds[3]):
                raise NoPicture("does not say where it lies: it has no extent on the map")
            yield dataset, _Ground((bounds[0], bounds[1], bounds[2], bounds[3]), pixel_m)
        except rasterio.errors.RasterioError as error:
            raise NoPicture(f"cannot be read as a picture of the ground: {error}") from None


def driver_of(payload: Payload) -> str:
    """The GDAL driver for a file; empty where none of ours is."""
    return next((name for magic, name in DRIVERS.items() if payload.head.startswith(magic)), "")


def _span(bounds: tuple[float, float, float, float], zoom: int) -> tuple[int, int, int, int, int]:
    """First column, top row, last column, bottom row, and how many tiles that are."""
    side, last = WORLD_M / 2**zoom, 2**zoom - 1
    west, south, east, north = bounds
    columns = [min(max(math.floor((at + WORLD_M / 2) / side), 0), last) for at in (west, east - 1e-6)]
    rows = [min(max(math.floor((WORLD_M / 2 - at) / side), 0), last) for at in (north, south + 1e-6)]
    return columns[0], rows[0], columns[1], rows[1], (columns[1] - columns[0] + 1) * (rows[1] - rows[0] + 1)


def _touches(bounds: tuple[float, float, float, float], zoom: int, x: int, y: int) -> bool:
    first, top, last, bottom, _ = _span(bounds, zoom)
    return first <= x <= last and top <= y <= bottom


def counted(count: int) -> int:
    if count > MOST_TILES:
        raise NoPicture(f"would be {count:,} tiles, more than {MOST_TILES:,}; cut it up or send it at less detail")
    return count


def _degrees(bounds: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """Bounds in Web Mercator metres, as degrees."""
    radius = WORLD_M / math.tau
    west, south, east, north = bounds
    lats = [math.degrees(2 * math.atan(math.exp(at / radius)) - math.pi / 2) for at in (south, north)]
    lons = [min(max(math.degrees(at / radius), -180.0), 180.0) for at in (west, east)]
    return round(lons[0], 7), round(lats[0], 7), round(lons[1], 7), round(lats[1], 7)
