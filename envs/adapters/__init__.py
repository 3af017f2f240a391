"""The ways into a batch: Gymnasium Env and VectorEnv, Stable-Baselines3 VecEnv, discrete actions with masks."""
