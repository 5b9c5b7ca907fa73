//! Envoy, as a filter sees it from within a callback: the only file that names the calls out.

use std::time::Duration;

use secbeat_abi::host::{self, Buffer, Map, Metric};

use super::{Clock, Headers, Meter, MetricKind, RequestHost, WorkerHost};
use crate::refusal::Refusal;

/// How long a report may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(2);
/// What the guard behind the filter looks for, under `wasm.`.
const PASS_MARKER: (&str, &[u8]) = ("secbeat_pass", b"ok");

/// The proxy, as seen from within a callback: Envoy knows which context is meant.
pub(crate) struct Envoy;

impl Clock for Envoy {
    fn now(&self) -> u64 {
        host::now()
    }
}

impl Meter for Envoy {
    fn define(&self, kind: MetricKind, name: &str) -> u32 {
        let kind = match kind {
            MetricKind::Counter => Metric::Counter,
            MetricKind::Gauge => Metric::Gauge,
        };
        // Envoy refuses only kinds that it does not know.
        host::define_metric(kind, name).unwrap_or_default()
    }

    fn add(&self, metric: u32, amount: u64) {
        // Envoy refuses only metrics that nobody has defined.
        let _ = host::increment_metric(metric, i64::try_from(amount).unwrap_or(i64::MAX));
    }

    fn set(&self, metric: u32, value: u64) {
        // Envoy refuses only metrics that nobody has defined.
        let _ = host::record_metric(metric, value);
    }
}

impl RequestHost for Envoy {
    fn request_headers(&self) -> Option<Headers> {
        Headers::read(host::headers(Map::RequestHeaders).ok()?)
    }

    fn request_body(&self, start: usize, limit: usize) -> Vec<u8> {
        piece(Buffer::RequestBody, start, limit)
    }

    fn response_headers(&self) -> Option<Headers> {
        Headers::read(host::headers(Map::ResponseHeaders).ok()?)
    }

    fn replace_response_headers(&self, headers: &[(&[u8], &[u8])]) {
        let headers: Headers = headers.iter().copied().collect();
        // Envoy refuses only without response headers, and they are there until they have gone on.
        let _ = host::replace_headers(Map::ResponseHeaders, headers.serialized());
    }

    fn response_body(&self, start: usize, limit: usize) -> Vec<u8> {
        piece(Buffer::ResponseBody, start, limit)
    }

    fn replace_response_body(&self, length: usize, by: &[u8]) {
        // Without a length the bytes would be put in front.
        if length == 0 {
            return;
        }
        // Envoy refuses only without a buffer, and only what was read from one is ever replaced.
        let _ = host::replace_in_buffer(Buffer::ResponseBody, length, by);
    }

    fn set_request_header(&self, name: &str, value: &str) {
        // Envoy refuses only without request headers, and they are there until they have gone on.
        let _ = host::set_header(Map::RequestHeaders, name, value);
    }

    fn set_response_header(&self, name: &str, value: Option<&str>) {
        // Envoy refuses only without response headers, and they are there until they have gone on.
        let _ = match value {
            Some(value) => host::set_header(Map::ResponseHeaders, name, value),
            None => host::remove_header(Map::ResponseHeaders, name),
        };
    }

    fn resume_response(&self) {
        // Envoy refuses only contexts that are no streams.
        let _ = host::resume_response();
    }

    fn client(&self) -> Option<Vec<u8>> {
        host::property("source\0address").ok()
    }

    fn mark_passed(&self) {
        let (path, value) = PASS_MARKER;
        // Envoy refuses only without a stream, and for a key of another type, which its prefix `wasm.` rules out.
        let _ = host::set_property(path, value);
    }

    fn refuse(&self, refusal: &Refusal) {
        let headers: Headers = refusal
            .headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        // Envoy refuses only a second answer to the same request.
        let _ = host::respond(
            u32::from(refusal.status),
            headers.serialized(),
            refusal.body.as_bytes(),
        );
    }
}

impl WorkerHost for Envoy {
    fn tick_every(&self, interval: Duration) {
        // Envoy refuses only contexts that are no roots.
        let _ = host::tick_every(interval);
    }

    fn node(&self) -> String {
        let id = host::property("xds\0node\0id").unwrap_or_default();
        String::from_utf8_lossy(&id).into_owned()
    }

    fn shared(&self, key: &str) -> (Option<Vec<u8>>, Option<u32>) {
        host::shared(key)
            .map(|(value, token)| (Some(value), Some(token)))
            .unwrap_or_default()
    }

    fn set_shared(&self, key: &str, value: &[u8], token: Option<u32>) -> bool {
        host::set_shared(key, value, token).is_ok()
    }

    #[cfg(feature = "faults")]
    fn vm_configuration(&self) -> Vec<u8> {
        host::buffer(Buffer::VmConfiguration, 0, usize::MAX).unwrap_or_default()
    }

    fn call(&self, cluster: &str, service: &str, method: &str, message: &[u8]) -> Option<u32> {
        host::grpc_call(cluster, service, method, message, CALL_TIMEOUT).ok()
    }
}

/// A piece of a body; what is missing of it shows in its length.
fn piece(buffer: Buffer, start: usize, limit: usize) -> Vec<u8> {
    if limit == 0 {
        return Vec::new();
    }
    host::buffer(buffer, start, limit).unwrap_or_default()
}
