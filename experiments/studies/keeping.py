"""Save before telling: where results lie is said when something fails after the work, and a full disk costs no result."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from thecal.core.errors import MissingExtraError, StoreError

EVERYTHING = "everything that was computed"


@contextmanager
def kept_in() -> Iterator[Callable[[Path, str], None]]:
    """Yield ``saved(folder, what)``, called whenever ``what`` (the subject of a sentence) lies in ``folder``.

    What fails after that (the tracking store, a report) becomes one sentence that says what failed and where the results are.

    Raises:
        StoreError: something failed after the results were saved.
        MissingExtraError: for want of a package.
    """
    places: list[tuple[Path, str]] = []
    try:
        yield lambda folder, what: places.append((folder, what))
    except Exception as error:
        if not places:
            raise
        kind = MissingExtraError if isinstance(error, MissingExtraError) else StoreError
        said = str(error) if isinstance(error, (MissingExtraError, StoreError)) else f"{type(error).__name__}: {error}"
        place, what = places[-1]
        raise kind(f"{said}; {what} is in {place}") from error


def rescued(error: StoreError, what: str, save: Callable[[Path], object]) -> StoreError:
    """Save in a passing folder what its own could not take; gives back the error that says where it is now.

    Args:
        error: why the own folder could not take it.
        what: the subject of the sentence, for example ``"the policy"``.
        save: writes it into the folder it is given.
    """
    place: Path | None = None
    try:
        place = Path(tempfile.mkdtemp(prefix="thecal-rescued-"))
        save(place)
    except (OSError, StoreError):
        if place is not None:
            shutil.rmtree(place, ignore_errors=True)
        return StoreError(f"{error}; {what} could not be saved in {tempfile.gettempdir()} either, and is lost")
    return StoreError(f"{error}; {what} was saved in {place} instead")


def require_room(folder: Path, needed: int) -> None:
    """See that ``needed`` bytes are free where ``folder`` is.

    Raises:
        StoreError: they are not.
    """
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        return  # what cannot be asked is found out in time
    if free < needed:
        raise StoreError(f"{folder}: {free / 1e6:,.1f} MB are free, and at least {needed / 1e6:,.1f} MB will be needed")
