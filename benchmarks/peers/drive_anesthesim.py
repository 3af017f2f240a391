"""anesthesim: its propofol environment under one sampled action after another."""

from __future__ import annotations

from window import measure


def start():
    """The environment, with actions drawn beforehand."""
    import anesthesim  # noqa: F401  (registers its environments)
    import gymnasium

    env = gymnasium.make("anesthesim/PropofolControl-v0").unwrapped
    env.reset(seed=0)
    env.action_space.seed(0)
    actions = [env.action_space.sample() for _ in range(1000)]
    at = [0]

    def work() -> int:
        at[0] = (at[0] + 1) % len(actions)
        _, _, terminated, truncated, _ = env.step(actions[at[0]])
        if terminated or truncated:
            env.reset()
        return 1

    return work


measure(
    "anesthesim, PropofolControl-v0",
    start,
    step_min=0.5,
    states=4,
    evaluations=1,
    patients=1,
    integrator="Euler, 0.5 min",
)
