"""CSV with a row of HXL tags under the header, as humanitarian tables are shared."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

Columns = Sequence[tuple[str, str]]
"""(header, HXL tag) of each column."""


def tagged(columns: Columns, rows: Iterable[Sequence[object]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([header for header, _ in columns])
    if any(tag for _, tag in columns):
        writer.writerow([tag for _, tag in columns])
    writer.writerows(["" if cell is None else cell for cell in row] for row in rows)
    return out.getvalue().encode()
