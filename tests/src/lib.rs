//! Starts real processes on free loopback ports, drives traffic through them, and cleans up by pid.
//!
//! ```text
//! corpus ─▶ http1 ─▶ envoy (the filter under test) ─▶ origin (keeps every byte)
//!                     ▲ xDS    │ reports
//!                   control_plane (the binary under test)
//! ```

pub mod artifacts;
pub mod bench;
mod control_plane;
pub mod corpus;
pub mod efficacy;
mod envoy;
mod failure;
mod http1;
pub mod http2;
mod load;
mod origin;
pub mod ports;
mod process;
mod stack;
pub mod volley;
pub mod wait;
pub mod worst;

pub use control_plane::{Api, ControlPlane};
pub use envoy::{Bootstrap, Envoy, HostAndPort, validate};
pub use failure::{Context, Failure, Result};
pub use http1::{Connection, Request, Response};
pub use load::{Load, Tally};
pub use origin::{Journal, Origin};
pub use process::Process;
pub use stack::{NODE, Stack};
