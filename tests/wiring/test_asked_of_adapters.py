"""What a caller asks of an adapter: the number, list or mask that was meant, or the words of the refusal."""

from __future__ import annotations

import re
from typing import Any
from unittest import mock

import numpy as np
import pytest

from thecal.core.errors import ConfigError, UnknownNameError
from thecal.envs.adapters.arguments import (
    name_of,
    one_patient,
    one_reset,
    one_seed,
    options_of,
    render_mode_of,
    seeds_of,
    some_patients,
    where_asked,
)
from thecal.envs.adapters.held import HoldsBatch

LAST_SEED = 2**63 - 2
LAST_PATIENT = 2**40 - 1


def refused(words: str, function: Any, *args: Any) -> None:
    """One sentence, word for word."""
    with pytest.raises(ConfigError, match=f"^{re.escape(words)}$"):
        function(*args)


def test_patients_and_seeds_lie_within_their_bounds() -> None:
    for function, what, last, shown in (
        (one_patient, "patient", LAST_PATIENT, "2**40 - 1"), (one_seed, "seed", LAST_SEED, "2**63 - 2"),
    ):  # fmt: skip
        for value in (0, 1, np.uint8(7), np.array(3), last):
            found = function(value)
            assert (type(found), found) == (int, int(value))
        for value in (-1, last + 1):
            refused(f"{what} must lie between 0 and {shown}, not {value}", function, value)
        for bad in (True, 1.0, "1", None, [1]):
            refused(f"{what} must be a whole number, not {bad!r}", function, bad)


def test_a_pool_is_the_list_that_was_given() -> None:
    for value in ([3, 1, 3], (3, 1, 3), np.array([3, 1, 3]), np.array([3, 1, 3], np.uint8)):
        found = some_patients(value)
        assert (type(found), found.dtype, found.tolist()) == (np.ndarray, np.int64, [3, 1, 3])
    assert some_patients(range(2, 5)).tolist() == [2, 3, 4]
    assert some_patients([LAST_PATIENT]).tolist() == [LAST_PATIENT]
    for bad in (3, "12", {1}, None, np.array(3)):
        refused(f"patients must be a list of whole numbers, not {bad!r}", some_patients, bad)
    with pytest.raises(ConfigError, match="^patients must be a list of whole numbers, not "):
        some_patients(np.array([[1, 2]]))
    for empty in ([], (), range(0), np.zeros(0, np.int64)):
        refused("patients must name at least one patient", some_patients, empty)
    refused("every one of patients must be a whole number, not 1.0", some_patients, [0, 1.0])
    refused("every one of patients must lie between 0 and 2**40 - 1, not -1", some_patients, [0, -1])
    refused(f"every one of patients must lie between 0 and 2**40 - 1, not {2**40}", some_patients, [2**40])


def test_seeds_count_up_from_the_one_given() -> None:
    assert seeds_of(None, 3) == [None, None, None]
    assert seeds_of(5, 3) == [5, 6, 7]
    assert seeds_of(np.uint8(0), 2) == [0, 1]
    assert seeds_of(LAST_SEED - 1, 4) == [LAST_SEED - 1, LAST_SEED, 0, 1]
    for given in ([4, None, 9], (4, None, 9)):
        assert seeds_of(given, 3) == [4, None, 9]
    assert seeds_of(np.array([8, 2]), 2) == [8, 2]
    assert seeds_of(range(2), 2) == [0, 1]
    for few in ([1], [1, 2, 3]):
        refused(f"{len(few)} seeds were given for 2 environments", seeds_of, few, 2)
    refused("seed must be a whole number, not 1.5", seeds_of, [1, 1.5], 2)
    refused("seed must be a whole number, not 'a'", seeds_of, "a", 2)
    refused("seed must lie between 0 and 2**63 - 2, not -1", seeds_of, -1, 2)


def test_a_mask_names_the_environments() -> None:
    for mask in ([True, False, True], (True, False, True), np.array([True, False, True])):
        found = where_asked(mask, 3)
        assert (found.dtype, found.tolist()) == (np.int64, [0, 2])
    assert where_asked([False, False], 2).tolist() == []
    for bad in ([True, False], [True] * 4, [1, 0, 1], True, None, [[True, False, True]], []):
        refused(f"reset_mask must be 3 booleans, not {bad!r}", where_asked, bad, 3)


def test_options_are_known_by_name() -> None:
    assert options_of(None, "a") == {}
    given = {"a": 1, "b": None}
    found = options_of(given, "a", "b")
    assert found == given
    assert found is not given
    for bad in ([("a", 1)], "a", 0, False):
        refused(f"the options of a reset must be a dictionary, not {bad!r}", options_of, bad, "a")
    with pytest.raises(UnknownNameError, match=r"^unknown reset option 'patents' \(did you mean 'patients'\?\)"):
        options_of({"patients": 1, "patents": 2}, "patients", "seed")


def test_one_reset_chooses_patient_and_days() -> None:
    assert one_reset(None) == (None, None)
    assert one_reset({}) == (None, None)
    assert one_reset({"patient": 4}) == (4, None)
    assert one_reset({"seed": 6}) == (None, 6)
    assert one_reset({"seed": 0, "patient": np.int64(2)}) == (2, 0)
    refused("patient must be a whole number, not None", one_reset, {"patient": None})
    refused("seed must be a whole number, not None", one_reset, {"patient": 1, "seed": None})
    refused("patient must lie between 0 and 2**40 - 1, not -1", one_reset, {"patient": -1, "seed": 1})
    with pytest.raises(UnknownNameError, match="^unknown reset option 'days'; known: patient, seed$"):
        one_reset({"days": 1})


def test_names_and_ways_to_render_are_among_those_there_are() -> None:
    known = {"slow": 1, "fast": 2}
    assert name_of("gear", "fast", known) == "fast"
    assert name_of("gear", "slow", known) == "slow"
    for bad in ("FAST", "", None, 1, ["fast"], mock.ANY):
        refused(f"gear {bad!r} is not one of slow, fast", name_of, "gear", bad, known)
    assert render_mode_of(None) is None
    assert render_mode_of("ansi") == "ansi"
    for bad in ("human", "rgb_array", "", 0, False):
        words = f"render_mode {bad!r} is not there: 'ansi' gives one line of text, and nothing is drawn"
        refused(words, render_mode_of, bad)


def test_a_batch_is_read_and_never_put_in_place() -> None:
    class Holder(HoldsBatch):
        def __init__(self, batch: Any) -> None:
            self._batch = batch

    kept: Any = object()
    holder = Holder(kept)
    assert holder.batch is kept
    with pytest.raises(ConfigError, match="^batch of an environment follows from its scenario and cannot be set$"):
        holder.batch = kept
    assert holder._batch is kept
