//! From Envoy's callbacks to the worker or the request that each is about.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    hash::{BuildHasherDefault, Hasher},
    rc::Rc,
    time::Duration,
};

use log::{LevelFilter, error};
use secbeat_abi::{
    Action, Plugin,
    host::{self, Buffer},
};

use crate::{
    host::{Clock, Flow, WorkerHost, envoy::Envoy},
    request::Request,
    worker::Worker,
};

/// Plugins of different names that one VM may serve.
const PLUGINS: usize = 64;

thread_local! {
    /// The VM's memory, by the plugin's name. It outlives root contexts, of which Envoy makes one per configuration.
    static WORKERS: RefCell<BTreeMap<Vec<u8>, Rc<Worker>>> = const { RefCell::new(BTreeMap::new()) };
    /// The root contexts, by number, each with its worker from its configuration on.
    static ROOTS: RefCell<BTreeMap<u32, Option<Rc<Worker>>>> = const { RefCell::new(BTreeMap::new()) };
    /// The requests under way, by the number of their context.
    static REQUESTS: RefCell<Requests> = const { RefCell::new(Requests::with_hasher(ByNumber::new())) };
}

type Requests = HashMap<u32, Request, ByNumber>;
type ByNumber = BuildHasherDefault<NumberHasher>;

/// SecBeat's filter, as Envoy calls it.
pub(crate) struct Filter;

impl Plugin for Filter {
    fn start() {
        secbeat_abi::log_to_proxy(LevelFilter::Info);
    }

    fn create_root(root: u32) {
        ROOTS.with_borrow_mut(|roots| roots.insert(root, None));
    }

    fn create_stream(stream: u32, root: u32) {
        let request = Request::new(worker(root), stream);
        REQUESTS.with_borrow_mut(|requests| requests.insert(stream, request));
    }

    fn delete(context: u32) {
        match REQUESTS.with_borrow_mut(|requests| requests.remove(&context)) {
            Some(mut request) => request.finish(&Envoy),
            None => drop(ROOTS.with_borrow_mut(|roots| roots.remove(&context))),
        }
    }

    fn configure(root: u32) -> bool {
        // A configuration is there during this callback.
        let bytes = host::buffer(Buffer::PluginConfiguration, 0, usize::MAX).unwrap_or_default();
        let Some(worker) = worker_of_plugin() else {
            error!("configuration refused: one VM serves at most {PLUGINS} plugin names");
            return false;
        };
        ROOTS.with_borrow_mut(|roots| roots.insert(root, Some(Rc::clone(&worker))));
        worker.configure(&Envoy, root, &bytes)
    }

    fn tick(root: u32) {
        let Some(worker) = worker(root) else {
            Envoy.tick_every(Duration::ZERO);
            return;
        };
        worker.tick(&Envoy, root);
        let overdue = worker.holds().overdue(Envoy.now());
        if !overdue.is_empty() {
            stop_holding(root, &overdue);
        }
    }

    fn grpc_received(context: u32, token: u32, size: usize) {
        // The message is there during this callback.
        let reply = host::buffer(Buffer::GrpcReceived, 0, size).unwrap_or_default();
        if let Some(worker) = worker(context) {
            worker.replied(&Envoy, token, Some(&reply));
        }
    }

    fn grpc_failed(context: u32, token: u32, _status: u32) {
        if let Some(worker) = worker(context) {
            worker.replied(&Envoy, token, None);
        }
    }

    fn request_headers(stream: u32, end: bool) -> Action {
        with(stream, |request| request.headers(&Envoy, end))
    }

    fn request_body(stream: u32, size: usize, end: bool) -> Action {
        with(stream, |request| request.body(&Envoy, size, end))
    }

    fn request_trailers(stream: u32) -> Action {
        with(stream, |request| request.trailers(&Envoy))
    }

    fn response_headers(stream: u32, end: bool) -> Action {
        with(stream, |request| request.response_headers(&Envoy, end))
    }

    fn response_body(stream: u32, size: usize, end: bool) -> Action {
        with(stream, |request| request.response_body(&Envoy, size, end))
    }

    fn response_trailers(stream: u32) -> Action {
        with(stream, |request| request.response_trailers(&Envoy))
    }
}

/// Runs a callback about a request. Without one nothing goes on: Envoy announces each before it calls about it.
fn with(stream: u32, run: impl FnOnce(&mut Request) -> Flow) -> Action {
    let flow = REQUESTS.with_borrow_mut(|requests| requests.get_mut(&stream).map(run));
    match flow {
        Some(Flow::Continue) => Action::Continue,
        Some(Flow::Pause) | None => Action::Pause,
    }
}

/// The worker of a root context that has been configured.
fn worker(root: u32) -> Option<Rc<Worker>> {
    ROOTS.with_borrow(|roots| roots.get(&root).cloned().flatten())
}

/// The worker of the plugin whose callback this is, made on first need.
fn worker_of_plugin() -> Option<Rc<Worker>> {
    let name = host::property("plugin_name").unwrap_or_default();
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

/// Lets responses go on that were held for too long, as if this were a callback about each of them.
fn stop_holding(root: u32, streams: &[u32]) {
    for stream in streams {
        REQUESTS.with_borrow_mut(|requests| {
            // A context ends with its stream, and then there is nothing to enter.
            if let Some(request) = requests.get_mut(stream)
                && host::set_effective_context(*stream).is_ok()
            {
                request.stop_holding(&Envoy);
            }
        });
    }
    // The root context is there: this is its callback.
    let _ = host::set_effective_context(root);
}

/// Spreads Envoy's numbers of contexts, which count up, over a table. Nobody outside chooses them.
#[derive(Debug, Default)]
struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte));
        }
    }

    fn write_u32(&mut self, number: u32) {
        // Fibonacci hashing: the table takes its place from the upper bits as well as from the lower ones.
        self.0 = (self.0 ^ u64::from(number)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
