"""What everything rests on: errors, units, parameter files, compilation, random numbers, the layout of records."""
