"""What arrives as an action: exactly the numbers that were asked for, or NaN with one warning, whatever it is."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from thecal.core.errors import InvalidActionWarning
from thecal.envs.adapters.actions import is_copied, read_action, read_actions, read_choice, read_choices

HELD = "; the shield held the last safe rate"
HUGE = np.finfo(np.longdouble).max  # no double holds it


class Told:
    """A thing that turns itself into an array, as a tensor does, and has a dtype that NumPy does not know."""

    dtype = "of its own"

    def __init__(self, values: Any, warns: bool = False) -> None:
        self.values, self.warns = values, warns

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        if self.warns:
            warnings.warn("slow", UserWarning, stacklevel=1)
        return np.array(self.values)


class Broken:
    """A thing that raises when it is asked for its numbers."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise OSError("no")


class Liar(list):  # type: ignore[type-arg]
    """A list whose own methods tell something else."""

    def __getitem__(self, key: Any) -> Any:
        return 9.0

    def __iter__(self) -> Any:
        return iter((9.0, 9.0))


class Shifty(tuple):
    """A tuple whose own methods tell something else."""

    def __getitem__(self, key: Any) -> Any:
        return 9.0


class TwoFaced(list):  # type: ignore[type-arg]
    """A list that turns itself into another array."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.array([9.0, 9.0])


class Veiled(np.ma.MaskedArray):  # type: ignore[type-arg]
    """A masked array of another name."""


def masked(values: Any, mask: Any, kind: Any = float) -> Any:
    return np.ma.masked_array(np.array(values, kind), mask)


GOOD: dict[str, tuple[Any, tuple[float, float]]] = {
    "doubles": (np.array([0.5, -0.25]), (0.5, -0.25)),
    "singles": (np.array([0.5, -0.25], np.float32), (0.5, -0.25)),
    "integers": (np.array([3, -1], np.int8), (3.0, -1.0)),
    "unsigned": (np.array([3, 1], np.uint16), (3.0, 1.0)),
    "extended": (np.array([0.5, HUGE], np.longdouble), (0.5, np.inf)),
    "not numbers": (np.array([np.nan, -np.inf]), (np.nan, -np.inf)),
    "list": ([0.5, -2], (0.5, -2.0)),
    "tuple": ((-0.125, np.nan), (-0.125, np.nan)),
    "scalars": ([np.float32(0.5), np.array(2)], (0.5, 2.0)),
    "unsigned scalars": ([np.uint8(7), np.int64(-7)], (7.0, -7.0)),
    "extended scalars": ([np.longdouble(0.5), HUGE], (0.5, np.inf)),
    "objects": (np.array([0.5, np.float32(0.25)], object), (0.5, 0.25)),
    "tensor": (Told([0.5, 0.25]), (0.5, 0.25)),
    "slow tensor": (Told([1, 2], warns=True), (1.0, 2.0)),
    "tensors": ([Told(0.5), Told(2)], (0.5, 2.0)),
    "liar": (Liar([0.5, 0.25]), (0.5, 0.25)),
    "shifty": (Shifty((0.5, 0.25)), (0.5, 0.25)),
    "two-faced": (TwoFaced([0.5, 0.25]), (0.5, 0.25)),
    "veiled": (Veiled([0.5, 0.25], [0, 1]), (0.5, np.nan)),
    "partly masked": (masked([0.5, 0.25], [0, 1]), (0.5, np.nan)),
    "masked integers": (masked([5, 6], [1, 0], np.int32), (np.nan, 6.0)),
    "unmasked": (masked([0.5, 0.25], [0, 0]), (0.5, 0.25)),
    "unmasked objects": (masked([0.5, 0.25], [0, 0], object), (0.5, 0.25)),
}
BAD: dict[str, Any] = {
    "too short": np.zeros(1), "too long": np.zeros(3), "a row in a row": np.zeros((1, 2)), "column": np.zeros((2, 1)),
    "booleans": np.array([True, False]), "complex": np.array([1j, 0.0]), "texts": np.array(["1", "2"]),
    "dates": np.array([1, 2], "datetime64[ns]"), "durations": np.array([1, 2], "timedelta64[ns]"),
    "masked booleans": masked([True, True], [0, 1], bool), "masked complex": masked([1j, 0.0], [0, 1], complex),
    "long masked": masked([0.5, 0.25, 0.0], [0, 0, 1]), "short list": [0.5], "long tuple": (0.5, 0.5, 0.5), "empty": [],
    "a truth": [True, 0.5], "NumPy's truth": [np.True_, 0.5], "inner row": [np.array([0.5]), 0.5],
    "inner list": [[0.5], 0.5], "complex inside": [np.complex128(1.0), 0.5], "text inside": ["1", 0.5],
    "none inside": [None, 0.5], "beyond a float": [10**400, 0.5], "broken inside": [Broken(), 0.5],
    "objects of no use": np.array([None, 0.5], object), "long objects": np.array([0.5] * 3, object),
    "range": range(2),
    "memory": memoryview(np.zeros(2)), "nothing": None, "text": "up", "number": 0.5, "bytes": b"12", "mapping": {0: 0.5, 1: 0.5},
    "broken": Broken(),
    "tensor of another length": Told([0.5]), "tensor of truths": Told([True, False]),
}  # fmt: skip


def read(function: Any, *args: Any) -> tuple[Any, list[str]]:
    """What a reader gives, and every warning it raised."""
    with np.errstate(over="warn"), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = function(*args)
    assert {one.category for one in caught} <= {InvalidActionWarning}, [str(one.message) for one in caught]
    return found, [str(one.message) for one in caught]


def is_own(found: Any, shape: tuple[int, ...]) -> None:
    """A fresh array such as the kernel takes."""
    assert (type(found), found.dtype, found.shape) == (np.ndarray, np.float64, shape)
    assert found.flags.c_contiguous
    assert found.flags.writeable
    assert found.flags.owndata or found.base is not None


def test_numbers_are_read_as_they_are() -> None:
    for name, (action, numbers) in GOOD.items():
        found, words = read(read_action, action, 2)
        assert words == [], name
        is_own(found, (2,))
        np.testing.assert_array_equal(found, numbers, err_msg=name)
        assert not np.shares_memory(found, action) if type(action) is np.ndarray else True, name


def test_anything_else_is_held_with_one_warning() -> None:
    for name, action in BAD.items():
        found, words = read(read_action, action, 2)
        assert words == [f"action of type {type(action).__name__} is not 2 real numbers{HELD}"], name
        is_own(found, (2,))
        assert np.isnan(found).all(), name


def test_only_plain_arrays_that_fit_are_copied() -> None:
    for kind in (np.float64, np.float32, np.float16, np.int64, np.uint8):
        row = np.array([7.0, 8.0])
        assert is_copied(np.array([3, 1], kind), row) is True
        assert row.tolist() == [3.0, 1.0]
    plain = {"unmasked", "partly masked", "masked integers", "unmasked objects", "objects", "extended"}
    for name, action in {**{name: GOOD[name][0] for name in plain}, **BAD, "list": [0.5, 0.5]}.items():
        row = np.array([7.0, 8.0])
        assert is_copied(action, row) is False, name
        assert row.tolist() == [7.0, 8.0], name


def test_rows_of_numbers_are_read_as_they_are() -> None:
    rows = [[0.5, 1.0], [-0.25, 2.0], [0.125, 3.0]]
    square = np.array(rows[:2])
    for actions in (
        np.array(rows), np.array(rows, np.float32), np.array(rows, np.longdouble), np.asfortranarray(rows), rows, tuple(rows),
        list(map(tuple, rows)), list(map(np.array, rows)), list(map(Told, rows)), Told(rows), np.array(rows, object),
        Told(np.array(rows, object)), masked(rows, np.zeros((3, 2))), Told(rows, warns=True),
    ):  # fmt: skip
        found, words = read(read_actions, actions, 3, 2)
        assert words == []
        is_own(found, (3, 2))
        np.testing.assert_array_equal(found, rows)
        assert found is not actions
    for kind in (np.float64, np.longdouble):
        found, _ = read(read_actions, square.astype(kind).T, 2, 2)
        is_own(found, (2, 2))
        np.testing.assert_array_equal(found, square.T)
    given = np.array(rows)
    assert not np.shares_memory(read_actions(given, 3, 2), given)
    found, words = read(read_actions, np.array([[HUGE, 1.0]], np.longdouble), 1, 2)
    assert (found.tolist(), words) == ([[np.inf, 1.0]], [])
    found, _ = read(read_actions, masked(rows, [[0, 0], [1, 0], [0, 1]]), 3, 2)
    np.testing.assert_array_equal(found, [[0.5, 1.0], [np.nan, 2.0], [0.125, np.nan]])


def test_a_row_that_is_no_row_spoils_no_other() -> None:
    objects = np.empty(3, object)
    objects[:] = [[0.5, 1.0], None, [True, 0.5]]
    for actions, bad in (
        ([[0.5, 1.0], [0.25], (2.0, 3.0)], [1]), (([True, 1.0], "up", np.array([4.0, 5.0])), [0, 1]), (objects, [1, 2]),
        ([0.5, 0.5, [1.0, 2.0]], [0, 1]), ([Broken(), np.zeros(3), np.zeros((1, 2))], [0, 1, 2]),
    ):  # fmt: skip
        found, words = read(read_actions, actions, 3, 2)
        assert words == [f"{len(bad)} of 3 actions are not 2 real numbers{HELD}"]
        is_own(found, (3, 2))
        for i in range(3):
            np.testing.assert_array_equal(found[i], (np.nan, np.nan) if i in bad else tuple(actions[i]))


def test_rows_of_another_number_are_all_held() -> None:
    wide = np.empty((3, 3), object)
    wide[:] = 0.5
    for actions in (
        np.zeros((2, 2)), np.zeros((3, 1)), np.zeros((4, 2)), np.zeros(6), np.zeros((3, 3)), np.zeros((1, 3, 2)), 0.5, None,
        [[0.0, 0.0]] * 2, [[0.0, 0.0]] * 4, [], "abc", np.array(None), Told(0.5), np.zeros((3, 2), bool), Broken(),
        np.zeros((3, 2), complex), np.zeros((3, 2), "datetime64[ns]"), np.full((3, 2), "1"), Told(np.array(None)),
        masked(np.zeros((3, 2)), np.eye(3, 2), bool), Told(np.zeros((3, 2), bool)), np.empty((2, 2), object),
    ):  # fmt: skip
        found, words = read(read_actions, actions, 3, 2)
        assert words == [f"actions of type {type(actions).__name__} are not 3 rows of 2 real numbers{HELD}"]
        is_own(found, (3, 2))
        assert np.isnan(found).all()
    found, words = read(read_actions, wide, 3, 2)
    assert np.isnan(found).all()
    assert words == [f"3 of 3 actions are not 2 real numbers{HELD}"]


WHOLE = {"int": 2, "int64": np.int64(2), "uint8": np.uint8(2), "array": np.array(2), "tensor": Told(2)}
NOT_WHOLE = {
    "negative": -1, "too large": 5, "fraction": 2.0, "NumPy's fraction": np.float64(2.0), "truth": True, "None": None,
    "NumPy's truth": np.True_, "row": np.array([2]), "list": [2], "text": "2", "broken": Broken(), "huge": 10**30,
}  # fmt: skip


def test_a_choice_is_a_number_of_the_table() -> None:
    for name, choice in WHOLE.items():
        found, words = read(read_choice, choice, 5)
        assert (type(found), found, words) == (int, 2, []), name
    assert [read(read_choice, k, 5) for k in (0, 1, 4)] == [(0, []), (1, []), (4, [])]
    for name, choice in NOT_WHOLE.items():
        found, words = read(read_choice, choice, 5)
        assert found is None, name
        assert words == [f"choice of type {type(choice).__name__} is not a whole number from 0 to 4{HELD}"], name


def test_choices_are_read_one_by_one() -> None:
    for choices in ([0, 2, 4], (0, 2, 4), np.array([0, 2, 4]), np.array([0, 2, 4], np.uint8), Told([0, 2, 4])):
        found, words = read(read_choices, choices, 3, 5)
        assert (found, words, {type(one) for one in found}) == ([0, 2, 4], [], {int})
    assert read(read_choices, list(WHOLE.values()), 5, 3) == ([2] * 5, [])
    found, words = read(read_choices, list(NOT_WHOLE.values()), len(NOT_WHOLE), 5)
    assert found == [None] * len(NOT_WHOLE)
    assert words == [f"{len(NOT_WHOLE)} of {len(NOT_WHOLE)} choices are not whole numbers from 0 to 4{HELD}"]
    found, words = read(read_choices, [4, 5, -1, 0], 4, 5)
    assert (found, words) == ([4, None, None, 0], [f"2 of 4 choices are not whole numbers from 0 to 4{HELD}"])
    for choices in (
        np.array(2),
        np.zeros((3, 1), int),
        [1, 2],
        [1, 2, 3, 4],
        None,
        2,
        "123",
        Broken(),
        np.zeros(2, int),
    ):
        found, words = read(read_choices, choices, 3, 5)
        assert found == [None, None, None]
        assert words == [f"choices of type {type(choices).__name__} are not 3 whole numbers{HELD}"]
