//! What a filter's worker tells the control plane: the revision that it really applied, and its events.
//!
//! Protobuf, sent as the unary gRPC call [`METHOD`] on service [`SERVICE`] of the `xds` listener. A worker keeps
//! its events until a [`ReportReply`] acknowledges them, and sends the unacknowledged ones again with the same
//! sequence numbers; (`instance`, `seq`) names an event for ever, so that the receiver can drop what it has.

/// The gRPC service.
pub const SERVICE: &str = "secbeat.report.v1.ReportService";
/// The gRPC method of [`SERVICE`].
pub const METHOD: &str = "Report";

/// State of one worker, and the events that it still holds.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ReportRequest {
    /// Envoy's node id.
    #[prost(string, tag = "1")]
    pub node: String,
    /// Drawn once per Envoy process and shared by its workers; a new one tells that Envoy was restarted.
    #[prost(fixed64, tag = "2")]
    pub process: u64,
    /// Drawn once per wasm VM; a new one tells that the VM was built anew.
    #[prost(fixed64, tag = "3")]
    pub instance: u64,
    /// Version of the filter module.
    #[prost(string, tag = "4")]
    pub module_version: String,
    /// Revision that serves requests now; absent while none does.
    #[prost(uint64, optional, tag = "5")]
    pub applied: Option<u64>,
    /// Revision last offered to this worker, whether it loaded or not.
    #[prost(uint64, tag = "6")]
    pub offered: u64,
    /// Why the offered revision is not in force, empty when it is or is still being compiled; at most 1 KiB.
    #[prost(string, tag = "7")]
    pub error: String,
    /// Requests seen since the VM was built.
    #[prost(uint64, tag = "8")]
    pub requests: u64,
    /// Requests refused since the VM was built.
    #[prost(uint64, tag = "9")]
    pub blocked: u64,
    /// Requests reported but not refused since the VM was built.
    #[prost(uint64, tag = "10")]
    pub detected: u64,
    /// Events dropped since the VM was built, because the buffer was full.
    #[prost(uint64, tag = "11")]
    pub events_dropped: u64,
    /// Events in ascending order of `seq`.
    #[prost(message, repeated, tag = "12")]
    pub events: Vec<Event>,
}

/// Acknowledges a report. It is only sent once the events are stored.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct ReportReply {
    /// Every event of the instance with `seq` up to this one is stored.
    #[prost(uint64, tag = "1")]
    pub acknowledged: u64,
}

/// One request that a rule matched or a limit refused.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Event {
    /// 1 for the first event of an instance, then ascending by one.
    #[prost(uint64, tag = "1")]
    pub seq: u64,
    /// When, in nanoseconds since 1970 UTC.
    #[prost(fixed64, tag = "2")]
    pub time: u64,
    /// The request id that the block page shows.
    #[prost(string, tag = "3")]
    pub request_id: String,
    /// Whether the request was refused.
    #[prost(bool, tag = "4")]
    pub blocked: bool,
    /// Status of the refusal; 0 when it was not refused.
    #[prost(uint32, tag = "5")]
    pub status: u32,
    /// Revision that decided.
    #[prost(uint64, tag = "6")]
    pub revision: u64,
    /// Client address without port.
    #[prost(string, tag = "7")]
    pub client: String,
    /// Method, at most 32 bytes.
    #[prost(bytes = "vec", tag = "8")]
    pub method: Vec<u8>,
    /// Authority, at most 256 bytes.
    #[prost(bytes = "vec", tag = "9")]
    pub host: Vec<u8>,
    /// Path without query, at most 1,024 bytes.
    #[prost(bytes = "vec", tag = "10")]
    pub path: Vec<u8>,
    /// The rules that matched, in order.
    #[prost(message, repeated, tag = "11")]
    pub matches: Vec<EventMatch>,
    /// Why a limit refused the request (`body_over_limit`), empty when a rule did.
    #[prost(string, tag = "12")]
    pub limit: String,
    /// What the request scored, as far as it counts towards the threshold.
    #[prost(uint32, tag = "13")]
    pub inbound_score: u32,
    /// What the response scored, as far as it counts towards the threshold.
    #[prost(uint32, tag = "14")]
    pub outbound_score: u32,
    /// What both scored by category, without categories that scored nothing.
    #[prost(message, repeated, tag = "15")]
    pub category_scores: Vec<CategoryScore>,
    /// Matches beyond those that are told.
    #[prost(uint64, tag = "16")]
    pub matches_beyond: u64,
    /// Whether it was let pass only because the policy refuses nothing.
    #[prost(bool, tag = "17")]
    pub would_block: bool,
}

/// What the matches of one category scored.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CategoryScore {
    /// [`crate::config::Category::as_str`].
    #[prost(string, tag = "1")]
    pub category: String,
    /// The score.
    #[prost(uint32, tag = "2")]
    pub score: u32,
}

/// One rule that matched, as an event carries it.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EventMatch {
    /// Rule id.
    #[prost(uint32, tag = "1")]
    pub rule: u32,
    /// What the rule stops.
    #[prost(string, tag = "2")]
    pub message: String,
    /// [`crate::config::Category::as_str`].
    #[prost(string, tag = "3")]
    pub category: String,
    /// [`crate::config::Severity::as_str`].
    #[prost(string, tag = "4")]
    pub severity: String,
    /// Where it matched, as in `query_values:id`.
    #[prost(string, tag = "5")]
    pub target: String,
    /// The bytes that matched, after transformation, bounded.
    #[prost(bytes = "vec", tag = "6")]
    pub matched: Vec<u8>,
    /// Whether this match refused the request, or its response.
    #[prost(bool, tag = "7")]
    pub blocked: bool,
    /// Whether the bytes were kept back ([`crate::config::MaskConfig`]).
    #[prost(bool, tag = "8")]
    pub masked: bool,
    /// Whether this match was overwritten in the response.
    #[prost(bool, tag = "9")]
    pub overwritten: bool,
    /// What the rule adds to the score, the first time that it matches.
    #[prost(uint32, tag = "10")]
    pub score: u32,
    /// Paranoia level of the rule; above that of the policy its score counts towards no threshold.
    #[prost(uint32, tag = "11")]
    pub paranoia: u32,
}
