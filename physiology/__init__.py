"""The virtual patient: equations as scalar kernels over records, numbers as data with sources, cohorts drawn by identity.

Read ``patient`` for how the equations fit together, ``records`` for the state and its units, ``cohort`` for who is drawn.
"""
