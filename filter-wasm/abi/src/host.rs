//! What a plugin calls. Each is about the context whose callback is running, or the one that was made effective.

#![expect(
    unsafe_code,
    reason = "a call into the proxy is a foreign function that takes and leaves raw memory"
)]

use std::{ptr, time::Duration};

use crate::memory::Answer;

/// What the proxy answers to a call that it could not make: the number of the ABI's `proxy_status_t`, other than 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure(pub u32);

/// How much a line in the proxy's log matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
#[expect(missing_docs, reason = "the names say it")]
pub enum LogLevel {
    Trace = 0,
    Debug = 1,
    Info = 2,
    Warn = 3,
    Error = 4,
    Critical = 5,
}

/// Bytes that the proxy has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Buffer {
    /// What is at hand of the request's body.
    RequestBody = 0,
    /// What is at hand of the response's body.
    ResponseBody = 1,
    /// The message that answers a gRPC call.
    GrpcReceived = 5,
    /// `vm_config.configuration`, when the VM starts or is configured.
    VmConfiguration = 6,
    /// The plugin's configuration, when it is configured.
    PluginConfiguration = 7,
}

/// Headers that the proxy has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Map {
    /// The request's, until they have gone on.
    RequestHeaders = 0,
    /// The response's, until they have gone on.
    ResponseHeaders = 2,
}

/// How a metric behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Metric {
    /// Only grows.
    Counter = 0,
    /// Goes up and down.
    Gauge = 1,
}

/// `proxy_stream_type_t` of a response.
const HTTP_RESPONSE: u32 = 1;
/// Says that an answer to a request is not one to a gRPC call.
const NO_GRPC_STATUS: i32 = -1;

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_log(level: LogLevel, message: *const u8, length: usize) -> u32;
    fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32;
    safe fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
    safe fn proxy_set_effective_context(context: u32) -> u32;
    fn proxy_get_buffer_bytes(
        buffer: Buffer,
        start: usize,
        limit: usize,
        bytes: *mut *mut u8,
        length: *mut usize,
    ) -> u32;
    fn proxy_set_buffer_bytes(
        buffer: Buffer,
        start: usize,
        replaced: usize,
        bytes: *const u8,
        length: usize,
    ) -> u32;
    fn proxy_get_header_map_pairs(map: Map, bytes: *mut *mut u8, length: *mut usize) -> u32;
    fn proxy_set_header_map_pairs(map: Map, bytes: *const u8, length: usize) -> u32;
    fn proxy_replace_header_map_value(
        map: Map,
        name: *const u8,
        name_length: usize,
        value: *const u8,
        value_length: usize,
    ) -> u32;
    fn proxy_remove_header_map_value(map: Map, name: *const u8, length: usize) -> u32;
    fn proxy_get_property(
        path: *const u8,
        path_length: usize,
        bytes: *mut *mut u8,
        length: *mut usize,
    ) -> u32;
    fn proxy_set_property(path: *const u8, path_length: usize, value: *const u8, length: usize) -> u32;
    fn proxy_get_shared_data(
        key: *const u8,
        key_length: usize,
        bytes: *mut *mut u8,
        length: *mut usize,
        token: *mut u32,
    ) -> u32;
    fn proxy_set_shared_data(
        key: *const u8,
        key_length: usize,
        value: *const u8,
        length: usize,
        token: u32,
    ) -> u32;
    fn proxy_define_metric(kind: Metric, name: *const u8, length: usize, metric: *mut u32) -> u32;
    safe fn proxy_increment_metric(metric: u32, by: i64) -> u32;
    safe fn proxy_record_metric(metric: u32, value: u64) -> u32;
    safe fn proxy_continue_stream(kind: u32) -> u32;
    fn proxy_send_local_response(
        status: u32,
        details: *const u8,
        details_length: usize,
        body: *const u8,
        body_length: usize,
        headers: *const u8,
        headers_length: usize,
        grpc_status: i32,
    ) -> u32;
    fn proxy_grpc_call(
        upstream: *const u8,
        upstream_length: usize,
        service: *const u8,
        service_length: usize,
        method: *const u8,
        method_length: usize,
        metadata: *const u8,
        metadata_length: usize,
        message: *const u8,
        message_length: usize,
        timeout: u32,
        token: *mut u32,
    ) -> u32;
}

/// Writes a line to the proxy's log.
pub fn log(level: LogLevel, message: &str) {
    // SAFETY: the proxy reads the message, which outlives the call. It refuses only levels that it does not know.
    unsafe { proxy_log(level, message.as_ptr(), message.len()) };
}

/// Nanoseconds since 1970 UTC.
#[must_use]
pub fn now() -> u64 {
    let mut time = 0;
    // SAFETY: the proxy writes to a local that outlives the call. It refuses only what is no place.
    unsafe { proxy_get_current_time_nanoseconds(&raw mut time) };
    time
}

/// Asks for a tick of the root context each time so many milliseconds have passed; zero asks for none.
pub fn tick_every(period: Duration) -> Result<(), Failure> {
    result(proxy_set_tick_period_milliseconds(milliseconds(period)))
}

/// Makes the calls that follow in this callback be about this context. Fails if there is none of that number.
pub fn set_effective_context(context: u32) -> Result<(), Failure> {
    result(proxy_set_effective_context(context))
}

/// Up to `limit` bytes of what is in a buffer, from offset `start` on; none if the offset lies at its end.
pub fn buffer(buffer: Buffer, start: usize, limit: usize) -> Result<Vec<u8>, Failure> {
    let mut answer = Answer::new();
    let (bytes, length) = answer.place();
    // SAFETY: the places are valid during the call.
    result(unsafe { proxy_get_buffer_bytes(buffer, start, limit, bytes, length) })?;
    // SAFETY: the proxy has left there what it allocated and filled, or nothing.
    Ok(unsafe { answer.take() })
}

/// Puts bytes in the place of the first `replaced` of a buffer; with zero, in front of them.
pub fn replace_in_buffer(buffer: Buffer, replaced: usize, by: &[u8]) -> Result<(), Failure> {
    // SAFETY: the proxy reads the bytes, which outlive the call.
    result(unsafe { proxy_set_buffer_bytes(buffer, 0, replaced, by.as_ptr(), by.len()) })
}

/// All headers in one piece: the number of pairs; for each, the lengths of name and value; for each, name, zero byte, value,
/// zero byte. Numbers have 32 bits, the lowest first. Fails if the proxy has no such headers now.
pub fn headers(map: Map) -> Result<Vec<u8>, Failure> {
    let mut answer = Answer::new();
    let (bytes, length) = answer.place();
    // SAFETY: the places are valid during the call.
    result(unsafe { proxy_get_header_map_pairs(map, bytes, length) })?;
    // SAFETY: the proxy has left there what it allocated and filled, or nothing.
    Ok(unsafe { answer.take() })
}

/// Puts other headers in the place of all, in the form that [`headers`] has.
pub fn replace_headers(map: Map, by: &[u8]) -> Result<(), Failure> {
    // SAFETY: the proxy reads the bytes, which outlive the call.
    result(unsafe { proxy_set_header_map_pairs(map, by.as_ptr(), by.len()) })
}

/// Sets a header, in the place of all of that name.
pub fn set_header(map: Map, name: &str, value: &str) -> Result<(), Failure> {
    // SAFETY: the proxy reads name and value, which outlive the call.
    result(unsafe {
        proxy_replace_header_map_value(map, name.as_ptr(), name.len(), value.as_ptr(), value.len())
    })
}

/// Removes the headers of a name.
pub fn remove_header(map: Map, name: &str) -> Result<(), Failure> {
    // SAFETY: the proxy reads the name, which outlives the call.
    result(unsafe { proxy_remove_header_map_value(map, name.as_ptr(), name.len()) })
}

/// What the proxy knows under a path, whose parts are separated by zero bytes.
pub fn property(path: &str) -> Result<Vec<u8>, Failure> {
    let mut answer = Answer::new();
    let (bytes, length) = answer.place();
    // SAFETY: the path outlives the call, and the places are valid during it.
    result(unsafe { proxy_get_property(path.as_ptr(), path.len(), bytes, length) })?;
    // SAFETY: the proxy has left there what it allocated and filled, or nothing.
    Ok(unsafe { answer.take() })
}

/// Leaves a value for others in the proxy, as Envoy does in the filter state under `wasm.` and this path.
pub fn set_property(path: &str, value: &[u8]) -> Result<(), Failure> {
    // SAFETY: the proxy reads path and value, which outlive the call.
    result(unsafe { proxy_set_property(path.as_ptr(), path.len(), value.as_ptr(), value.len()) })
}

/// A value that all VMs of the process share, and the token that tells whether it has changed since. Fails if there is none.
pub fn shared(key: &str) -> Result<(Vec<u8>, u32), Failure> {
    let mut token = 0;
    let mut answer = Answer::new();
    let (bytes, length) = answer.place();
    // SAFETY: the key outlives the call, and the places are valid during it.
    result(unsafe { proxy_get_shared_data(key.as_ptr(), key.len(), bytes, length, &raw mut token) })?;
    // SAFETY: the proxy has left there what it allocated and filled, or nothing.
    let value = unsafe { answer.take() };
    Ok((value, token))
}

/// Writes a value that all VMs of the process share. With a token, fails if the value has changed since.
pub fn set_shared(key: &str, value: &[u8], token: Option<u32>) -> Result<(), Failure> {
    let token = token.unwrap_or_default();
    // SAFETY: the proxy reads key and value, which outlive the call.
    result(unsafe { proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), token) })
}

/// Registers a metric and returns its handle; the same name always means the same metric.
pub fn define_metric(kind: Metric, name: &str) -> Result<u32, Failure> {
    let mut metric = 0;
    // SAFETY: the name outlives the call, and the proxy writes to a local that does, too.
    result(unsafe { proxy_define_metric(kind, name.as_ptr(), name.len(), &raw mut metric) })?;
    Ok(metric)
}

/// Adds to a metric.
pub fn increment_metric(metric: u32, by: i64) -> Result<(), Failure> {
    result(proxy_increment_metric(metric, by))
}

/// Sets a metric.
pub fn record_metric(metric: u32, value: u64) -> Result<(), Failure> {
    result(proxy_record_metric(metric, value))
}

/// Lets a response go on that a callback has paused.
pub fn resume_response() -> Result<(), Failure> {
    result(proxy_continue_stream(HTTP_RESPONSE))
}

/// Answers the request in the origin's place; the headers have the form that [`headers`] has.
pub fn respond(status: u32, headers: &[u8], body: &[u8]) -> Result<(), Failure> {
    // SAFETY: the proxy reads headers and body, which outlive the call, and no details, of which there are none.
    result(unsafe {
        proxy_send_local_response(
            status,
            ptr::null(),
            0,
            body.as_ptr(),
            body.len(),
            headers.as_ptr(),
            headers.len(),
            NO_GRPC_STATUS,
        )
    })
}

/// Makes a unary gRPC call to a cluster, without metadata, and returns the token that its end will carry.
pub fn grpc_call(
    cluster: &str,
    service: &str,
    method: &str,
    message: &[u8],
    timeout: Duration,
) -> Result<u32, Failure> {
    /// No pairs.
    const METADATA: [u8; 4] = 0_u32.to_le_bytes();
    let mut token = 0;
    // SAFETY: the proxy reads what is handed over, which outlives the call, and writes to a local that does, too.
    result(unsafe {
        proxy_grpc_call(
            cluster.as_ptr(),
            cluster.len(),
            service.as_ptr(),
            service.len(),
            method.as_ptr(),
            method.len(),
            METADATA.as_ptr(),
            METADATA.len(),
            message.as_ptr(),
            message.len(),
            milliseconds(timeout),
            &raw mut token,
        )
    })?;
    Ok(token)
}

fn result(status: u32) -> Result<(), Failure> {
    match status {
        0 => Ok(()),
        status => Err(Failure(status)),
    }
}

fn milliseconds(time: Duration) -> u32 {
    time.as_millis().try_into().unwrap_or(u32::MAX)
}
