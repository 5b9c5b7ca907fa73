//! A proxy that remembers what was asked of it, for tests.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    time::Duration,
};

use super::{Clock, Headers, Meter, MetricKind, RequestHost, WorkerHost};
use crate::refusal::Refusal;

/// Headers that can be changed one by one.
type Pairs = Vec<(String, Vec<u8>)>;

/// A proxy that remembers what was asked of it.
#[derive(Debug, Default)]
pub(crate) struct FakeHost {
    pub(crate) now: Cell<u64>,
    /// How much time passes with every look at the clock.
    pub(crate) step: Cell<u64>,
    /// Whether the proxy shows no headers at all.
    pub(crate) hides_headers: Cell<bool>,
    pub(crate) request: RefCell<Pairs>,
    pub(crate) body: RefCell<Vec<u8>>,
    pub(crate) response: RefCell<Pairs>,
    pub(crate) response_body: RefCell<Vec<u8>>,
    /// How often anything about a response was asked or told.
    pub(crate) response_calls: Cell<u32>,
    /// How often a response was let go on outside of the callbacks about it.
    pub(crate) resumed: Cell<u32>,
    pub(crate) passed: Cell<u32>,
    pub(crate) refusals: RefCell<Vec<Refusal>>,
    pub(crate) interval: Cell<Duration>,
    pub(crate) calls: RefCell<Vec<Vec<u8>>>,
    pub(crate) has_cluster: Cell<bool>,
    #[cfg(feature = "faults")]
    pub(crate) vm_configuration: RefCell<Vec<u8>>,
    shared: RefCell<BTreeMap<String, (Vec<u8>, u32)>>,
    metrics: RefCell<Vec<(String, u64)>>,
}

impl FakeHost {
    pub(crate) fn with_request(pairs: &[(&str, &str)]) -> Self {
        let host = Self::default();
        let pairs = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
        host.request.replace(pairs.collect());
        host
    }

    fn shown(&self, headers: &RefCell<Pairs>) -> Option<Headers> {
        let is_shown = !self.hides_headers.get();
        is_shown.then(|| headers.borrow().iter().cloned().collect())
    }

    pub(crate) fn metric(&self, name: &str) -> u64 {
        self.metrics
            .borrow()
            .iter()
            .find(|(found, _)| found == name)
            .expect("metric is defined")
            .1
    }
}

impl Clock for FakeHost {
    fn now(&self) -> u64 {
        self.now.set(self.now.get() + self.step.get());
        self.now.get()
    }
}

impl Meter for FakeHost {
    fn define(&self, _kind: MetricKind, name: &str) -> u32 {
        let mut metrics = self.metrics.borrow_mut();
        let known = metrics.iter().position(|(found, _)| found == name);
        let index = known.unwrap_or(metrics.len());
        if known.is_none() {
            metrics.push((name.to_owned(), 0));
        }
        index as u32
    }

    fn add(&self, metric: u32, amount: u64) {
        self.metrics.borrow_mut()[metric as usize].1 += amount;
    }

    fn set(&self, metric: u32, value: u64) {
        self.metrics.borrow_mut()[metric as usize].1 = value;
    }
}

impl RequestHost for FakeHost {
    fn request_headers(&self) -> Option<Headers> {
        self.shown(&self.request)
    }

    fn request_body(&self, start: usize, limit: usize) -> Vec<u8> {
        self.body
            .borrow()
            .iter()
            .skip(start)
            .take(limit)
            .copied()
            .collect()
    }

    fn replace_response_headers(&self, headers: &[(&[u8], &[u8])]) {
        self.response_calls.set(self.response_calls.get() + 1);
        let headers = headers
            .iter()
            .map(|(name, value)| (String::from_utf8_lossy(name).into_owned(), value.to_vec()));
        self.response.replace(headers.collect());
    }

    fn response_body(&self, start: usize, limit: usize) -> Vec<u8> {
        self.response_calls.set(self.response_calls.get() + 1);
        let body = self.response_body.borrow();
        body.iter().skip(start).take(limit).copied().collect()
    }

    fn replace_response_body(&self, length: usize, by: &[u8]) {
        self.response_calls.set(self.response_calls.get() + 1);
        self.response_body
            .borrow_mut()
            .splice(..length, by.iter().copied());
    }

    fn set_request_header(&self, name: &str, value: &str) {
        set(&self.request, name, Some(value));
    }

    fn set_response_header(&self, name: &str, value: Option<&str>) {
        self.response_calls.set(self.response_calls.get() + 1);
        set(&self.response, name, value);
    }

    fn resume_response(&self) {
        self.resumed.set(self.resumed.get() + 1);
    }

    fn response_headers(&self) -> Option<Headers> {
        self.response_calls.set(self.response_calls.get() + 1);
        self.shown(&self.response)
    }

    fn client(&self) -> Option<Vec<u8>> {
        Some(b"192.0.2.1:4711".to_vec())
    }

    fn mark_passed(&self) {
        self.passed.set(self.passed.get() + 1);
    }

    fn refuse(&self, refusal: &Refusal) {
        self.refusals.borrow_mut().push(refusal.clone());
    }
}

fn set(headers: &RefCell<Pairs>, name: &str, value: Option<&str>) {
    let mut headers = headers.borrow_mut();
    headers.retain(|(found, _)| found != name);
    headers.extend(value.map(|value| (name.to_owned(), value.as_bytes().to_vec())));
}

impl WorkerHost for FakeHost {
    fn tick_every(&self, interval: Duration) {
        self.interval.set(interval);
    }

    fn node(&self) -> String {
        "node-1".to_owned()
    }

    fn shared(&self, key: &str) -> (Option<Vec<u8>>, Option<u32>) {
        let shared = self.shared.borrow();
        shared
            .get(key)
            .map_or((None, None), |(value, token)| (Some(value.clone()), Some(*token)))
    }

    fn set_shared(&self, key: &str, value: &[u8], token: Option<u32>) -> bool {
        let mut shared = self.shared.borrow_mut();
        let current = shared.get(key).map_or(0, |(_, token)| *token);
        if token.is_some_and(|token| token != current) {
            return false;
        }
        shared.insert(key.to_owned(), (value.to_vec(), current + 1));
        true
    }

    #[cfg(feature = "faults")]
    fn vm_configuration(&self) -> Vec<u8> {
        self.vm_configuration.borrow().clone()
    }

    fn call(&self, _cluster: &str, _service: &str, _method: &str, message: &[u8]) -> Option<u32> {
        self.has_cluster.get().then(|| {
            let mut calls = self.calls.borrow_mut();
            calls.push(message.to_vec());
            calls.len() as u32
        })
    }
}
