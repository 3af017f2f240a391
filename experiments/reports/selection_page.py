"""A page of a selection: the funnel as bars, every rule that spoke against somebody with its source, and each patient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from thecal.clinic.selection.rules import Rule
from thecal.clinic.selection.verdict import ANSWERS, FunnelStage, Verdict, counted, funnel
from thecal.experiments.reports.theme import FONT

_MOST_PATIENTS = 500  # shown; all of them are in the CSV and JSON
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>body{{font-family:{font};max-width:1080px;margin:2rem auto;padding:0 1rem;color:#20242a;
background:#fff}}h1{{font-size:1.5rem}}h2{{font-size:1.1rem;margin-top:2rem}}.note{{border-left:4px solid #DB5A2B;
padding:.4rem .8rem;background:#fdf3ee}}table{{border-collapse:collapse;width:100%}}td,th{{padding:.35rem .5rem;text-align:left;
vertical-align:top;border-bottom:1px solid #e3e6ea}}td.n,th.n{{text-align:right;font-variant-numeric:tabular-nums}}
.bar{{display:flex;height:1.1rem;min-width:12rem;background:#f1f3f5}}.on{{background:#2f7d5b}}.wait{{background:#d9a441}}
.off{{background:#b5433a}}.key{{display:inline-block;width:.8rem;height:.8rem;margin:0 .3rem 0 .9rem}}</style></head><body>
<h1>{title}</h1><p class="note">Research simulation only: no rule here may decide about a person.</p>
<p>{answers}</p><h2>Funnel</h2><p><span class="key on"></span>goes on<span class="key wait"></span>goes on, waiting for
something<span class="key off"></span>refused</p><table><thead><tr><th>stage</th><th class="n">came</th><th class="n">refused</th>
<th class="n">waiting</th><th></th></tr></thead><tbody>{stages}</tbody></table>
<h2>Rules that spoke against somebody</h2><table><thead><tr><th class="n">patients</th><th>because</th><th>lifted when</th>
<th>source</th></tr></thead><tbody>{rules}</tbody></table>
<h2>Patients</h2>{left_out}<table><thead><tr><th>patient</th><th>diagnosis</th><th>verdict</th></tr></thead>
<tbody>{patients}</tbody></table></body></html>
"""


def selection_page(title: str, verdicts: Sequence[Verdict], rules: Mapping[str, Rule]) -> str:
    """The page as HTML; it needs nothing from anywhere else."""
    counts = (f"{sum(one.answer == answer for one in verdicts)} {words}" for answer, words in ANSWERS.items())
    hidden = len(verdicts) - _MOST_PATIENTS
    return _PAGE.format(
        font=FONT,
        title=escape(title),
        answers=f"{', '.join(counts)}.",
        stages="".join(_stage(one, len(verdicts)) for one in funnel(verdicts)),
        rules="".join(_rule(rule, n) for _, rule, n in counted(verdicts, rules)),
        patients="".join(_patient(one) for one in verdicts[:_MOST_PATIENTS]),
        left_out=f"<p>The first {_MOST_PATIENTS}; {hidden} more are in the CSV.</p>" if hidden > 0 else "",
    )


def _stage(stage: FunnelStage, everybody: int) -> str:
    parts = (("on", stage.went_on - stage.waiting), ("wait", stage.waiting), ("off", stage.refused))
    bars = "".join(
        f'<span class="{kind}" style="width:{100 * n / max(1, everybody):.2f}%"></span>' for kind, n in parts
    )
    numbers = "".join(f'<td class="n">{n}</td>' for n in (stage.came, stage.refused, stage.waiting))
    return f'<tr><td>{escape(stage.title)}</td>{numbers}<td><div class="bar">{bars}</div></td></tr>'


def _rule(rule: Rule, n: int) -> str:
    cells = (rule.title, rule.condition or "never", f"{rule.source} ({rule.confidence})")
    return f'<tr><td class="n">{n}</td>{"".join(f"<td>{escape(cell)}</td>" for cell in cells)}</tr>'


def _patient(verdict: Verdict) -> str:
    cells = (verdict.patient, verdict.diagnosis.replace("_", " "), verdict.sentence)
    return f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
