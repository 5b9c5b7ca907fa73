//! What the two protocol variants have in common: the events they report, the responses they make, their bounds,
//! and the independent logical streams that ADS multiplexes by type.

use std::{collections::BTreeMap, sync::Arc};

use envoy_types::pb::{envoy::config::core::v3::Node, google::rpc::Status};

use super::{
    frame::Frame,
    resource::{Resource, World},
    type_url,
};

/// Types on one stream. Envoy knows about ten.
pub(super) const MAX_TYPES: usize = 32;
/// Names that one stream may subscribe to by type.
pub(super) const MAX_NAMES: usize = 10_000;
/// Bytes of a name or a version.
pub(super) const MAX_NAME_BYTES: usize = 1_024;
/// Bytes of resources in one response, when it holds more than one: clients built on grpc-go stop at 4 MiB.
pub(super) const MAX_RESPONSE_BYTES: usize = 2 * 1024 * 1024;

/// A protocol variant as a state machine: requests and worlds in, outcomes and responses out.
pub(super) trait Protocol: Default + Send + 'static {
    /// What the client sends.
    type Request: prost::Message + Default + 'static;

    /// The node that the request names, if it does.
    fn node(request: &Self::Request) -> Option<&Node>;

    /// The version that the client says it holds of a resource, if the request says so.
    fn held<'a>(request: &'a Self::Request, type_url: &str, name: &str) -> Option<&'a str>;

    /// Encodes a response.
    fn frame(response: &Response) -> Frame;

    /// Takes one request in.
    fn receive(&mut self, request: Self::Request, world: &World) -> Result<Vec<Outcome>, Violation>;

    /// The next response to send, if there is one to send now.
    fn poll(&mut self, world: &World) -> Option<Response>;
}

/// What a request told about earlier responses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The client says on a new stream that it holds this current resource.
    Holds(Arc<Resource>),
    /// The client accepted these resources.
    Ack {
        /// Type of the resources.
        type_url: String,
        /// What it accepted.
        resources: Vec<Arc<Resource>>,
    },
    /// The client refused these resources.
    Nack {
        /// Type of the resources.
        type_url: String,
        /// What it refused.
        resources: Vec<Arc<Resource>>,
        /// What it said, bounded.
        message: String,
    },
    /// The request answered a response that was not the latest.
    Stale,
}

impl Outcome {
    /// How a response with these resources was answered, going by the error in the request.
    pub(super) fn answered(type_url: String, resources: Vec<Arc<Resource>>, error: Option<&Status>) -> Self {
        match error {
            None => Self::Ack { type_url, resources },
            Some(status) => Self::Nack {
                type_url,
                resources,
                message: refusal(status),
            },
        }
    }
}

/// One response, before it is encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Response {
    /// Type of the resources.
    pub(super) type_url: String,
    /// Version of the response as a whole.
    pub(super) version: String,
    /// Names the response; unique within its stream.
    pub(super) nonce: String,
    /// What it brings.
    pub(super) resources: Vec<Arc<Resource>>,
    /// What is gone (delta only).
    pub(super) removed: Vec<String>,
}

/// A request that breaks the protocol or its bounds; the stream ends.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Violation {
    /// The first request names no node.
    #[error("node.id must not be empty in the first request")]
    NodeMissing,
    /// A request names no type.
    #[error("type_url must not be empty")]
    TypeMissing,
    /// A stream asks for too many types.
    #[error("at most {MAX_TYPES} resource types are allowed on a stream")]
    TooManyTypes,
    /// A subscription names too many resources.
    #[error("at most {MAX_NAMES} resource names are allowed by type, found {found}")]
    TooManyNames {
        /// How many it names.
        found: usize,
    },
    /// A name, a version or a type is too long.
    #[error("{field} must have at most {MAX_NAME_BYTES} bytes, found {found}")]
    TooLong {
        /// Which field.
        field: &'static str,
        /// How long it is.
        found: usize,
    },
}

/// The logical streams of one ADS stream, one by type, in the order of sending.
#[derive(Debug)]
pub(super) struct Types<S> {
    by_type: BTreeMap<(u8, String), S>,
    responses: u64,
}

impl<S> Default for Types<S> {
    fn default() -> Self {
        Self {
            by_type: BTreeMap::new(),
            responses: 0,
        }
    }
}

impl<S: Default> Types<S> {
    /// Finds or opens the logical stream of a type; tells whether it is new.
    pub(super) fn open(&mut self, type_url: &str) -> Result<(bool, &mut S), Violation> {
        if type_url.is_empty() {
            return Err(Violation::TypeMissing);
        }
        check_length("type_url", type_url)?;
        let key = (type_url::rank(type_url), type_url.to_owned());
        let is_new = !self.by_type.contains_key(&key);
        if is_new && self.by_type.len() >= MAX_TYPES {
            return Err(Violation::TooManyTypes);
        }
        Ok((is_new, self.by_type.entry(key).or_default()))
    }

    /// Asks each logical stream in order for a response, until one has one. `offer` gets the type, the stream and
    /// the nonce to use.
    pub(super) fn first_response(
        &mut self,
        mut offer: impl FnMut(&str, &mut S, &str) -> Option<Response>,
    ) -> Option<Response> {
        let nonce = (self.responses + 1).to_string();
        let response = self
            .by_type
            .iter_mut()
            .find_map(|((_, type_url), subscription)| offer(type_url, subscription, &nonce))?;
        self.responses += 1;
        Some(response)
    }
}

/// Checks the bound of a text from the wire.
pub(super) fn check_length(field: &'static str, text: &str) -> Result<(), Violation> {
    if text.len() > MAX_NAME_BYTES {
        return Err(Violation::TooLong {
            field,
            found: text.len(),
        });
    }
    Ok(())
}

/// Checks the bounds of a list of names from the wire.
pub(super) fn check_names<'a>(
    field: &'static str,
    names: impl ExactSizeIterator<Item = &'a String>,
) -> Result<(), Violation> {
    if names.len() > MAX_NAMES {
        return Err(Violation::TooManyNames { found: names.len() });
    }
    names.into_iter().try_for_each(|name| check_length(field, name))
}

/// The reason in a NACK, at most 1 KiB.
fn refusal(status: &Status) -> String {
    let mut message = status.message.clone();
    message.truncate(message.floor_char_boundary(1_024));
    message
}
