//! The filter's counters among Envoy's statistics.
//!
//! Envoy's statistics carry no labels of their own. The convention `name.label.=.value;.;` is taken apart by a
//! tag rule in the bootstrap's `stats_config`, and a Prometheus scrape then shows `name{label="value"}`.

use secbeat_engine::{Uninspected, config::Category};

use crate::host::{Meter, MetricKind};

/// Label of a refusal that no rule asked for.
const LIMIT: &str = "limit";

/// Handles of the filter's metrics.
#[derive(Debug)]
pub(crate) struct Metrics {
    requests: u32,
    blocked: PerCategory,
    blocked_by_limit: u32,
    detected: PerCategory,
    events_dropped: u32,
    events_unreported: u32,
    policy_revision: u32,
    policy_failures: u32,
    body_over_limit: u32,
    responses_encoded: u32,
    responses_over_limit: u32,
    responses_over_time: u32,
    responses_over_memory: u32,
    responses_masked: u32,
    unjudged: u32,
    sampled_out: u32,
}

#[derive(Debug)]
struct PerCategory(Vec<(Category, u32)>);

impl Metrics {
    /// Registers every metric, so that each shows from the start with its zero.
    pub(crate) fn define<M: Meter>(meter: &M) -> Self {
        let counter = |name: &str| meter.define(MetricKind::Counter, name);
        Self {
            requests: counter("secbeat_requests_total"),
            blocked: PerCategory::define(meter, "secbeat_blocked_total"),
            blocked_by_limit: counter(&labelled("secbeat_blocked_total", LIMIT)),
            detected: PerCategory::define(meter, "secbeat_detected_total"),
            events_dropped: counter("secbeat_events_dropped_total"),
            events_unreported: counter("secbeat_events_unreported_total"),
            policy_revision: meter.define(MetricKind::Gauge, "secbeat_policy_revision"),
            policy_failures: counter("secbeat_policy_failures_total"),
            body_over_limit: counter("secbeat_body_over_limit_total"),
            responses_encoded: counter("secbeat_responses_encoded_total"),
            responses_over_limit: counter("secbeat_responses_over_limit_total"),
            responses_over_time: counter("secbeat_responses_over_time_total"),
            responses_over_memory: counter("secbeat_responses_over_memory_total"),
            responses_masked: counter("secbeat_responses_masked_total"),
            unjudged: counter("secbeat_unjudged_total"),
            sampled_out: counter("secbeat_sampled_out_total"),
        }
    }

    /// Counts a request, whatever becomes of it.
    pub(crate) fn request<M: Meter>(&self, meter: &M) {
        meter.add(self.requests, 1);
    }

    /// Counts a refused request under the category of the rule that decided; `None` for a limit.
    pub(crate) fn blocked<M: Meter>(&self, meter: &M, category: Option<Category>) {
        let metric = category.and_then(|category| self.blocked.metric(category));
        meter.add(metric.unwrap_or(self.blocked_by_limit), 1);
    }

    /// Counts a request that was reported but not refused.
    pub(crate) fn detected<M: Meter>(&self, meter: &M, category: Category) {
        if let Some(metric) = self.detected.metric(category) {
            meter.add(metric, 1);
        }
    }

    /// Counts events lost because the buffer was full.
    pub(crate) fn events_dropped<M: Meter>(&self, meter: &M, amount: u64) {
        if amount > 0 {
            meter.add(self.events_dropped, amount);
        }
    }

    /// Counts an event that nobody wanted, because no report destination is configured.
    pub(crate) fn event_unreported<M: Meter>(&self, meter: &M) {
        meter.add(self.events_unreported, 1);
    }

    /// Shows the revision in force.
    pub(crate) fn policy_applied<M: Meter>(&self, meter: &M, revision: u64) {
        meter.set(self.policy_revision, revision);
    }

    /// Counts a policy that could not be loaded.
    pub(crate) fn policy_failed<M: Meter>(&self, meter: &M) {
        meter.add(self.policy_failures, 1);
    }

    /// Counts a body that was longer than the policy's limit, whatever the policy made of it.
    pub(crate) fn body_over_limit<M: Meter>(&self, meter: &M) {
        meter.add(self.body_over_limit, 1);
    }

    /// Counts a response body that was not inspected, or not as a whole, although rules would have looked at it.
    pub(crate) fn response_uninspected<M: Meter>(&self, meter: &M, why: Uninspected) {
        let metric = match why {
            Uninspected::Encoded => self.responses_encoded,
            Uninspected::OverLimit => self.responses_over_limit,
        };
        meter.add(metric, 1);
    }

    /// Counts a response that was held for as long as the policy allows, and then went on.
    pub(crate) fn response_over_time<M: Meter>(&self, meter: &M) {
        meter.add(self.responses_over_time, 1);
    }

    /// Counts a response body that was not inspected as a whole because the worker keeps too much already.
    pub(crate) fn response_over_memory<M: Meter>(&self, meter: &M) {
        meter.add(self.responses_over_memory, 1);
    }

    /// Counts a response in which something was overwritten.
    pub(crate) fn response_masked<M: Meter>(&self, meter: &M) {
        meter.add(self.responses_masked, 1);
    }

    /// Counts a request refused because nothing could judge it, as without a policy.
    pub(crate) fn unjudged<M: Meter>(&self, meter: &M) {
        meter.add(self.unjudged, 1);
    }

    /// Counts a request that passed unseen, because the policy inspects only a share of them.
    pub(crate) fn sampled_out<M: Meter>(&self, meter: &M) {
        meter.add(self.sampled_out, 1);
    }
}

impl PerCategory {
    fn define<M: Meter>(meter: &M, name: &str) -> Self {
        let define = |category: &Category| {
            (
                *category,
                meter.define(MetricKind::Counter, &labelled(name, category.as_str())),
            )
        };
        Self(Category::ALL.iter().map(define).collect())
    }

    fn metric(&self, category: Category) -> Option<u32> {
        self.0
            .iter()
            .find(|(known, _)| *known == category)
            .map(|(_, metric)| *metric)
    }
}

fn labelled(name: &str, category: &str) -> String {
    format!("{name}.category.=.{category};.;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fake::FakeHost;

    #[test]
    fn a_refusal_counts_under_the_category_of_its_rule() {
        let host = FakeHost::default();
        let metrics = Metrics::define(&host);
        metrics.blocked(&host, Some(Category::Xss));
        metrics.blocked(&host, None);
        assert_eq!(host.metric("secbeat_blocked_total.category.=.xss;.;"), 1);
        assert_eq!(host.metric("secbeat_blocked_total.category.=.limit;.;"), 1);
        assert_eq!(host.metric("secbeat_blocked_total.category.=.custom;.;"), 0);
    }
}
