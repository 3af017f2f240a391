"""Whether a policy fits a scenario, known before any patient is simulated."""

from __future__ import annotations

from collections.abc import Sequence

from thecal.agents.backends.record import PolicyRecord, check_names
from thecal.agents.base import Policy
from thecal.agents.registry import make_policy, policy_names
from thecal.core.errors import ConfigError
from thecal.envs.scenario import Resolved
from thecal.experiments.rollouts.view import observation_view


def check_fit(policies: Sequence[Policy], scene: Resolved) -> None:
    """See that every policy names the task (or none), and reads and writes what the task has.

    Raises:
        ConfigError: one does not; the text names it and the reason.
    """
    view = observation_view(scene)
    for policy in policies:
        info = policy.info
        # A learned policy names the task of its training; another one that observes and asks the same is a test of transfer.
        if info.tasks and info.kind != "learned" and scene.task.name not in info.tasks:
            raise ConfigError(f"policy {info.name!r} is made for {', '.join(info.tasks)}, not for {scene.task.name}")
        view.require(info.name, tuple(getattr(policy, "reads", ())))
        record = getattr(policy, "record", None)
        if isinstance(record, PolicyRecord):
            check_names(info.name, "observation field", record.observation_names, view.names)
            check_names(info.name, "action field", record.action_names, view.action_names)


def fitting_rules(scene: Resolved) -> tuple[tuple[str, ...], dict[str, str]]:
    """Names of the policies without training that fit the scenario, and for each of the others why it does not.

    Those that plan with a model are among the others: they take many times as long, so they run where somebody names them.
    """
    fitting, others = [], {}
    for name in policy_names():
        try:
            policy = make_policy(name)
            if policy.info.kind == "model-based":
                others[name] = "it plans with a model, which takes long; name it to run it"
                continue
            check_fit([policy], scene)
        except ConfigError as error:  # also another package's policy that cannot be made
            others[name] = str(error)
        else:
            fitting.append(name)
    return tuple(fitting), others
