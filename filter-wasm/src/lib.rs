//! SecBeat's Envoy filter: a thin proxy-wasm adapter around the engine.
//!
//! ```text
//! Envoy ──▶ plugin (finds the context that is meant)
//!              │
//!              ├─ configuration ─▶ Worker: loader (old policy serves while the new one compiles)
//!              ├─ tick ──────────▶ Worker: loader, reporter ──▶ control plane
//!              └─ request ───────▶ Request ─▶ engine::Transaction ─▶ pass marker | refusal
//!                                     └─ event ─▶ Worker: reporter
//! ```
//!
//! The filter decides nothing: verdicts come from the engine. What it owes is that no request goes on without
//! one. Whatever lets a request go on sets the pass marker, and nothing else does; a native guard behind this
//! filter refuses what carries none, so that a filter that is absent, broken or rebuilt never lets traffic by.

mod client;
mod configuration;
mod event;
#[cfg(feature = "faults")]
mod faults;
mod fingerprint;
mod holds;
mod host;
mod identity;
mod loader;
mod log_budget;
mod metrics;
mod plugin;
mod refusal;
mod report;
mod request;
mod sampling;
mod worker;

/// What Envoy calls.
mod entry {
    secbeat_abi::export!(crate::plugin::Filter);
}
