//! What the filter needs of the proxy around it, as small traits, so that tests can stand in for Envoy.
//!
//! Only [`envoy`] makes calls. Nothing in this vocabulary requires UTF-8 of what a client sent.

pub(crate) mod envoy;

#[cfg(test)]
pub(crate) mod fake;
mod headers;

use std::time::Duration;

use crate::refusal::Refusal;
pub(crate) use headers::Headers;

/// The time.
pub(crate) trait Clock {
    /// Nanoseconds since 1970 UTC. May jump.
    fn now(&self) -> u64;
}

/// Counters and gauges among Envoy's own statistics.
pub(crate) trait Meter {
    /// Registers a metric and returns its handle; the same name always means the same metric.
    fn define(&self, kind: MetricKind, name: &str) -> u32;
    /// Adds to a counter.
    fn add(&self, metric: u32, amount: u64);
    /// Sets a gauge.
    fn set(&self, metric: u32, value: u64);
}

/// How a metric behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MetricKind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
}

/// What is known of, and can be done with, the request at hand and its response.
pub(crate) trait RequestHost: Clock + Meter {
    /// Every header of the request; `None` if the proxy shows none.
    fn request_headers(&self) -> Option<Headers>;
    /// Up to `limit` bytes of what is buffered of the request's body, from offset `start` on.
    fn request_body(&self, start: usize, limit: usize) -> Vec<u8>;
    /// Every header of the response; `None` if the proxy shows none.
    fn response_headers(&self) -> Option<Headers>;
    /// Puts these headers in the place of the response's, before they have gone on.
    fn replace_response_headers(&self, headers: &[(&[u8], &[u8])]);
    /// Up to `limit` bytes of what is at hand of the response's body, from offset `start` on.
    fn response_body(&self, start: usize, limit: usize) -> Vec<u8>;
    /// Puts these bytes in the place of the first `length` of what is at hand of the response's body.
    fn replace_response_body(&self, length: usize, by: &[u8]);
    /// Sets a header of the request, before its headers have gone on.
    fn set_request_header(&self, name: &str, value: &str);
    /// Sets a header of the response, or removes it, before its headers have gone on.
    fn set_response_header(&self, name: &str, value: Option<&str>);
    /// Lets a response that is held go on, outside of the callbacks about it.
    fn resume_response(&self);
    /// Address and port of the client, as text.
    fn client(&self) -> Option<Vec<u8>>;
    /// Sets the marker without which the guard behind the filter refuses the request.
    fn mark_passed(&self);
    /// Answers the request in the origin's place. Must be called at most once for a request.
    fn refuse(&self, refusal: &Refusal);
}

/// What a worker can do apart from any request.
pub(crate) trait WorkerHost: Clock + Meter {
    /// Asks for a tick at this interval; zero asks for none.
    fn tick_every(&self, interval: Duration);
    /// Envoy's node id, empty when it has none.
    fn node(&self) -> String;
    /// Reads a value that all VMs of the process share, with the token that a conditional write needs.
    fn shared(&self, key: &str) -> (Option<Vec<u8>>, Option<u32>);
    /// Writes a value that all VMs of the process share. Returns false when the token is out of date.
    fn set_shared(&self, key: &str, value: &[u8], token: Option<u32>) -> bool;
    /// `vm_config.configuration`, which names the generation of VMs.
    #[cfg(feature = "faults")]
    fn vm_configuration(&self) -> Vec<u8>;
    /// Starts a unary gRPC call and returns its token; `None` when it cannot be made, as with an unknown cluster.
    fn call(&self, cluster: &str, service: &str, method: &str, message: &[u8]) -> Option<u32>;
}

/// What becomes of the part of a request that has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    /// It goes on to the origin.
    Continue,
    /// It waits in the proxy.
    Pause,
}
