"""The implanted system: a pump with one reservoir, its catheter, and the data that describe a model of pump.

``records``   the pump's state and parameters as structured records, and the constants they share
``alarms``    the bits of the alarm mask
``catheter``  kernels of the plug-flow queue: what leaves the tip when fluid is pushed in at the pump
``pump``      kernels: command, cancel_bolus, deliver, refill; and new_pump_state, the state at the start
``specs``     models of pump as data: PumpSpec, load_pump, pump_parameters, sample_flow_bias, choose_concentration

Import from the modules; this file imports none of them, so reading the records' constants loads no kernel.
"""

__all__ = ["alarms", "catheter", "pump", "records", "specs"]
