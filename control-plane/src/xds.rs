//! The xDS server: puts the latest revision onto every Envoy, and learns which of them took it.
//!
//! ```text
//! Revision → ecds → snapshot (encoded once, shared) ─┐
//!                                                    ├→ session (one per stream) → frame → Envoy
//! Envoy's requests → delta | sotw (pure protocol) ───┘        └→ fleet (who holds what)
//! ```
//!
//! [`delta`] and [`sotw`] are state machines without I/O: requests and worlds go in, responses and outcomes come
//! out. [`session`] is the thin task around them. Nothing here decides what a policy says.

mod delta;
mod ecds;
mod frame;
mod ledger;
#[cfg(test)]
mod model_tests;
mod module;
mod protocol;
mod resource;
mod server;
mod service;
mod session;
mod snapshot;
mod sotw;
mod type_url;

pub use server::{Options, ServeError, serve};

pub(crate) use ecds::check;
pub(crate) use snapshot::Snapshot;
