"""A local page over stored results: reads their JSON and Parquet, and serves 127.0.0.1 only. Simulation only."""
