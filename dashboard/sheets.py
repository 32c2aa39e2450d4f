"""Records as a sheet to be worked on without a link, and the same sheet back: every difference is shown before any is written.

Each row bears the id of its record and the revision that was taken out: what changed here meanwhile is not overwritten.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from typing import Any

import openpyxl
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import Response

from dashboard import rights
from dashboard.admin import Denied, asker
from dashboard.answer import VARY, Refused, refusal, timed
from dashboard.api import asked
from dashboard.downloads import MEDIA
from dashboard.lite import frame, table
from dashboard.plain import lang_of
from dashboard.services import Services
from dashboard.words import say
from data.cells import harmless_row, unharmed
from data.corrected import FIELDS, text_of, value_of
from data.records import COLLECTIONS
from data.seen import Item, Seen, public_id
from data.written import CannotWrite, Overtaken

KEYS = ("id", "revision")
BESIDE: Mapping[str, tuple[str, ...]] = {
    "incidents": ("event_time", "adm_pcode", "source"),
    "supply": ("site_name", "item_name", "event_time", "source"),
    "activities": ("organisation", "category", "adm_pcode", "source"),
}
"""To know the row by; not read back."""
MOST_ROWS = 5_000
MOST_SHOWN = 400
MOST_FIELDS = 3 * MOST_SHOWN


@dataclass(frozen=True)
class Difference:
    """One cell that says something else than the record; `why`: what stands against writing it."""

    id: str
    revision: int
    title: str
    field: str
    now: str
    new: str
    why: str = ""


def taken(services: Services, request: Request) -> Response:
    """`GET /lite/sheet/{collection}`: the records under the filters as a workbook."""
    name = request.path_params["collection"]
    if name not in BESIDE:
        raise Refused(404, "There is nothing here that you may see.")
    seen, filters, _ = asked(services, request)
    if not rights.exports(seen.viewer):
        raise Denied
    kind = COLLECTIONS[name].name
    rows = seen.exportable(kind, seen.newest(kind, seen.rows(kind, filters))[:MOST_ROWS])
    items = [item for item in seen.items(kind, rows) if seen.terms(kind, item.row).plain]
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet(name)
    sheet.freeze_panes = "C2"
    sheet.append([*KEYS, *FIELDS[kind], *BESIDE[name]])
    for item in items:
        sheet.append([public_id(item.id), item.revision, *_cells(item, (*FIELDS[kind], *BESIDE[name]))])
    out = io.BytesIO()
    book.save(out)
    services.note(seen.viewer.name, "export", name, [public_id(item.id) for item in items], "")
    services.exported(seen.viewer.name, name, {"format": "sheet", "count": len(items)})
    headers = {
        "Content-Disposition": f'attachment; filename="{name}.xlsx"',
        "Cache-Control": "private, no-store",
        "Vary": VARY,
    }
    return Response(out.getvalue(), media_type=MEDIA["xlsx"], headers=headers)


def _cells(item: Item, fields: Sequence[str]) -> list[Any]:
    values = [getattr(item.record, name) for name in fields]
    return [
        value
        if isinstance(value, (int, float)) and not hasattr(value, "name")
        else harmless_row(text_of(name, value)[:32_000])
        for name, value in zip(fields, values, strict=True)
    ]


def bringing(services: Services, request: Request) -> Response:
    """`GET /lite/sheet`: the form that takes a sheet back."""
    _asker(services, request)
    return _form(services, request)


def _form(services: Services, request: Request, told: str = "") -> Response:
    t = partial(say, lang_of(request))
    lang = lang_of(request)
    links = " · ".join(
        f'<a href="/lite/sheet/{name}">{escape(t(f"lite.{name}"))}</a>' for name in BESIDE if name in COLLECTIONS
    )
    body = f"""{f'<p class="alert" role="alert">{escape(told)}</p>' if told else ""}
      <p>{escape(t("lite.sheet"))}: {links}</p><p>{escape(t("lite.sheet.help"))}</p>
      <form method="post" action="/lite/sheet/compare?lang={lang}" enctype="multipart/form-data">
        <label>{escape(t("lite.sheet.file"))} <input type="file" name="sheet" accept=".xlsx" required></label>
        <button>{escape(t("lite.sheet.compare"))}</button></form>"""
    return frame(services, request, t("lite.sheet.back"), body)


def comparing(services: Services) -> Callable[[Request], Any]:
    """`POST /lite/sheet/compare`: the differences, field by field, each to be ticked."""

    async def compare(request: Request) -> Response:
        try:
            async with request.form(max_files=1, max_fields=4) as form:
                sheet = form.get("sheet")
                content = await sheet.read() if isinstance(sheet, UploadFile) else b""
        except MultiPartException as error:
            return refusal(Refused(422, f"The form cannot be read: {error.message}."))
        return await run_in_threadpool(timed, partial(_compared, services, content), request)

    return compare


def _compared(services: Services, content: bytes, request: Request) -> Response:
    viewer = _asker(services, request)
    t = partial(say, lang_of(request))
    try:
        rows = services.sheet_rows(content)
    except ValueError as error:
        return _form(services, request, t("lite.sheet.bad", reason=str(error)))
    heads = [str(cell or "").strip() for cell in next(iter(rows), ())]
    if not set(KEYS) <= set(heads):
        return _form(services, request, t("lite.sheet.bad", reason="id, revision"))
    seen = services.picture.seen_by(viewer)
    found = list(differences(seen, [dict(zip(heads, row, strict=False)) for row in rows[1 : MOST_ROWS + 1]]))
    lines = []
    for number, one in enumerate(found[:MOST_SHOWN]):
        key = escape(f"{one.id} {one.revision} {one.field}")
        tick = f'<input type="checkbox" name="take" value="{number}" checked>' if not one.why else ""
        hidden = f'<input type="hidden" name="k{number}" value="{key}">'
        hidden += f'<input type="hidden" name="v{number}" value="{escape(one.new)}">'
        cells = (one.title, one.field, one.now or "–", one.new or "–")
        text = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        why = t("lite.sheet.conflict") if one.why == "conflict" else one.why
        lines.append(f"<tr>{text}<td>{tick}{hidden if not one.why else escape(why)}</td></tr>")
    if not lines:
        return _form(services, request, t("lite.sheet.none"))
    heads_of = "".join(f"<th>{escape(t(f'lite.sheet.{n}'))}</th>" for n in ("record", "field", "now", "new", "take"))
    body = f"""<form method="post" action="/lite/sheet/accept?lang={lang_of(request)}">
      <div><table><thead><tr>{heads_of}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>
      <label>{escape(t("lite.sheet.reason"))} <input name="reason" maxlength="300" required></label>
      <button>{escape(t("lite.sheet.do"))}</button></form>"""
    return frame(services, request, t("lite.sheet.back"), body)


def differences(seen: Seen, rows: Iterable[Mapping[str, Any]]) -> Iterable[Difference]:
    """What the rows of a sheet say otherwise than the records this viewer may correct."""
    for row in rows:
        told = {name: "" if cell is None else unharmed(_text(cell)) for name, cell in row.items()}
        if not told.get("id"):
            continue
        item = seen.find(told["id"].strip())
        title = told.get("title") or told.get("activity") or told.get("item_name") or told["id"]
        if item is None or item.kind not in FIELDS or not seen.terms(item.kind, item.row).plain:
            yield Difference(told["id"], 0, title, "id", "", told["id"], "there is nothing here that you may change")
            continue
        revision = int(told["revision"]) if told.get("revision", "").isascii() and told["revision"].isdigit() else 0
        for field in FIELDS[item.kind]:
            if field not in told:
                continue
            now, new, why = text_of(field, getattr(item.record, field)), told[field].strip(), ""
            try:
                new = text_of(field, value_of(field, new))
            except CannotWrite as error:
                why = str(error)
            if new == now.strip():
                continue
            if not rights.feeds(seen.viewer, item.record.agency):
                why = f"{item.record.agency}"
            elif revision != item.revision:
                why = "conflict"
            yield Difference(public_id(item.id), revision, item.record.title or title, field, now, new, why)


def _text(cell: Any) -> str:
    return f"{cell:.15g}" if isinstance(cell, float) else str(cell)


def accepting(services: Services) -> Callable[[Request], Any]:
    """`POST /lite/sheet/accept`: what was ticked is written, each record whole or not at all."""

    async def accept(request: Request) -> Response:
        try:
            async with request.form(max_files=0, max_fields=MOST_FIELDS + 4) as form:
                told = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
        except MultiPartException as error:
            return refusal(Refused(422, f"The form cannot be read: {error.message}."))
        return await run_in_threadpool(timed, partial(_accepted, services, told), request)

    return accept


def _accepted(services: Services, told: Sequence[tuple[str, str]], request: Request) -> Response:
    viewer = _asker(services, request)
    t = partial(say, lang_of(request))
    given = dict(told)
    reason = given.get("reason", "").strip()[:300]
    if not reason:
        raise Refused(422, "reason: say why these records are corrected.")
    seen = services.picture.seen_by(viewer)
    wanted: dict[tuple[str, int], dict[str, str]] = {}
    for number in [value for name, value in told if name == "take"]:
        parts = given.get(f"k{number}", "").split(" ")
        if len(parts) != 3 or not (parts[1].isascii() and parts[1].isdigit()):
            raise Refused(422, f"k{number[:9]}: is not what the page was given; compare the sheet again.")
        wanted.setdefault((parts[0], int(parts[1])), {})[parts[2]] = given.get(f"v{number}", "")
    done, left = 0, []
    for (identity, revision), fields in wanted.items():
        item = seen.find(identity)
        if item is None or not seen.terms(item.kind, item.row).plain or not rights.feeds(viewer, item.record.agency):
            raise Denied
        try:
            services.correct(viewer.name, identity, revision, fields, reason)
            done += 1
        except Overtaken:
            left.append((item.record.title or identity, t("lite.sheet.conflict")))
        except CannotWrite as error:
            left.append((item.record.title or identity, str(error)))
    body = f'<p role="status">{escape(t("lite.sheet.done", n=done))}</p>'
    if left:
        body += f'<p class="alert">{escape(t("lite.sheet.overtaken", n=len(left)))}</p>'
        body += table([t("lite.sheet.record"), t("lite.sheet.reason")], left, t)
    return frame(services, request, t("lite.sheet.back"), body)


def _asker(services: Services, request: Request) -> Any:
    """Whoever brings a sheet back may bring in files of an agency. Raises `Denied`."""
    viewer = asker(services, request)
    if viewer.looking is not None or not rights.feeds(viewer, viewer.agency):
        raise Denied
    return viewer


READERS = {"/lite/sheet": bringing, "/lite/sheet/{collection}": taken}
