//! Metrics of the control plane itself, and the registry that every part adds its own to.

use std::time::Duration;

use axum::http::Method;
use prometheus::{HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry, core::Collector};

/// Upper bounds of the API's latency buckets, in seconds.
const BUCKETS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];

/// Metrics of the control plane itself. Clones share them.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    seconds: HistogramVec,
    auth_failures: IntCounter,
}

impl Metrics {
    /// Registers everything that is counted where it happens.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let requests = IntCounterVec::new(
            Opts::new("secbeat_api_requests_total", "Requests to the REST API"),
            &["route", "method", "status"],
        )?;
        let seconds = HistogramVec::new(
            HistogramOpts::new(
                "secbeat_api_request_duration_seconds",
                "Time that the REST API took to answer",
            )
            .buckets(BUCKETS.to_vec()),
            &["route"],
        )?;
        let auth_failures = IntCounter::new(
            "secbeat_api_auth_failures_total",
            "Requests to the REST API with a wrong token",
        )?;
        let parts: [Box<dyn Collector>; 3] = [
            Box::new(requests.clone()),
            Box::new(seconds.clone()),
            Box::new(auth_failures.clone()),
        ];
        for part in parts {
            registry.register(part)?;
        }
        Ok(Self {
            registry,
            requests,
            seconds,
            auth_failures,
        })
    }

    /// Where other parts register theirs.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Counts a request to the API. `route` is a route of the router, never a path that a client chose.
    pub(crate) fn api_request(&self, route: &str, method: &Method, status: u16, took: Duration) {
        let method = match *method {
            Method::GET
            | Method::HEAD
            | Method::POST
            | Method::PUT
            | Method::PATCH
            | Method::DELETE
            | Method::OPTIONS => method.as_str(),
            _ => "other",
        };
        self.requests
            .with_label_values(&[route, method, &status.to_string()])
            .inc();
        self.seconds
            .with_label_values(&[route])
            .observe(took.as_secs_f64());
    }

    pub(crate) fn auth_failure(&self) {
        self.auth_failures.inc();
    }
}

/// What is read, rather than counted, at the moment of a scrape.
#[derive(Debug, Default)]
pub(crate) struct Readings(Vec<prometheus::proto::MetricFamily>);

impl Readings {
    /// Adds a counter that somebody else keeps.
    pub(crate) fn counter(&mut self, name: &str, help: &str, value: u64) -> Result<(), prometheus::Error> {
        let counter = IntCounter::new(name, help)?;
        counter.inc_by(value);
        self.0.extend(counter.collect());
        Ok(())
    }

    /// Adds a gauge.
    pub(crate) fn gauge(&mut self, name: &str, help: &str, value: u64) -> Result<(), prometheus::Error> {
        self.gauges(name, help, &[], &[(&[], value)])
    }

    /// Adds a gauge with labels.
    pub(crate) fn gauges(
        &mut self,
        name: &str,
        help: &str,
        labels: &[&str],
        values: &[(&[&str], u64)],
    ) -> Result<(), prometheus::Error> {
        let gauges = prometheus::IntGaugeVec::new(Opts::new(name, help), labels)?;
        for (labels, value) in values {
            gauges
                .with_label_values(labels)
                .set(i64::try_from(*value).unwrap_or(i64::MAX));
        }
        self.0.extend(gauges.collect());
        Ok(())
    }

    /// Writes everything in Prometheus' text format.
    pub(crate) fn write(mut self, metrics: &Metrics) -> Result<String, prometheus::Error> {
        self.0.extend(metrics.registry.gather());
        self.0.sort_by(|one, other| one.name().cmp(other.name()));
        prometheus::TextEncoder::new().encode_to_string(&self.0)
    }
}
