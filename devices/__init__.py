"""The implanted system: pump, program, reservoir and its chemistry, catheter, power, faults, and what detects them.

Data and their readers
    ``records`` state and parameters of a pump; ``specs`` models of pump; ``chemistry`` and ``solutions`` drugs and mixtures at
    body temperature; ``orders`` concentrations and bridges; ``fault_records``, ``fault_presets`` faults and their hazards;
    ``monitor_records`` the monitors; ``simulation_records`` actions and samples of a simulated program
Kernels, in the order in which a pump tick meets them
    ``faults`` begin and end; ``pump`` housekeeping and delivery; ``program`` commands; ``catheter`` plug flow; ``faulty``
    delivery through a fault; ``reservoir`` chemistry and refill; ``refills`` right and wrong ones; ``patient_faults`` the
    patient's side; ``monitors`` what telemetry and reports show; ``alarms`` alarms and the log
Tools
    ``program_file``, ``simulate`` a program without a patient; ``interrogate`` what a programmer shows

Import from the modules; this file imports none of them, so reading the records' constants loads no kernel.
"""
