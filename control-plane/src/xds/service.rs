//! The gRPC face of the xDS server: `AggregatedDiscoveryService`, both variants.
//!
//! Written by hand instead of with the generated server, so that responses go out as [`Frame`]s, whose bytes are
//! shared between streams.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context as Task, Poll},
};

use futures::Stream;
use tonic::{
    Request, Response, Status, Streaming,
    body::Body,
    codegen::{Body as HttpBody, BoxFuture, Service, StdError, http},
    server::{Grpc, NamedService, StreamingService},
};

use super::{
    delta::Delta,
    frame::{Frame, FrameCodec},
    protocol::Protocol,
    session::{self, Context},
    sotw::Sotw,
};

/// Bytes of a request. The first one of a reconnecting client lists every name and version that it holds.
const MAX_REQUEST_BYTES: usize = 32 * 1024 * 1024;
const DELTA: &str = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";
const SOTW: &str = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources";

/// The aggregated discovery service.
#[derive(Debug, Clone)]
pub(super) struct Discovery {
    context: Arc<Context>,
}

impl Discovery {
    pub(super) fn new(context: Context) -> Self {
        Self {
            context: Arc::new(context),
        }
    }

    fn serve<P, B>(&self, request: http::Request<B>) -> BoxFuture<http::Response<Body>, Infallible>
    where
        P: Protocol,
        B: HttpBody + Send + 'static,
        B::Error: Into<StdError> + Send + 'static,
    {
        let method = Method::<P> {
            context: Arc::clone(&self.context),
            protocol: PhantomData,
        };
        let mut grpc =
            Grpc::new(FrameCodec::<P::Request>::default()).max_decoding_message_size(MAX_REQUEST_BYTES);
        Box::pin(async move { Ok(grpc.streaming(method, request).await) })
    }
}

impl NamedService for Discovery {
    const NAME: &'static str = "envoy.service.discovery.v3.AggregatedDiscoveryService";
}

impl<B> Service<http::Request<B>> for Discovery
where
    B: HttpBody + Send + 'static,
    B::Error: Into<StdError> + Send + 'static,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _task: &mut Task<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        match request.uri().path() {
            DELTA => self.serve::<Delta, B>(request),
            SOTW => self.serve::<Sotw, B>(request),
            _ => Box::pin(ready(
                Ok(Status::unimplemented("method is not known").into_http()),
            )),
        }
    }
}

/// One variant of the protocol as a gRPC method.
struct Method<P> {
    context: Arc<Context>,
    protocol: PhantomData<fn() -> P>,
}

impl<P: Protocol> StreamingService<P::Request> for Method<P> {
    type Response = Frame;
    type ResponseStream = Pin<Box<dyn Stream<Item = Result<Frame, Status>> + Send>>;
    type Future = Ready<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<Streaming<P::Request>>) -> Self::Future {
        let session = session::run::<P>(Arc::clone(&self.context), request.into_inner());
        ready(Ok(Response::new(Box::pin(session))))
    }
}
