"""A patient of half a year in quarter hours under three policies: the processor time that the page takes to paint and to zoom."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.experiments.analysis.compare import summarize
from thecal.experiments.analysis.stored import save_result
from thecal.experiments.rollouts.parquet import save_trajectories

from support.dashboards import POLICIES, served
from support.driven import complete, driven
from support.runs import hand_run

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def test_half_a_year_of_quarter_hours_is_quick(tmp_path):
    steps, rng = 17_280, np.random.default_rng(1)
    runs = {}
    for name in POLICIES:
        waves = {
            key: 2.0 + rng.random((steps, 2)).cumsum(axis=0) % 7.0
            for key in ("pain_mean", "hr", "allowed_rate", "ce_dh", "sbp")
        }
        runs[name] = [hand_run(steps, tick_h=0.25, policy=name, **waves)]
    save_result(summarize(runs, "fixed", 1).result, tmp_path / "runs" / "long")
    for name, (run,) in runs.items():
        save_trajectories(run, tmp_path / "runs" / "long" / f"trajectories_{name}.parquet")
    with driven() as browser, served(tmp_path / "runs") as site:
        context = browser.new_context(viewport={"width": 1400, "height": 1000})
        page = context.new_page()
        counter = context.new_cdp_session(page)
        counter.send(
            "Performance.enable", {"timeDomain": "threadTicks"}
        )  # processor time: the machine may have other work

        def busy():
            return {one["name"]: one["value"] for one in counter.send("Performance.getMetrics")["metrics"]}[
                "TaskDuration"
            ]

        page.goto(f"{site.address}#/run/{site.id_of('long')}/patient/1")
        complete(page)
        assert busy() < 1.0
        for name in ("zoom in", "later", "zoom in", "earlier", "show all days"):
            before = busy()
            page.get_by_role("button", name=name).click()
            page.wait_for_timeout(300)
            assert busy() - before < 0.1, name
        context.close()
