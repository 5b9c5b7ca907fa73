//! When a rule is evaluated.

/// When a rule is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Phase 1: start line and headers of the request are known.
    RequestHeaders,
    /// Phase 2: the request body is known, as far as it is inspected.
    RequestBody,
    /// Phase 3: status and headers of the response are known.
    ResponseHeaders,
    /// Phase 4: the response body is known, as far as it is inspected.
    ResponseBody,
    /// Phase 5: all is over; nothing can be refused any more.
    Logging,
}

impl Phase {
    /// Every phase, in order.
    pub const ALL: [Self; 5] = [
        Self::RequestHeaders,
        Self::RequestBody,
        Self::ResponseHeaders,
        Self::ResponseBody,
        Self::Logging,
    ];

    /// Names the phase as traces do.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RequestHeaders => "request_headers",
            Self::RequestBody => "request_body",
            Self::ResponseHeaders => "response_headers",
            Self::ResponseBody => "response_body",
            Self::Logging => "logging",
        }
    }

    /// Whether the phase is about the response.
    pub const fn is_response(self) -> bool {
        matches!(self, Self::ResponseHeaders | Self::ResponseBody)
    }

    /// Position in [`Phase::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }
}
