//! Envoy behind proxy-wasm: the only file that names the SDK's callbacks and hostcalls. Headers come by a hostcall of our
//! own, `secbeat_header_map`.
//!
//! The SDK panics, and a panic kills the VM, in two cases that matter here. Its text getters do so for any value
//! that is not UTF-8, so that only the `_bytes` ones are used (header *names* are checked by Envoy's codecs).
//! And most calls do so for a status that they do not expect; each call below says why Envoy has none to give.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    rc::{Rc, Weak},
    time::{Duration, UNIX_EPOCH},
};

use log::error;
use proxy_wasm::{
    hostcalls,
    traits::{Context, HttpContext, RootContext},
    types::{Action, BufferType, ContextType, LogLevel, MapType, MetricType},
};

use super::{Clock, Flow, Headers, Meter, MetricKind, RequestHost, WorkerHost};
use crate::{refusal::Refusal, request::Request, worker::Worker};

/// Plugins of different names that one VM may serve.
const PLUGINS: usize = 64;
/// How long a report may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(2);

thread_local! {
    /// The VM's memory, by the plugin's name. It outlives root contexts, of which Envoy makes one per configuration.
    static WORKERS: RefCell<BTreeMap<Vec<u8>, Rc<Worker>>> = const { RefCell::new(BTreeMap::new()) };
    /// The streams whose responses were held at some time, by the number of their context.
    static HOLDING: RefCell<BTreeMap<u32, Weak<RefCell<Request>>>> = const { RefCell::new(BTreeMap::new()) };
}

/// Tells the SDK where to begin.
pub(crate) fn start() {
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|id| Box::new(Root { id, worker: None }));
}

struct Root {
    id: u32,
    worker: Option<Rc<Worker>>,
}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        // A configuration is there during this callback, and the offset 0 is never out of range.
        let bytes = hostcalls::get_buffer(BufferType::PluginConfiguration, 0, usize::MAX);
        let bytes = bytes.ok().flatten().unwrap_or_default();
        let Some(worker) = worker() else {
            error!("configuration refused: one VM serves at most {PLUGINS} plugin names");
            return false;
        };
        self.worker = Some(Rc::clone(&worker));
        worker.configure(&Envoy, self.id, &bytes)
    }

    fn on_tick(&mut self) {
        match &self.worker {
            Some(worker) => {
                worker.tick(&Envoy, self.id);
                let overdue = worker.holds().overdue(Envoy.now());
                if !overdue.is_empty() {
                    self.stop_holding(&overdue);
                }
            }
            None => Envoy.tick_every(Duration::ZERO),
        }
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, id: u32) -> Option<Box<dyn HttpContext>> {
        let request = Request::new(self.worker.clone(), id);
        Some(Box::new(Stream {
            id,
            request: Rc::new(RefCell::new(request)),
        }))
    }
}

impl Root {
    /// Lets responses go on that were held for too long, as if this were a callback of each of them.
    fn stop_holding(&self, streams: &[u32]) {
        for &id in streams {
            let request = HOLDING.with_borrow(|holding| holding.get(&id).and_then(Weak::upgrade));
            // A context ends with its stream, and then there is nothing to enter.
            if let Some(request) = request
                && let Ok(mut request) = request.try_borrow_mut()
                && hostcalls::set_effective_context(id).is_ok()
            {
                request.stop_holding(&Envoy);
            }
        }
        let _ = hostcalls::set_effective_context(self.id);
    }
}

impl Context for Root {
    fn on_grpc_call_response(&mut self, token: u32, status: u32, size: usize) {
        let Some(worker) = &self.worker else { return };
        // The buffer is there during this callback, and the offset 0 is never out of range.
        let reply = (status == 0)
            .then(|| hostcalls::get_buffer(BufferType::GrpcReceiveBuffer, 0, size).ok())
            .flatten()
            .map(Option::unwrap_or_default);
        worker.replied(&Envoy, token, reply.as_deref());
    }
}

/// The worker of the plugin whose callback this is, made on first need.
fn worker() -> Option<Rc<Worker>> {
    let name = property(&["plugin_name"]).unwrap_or_default();
    WORKERS.with_borrow_mut(|workers| {
        if !workers.contains_key(&name) && workers.len() >= PLUGINS {
            return None;
        }
        Some(Rc::clone(
            workers
                .entry(name)
                .or_insert_with(|| Rc::new(Worker::new(&Envoy))),
        ))
    })
}

struct Stream {
    id: u32,
    /// Shared with [`HOLDING`] only.
    request: Rc<RefCell<Request>>,
}

impl Stream {
    /// Runs a callback; callbacks never nest.
    fn with(&self, run: impl FnOnce(&mut Request) -> Flow) -> Action {
        match self.request.try_borrow_mut() {
            Ok(mut request) => run(&mut request).into(),
            Err(_) => Action::Pause,
        }
    }
}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _count: usize, end: bool) -> Action {
        self.with(|request| request.headers(&Envoy, end))
    }

    fn on_http_request_body(&mut self, size: usize, end: bool) -> Action {
        self.with(|request| request.body(&Envoy, size, end))
    }

    fn on_http_request_trailers(&mut self, _count: usize) -> Action {
        self.with(|request| request.trailers(&Envoy))
    }

    fn on_http_response_headers(&mut self, _count: usize, end: bool) -> Action {
        let action = self.with(|request| request.response_headers(&Envoy, end));
        if action == Action::Pause {
            HOLDING.with_borrow_mut(|holding| holding.insert(self.id, Rc::downgrade(&self.request)));
        }
        action
    }

    fn on_http_response_body(&mut self, size: usize, end: bool) -> Action {
        self.with(|request| request.response_body(&Envoy, size, end))
    }

    fn on_http_response_trailers(&mut self, _count: usize) -> Action {
        self.with(|request| request.response_trailers(&Envoy))
    }

    fn on_log(&mut self) {
        HOLDING.with_borrow_mut(|holding| holding.remove(&self.id));
        if let Ok(mut request) = self.request.try_borrow_mut() {
            request.finish(&Envoy);
        }
    }
}

impl Context for Stream {}

impl From<Flow> for Action {
    fn from(flow: Flow) -> Self {
        match flow {
            Flow::Continue => Self::Continue,
            Flow::Pause => Self::Pause,
        }
    }
}

/// The proxy, as seen from within a callback: Envoy knows which context is meant.
struct Envoy;

impl Clock for Envoy {
    fn now(&self) -> u64 {
        let now = hostcalls::get_current_time().ok();
        let since = now.and_then(|now| now.duration_since(UNIX_EPOCH).ok());
        since
            .and_then(|since| since.as_nanos().try_into().ok())
            .unwrap_or_default()
    }
}

impl Meter for Envoy {
    fn define(&self, kind: MetricKind, name: &str) -> u32 {
        let kind = match kind {
            MetricKind::Counter => MetricType::Counter,
            MetricKind::Gauge => MetricType::Gauge,
        };
        // Envoy refuses only kinds that it does not know.
        hostcalls::define_metric(kind, name).unwrap_or_default()
    }

    fn add(&self, metric: u32, amount: u64) {
        let _ = hostcalls::increment_metric(metric, i64::try_from(amount).unwrap_or(i64::MAX));
    }

    fn set(&self, metric: u32, value: u64) {
        let _ = hostcalls::record_metric(metric, value);
    }
}

impl RequestHost for Envoy {
    fn request_headers(&self) -> Option<Headers> {
        Headers::read(secbeat_header_map::serialized(MapType::HttpRequestHeaders)?)
    }

    fn request_body(&self, start: usize, limit: usize) -> Vec<u8> {
        if limit == 0 {
            return Vec::new();
        }
        let piece = hostcalls::get_buffer(BufferType::HttpRequestBody, start, limit);
        piece.ok().flatten().unwrap_or_default()
    }

    fn response_headers(&self) -> Option<Headers> {
        Headers::read(secbeat_header_map::serialized(MapType::HttpResponseHeaders)?)
    }

    fn replace_response_headers(&self, headers: &[(&[u8], &[u8])]) {
        // Envoy's codecs let only tokens pass for names.
        let names: Vec<_> = headers
            .iter()
            .map(|(name, _)| String::from_utf8_lossy(name))
            .collect();
        let values = headers.iter().map(|(_, value)| *value);
        let headers = names.iter().map(AsRef::as_ref).zip(values).collect();
        // Envoy refuses only without response headers, and they are there until they have gone on.
        let _ = hostcalls::set_map_bytes(MapType::HttpResponseHeaders, headers);
    }

    fn response_body(&self, start: usize, limit: usize) -> Vec<u8> {
        if limit == 0 {
            return Vec::new();
        }
        let piece = hostcalls::get_buffer(BufferType::HttpResponseBody, start, limit);
        piece.ok().flatten().unwrap_or_default()
    }

    fn replace_response_body(&self, length: usize, by: &[u8]) {
        // Without a length the bytes would be put in front.
        if length == 0 {
            return;
        }
        // Envoy refuses only without a buffer, and only what was read from one is ever replaced.
        let _ = hostcalls::set_buffer(BufferType::HttpResponseBody, 0, length, by);
    }

    fn set_request_header(&self, name: &str, value: &str) {
        // Envoy refuses only without request headers, and they are there until they have gone on.
        let _ = hostcalls::set_map_value(MapType::HttpRequestHeaders, name, Some(value));
    }

    fn set_response_header(&self, name: &str, value: Option<&str>) {
        // Envoy refuses only without response headers, and they are there until they have gone on.
        let _ = hostcalls::set_map_value(MapType::HttpResponseHeaders, name, value);
    }

    fn resume_response(&self) {
        // Envoy refuses only contexts that are no streams.
        let _ = hostcalls::resume_http_response();
    }

    fn client(&self) -> Option<Vec<u8>> {
        property(&["source", "address"])
    }

    fn mark_passed(&self) {
        // Envoy refuses only without a stream, and for a key of another type, which its prefix `wasm.` rules out.
        let _ = hostcalls::set_property(vec!["secbeat_pass"], Some(b"ok"));
    }

    fn refuse(&self, refusal: &Refusal) {
        let headers = refusal
            .headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let body = (!refusal.body.is_empty()).then_some(refusal.body.as_bytes());
        // Envoy refuses only a second answer to the same request.
        let _ = hostcalls::send_http_response(u32::from(refusal.status), headers, body);
    }
}

impl WorkerHost for Envoy {
    fn tick_every(&self, interval: Duration) {
        let _ = hostcalls::set_tick_period(interval);
    }

    fn node(&self) -> String {
        let id = property(&["xds", "node", "id"]).unwrap_or_default();
        String::from_utf8_lossy(&id).into_owned()
    }

    fn shared(&self, key: &str) -> (Option<Vec<u8>>, Option<u32>) {
        hostcalls::get_shared_data(key).unwrap_or_default()
    }

    fn set_shared(&self, key: &str, value: &[u8], token: Option<u32>) -> bool {
        hostcalls::set_shared_data(key, Some(value), token).is_ok()
    }

    #[cfg(feature = "faults")]
    fn vm_configuration(&self) -> Vec<u8> {
        let bytes = hostcalls::get_buffer(BufferType::VmConfiguration, 0, usize::MAX);
        bytes.ok().flatten().unwrap_or_default()
    }

    fn call(&self, cluster: &str, service: &str, method: &str, message: &[u8]) -> Option<u32> {
        hostcalls::dispatch_grpc_call(cluster, service, method, Vec::new(), Some(message), CALL_TIMEOUT).ok()
    }
}

fn property(path: &[&str]) -> Option<Vec<u8>> {
    hostcalls::get_property(path.to_vec()).ok().flatten()
}
