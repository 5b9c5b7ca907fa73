//! Finds which rules match which values, without trying each rule on each value.
//!
//! ```text
//! value ─▶ byte classes ─▶ who can match at all? ─▶ transformations, equal copies shared
//!                                                        │ one scan per distinct copy
//!        hits ◀─ operator ◀─ necessary conditions ◀─ literals seen
//! ```
//!
//! Every filter here is a necessary condition of the operator behind it: it may let a rule through that does not
//! match, never the other way round. What cannot be decided from one value alone (counts, transaction variables,
//! negation, chained links) is no business of this module.

mod bits;
mod bytes;
mod chains;
mod clean;
mod condition;
mod explain;
mod formula;
mod gate;
mod literals;
mod need;
mod operator;
mod outline;
mod scan;
mod workspace;

pub(crate) use bits::Bits;
pub(crate) use bytes::{ByteSet, Classes};
pub(crate) use chains::{ChainId, Chains};
pub(crate) use gate::{FirstLink, Gate, Gates, GatesBuilder, selects};
pub(crate) use operator::{Environment, Nothing, Test, number};
pub(crate) use outline::Outline;
pub(crate) use scan::{Hit, Scratch};
pub(crate) use workspace::Workspace;

#[cfg(test)]
mod tests;
