"""One tick, compiled: request, shield, pump, patient, sensors, observation; read ``step`` first."""
