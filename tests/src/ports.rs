//! Loopback ports for processes that cannot choose one themselves and keep theirs over a restart.

use std::{
    net::{SocketAddr, TcpListener},
    process,
    sync::atomic::{AtomicU16, Ordering},
};

use crate::{Context, Result};

/// Below the range from which the kernel takes the ports of outgoing connections, so that none is lost to one of those.
const FIRST: u16 = 15_000;
const COUNT: u16 = 17_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// Finds a free loopback port. Processes start looking at different places, so that tests that run side by side do not meet.
pub fn free() -> Result<SocketAddr> {
    let start = (process::id() % 1_000) as u16 * 17;
    (0..COUNT)
        .map(|_| NEXT.fetch_add(1, Ordering::Relaxed))
        .map(|step| SocketAddr::from(([127, 0, 0, 1], FIRST + (start + step % COUNT) % COUNT)))
        .find(|&address| is_free(address))
        .context("no free loopback port")
}

/// Whether nobody listens at an address.
pub fn is_free(address: SocketAddr) -> bool {
    TcpListener::bind(address).is_ok()
}
