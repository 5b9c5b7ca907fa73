//! Events: what the filters report, on its way from the report service into the store.
//!
//! The report service calls [`EventSink`] and acknowledges nothing that the sink did not store.

use std::future::Future;

use secbeat_engine::report::ReportRequest;

pub use crate::store::StoreError;

/// Where reported events go.
pub trait EventSink: Clone + Send + Sync + 'static {
    /// Stores the events of a report durably, drops those that are stored already, and returns the sequence
    /// number up to which every event of the report's instance is stored. All or nothing.
    fn append(&self, report: &ReportRequest) -> impl Future<Output = Result<u64, StoreError>> + Send;
}
