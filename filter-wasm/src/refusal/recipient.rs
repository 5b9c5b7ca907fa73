//! Who would get a refusal: what has to be known of a request to answer it.

use super::{Representation, RequestId, accept};
use crate::host::Headers;

/// Who would get a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recipient {
    /// The id of the request.
    pub(crate) id: RequestId,
    /// What the client can read.
    pub(super) representation: Representation,
}

impl Recipient {
    /// Takes from a request's headers what a refusal of it will need. `now` goes into the id of a request that has none.
    pub(crate) fn of(request: &Headers, now: impl FnOnce() -> u64) -> Self {
        Self {
            id: RequestId::of(request, now),
            representation: accept::preferred(request),
        }
    }
}

/// What tells the recipient once something is refused. Envoy shows a filter the request's headers only until it lets them go
/// on; most requests are refused by nothing, so that they are kept and not read.
#[derive(Debug)]
pub(crate) enum Address {
    /// Not read yet.
    Headers(Headers),
    /// Read, because the headers are too long to be kept.
    Read(Recipient),
}

impl Address {
    /// Bytes of headers that are kept for as long as the request lasts.
    const KEPT: usize = 4 * 1024;

    /// Takes the request's headers, and reads them at once if they are long.
    pub(crate) fn new(request: Headers, now: impl FnOnce() -> u64) -> Self {
        if request.serialized().len() > Self::KEPT {
            Self::Read(Recipient::of(&request, now))
        } else {
            Self::Headers(request)
        }
    }

    /// Reads it.
    pub(crate) fn into_recipient(self, now: impl FnOnce() -> u64) -> Recipient {
        match self {
            Self::Headers(request) => Recipient::of(&request, now),
            Self::Read(recipient) => recipient,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_headers_are_not_kept_and_tell_the_same() {
        let headers = |length: usize| -> Headers {
            let long = "a".repeat(length);
            [
                ("accept", "text/html"),
                ("x-request-id", "id-1"),
                ("cookie", &long),
            ]
            .into_iter()
            .collect()
        };
        let short = Address::new(headers(10), || 1);
        assert!(matches!(short, Address::Headers(_)));
        let long = Address::new(headers(Address::KEPT), || 1);
        assert!(matches!(long, Address::Read(_)));
        assert_eq!(long.into_recipient(|| 2), short.into_recipient(|| 2));
    }
}
