"""``thecal clinic cost``: what a pump costs and brings, by expected numbers or by a stored run, and the published figures."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thecal.core.errors import ConfigError
from thecal.experiments.commands.common import Json, Seed, emit, note, output, plain_table, say
from thecal.experiments.commands.places import Output, check_outputs

if TYPE_CHECKING:
    from thecal.clinic.costs.model import Comparison, Uncertainty
    from thecal.clinic.costs.prices import Prices
    from thecal.experiments.studies.costing import PricedPair, PricedRun

_SHOWN = 8  # rows of the tornado
_DOMINANT = {
    "dominant": "costs less and brings more: it dominates",
    "dominated": "costs more and brings less: it is dominated",
    "equal": "costs and brings the same",
}
TABLE = Annotated[
    str, typer.Option("--prices", help="Price table by name or .toml file (`thecal clinic cost prices`).")
]
KEEP = Annotated[bool, typer.Option("--keep-good", help="Leave out rows that are refused, with their reasons.")]

cost = typer.Typer(
    name="cost",
    help="What a pump costs and brings. Research simulation only.",
    invoke_without_command=True,
    rich_markup_mode="markdown",
)


def register(group: typer.Typer) -> None:
    """Add the commands to the group ``thecal clinic``."""
    group.add_typer(cost)


@cost.callback()
def priced(
    context: typer.Context,
    run: Annotated[
        Path | None, typer.Option("--from", help="Price this stored run: its folder, or a table of trajectories.")
    ] = None,
    against_run: Annotated[
        Path | None, typer.Option("--against-run", help="A run of the same patients and days to compare it with.")
    ] = None,
    upfront: Annotated[bool, typer.Option("--upfront/--no-upfront", help="Count trial and implant of a run.")] = True,
    prices: TABLE = "usd_2013",
    keep_good: KEEP = False,
    against: Annotated[
        str, typer.Option("--against", help="Comparator without a run: conventional, stimulation, surgery.")
    ] = "conventional",
    months: Annotated[int, typer.Option("--months", help="Horizon without a run.", min=1, max=1200)] = 60,
    worth: Annotated[
        float, typer.Option("--worth", help="Worth of a QALY in the table's currency.", min=0.0, max=1e7)
    ] = 50_000.0,
    draws: Annotated[
        int, typer.Option("--draws", help="Draws of the sensitivity analysis.", min=2, max=1_000_000)
    ] = 5000,
    seed: Seed = 0,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Also write the result (.json).", dir_okay=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Cost, break-even and cost-effectiveness of a pump; of expected numbers, or with --from of a stored run.

    Examples: `thecal clinic cost --months 120`, `thecal clinic cost --from runs/mine --against-run runs/fixed`
    """
    if context.invoked_subcommand is not None:
        return
    if run is None and against_run is not None:
        raise ConfigError("--against-run: needs the run that it is compared with, --from")
    check_outputs(inputs=[prices, run, against_run], files={"--out": Output(out, (".json",))})
    table = _read(prices, keep_good)
    found = (
        _model(table, months, against, worth, draws, seed, quiet=as_json)
        if run is None
        else _runs(table, run, against_run, upfront, seed, quiet=as_json)
    )
    if out is not None:
        from thecal.core.files import as_json as written
        from thecal.core.files import write_whole

        note(f"wrote {write_whole(out, written(found))}")
    if as_json:
        emit(found)


@cost.command("prices")
def show_prices(
    table: Annotated[str, typer.Argument(help="Price table by name or .toml file.")] = "usd_2013",
    keep_good: KEEP = False,
    as_json: Json = False,
) -> None:
    """Check a price table row by row and show it.

    Example: `thecal clinic cost prices mine.toml --keep-good`
    """
    found = _read(table, keep_good)
    if as_json:
        emit({"name": found.name, "title": found.title, "currency": found.currency, "year": found.year,
              "rows": found.rows, "refused": [one._asdict() for one in found.refused]})  # fmt: skip
        return
    shown = plain_table(f"{found.title}: {found.name}", ["item", "price", "sd", "per", "evidence"], numbers=False)
    for key, row in found.rows.items():
        spread = "" if row.sd is None else f"{row.sd:g}"
        shown.add_row(key, f"{row.price:g}", spread, row.per, f"{row.kind}, {row.confidence}")
    output().print(shown)


@cost.command("comparators")
def show_comparators(as_json: Json = False) -> None:
    """What a pump is compared with, and what is published of its effect and cost.

    Example: `thecal clinic cost comparators --json`
    """
    from thecal.clinic.costs.comparators import comparators

    found = comparators()
    if as_json:
        emit(found)
        return
    for one in found.values():
        shown = plain_table(one.title, ["published", "value", "against", "unit", "source"])
        for row in one.published:
            against = "" if row.against is None else f"{row.against:g}"
            shown.add_row(row.what, f"{row.value:g}", against, row.unit, row.source)
        output().print(shown)


@cost.command("published")
def show_published(as_json: Json = False) -> None:
    """The economic figures of the review and its sources: which follow from stated inputs, which cannot, and why.

    Example: `thecal clinic cost published`
    """
    from thecal.clinic.costs.published import attempts

    found = attempts()
    if as_json:
        emit([{"key": one.key, "here": one.here, "met": one.met, **one.figure.model_dump()} for one in found])
        return
    shown = plain_table("Published economic figures", ["figure", "published", "here", "status", "source"])
    for one in found:
        here = "" if one.here is None else f"{one.here:,.1f}"
        shown.add_row(
            one.figure.figure, f"{one.figure.value:,.6g} {one.figure.unit}", here, one.figure.status, one.figure.source
        )
    output().print(shown)
    for one in found:
        if one.figure.status != "reproduced":
            say(f"- {one.figure.figure} ({one.figure.value:g} {one.figure.unit}): {one.figure.why}.")


def _read(table: str, keep_good: bool) -> Prices:
    from thecal.clinic.costs.prices import read_prices

    found = read_prices(table, keep_good=keep_good)
    for one in found.refused:
        note(f"left out row {one.row} ({one.name}): {one.reason}", "yellow")
    return found


def _model(
    table: Prices, months: int, against: str, worth: float, draws: int, seed: int, *, quiet: bool
) -> dict[str, Any]:
    from thecal.clinic.costs.course import as_rows
    from thecal.clinic.costs.model import Setting, compare_courses, read_inputs, sensitivity

    setting, inputs = Setting(months, against, worth), read_inputs()
    found = compare_courses(table, inputs, setting)
    unsure = sensitivity(table, inputs, setting, draws, seed)
    if not quiet:
        _show_model(table, found, unsure)
    every = 12 if months > 12 else 1
    return {
        "note": "simulation only", "prices": table.name, "currency": table.currency, "price_year": table.year,
        "refused": [one._asdict() for one in table.refused], "setting": setting, "break_even_month": found.break_even,
        "first_year": found.first_year, "first_year_more": found.first_year_more, "increment": found.result._asdict(),
        "net_benefit": found.net_benefit, "discount_costs": found.discount,
        "pump": as_rows(found.pump, found.discount, every), "other": as_rows(found.other, found.discount, every),
        "draws": draws, "seed": seed, "acceptability": [one._asdict() for one in unsure.curve],
        "tornado": [{"number": name, "low": low, "high": high} for name, low, high in unsure.tornado],
    }  # fmt: skip


def _show_model(table: Prices, found: Comparison, unsure: Uncertainty) -> None:
    from thecal.clinic.costs.comparators import comparator
    from thecal.clinic.costs.course import as_rows

    unit, other = f"{table.currency} of {table.year}", comparator(found.setting.against).title
    every = 12 if found.setting.months > 12 else 1
    shown = plain_table(
        f"Cost of a pump against {other.lower()}, {unit}", ["month", "pump", "other", "more"], numbers=True,
        caption=f"cumulative, discounted by {100 * found.discount:g} % a year",
    )  # fmt: skip
    rows = zip(as_rows(found.pump, found.discount, every), as_rows(found.other, found.discount, every), strict=True)
    for mine, theirs in rows:
        cells = (mine["cost"], theirs["cost"], mine["cost"] - theirs["cost"])
        shown.add_row(str(mine["month"]), *(f"{value:,.0f}" for value in cells))
    output().print(shown)
    even = "no month of the horizon" if math.isinf(found.break_even) else f"month {found.break_even:.1f} (undiscounted)"
    say(f"The pump has cost no more than the other from {even} on.")
    say(f"Its first year costs {found.first_year:,.0f}, which is {found.first_year_more:,.0f} more than the other's.")
    say(_sentence(found.result, f"Over {found.setting.months} months the pump", table.currency))
    _show_curve(unsure.curve, f"{unsure.draws} draws, seed {unsure.seed}", table.currency)
    bars = plain_table(
        f"Net benefit at {found.setting.worth:,.0f} a QALY, one number at a time", ["number", "low end", "high end"],
        numbers=True, caption="each at its 2.5 and 97.5 % quantile, all others at their means",
    )  # fmt: skip
    for name, low, high in unsure.tornado[:_SHOWN]:
        bars.add_row(name, f"{low:,.0f}", f"{high:,.0f}")
    output().print(bars)


def _sentence(found: Any, who: str, currency: str) -> str:
    gap = f"{found.cost:+,.0f} {currency} and {found.effect:+.4f} QALY"
    if found.place in _DOMINANT:
        return f"{who} {_DOMINANT[found.place]} ({gap})."
    return f"{who} is {found.place} ({gap}): {found.icer:,.0f} {currency} for a QALY."


def _show_curve(curve: list[Any], of: str, currency: str) -> None:
    shown = plain_table(
        "How sure the choice is", [f"{currency} a QALY", "better in", "net benefit", "perfect information"], numbers=True,
        caption=f"% of {of}, each ± its Monte-Carlo standard error",
    )  # fmt: skip
    for one in curve:
        shown.add_row(
            f"{one.worth:,.0f}", f"{100 * one.share:.1f} ± {100 * one.error:.1f}",
            f"{one.gain:,.0f} ± {one.gain_error:,.0f}", f"{one.perfect_information:,.0f}",
        )  # fmt: skip
    output().print(shown)


def _runs(table: Prices, run: Path, other: Path | None, upfront: bool, seed: int, *, quiet: bool) -> dict[str, Any]:
    from thecal.experiments.studies.costing import price_pair, price_run, stored_runs

    head = {"note": "simulation only", "prices": table.name, "upfront": upfront}
    if other is None:
        found = price_run(stored_runs(run), table, upfront=upfront, seed=seed)
        if not quiet:
            _show_run(found)
        return {**head, **found.as_dict()}
    first, second, pair = price_pair(run, other, table, upfront=upfront, seed=seed)
    if not quiet:
        _show_run(first)
        _show_run(second)
        _show_pair(first, second, pair)
    return {
        **head, "run": first.as_dict(), "against": second.as_dict(), "cost": pair.cost, "qalys": pair.effect,
        "increment": pair.result._asdict(), "acceptability": [one._asdict() for one in pair.curve],
    }  # fmt: skip


def _show_run(found: PricedRun) -> None:
    mark = "UNSHIELDED: " if found.unshielded else ""
    title = f"{mark}{found.policy}, {found.task}, {len(found.patients)} patients, {found.days:g} days"
    shown = plain_table(title, ["item", "used by each", f"{found.currency} of {found.year}"], numbers=True)
    for key, value in found.shares.items():
        shown.add_row(key, f"{found.counts.get(key, 1.0):,.3g}", f"{value:,.2f}")
    shown.add_section()
    for label, one, digits in (
        ("total", found.total, 0), ("upkeep of a month", found.upkeep_month, 0), ("QALY", found.effect, 5),
    ):  # fmt: skip
        shown.add_row(label, "", f"{one.mean:,.{digits}f} ({one.low:,.{digits}f} to {one.high:,.{digits}f})")
    output().print(shown)


def _show_pair(first: PricedRun, second: PricedRun, pair: PricedPair) -> None:
    say(_sentence(pair.result, f"{first.policy} against {second.policy}", first.currency))
    say(
        f"Intervals over patients: cost {pair.cost.low:+,.0f} to {pair.cost.high:+,.0f}, QALY {pair.effect.low:+.5f} to "
        f"{pair.effect.high:+.5f}. Utility beside pain rests on engineering choices; see docs/costs.md."
    )
    _show_curve(pair.curve, "resamples of the patients", first.currency)
