"""Photos of reports, for whoever may see the report whole: `GET /api/attachments/{id}`."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from dashboard.answer import NOT_FOUND, VARY
from dashboard.noted import note_read
from dashboard.services import Services
from data.attachments import ending
from data.records import Attachment
from data.seen import Item, Seen, public_id

KIND = "attachment"


def photo(services: Services, request: Request) -> Response:
    """The file. Raises `NOT_FOUND`."""
    seen = services.picture.seen_by(services.viewer(request))
    item = seen.find(request.path_params["id"])
    if item is None or not isinstance(item.record, Attachment):
        raise NOT_FOUND
    report = seen.find(item.record.about)
    path = services.attachments.file(item.record.sha256)
    if report is None or path is None or not (_whole(seen, item) and _whole(seen, report)):
        raise NOT_FOUND
    note_read(services, seen, [report])
    name = f"{public_id(item.id)}.{ending(item.record.media_type)}"
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Cache-Control": "private, no-cache",
        "Vary": VARY,
    }
    return FileResponse(path, media_type=item.record.media_type, headers=headers)


def of_report(seen: Seen, report: Item) -> list[dict[str, Any]]:
    """The photos of a report as the drawer lists them; none where anything of the report is withheld: a photo tells it all."""
    if report.kind != "report" or not _whole(seen, report):
        return []
    labels = seen.labels(KIND, "about")
    about = public_id(report.id)
    if about not in labels:
        return []
    rows = seen.rows(KIND)
    items = seen.items(KIND, rows[seen.column(KIND, "about")[rows] == labels.index(about)])
    return [
        {
            "id": public_id(item.id),
            "width_px": item.record.width_px,
            "height_px": item.record.height_px,
            "size_bytes": item.record.size_bytes,
        }
        for item in items
        if isinstance(item.record, Attachment) and _whole(seen, item)
    ]


def _whole(seen: Seen, item: Item) -> bool:
    return seen.terms(item.kind, item.row).plain
