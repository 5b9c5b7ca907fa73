//! SecBeat's control plane: one owner of state, steering a fleet of Envoys.
