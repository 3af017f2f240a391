"""The info of a single step reads, compares, copies and pickles as the plain dictionary it stands for."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.wrappers import RecordEpisodeStatistics
from hypothesis import given
from hypothesis import strategies as st

from thecal.envs.adapters.infos import NAMES
from thecal.envs.adapters.lazy_info import Info

WHOLE = {"a": 1, "b": np.float64(2.0), "c": None, "d": "x", "e": 5, "f": 6}


class Counted:
    """A source that counts what it makes."""

    def __init__(self) -> None:
        self.ones = self.wholes = 0

    def one(self, row: Any, name: str) -> Any:
        self.ones += 1
        return row[name]

    def everything(self, row: Any) -> dict[str, Any]:
        self.wholes += 1
        return dict(row)


def unread() -> Info:
    return Info.of(Counted(), WHOLE, "d", "x")


READS = {
    "item": lambda d: d["b"],
    "no item": lambda d: d.get("zz", 7),
    "get": lambda d: d.get("c", 7),
    "in": lambda d: ("a" in d, "zz" in d),
    "list": list,
    "reversed": lambda d: list(reversed(d)),
    "length": len,
    "truth": bool,
    "keys": lambda d: list(d.keys()),
    "values": lambda d: list(d.values()),
    "items": lambda d: list(d.items()),
    "text": repr,
    "dict": dict,
    "double star": lambda d: dict(**d),
    "unpacked": lambda d: {"z": 0, **d},
    "updated with": lambda d: {"a": 0} | d,
    "update": lambda d: (lambda x: x.update(d) or x)({"q": 1}),
    "or": lambda d: d | {"a": 9},
    "equal": lambda d: (d == WHOLE, WHOLE == d, d == {}, d != WHOLE),  # noqa: SIM300  (both sides are the point)
    "copy": lambda d: d.copy(),
    "copy.copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda d: pickle.loads(pickle.dumps(d)),
    "json": json.dumps,
    "mapping": lambda d: (isinstance(d, dict), isinstance(d, Mapping)),
    "match": lambda d: [value for value in [d] if isinstance(value, dict) and value["a"] == 1] == [WHOLE],
}
WRITES = {
    "set": lambda d: d.__setitem__("a", 9),
    "new": lambda d: d.__setitem__("new", 9),
    "delete": lambda d: d.__delitem__("b"),
    "pop": lambda d: d.pop("c"),
    "pop nothing": lambda d: d.pop("zz", 3),
    "popitem": lambda d: d.popitem(),
    "setdefault": lambda d: (d.setdefault("a", 4), d.setdefault("new", 4)),
    "update": lambda d: d.update(a=3, more=4),
    "in place": lambda d: d.__ior__({"a": 0, "zz": 1}) and None,
    "clear": lambda d: d.clear(),
}


@given(st.lists(st.sampled_from(sorted(READS | WRITES)), max_size=6))
def test_does_what_a_dictionary_does(steps: list[str]) -> None:
    lazy, plain = unread(), dict(WHOLE)
    for name in steps:
        found = []
        for each in (lazy, plain):
            try:
                found.append((READS | WRITES)[name](each))
            except (KeyError, ValueError) as error:
                found.append(type(error))
        assert found[0] == found[1], name
    assert list(lazy.items()) == list(plain.items())


def test_copies_and_pickles_are_plain() -> None:
    for made in (unread().copy(), copy.copy(unread()), copy.deepcopy(unread()), pickle.loads(pickle.dumps(unread()))):
        assert type(made) is dict
        assert list(made.items()) == list(WHOLE.items())


def test_nothing_is_made_that_nobody_reads() -> None:
    info = unread()
    source: Any = info._source
    info["mine"] = 1
    assert (source.ones, source.wholes) == (0, 0)
    assert info["a"] == info["a"] == 1
    assert (source.ones, source.wholes) == (1, 0)
    with pytest.raises(KeyError, match="zz"):
        info["zz"]
    assert [info[key] for key in "abcdef"] == list(WHOLE.values())
    assert source.ones == 4  # two of them before, one of which there is none
    assert source.wholes == 1
    assert list(info) == [*WHOLE, "mine"]


def test_a_step_is_not_changed_by_later_ones() -> None:
    env = gym.make("thecal:thecal/CancerMorphine-v0", patients=[3]).unwrapped
    env.reset(seed=5)
    first, second = (env.step(np.ones(2, np.float32))[4] for _ in range(2))
    env.reset(seed=5)
    whole = [dict(env.step(np.ones(2, np.float32))[4]) for _ in range(2)]
    for lazy, plain in zip((first, second), whole, strict=True):
        for name in plain:
            single = lazy[name] if name in ("dose_ug", "nrs_report") else dict.get(lazy, name, lazy[name])
            assert type(single) is type(plain[name])
            np.testing.assert_array_equal(single, plain[name])
    assert set(NAMES) < set(whole[0])
    assert data_equivalence(dict(second), whole[1], exact=True)


def test_one_entry_is_that_of_the_whole() -> None:
    env = gym.make("thecal:thecal/CancerMorphine-v0", patients=[3], truth=True).unwrapped
    env.reset(seed=5)
    for _ in range(30):
        info = env.step(np.array([0.3, 0.5], np.float32))[4]
        plain = info._source.everything(info._row)
        for name, value in plain.items():
            single = info._source.one(info._row, name)
            assert type(single) is type(value), name
            np.testing.assert_array_equal(single, value, err_msg=name)


def test_statistics_of_an_episode_are_added() -> None:
    env = RecordEpisodeStatistics(gym.make("thecal:thecal/CancerMorphine-v0", patients=[3], horizon_d=1))
    env.reset(seed=5)
    ended = False
    while not ended:
        *_, terminated, truncated, info = env.step(np.zeros(2, np.float32))
        ended = terminated or truncated
    assert info["episode"]["l"] == 24
    assert "cost" in info
