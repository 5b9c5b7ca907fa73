//! Resource types: their names, the order in which they are sent, and how they are sent.

/// Extension configuration (ECDS): the type that carries policies.
pub(crate) const EXTENSION: &str = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig";
/// Clusters (CDS).
pub(crate) const CLUSTER: &str = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
/// Endpoints (EDS).
pub(crate) const ENDPOINT: &str = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";
/// Listeners (LDS).
pub(crate) const LISTENER: &str = "type.googleapis.com/envoy.config.listener.v3.Listener";
/// Routes (RDS).
pub(crate) const ROUTE: &str = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration";

/// Where a type stands in the order of sending: what others refer to goes first (make before break).
pub(crate) fn rank(type_url: &str) -> u8 {
    [CLUSTER, ENDPOINT, LISTENER, ROUTE, EXTENSION]
        .iter()
        .position(|known| *known == type_url)
        .map_or(u8::MAX, |position| position as u8)
}

/// Whether a response holds one resource only. Envoy refuses a response as a whole, so that a bad extension
/// configuration would take a good one down with it.
pub(crate) fn is_sent_singly(type_url: &str) -> bool {
    type_url == EXTENSION
}

/// Whether a client that says on a new stream that it holds the current version needs no answer. Endpoints, routes
/// and secrets always get one: the client may be warming something that waits for it.
pub(crate) fn may_skip_held(type_url: &str) -> bool {
    matches!(type_url, EXTENSION | CLUSTER | LISTENER)
}

/// Whether a state-of-the-world response holds everything, so that a missing name is a removal.
pub(crate) fn is_full_state(type_url: &str) -> bool {
    matches!(type_url, CLUSTER | LISTENER)
}

/// Names a type as the metrics do: a closed set.
pub(crate) fn label(type_url: &str) -> &'static str {
    match type_url {
        EXTENSION => "ecds",
        CLUSTER => "cds",
        ENDPOINT => "eds",
        LISTENER => "lds",
        ROUTE => "rds",
        _ => "other",
    }
}
