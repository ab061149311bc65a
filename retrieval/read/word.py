"""What mammoth finds in a DOCX, as HTML; run by `limited.py`, which says why, and imports nothing of this package.

Keys of what `extract` gives: `error` ("old", "zip", "other", "size", "deep" or "damaged"), or `html`.
"""

import io
import zipfile
from typing import Any

import mammoth

MOST_XML, MOST_TAGS = 32 * 2**20, 2_000_000  # bytes and tags of the XML in it; memory goes by the tags
MOST_HTML = 64_000_000  # characters; a note may be shown wherever it is pointed to
OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # Microsoft's compound files begin with it


def extract(file: str) -> dict[str, Any]:
    """The document as HTML without pictures, or what is wrong with it."""
    with open(file, "rb") as content:
        if content.read(len(OLD_OFFICE)) == OLD_OFFICE:
            return {"error": "old"}
        try:
            archive = zipfile.ZipFile(content)
        except (zipfile.BadZipFile, ValueError, NotImplementedError):
            return {"error": "zip"}
        try:
            texts = _texts(archive)
            if isinstance(texts, str):
                return {"error": texts}
            html = mammoth.convert_to_html(
                texts,
                style_map="p[style-name='Title'] => h1:fresh",
                convert_image=mammoth.images.img_element(lambda image: {}),
                include_embedded_style_map=False,
            ).value
        except RecursionError:
            return {"error": "deep"}
        except MemoryError:
            raise
        except Exception:  # the libraries raise all kinds of errors on damaged files
            return {"error": "damaged"}
    return {"html": html} if len(html) <= MOST_HTML else {"error": "size"}


def _texts(archive: zipfile.ZipFile) -> io.BytesIO | str:
    """An archive of the parts that are XML alone, so that no more is read than was counted; or what is wrong."""
    parts = archive.infolist()
    if not any(part.filename.startswith("word/") for part in parts):
        return "other"
    parts = [part for part in parts if part.filename.endswith((".xml", ".rels"))]
    # what an archive declares is what can be read of it at most
    if sum(part.file_size for part in parts) > MOST_XML:
        return "size"
    texts = io.BytesIO()
    tags = 0
    with zipfile.ZipFile(texts, "w") as copy:
        for part in parts:
            content = archive.read(part)
            tags += content.count(b"<")
            copy.writestr(part.filename, content)
    return texts if tags <= MOST_TAGS else "size"
