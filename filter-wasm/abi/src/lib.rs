//! Proxy-wasm (ABI 0.2.1) as SecBeat's filter speaks it: the proxy's calls into a plugin, a plugin's calls out, and nothing
//! else. The only unsafe code of SecBeat.
//!
//! What the proxy calls is a [`Plugin`], which [`export!`] makes visible to it. What a plugin calls stands in [`host`]. Both
//! are thin: no table of contexts, no copy of what the proxy wrote, no panic for a status that was not expected. What
//! stands in the bytes that pass, and whether it makes sense, is for the caller to see.
//!
//! The ABI: <https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1>.

pub mod host;
mod logger;
mod memory;
mod plugin;

pub use logger::install as log_to_proxy;
pub use plugin::{Action, Plugin, exported};
