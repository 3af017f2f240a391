"""py-mgipsim: its compiled solver over 20 patients, open loop; set-up, inputs and plots are not timed."""

from __future__ import annotations

import os
import sys
import tempfile

sys.path.insert(0, os.environ["PEER_SOURCE"])
from window import measure

PATIENTS, STATES, STAGES, DAYS = 20, 16, 4, 1


def start():
    """The cohort of its default scenario, and a run of its solver as one call."""
    os.chdir(os.environ["PEER_SOURCE"])
    from pymgipsim.generate_inputs import generate_inputs_main
    from pymgipsim.generate_settings import generate_simulation_settings_main
    from pymgipsim.generate_subjects import generate_virtual_subjects_main
    from pymgipsim.InputGeneration.activity_settings import activity_args_to_scenario
    from pymgipsim.Interface.parser import generate_parser_cli
    from pymgipsim.Utilities import simulation_folder
    from pymgipsim.VirtualPatient.VirtualPatient import VirtualCohort

    sys.argv = ["drive", "-nd", str(DAYS), "-c", "OpenLoop", "-mn", "T1DM.ExtHovorka", "-npb"]
    args = generate_parser_cli().parse_known_args()[0]
    args.controller_name, args.model_name, args.running_speed = "OpenLoop", "T1DM.ExtHovorka", 0.0
    args.number_of_days, args.number_of_subjects = DAYS, PATIENTS
    args.no_print, args.no_progress_bar, args.profile = True, True, False
    folder = tempfile.mkdtemp()
    scenario = simulation_folder.load_settings_file(args, folder)
    activity_args_to_scenario(scenario, args)
    for make in (generate_simulation_settings_main, generate_virtual_subjects_main, generate_inputs_main):
        scenario = make(scenario_instance=scenario, args=args, results_folder_path=folder)
    cohort = VirtualCohort(scenario)
    cohort.singlescale_model.preprocessing()
    patients, _, samples = cohort.singlescale_model.states.as_array.shape
    start.patients = patients

    def work() -> int:
        cohort.model_solver.do_simulation(no_progress_bar=True)
        return patients * (samples - 1)

    return work


measure(
    "py-mgipsim, ExtHovorka batch", start, step_min=1, states=STATES, evaluations=STAGES,
    patients=lambda: start.patients, integrator="RK4, 1 min, solver alone",
)  # fmt: skip
