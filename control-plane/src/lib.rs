//! SecBeat's control plane: one owner of state, steering a fleet of Envoys.

pub mod bootstrap;
pub mod events;
pub mod revision;
pub mod store;
