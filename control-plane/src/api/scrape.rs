//! `/metrics`: what was counted, and what is read at the moment of asking.

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{Api, params::Params, problem::Problem, status::by_category};
use crate::{metrics::Readings, store::Counts};

pub(super) async fn metrics(State(api): State<Api>, params: Params) -> Result<Response, Problem> {
    params.finish()?;
    let counts = api.parts.store.counts().await?;
    let text = read(&api, counts).map_err(|error| {
        tracing::error!(%error, "metrics cannot be written");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "metrics cannot be written")
    })?;
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}

fn read(api: &Api, counts: Counts) -> Result<String, prometheus::Error> {
    let mut readings = Readings::default();
    let revision = api.parts.state.latest();
    let totals = api.parts.fleet.totals();
    readings.counter(
        "secbeat_requests_total",
        "Requests that the fleet's filters saw",
        totals.requests,
    )?;
    readings.counter(
        "secbeat_blocked_total",
        "Requests that the fleet's filters refused",
        totals.blocked,
    )?;
    readings.counter(
        "secbeat_detected_total",
        "Requests that the fleet's filters reported only",
        totals.detected,
    )?;
    readings.counter(
        "secbeat_events_dropped_total",
        "Events that the fleet's filters dropped because their buffers were full",
        totals.events_dropped,
    )?;
    readings.gauge("secbeat_events_stored", "Events in the store", counts.events)?;
    readings.counter(
        "secbeat_events_pruned_total",
        "Events that left the store because newer ones came",
        counts.events_pruned,
    )?;
    readings.gauge(
        "secbeat_revisions_stored",
        "Revisions in the store",
        counts.revisions,
    )?;
    readings.gauge(
        "secbeat_revision",
        "Number of the revision in force",
        revision.number,
    )?;
    readings.gauges(
        "secbeat_mode",
        "The mode in force",
        &["mode"],
        &[(&[revision.content.mode.as_str()], 1)],
    )?;
    let categories = by_category(&revision.content);
    let labels = categories.keys().map(|name| [*name]).collect::<Vec<_>>();
    let values = labels
        .iter()
        .zip(categories.values())
        .map(|(label, count)| (label.as_slice(), u64::try_from(*count).unwrap_or(u64::MAX)))
        .collect::<Vec<_>>();
    readings.gauges(
        "secbeat_patterns",
        "Enabled patterns in force",
        &["category"],
        &values,
    )?;
    let version: &[&str] = &[env!("CARGO_PKG_VERSION")];
    readings.gauges(
        "secbeat_build_info",
        "The running version",
        &["version"],
        &[(version, 1)],
    )?;
    readings.write(&api.parts.metrics)
}
