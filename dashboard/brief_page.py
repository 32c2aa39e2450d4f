"""One A4 page as PDF, drawn without a browser: text with its own shaping (Arabic too), and a map of the boundaries and incidents.

Colours are the light theme's severities, darker is worse, so that a black-and-white print still reads; every circle's area is
its count. Nothing here asks anything of the picture: `dashboard.brief` says what stands on the page.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fpdf import FPDF

VENDOR = Path(__file__).resolve().parent.parent / "assets" / "vendor"
FONTS = (
    ("noto", "noto-sans/noto-sans-latin"),
    ("noto-ext", "noto-sans/noto-sans-latin-ext"),
    ("noto-arabic", "noto-sans-arabic/noto-sans-arabic-arabic"),
)
WIDTH, HEIGHT, MARGIN = 210.0, 297.0, 12.0
INK, GREY, LINE, LAND, WATER = (16, 22, 29), (61, 73, 86), (170, 181, 193), (251, 251, 248), (223, 231, 238)
SEVERITIES = ((106, 119, 132), (203, 135, 56), (185, 105, 18), (154, 74, 0), (114, 45, 0), (63, 20, 10))
Ring = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Circle:
    """Incidents that stand together: where (degrees) and how many of each severity."""

    lon: float
    lat: float
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Chart:
    """What the map shows: box (west, south, east, north), outlines of areas by (rings, is a country), names, and circles."""

    box: tuple[float, float, float, float]
    areas: Sequence[tuple[Ring, bool]]
    names: Sequence[tuple[float, float, str]]
    circles: Sequence[Circle]
    outline: Ring = ()
    """Drawn in the filters."""


@dataclass(frozen=True)
class Sheet:
    """Every text of the page, in its language. `figures` are (value, what it is); `lists` (heading, rows of name and count)."""

    rtl: bool
    marking: str
    title: str
    dtg: str
    sentence: str
    figures: Sequence[tuple[str, str]]
    legend: Sequence[tuple[int, str]]
    lists: Sequence[tuple[str, Sequence[tuple[str, str]]]]
    table: str
    columns: Sequence[str]
    rows: Sequence[tuple[int, Sequence[str]]]
    """(severity, cells)"""
    sources: str
    ages: Sequence[str]
    notes: Sequence[str]
    chart: Chart


def pdf(sheet: Sheet) -> bytes:
    """The page."""
    paper = FPDF(format="A4")
    paper.set_auto_page_break(False)
    paper.set_title(f"{sheet.title} · {sheet.marking}")
    paper.set_creator("Common Ground")
    for family, file in FONTS:
        for style, weight in (("", 400), ("B", 600)):
            paper.add_font(family, style, VENDOR / f"{file}-{weight}-normal.woff2")
    paper.set_text_shaping(True)
    paper.set_fallback_fonts(["noto-ext", "noto-arabic"], exact_match=False)
    paper.add_page()
    _marking(paper, sheet.marking, 6)
    _marking(paper, sheet.marking, HEIGHT - 11)
    _head(paper, sheet)
    y = _figures(paper, sheet, paper.get_y() + 1.5)
    y = _middle(paper, sheet, y + 2)
    y = _table(paper, sheet, y + 2.5)
    _foot(paper, sheet, y + 2)
    return bytes(paper.output())


def _font(paper: FPDF, size: float, bold: bool = False, colour: tuple[int, int, int] = INK) -> None:
    # What a fallback font wrote last is not told apart by fpdf2 from what is set: set it anew, always.
    paper.set_font("noto", "B" if bold else "", 1)
    paper.set_font("noto", "B" if bold else "", size)
    paper.set_text_color(*colour)


def _fitted(paper: FPDF, text: str, width: float) -> str:
    """The text, cut with an ellipsis where it is wider (mm)."""
    if paper.get_string_width(text) <= width:
        return text
    while text and paper.get_string_width(f"{text}…") > width:
        text = text[:-1]
    return f"{text.rstrip()}…"


def _text(paper: FPDF, sheet: Sheet, x: float, y: float, width: float, text: str, end: bool = False) -> None:
    """One line in a box, at the side where its language begins, or where it ends."""
    paper.set_xy(x, y)
    align = "R" if sheet.rtl is not end else "L"
    paper.cell(width, paper.font_size * 1.3, _fitted(paper, text, width - 2.2), align=align)


def _marking(paper: FPDF, marking: str, y: float) -> None:
    _font(paper, 9, True)
    paper.set_xy(MARGIN, y)
    paper.cell(WIDTH - 2 * MARGIN, 5, marking, align="C")


def _head(paper: FPDF, sheet: Sheet) -> None:
    whole = WIDTH - 2 * MARGIN
    _font(paper, 16, True)
    _text(paper, sheet, MARGIN + (whole * 0.28 if sheet.rtl else 0), 12, whole * 0.72, sheet.title)
    _font(paper, 10, True)
    _text(paper, sheet, MARGIN if sheet.rtl else MARGIN + whole * 0.72, 14, whole * 0.28, sheet.dtg, end=True)
    _font(paper, 9.5, False, GREY)
    paper.set_xy(MARGIN, 20.5)
    paper.multi_cell(whole, 4.3, sheet.sentence, align="R" if sheet.rtl else "L")


def _figures(paper: FPDF, sheet: Sheet, y: float) -> float:
    whole = WIDTH - 2 * MARGIN
    wide = whole / max(1, len(sheet.figures))
    paper.set_draw_color(*LINE)
    paper.set_line_width(0.2)
    paper.line(MARGIN, y, WIDTH - MARGIN, y)
    for at, (value, what) in enumerate(sheet.figures):
        x = MARGIN + (len(sheet.figures) - 1 - at if sheet.rtl else at) * wide
        _font(paper, 15, True)
        _text(paper, sheet, x, y + 1.2, wide, value)
        _font(paper, 7.2, False, GREY)
        paper.set_xy(x, y + 8.2)
        paper.multi_cell(wide - 1, 3.1, what, align="R" if sheet.rtl else "L", max_line_height=3.1)
    paper.line(MARGIN, y + 18.5, WIDTH - MARGIN, y + 18.5)
    return y + 18.5


def _middle(paper: FPDF, sheet: Sheet, y: float) -> float:
    wide, tall = 126.0, 92.0
    x = WIDTH - MARGIN - wide if sheet.rtl else MARGIN
    side = MARGIN if sheet.rtl else MARGIN + wide + 4
    _map(paper, sheet, x, y, wide, tall)
    width = WIDTH - 2 * MARGIN - wide - 4
    at = y
    for heading, rows in sheet.lists:
        _font(paper, 8.5, True)
        _text(paper, sheet, side, at, width, heading)
        at += 4.6
        for name, count in rows:
            _font(paper, 8)
            _text(paper, sheet, side + (12 if sheet.rtl else 0), at, width - 12, name)
            _text(paper, sheet, side if sheet.rtl else side + width - 14, at, 14, count, end=True)
            at += 4
        at += 2
    return y + tall


def _map(paper: FPDF, sheet: Sheet, x: float, y: float, wide: float, tall: float) -> None:
    chart = sheet.chart
    west, south, east, north = chart.box
    # Equirectangular, true to scale in its middle: for one country nobody sees the difference.
    squeeze = max(0.1, math.cos(math.radians((south + north) / 2)))
    scale = min(wide / max((east - west) * squeeze, 1e-6), tall / max(north - south, 1e-6)) * 0.96
    left = x + (wide - (east - west) * squeeze * scale) / 2
    top = y + (tall - (north - south) * scale) / 2

    def at(lon: float, lat: float) -> tuple[float, float]:
        return left + (lon - west) * squeeze * scale, top + (north - lat) * scale

    paper.set_fill_color(*WATER)
    paper.rect(x, y, wide, tall, style="F")
    with paper.rect_clip(x, y, wide, tall):
        paper.set_draw_color(*LINE)
        for ring, country in chart.areas:
            paper.set_line_width(0.4 if country else 0.15)
            paper.set_fill_color(*LAND)
            paper.polygon([at(*corner) for corner in ring], style="DF" if country else "D")
        if chart.outline:
            paper.set_draw_color(83, 54, 201)
            paper.set_line_width(0.5)
            paper.polygon([at(*corner) for corner in chart.outline], style="D")
        _font(paper, 6.2, False, GREY)
        for lon, lat, name in chart.names:
            px, py = at(lon, lat)
            paper.set_xy(px - 15, py - 1.5)
            paper.cell(30, 3, name, align="C")
        most = max((sum(circle.counts) for circle in chart.circles), default=1)
        for circle in sorted(chart.circles, key=lambda one: -sum(one.counts)):
            _circle(paper, *at(circle.lon, circle.lat), circle.counts, most)
    _scale(paper, x + wide - 4, y + tall - 4, scale)
    at_x = x + 2.0
    for severity, word in sheet.legend:
        paper.set_fill_color(*SEVERITIES[severity])
        paper.circle(at_x, y + tall - 3.2, 1.1, style="F")
        _font(paper, 6.2)
        paper.set_xy(at_x + 2, y + tall - 4.7)
        paper.cell(16, 3, word)
        at_x += paper.get_string_width(word) + 6.5
    paper.set_draw_color(*LINE)
    paper.set_line_width(0.2)
    paper.rect(x, y, wide, tall)


def _circle(paper: FPDF, x: float, y: float, counts: tuple[int, ...], most: int) -> None:
    """Area by count; a ring of the severities' shares, worst first, and the number inside where it fits."""
    total = sum(counts)
    radius = max(0.8 if total == 1 else 1.5, 4.6 * math.sqrt(total / max(most, 25)))
    paper.set_fill_color(255, 255, 255)
    if radius < 1.5:
        worst = max(at for at, count in enumerate(counts) if count)
        paper.set_fill_color(*SEVERITIES[worst])
        paper.circle(x, y, radius, style="F")
        return
    paper.circle(x, y, radius, style="F")
    begin = 90.0
    for severity in reversed(range(len(counts))):
        if not counts[severity]:
            continue
        end = begin + 360 * counts[severity] / total
        paper.set_draw_color(*SEVERITIES[severity])
        paper.set_line_width(min(1.3, radius * 0.35))
        if counts[severity] == total:
            paper.circle(x, y, radius, style="D")
        else:
            paper.arc(x - radius, y - radius, 2 * radius, begin, end, style="D")
        begin = end
    words = str(total)
    _font(paper, min(8.0, radius * 3.1), True)
    if paper.get_string_width(words) < radius * 1.75:
        paper.set_xy(x - radius, y - paper.font_size * 0.65)
        paper.cell(2 * radius, paper.font_size * 1.3, words, align="C")


def _scale(paper: FPDF, right: float, y: float, mm_per_degree: float) -> None:
    mm_per_km = mm_per_degree / 111.195
    km = next((km for km in (1000, 500, 200, 100, 50, 20, 10, 5, 2) if km * mm_per_km <= 30), 1)
    paper.set_draw_color(*INK)
    paper.set_line_width(0.3)
    paper.line(right - km * mm_per_km, y, right, y)
    _font(paper, 6.2)
    paper.set_xy(right - 20, y - 3.6)
    paper.cell(20, 3, f"{km} km", align="R")


COLUMNS_MM = (27.0, 18.0, 63.0, 42.0, 26.0, 10.0)


def _table(paper: FPDF, sheet: Sheet, y: float) -> float:
    _font(paper, 9.5, True)
    _text(paper, sheet, MARGIN, y, WIDTH - 2 * MARGIN, sheet.table)
    y += 5.6
    _line(paper, sheet, y, sheet.columns, GREY)
    y += 4.6
    for severity, cells in sheet.rows:
        paper.set_draw_color(*LINE)
        paper.set_line_width(0.1)
        paper.line(MARGIN, y, WIDTH - MARGIN, y)
        paper.set_fill_color(*SEVERITIES[severity])
        paper.circle(WIDTH - MARGIN - 25.2 if sheet.rtl else MARGIN + 25.2, y + 2.2, 0.9, style="F")
        _line(paper, sheet, y + 0.3, cells, INK)
        y += 4.7
    return y


def _line(paper: FPDF, sheet: Sheet, y: float, cells: Sequence[str], colour: tuple[int, int, int]) -> None:
    x = MARGIN
    for cell, wide in zip(cells, COLUMNS_MM, strict=True):
        _font(paper, 7.6, False, colour)
        _text(paper, sheet, WIDTH - x - wide if sheet.rtl else x, y, wide, cell)
        x += wide


def _foot(paper: FPDF, sheet: Sheet, y: float) -> None:
    whole = WIDTH - 2 * MARGIN
    align = "R" if sheet.rtl else "L"
    _font(paper, 8.5, True)
    _text(paper, sheet, MARGIN, y, whole, sheet.sources)
    _font(paper, 7.2, False, GREY)
    paper.set_xy(MARGIN, y + 4.6)
    paper.multi_cell(whole, 3.3, "  ·  ".join(sheet.ages), align=align)
    paper.set_xy(MARGIN, max(paper.get_y() + 1, HEIGHT - 12 - 3.2 * len(sheet.notes) - 4))
    for note in sheet.notes:
        paper.set_x(MARGIN)
        paper.multi_cell(whole, 3.1, note, align=align)
