//! SecBeat's control plane: one owner of state, steering a fleet of Envoys.
//!
//! ```text
//! settings ──▶ app ──starts──▶ owner ◀──changes── api ◀── people, programs
//!                                │ revision            │
//!                              store ◀──events──┐     fleet
//!                                │ watch        report │
//!                                └──▶ xds ──────┴──────┴─▶ every Envoy
//! ```
//!
//! Nothing is published that the engine does not compile and the store has not made durable.

pub mod cli;

pub mod app;
mod logs;
pub mod settings;
mod supervisor;

pub mod api;
pub mod change;
mod json;
pub mod owner;
pub mod packs;
pub mod revision;
pub mod trial;

pub mod events;
pub mod metrics;
pub mod store;

pub mod bootstrap;
pub mod fleet;
mod last_known_good;
mod listener;
mod report;
pub mod xds;

/// Joins an error and everything behind it into one line, for the rim.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let inner_text = inner.to_string();
        // Transparent errors say again what was said already.
        if !text.ends_with(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        source = inner.source();
    }
    text
}
