"""Names that anything can hold: one rule for parts of file names and of metric names, whatever a person called a thing."""

from __future__ import annotations

import hashlib
import re
import unicodedata

LONGEST = 80
_HASH = 8
_OTHER = re.compile(r"[^A-Za-z0-9_.-]+")


def safe_name(text: str, longest: int = LONGEST) -> str:
    """``text`` as one part of a file name or of a metric's name; a name that is safe already stays as it is.

    Only ASCII letters, digits, ``_``, ``.`` and ``-`` are left, with no dot or dash at the start and no dot at the end.
    Where something was changed, a short hash of ``text`` ends the name, so that different texts get different names.

    Args:
        text: what a person called a thing, of any length and any characters.
        longest: most characters of the result, at least 16.
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    kept = _OTHER.sub("_", plain).lstrip(".-").rstrip(".")
    if kept == text and 0 < len(kept) <= longest:
        return kept
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH]
    return f"{kept[: longest - _HASH - 1].strip('_.-') or 'unnamed'}-{digest}"
