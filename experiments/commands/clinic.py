"""``thecal clinic``: who gets a pump, and what comes next, for synthetic charts or a table of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thecal.core.documents import is_toml
from thecal.core.files import write_whole
from thecal.experiments.commands import clinic_cost, clinic_pathway, clinic_trialing
from thecal.experiments.commands.clinic_charts import (
    SIMULATION,
    Charts,
    KeepGood,
    drawn_charts,
    one_of,
    some_charts,
    tell,
)
from thecal.experiments.commands.cohort import CohortSeed, Name
from thecal.experiments.commands.common import (
    Json,
    Patients,
    Split,
    emit,
    note,
    output,
    plain_table,
    write_csv,
)
from thecal.experiments.commands.places import Output, check_outputs, files_of, page

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from thecal.clinic.selection.rules import Rule
    from thecal.clinic.selection.verdict import Verdict

_TABLES = (".csv", ".parquet")
_MOST_REASONS = 15


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    group = typer.Typer(no_args_is_help=True, help="Around the pump: who gets one, what comes next, what it costs.")
    group.command("charts")(charts)
    group.command("select")(select)
    clinic_pathway.register(group)
    clinic_trialing.register(group)
    clinic_cost.register(group)
    app.add_typer(group, name="clinic", rich_help_panel="Look around")


def charts(
    path: Annotated[Path, typer.Argument(help="File to write: .csv or .parquet.")],
    cohort: Name = "noncancer",
    patients: Patients = 1000,
    split: Split = "train",
    seed: CohortSeed = 0,
) -> None:
    """Write synthetic charts of the patients of a cohort; the same options always give the same charts.

    Example: `thecal clinic charts charts.csv --cohort cancer -n 200`
    """
    check_outputs(inputs=files_of({"cohort": cohort}), files={"path": Output(path, _TABLES)})
    from thecal.clinic.selection.chart_table import write_charts

    write_charts(path, drawn_charts(cohort, patients, split, seed))
    note(f"{patients} synthetic charts of cohort {cohort} ({split}) written to {path}")


def select(
    charts: Charts = None,
    keep_good: KeepGood = False,
    cohort: Name = "noncancer",
    patients: Patients = 1000,
    split: Split = "train",
    seed: CohortSeed = 0,
    payer: Annotated[
        str | None, typer.Option("--payer", help="Also a payer's rules: us_medicare, us_manager, or a TOML file.")
    ] = None,
    patient: Annotated[str | None, typer.Option("--patient", help="Explain the verdict on this patient only.")] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", help="Write each patient's verdict here (.csv).", dir_okay=False)
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write a page with the funnel here (.html).", dir_okay=False)
    ] = None,
    report: Annotated[
        Path | None, typer.Option("--report", help="Write every problem of --charts here (.csv).", dir_okay=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Who is eligible for a pump, who must wait for what, who is not, and why: a funnel and the reasons.

    Example: `thecal clinic select --cohort cancer -n 500 --payer us_medicare`
    """
    check_outputs(
        inputs=[*files_of({"cohort": cohort}), charts, payer if payer and is_toml(payer) else None],
        files={"--csv": Output(csv, (".csv",)), "--html": page(html), "--report": Output(report, (".csv",))},
    )
    from thecal.clinic.selection.rules import payer_rules, selection_rules
    from thecal.clinic.selection.verdict import judge

    rules = {**selection_rules(), **(payer_rules(payer) if payer else {})}
    found, refused = some_charts(charts, keep_good, report, cohort, patients, split, seed)
    verdicts = [judge(chart, rules) for chart in found]
    title = f"{len(verdicts)} {'charts of ' + charts.name if charts else 'synthetic charts of cohort ' + cohort}"
    if csv is not None:
        note(f"wrote {_write_verdicts(csv, verdicts)}")
    if html is not None:
        from thecal.experiments.reports.selection_page import selection_page

        note(f"wrote {write_whole(html, selection_page(title, verdicts, rules))}")
    if patient is not None:
        _explain(patient, verdicts, as_json)
    elif as_json:
        emit(_as_data(title, verdicts, rules, refused))
    else:
        _print(title, verdicts, rules)


def _write_verdicts(path: Path, verdicts: Sequence[Verdict]) -> Path:
    head = ("patient", "path", "diagnosis", "synthetic", "answer", "rules", "sentence")
    rows = (
        (one.patient, one.path, one.diagnosis, one.synthetic, one.answer, _keys(one), one.sentence) for one in verdicts
    )
    return write_csv(path, head, rows)


def _keys(verdict: Verdict) -> str:
    return "+".join(reason.rule for reason in verdict.reasons)


def _as_data(title: str, verdicts: Sequence[Verdict], rules: Mapping[str, Rule], refused: int) -> dict[str, Any]:
    from thecal.clinic.selection.verdict import ANSWERS, counted, funnel

    return {
        "title": title,
        "simulation_only": True,
        "synthetic": all(one.synthetic for one in verdicts),
        "refused_rows": refused,
        "answers": {answer: sum(one.answer == answer for one in verdicts) for answer in ANSWERS},
        "funnel": [
            {
                "stage": one.stage,
                "came": one.came,
                "refused": one.refused,
                "waiting": one.waiting,
                "went_on": one.went_on,
            }
            for one in funnel(verdicts)
        ],
        "rules": [
            {"rule": key, "title": rule.title, "patients": n, "source": rule.source, "confidence": rule.confidence}
            for key, rule, n in counted(verdicts, rules)
        ],
        "patients": [
            {"patient": one.patient, "path": one.path, "answer": one.answer, "reasons": list(one.reasons)}
            for one in verdicts
        ],
    }


def _explain(patient: str, verdicts: Sequence[Verdict], as_json: bool) -> None:
    verdict = one_of(patient, {verdict.patient: verdict for verdict in verdicts})
    if as_json:
        emit({"simulation_only": True, "sentence": verdict.sentence, "answer": verdict.answer} | vars(verdict))
        return
    tell(f"Patient {patient} ({verdict.diagnosis.replace('_', ' ')}). {SIMULATION}")
    tell(verdict.sentence, "bold")
    for reason in verdict.reasons:
        tell(f"- {reason.sentence}")
        tell(f"  {'lifted when ' + reason.until if reason.until else 'nothing lifts this'}")
        tell(f"  source ({reason.confidence}): {reason.source}", "dim")


def _print(title: str, verdicts: Sequence[Verdict], rules: Mapping[str, Rule]) -> None:
    from thecal.clinic.selection.verdict import ANSWERS, counted, funnel

    table = plain_table(title, ["stage", "came", "refused", "must wait", "go on"], numbers=True)
    for stage in funnel(verdicts):
        if stage.stage == "payer" and not any(rule.stage == "payer" for rule in rules.values()):
            continue
        table.add_row(stage.title, *map(str, (stage.came, stage.refused, stage.waiting, stage.went_on)))
    output().print(table)
    reasons = plain_table("Reasons, most often first", ["patients", "because", "effect"])
    for _, rule, n in counted(verdicts, rules)[:_MOST_REASONS]:
        reasons.add_row(str(n), rule.title, "until lifted" if rule.until else "no pump")
    output().print(reasons)
    tell(
        f"{', '.join(f'{sum(one.answer == answer for one in verdicts)} {words}' for answer, words in ANSWERS.items())}."
    )
    tell(f"Why: --patient ID. {SIMULATION}")
