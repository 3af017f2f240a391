"""Price tables: every row judged by itself, refusals with their reasons, and the good rows kept on demand."""

from __future__ import annotations

import pytest

from thecal.clinic.costs.prices import catalog, read_prices, table_names
from thecal.core.errors import ConfigError, ParameterError, UnknownNameError

GOOD = {
    "item": "visit", "price": 100.0, "per": "visit", "currency": "USD", "year": 2013, "source": "made up",
    "confidence": "low", "kind": "proposed",
}  # fmt: skip
BAD = {
    "no price": ({"price": None}, "price"),
    "no source": ({"source": None}, "source"),
    "a source of dashes": ({"source": "--"}, "source"),
    "negative": ({"price": -1.0}, "price"),
    "implausible": ({"price": 1.0e6}, "implausible"),
    "other currency": ({"currency": "EUR"}, "contradicts"),
    "other year": ({"year": 2010}, "contradicts"),
    "no such currency": ({"currency": "XYZ"}, "currency"),
    "a year to come": ({"year": 2999}, "year"),
    "before any pump": ({"year": 1950}, "year"),
    "no such item": ({"item": "vist"}, "did you mean 'visit'"),
    "counted otherwise": ({"per": "month"}, "per"),
    "a drug where none is": ({"drug": "morphine"}, "drug"),
    "no drug where one is": ({"item": "drug", "per": "mg"}, "drug"),
    "no such drug": ({"item": "drug", "per": "mg", "drug": "morphin"}, "did you mean 'morphine'"),
    "a spread without width": ({"spread": "gamma"}, "sd"),
    "a width without spread": ({"sd": 3.0}, "sd"),
    "too wide": ({"spread": "gamma", "sd": 101.0}, "sd"),
    "uniform without ends": ({"spread": "uniform", "low": 1.0}, "low, high"),
    "uniform beside its number": ({"spread": "uniform", "low": 1.0, "high": 99.0}, "low, high"),
    "unknown key": ({"colour": "red"}, "colour"),
    "text for a number": ({"price": "100"}, "price"),
    "no such kind": ({"kind": "guess"}, "kind"),
}  # fmt: skip


def table(*rows, head='title = "mine"\ncurrency = "USD"\nyear = 2013\n'):
    lines = [head]
    for row in rows:
        lines.append("[[row]]")
        for key, value in row.items():
            if value is not None:
                lines.append(f"{key} = {value if not isinstance(value, str) else chr(34) + value + chr(34)}")
    return "\n".join(lines)


def put(path, *rows, **more):
    path.write_text(table(*rows, **more), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", table_names())
def test_shipped_tables_have_every_row_good(name):
    found = read_prices(name)
    assert not found.refused
    assert found["implant"] > found["replacement"]


@pytest.mark.parametrize(("change", "said"), BAD.values(), ids=BAD)
def test_a_bad_row_is_refused_with_its_reason(change, said, tmp_path):
    other = {**GOOD, "item": "refill", "per": "refill"}
    path = put(tmp_path / "mine.toml", other, {**GOOD, **change})
    with pytest.raises(ParameterError, match=r"^mine.toml: row.2 ") as seen:
        read_prices(path)
    assert said in str(seen.value)
    kept = read_prices(path, keep_good=True)
    assert list(kept.rows) == ["refill"]
    assert [one.row for one in kept.refused] == [2]
    assert said in kept.refused[0].reason


def test_every_bad_row_is_told_at_once(tmp_path):
    path = put(tmp_path / "mine.toml", GOOD, {**GOOD, "price": -1.0}, {**GOOD, "item": "x"})
    with pytest.raises(ParameterError) as seen:
        read_prices(path)
    assert "row.2 (visit)" in str(seen.value)
    assert "row.3 (x)" in str(seen.value)


def test_two_prices_of_one_thing_contradict(tmp_path):
    path = put(tmp_path / "mine.toml", GOOD, {**GOOD, "price": 90.0}, GOOD)
    found = read_prices(path, keep_good=True)
    assert found["visit"] == 100.0
    assert "contradicts" in found.refused[0].reason
    assert "contradicts" not in found.refused[1].reason


def test_a_part_cannot_cost_more_than_the_whole(tmp_path):
    implant = {**GOOD, "item": "implant", "per": "implant", "price": 9000.0}
    part = {**GOOD, "item": "replacement", "per": "replacement", "price": 9001.0}
    found = read_prices(put(tmp_path / "mine.toml", implant, part), keep_good=True)
    assert "contradicts the implant" in found.refused[0].reason


def test_no_good_row_is_no_table(tmp_path):
    path = put(tmp_path / "mine.toml", {**GOOD, "price": -1.0})
    with pytest.raises(ParameterError, match="none of its 1 rows"):
        read_prices(path, keep_good=True)


@pytest.mark.parametrize(
    "head",
    [
        "",
        'title = "x"\n',
        'title = "x"\ncurrency = "USD"\nyear = 1900\n',
        'title = "x"\ncurrency = "ZZZ"\nyear = 2013\n',
    ],
)
def test_a_bad_head_is_refused_whatever_is_kept(head, tmp_path):
    path = put(tmp_path / "mine.toml", GOOD, head=head)
    with pytest.raises(ParameterError, match=r"^mine.toml: "):
        read_prices(path, keep_good=True)


def test_an_unknown_table_and_a_missing_price_are_told():
    with pytest.raises(UnknownNameError, match="price table"):
        read_prices("usd_2031")
    with pytest.raises(ConfigError, match="no price for stimulator"):
        _ = read_prices()["stimulator"]


def test_every_item_has_bounds_in_order():
    assert all(item.lowest < item.highest for item in catalog().item.values())
