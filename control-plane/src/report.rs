//! The report service: takes in what filter workers tell about themselves, and their events.
//!
//! A unary gRPC service on the xDS listener. State goes to the fleet, events to the event sink; the reply comes
//! only after the sink has stored them. Nothing here decides what a report means.

mod bounds;

use std::{
    convert::Infallible,
    future::ready,
    task::{Context, Poll},
};

use secbeat_engine::report::{METHOD, ReportReply, ReportRequest, SERVICE};
use tonic::{
    Request, Response, Status,
    body::Body,
    codegen::{Body as HttpBody, BoxFuture, Service, StdError, http},
    server::{Grpc, NamedService, UnaryService},
};
use tonic_prost::ProstCodec;

use crate::{chain, change::bounded, events::EventSink, fleet::Fleet};

/// Bytes of a report.
const MAX_REPORT_BYTES: usize = 4 * 1024 * 1024;

/// The report service.
#[derive(Debug, Clone)]
pub(crate) struct ReportService<S> {
    fleet: Fleet,
    sink: S,
}

impl<S: EventSink> ReportService<S> {
    pub(crate) fn new(fleet: Fleet, sink: S) -> Self {
        Self { fleet, sink }
    }

    async fn report(&self, report: ReportRequest) -> Result<ReportReply, Status> {
        let metrics = self.fleet.metrics();
        let outcome = self.take_in(&report).await;
        match &outcome {
            Ok(_) => {
                metrics.reports.inc();
                metrics.events.inc_by(report.events.len() as u64);
            }
            Err(status) => {
                metrics.reports_failed.inc();
                // A node id that is too long is a reason to get here.
                let node = bounded(&report.node);
                tracing::warn!(?node, reason = ?status.message(), "report not taken in");
            }
        }
        outcome
    }

    async fn take_in(&self, report: &ReportRequest) -> Result<ReportReply, Status> {
        bounds::check(report).map_err(|error| Status::invalid_argument(error.to_string()))?;
        self.fleet
            .report(report)
            .map_err(|error| Status::resource_exhausted(error.to_string()))?;
        if report.events.is_empty() {
            return Ok(ReportReply { acknowledged: 0 });
        }
        let acknowledged = self.sink.append(report).await.map_err(|error| {
            tracing::error!(error = %chain(&error), "events not stored");
            Status::unavailable("events cannot be stored now")
        })?;
        Ok(ReportReply { acknowledged })
    }
}

impl<S> NamedService for ReportService<S> {
    const NAME: &'static str = SERVICE;
}

impl<S, B> Service<http::Request<B>> for ReportService<S>
where
    S: EventSink,
    B: HttpBody + Send + 'static,
    B::Error: Into<StdError> + Send + 'static,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _task: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let path = request.uri().path().strip_prefix('/').unwrap_or_default();
        if path.split_once('/') != Some((SERVICE, METHOD)) {
            return Box::pin(ready(
                Ok(Status::unimplemented("method is not known").into_http()),
            ));
        }
        let method = Method(self.clone());
        let mut grpc = Grpc::new(ProstCodec::<ReportReply, ReportRequest>::default())
            .max_decoding_message_size(MAX_REPORT_BYTES);
        Box::pin(async move { Ok(grpc.unary(method, request).await) })
    }
}

/// [`METHOD`].
struct Method<S>(ReportService<S>);

impl<S: EventSink> UnaryService<ReportRequest> for Method<S> {
    type Response = ReportReply;
    type Future = BoxFuture<Response<ReportReply>, Status>;

    fn call(&mut self, request: Request<ReportRequest>) -> Self::Future {
        let service = self.0.clone();
        Box::pin(async move { service.report(request.into_inner()).await.map(Response::new) })
    }
}
