//! SecBeat's control plane: one owner of state, steering a fleet of Envoys.

pub mod bootstrap;
pub mod events;
pub mod fleet;
pub mod revision;
pub mod store;
pub mod xds;

mod last_known_good;
mod report;
