//! Who would get a refusal: what has to be known of a request to answer it.

use super::{Representation, RequestId, accept};
use crate::host::Headers;

/// Who would get a refusal. Envoy shows a filter the request's headers only until it lets them go on, so that this
/// has to be taken down before if anything can still be refused afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recipient {
    /// The id of the request.
    pub(crate) id: RequestId,
    /// What the client can read.
    pub(super) representation: Representation,
}

impl Recipient {
    /// Takes down what a refusal of this request will need.
    pub(crate) fn of(request: &Headers, now: u64) -> Self {
        Self {
            id: RequestId::of(request, now),
            representation: accept::preferred(request),
        }
    }
}
