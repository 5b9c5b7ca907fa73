//! Starts real processes on free loopback ports, drives traffic through them, and cleans up by pid.
//!
//! ```text
//! corpus ─▶ http ─▶ envoy (the filter under test) ─▶ origin (keeps every byte)
//!                     ▲ xDS    │ reports
//!                   control_plane (the binary under test)
//! ```

pub mod artifacts;
pub mod corpus;
mod envoy;
mod failure;
mod http;
mod origin;
pub mod ports;
mod process;
pub mod wait;

pub use envoy::{Bootstrap, Envoy, validate};
pub use failure::{Context, Failure, Result};
pub use http::{Connection, Request, Response};
pub use origin::{Journal, Origin};
pub use process::Process;
