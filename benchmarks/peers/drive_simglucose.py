"""simglucose: its Gymnasium environment at a constant basal rate (a random one kills the patient within two hours)."""

from __future__ import annotations

from window import measure

STATES, BASAL_U_PER_MIN = 13, 0.02


def start():
    """The environment."""
    import numpy as np
    from simglucose.envs.simglucose_gym_env import T1DSimGymnaisumEnv

    env = T1DSimGymnaisumEnv(patient_name="adolescent#002")
    env.reset(seed=0)
    action = np.array([BASAL_U_PER_MIN], np.float32)

    def work() -> int:
        _, _, terminated, truncated, _ = env.step(action)
        if terminated or truncated:
            env.reset()
        return 1

    return work


def evaluations() -> float:
    """Right-hand sides a step, over 200 steps that are not timed."""
    from simglucose.patient.t1dpatient import T1DPatient

    counted, own = [0], T1DPatient.model

    def counting(*args: object) -> object:
        counted[0] += 1
        return own(*args)

    T1DPatient.model = staticmethod(counting)
    work = start()
    counted[0] = 0
    for _ in range(200):
        work()
    return counted[0] / 200


measure(
    "simglucose, T1DSimGymnaisumEnv", start, step_min=3, states=STATES, evaluations=evaluations, patients=1,
    integrator="dopri5, adaptive",
)  # fmt: skip
