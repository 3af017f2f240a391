"""Keeps what a report was made from as one compressed JSON file, so that the page can be rendered again later."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from thecal.core.complaints import first_reason
from thecal.core.errors import StoreError
from thecal.core.files import as_json, write_whole
from thecal.experiments.analysis.stored import require_schema, written_by
from thecal.experiments.reports.data import ReportData

FILE = "report.json.gz"
SCHEMA = 2
_READ = (1, 2)  # the first knows no courses, subgroups, signs, lanes and notes
_REPORT = TypeAdapter(ReportData)


def save_report_data(data: ReportData, folder: str | Path) -> Path:
    """Write ``report.json.gz`` into ``folder``.

    Raises:
        StoreError: it cannot be written.
    """
    text = as_json({**written_by(SCHEMA), "report": _REPORT.dump_python(data)}, indent=None)
    # A fixed time stamp: equal data give equal bytes.
    return write_whole(Path(folder) / FILE, gzip.compress(text.encode(), mtime=0))


def load_report_data(path: str | Path) -> ReportData:
    """Read what :func:`save_report_data` wrote, from the file or its folder.

    Raises:
        StoreError: there is no such file, it is damaged, or another version wrote it.
    """
    file = Path(path) / FILE if Path(path).is_dir() else Path(path)
    try:
        values = json.loads(gzip.decompress(file.read_bytes()))
        require_schema(values, values["schema"] if _known(values) else SCHEMA, file)
        return _REPORT.validate_python(values["report"])
    except gzip.BadGzipFile as error:
        raise StoreError(f"{file}: not a report's data; name the folder of a comparison, or its {FILE}") from error
    except OSError as error:
        raise StoreError(f"{file}: cannot be read ({error.strerror or error})") from error
    except ValidationError as error:
        raise StoreError(f"{file}: not a report's data ({first_reason(error)})") from error
    except (EOFError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{file}: not a report's data ({type(error).__name__}: {error})") from error


def _known(values: object) -> bool:
    """Whether a document is of an earlier schema whose fields all stand in the present one."""
    return isinstance(values, dict) and values.get("schema") in _READ
