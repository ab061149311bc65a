"""The rows of a Parquet file as JSON has them; run by `retrieval.read.limited` in a process of its own, so that it imports
nothing of this package.

Keys of what `extract` gives: `error` ("size" or "damaged"), or `rows`.
"""

import math
from typing import Any

import pyarrow
from pyarrow import parquet

MOST_ROWS, MOST_BYTES, BATCH = 2_000_000, 256 * 2**20, 1000


def extract(file: str) -> dict[str, Any]:
    """The rows as objects, or what is wrong."""
    rows: list[dict[str, Any]] = []
    size = 0
    try:
        content = parquet.ParquetFile(file)
        if content.metadata.num_rows > MOST_ROWS:
            return {"error": "size"}
        for batch in content.iter_batches(batch_size=BATCH, use_threads=False):
            size += batch.nbytes
            if size > MOST_BYTES:
                return {"error": "size"}
            rows += [_plain(row) for row in batch.to_pylist()]
    except (pyarrow.ArrowException, OSError, ValueError, TypeError):
        return {"error": "damaged"}
    return {"rows": rows}


def _plain(value: Any) -> Any:
    """A value as JSON has it: NaN, which data frames write for what is missing, as null; bytes, such as pictures, by name."""
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bytes):
        return f"{len(value):,} bytes"
    return value if isinstance(value, str | int | None) else str(value)
