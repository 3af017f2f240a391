"""What surrounds the pump: who gets one, how it is tried, how therapy moves on, what it costs. Simulation only."""
