"""The sheets of a spreadsheet as cells of text; run by `retrieval.read.limited` in a process of its own, so that it imports
nothing of this package.

Keys of what `extract` gives: `error` ("size", "locked" or "damaged"), or `sheets`: the name of each, the row (from 1) where
its cells begin, and the cells.
"""

from datetime import datetime, time
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum

MOST_CELLS, MOST_TEXT = 4_000_000, 256 * 2**20  # cells of all sheets, and characters in them


def extract(file: str) -> dict[str, Any]:
    """The sheets that a person sees and that are not empty, or what is wrong."""
    sheets, cells, letters = [], 0, 0
    try:
        book = CalamineWorkbook.from_path(file)
        for about in book.sheets_metadata:
            if about.typ != SheetTypeEnum.WorkSheet or about.visible != SheetVisibleEnum.Visible:
                continue
            sheet = book.get_sheet_by_name(about.name)
            cells += sheet.height * sheet.width
            if cells > MOST_CELLS:
                return {"error": "size"}
            rows = [[_text(value) for value in row] for row in sheet.to_python()]
            letters += sum(len(text) for row in rows for text in row)
            if letters > MOST_TEXT:
                return {"error": "size"}
            if rows:
                sheets.append({"name": about.name, "first": (sheet.start or (0, 0))[0] + 1, "rows": rows})
    except PasswordError:
        return {"error": "locked"}
    except (CalamineError, OSError, ValueError):
        return {"error": "damaged"}
    return {"sheets": sheets}


def _text(value: object) -> str:
    """A cell as a person reads it: whole numbers without a point, dates as ISO 8601 has them, TRUE and FALSE."""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ")
    return str(value)
