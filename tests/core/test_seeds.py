"""Seeds, indices and counts: whole numbers within their bounds, or one sentence that names the limit; nothing wraps around."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thecal.core.errors import ConfigError
from thecal.core.seeds import COHORT_SEED_LIMIT, PATIENT_LIMIT, SEED_LIMIT, require_memory, whole, wholes

LIMITS = (1, 100, PATIENT_LIMIT, SEED_LIMIT, COHORT_SEED_LIMIT)


@given(value=st.integers() | st.integers(-(10**400), 10**400), below=st.sampled_from(LIMITS))
def test_an_integer_is_itself_or_refused(value, below):
    if 0 <= value < below:
        assert whole(value, "a seed", below) == value
        assert wholes([value], "seeds", below).tolist() == [value]
        return
    for check in (lambda: whole(value, "a seed", below), lambda: wholes([value], "seeds", below)):
        with pytest.raises(ConfigError, match="must lie between 0 and") as caught:
            check()
        assert len(str(caught.value)) < 200


@pytest.mark.parametrize("value", [True, 1.0, np.float64(2), "3", None, np.bool_(True), 1j, [1], np.nan])
def test_what_is_no_whole_number_is_refused(value):
    with pytest.raises(ConfigError, match="must be a whole number"):
        whole(value, "a seed", 10)
    with pytest.raises(ConfigError, match="whole number"):
        wholes([value], "seeds", 10)


@pytest.mark.parametrize("values", [3, [[1]], np.array([1.0]), np.array([True]), "ab", {1}, [1, [2]], np.array(["1"])])
def test_what_is_no_list_of_them_is_refused(values):
    with pytest.raises(ConfigError, match="whole number"):
        wholes(values, "seeds", 10)


def test_numpy_s_whole_numbers_are_whole_numbers():
    assert whole(np.uint64(2**64 - 1), "a seed", COHORT_SEED_LIMIT) == 2**64 - 1
    assert wholes(np.array([2**64 - 1], np.uint64), "seeds", COHORT_SEED_LIMIT).dtype == np.uint64
    assert wholes(range(3), "indices", PATIENT_LIMIT).dtype == np.int64
    assert wholes([], "indices", 10).tolist() == []


def test_the_limit_is_written_as_people_write_it():
    for below, words in (
        (COHORT_SEED_LIMIT, r"2\*\*64 - 1"),
        (SEED_LIMIT, r"2\*\*63 - 2"),
        (10, "9"),
        (PATIENT_LIMIT, r"2\*\*40 - 1"),
    ):
        with pytest.raises(ConfigError, match=f"between 0 and {words}, not"):
            whole(below, "a seed", below)


def test_more_than_the_machine_has_is_refused_before_work():
    with pytest.raises(ConfigError, match=r"3 patients would need about 1e\+09 GB, and this machine has"):
        require_memory("3 patients", 1e18)
    require_memory("3 patients", 1.0)
