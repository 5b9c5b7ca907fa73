//! The decision engine of SecBeat: requests in, verdicts out.
//!
//! ```text
//! PolicyConfig ──compile──▶ Policy (immutable, shared)
//!                              │
//! RequestHead, body chunks ──▶ Transaction ──▶ Verdict + matches
//!                              │
//!              parse ─▶ transform ─▶ match ─▶ score
//! ```
//!
//! The same code runs in the Envoy filter (wasm) and in the control plane (native), so that a policy which
//! compiles in the one loads in the other. The engine does no I/O, reads no clock, knows no host and has no
//! panic path. Everything it inspects is bytes: nothing has to be UTF-8.
//!
//! ```
//! use std::sync::Arc;
//! use secbeat_engine::{RequestHead, Transaction, Verdict, compile, config::PolicyConfig};
//!
//! let config: PolicyConfig = serde_json::from_str(
//!     r#"{"patterns": [{"id": 1, "name": "union select", "pattern": "union\\s+select"}]}"#,
//! )?;
//! let policy = Arc::new(compile(&config)?);
//!
//! let mut transaction = Transaction::new(policy);
//! let headers = [(&b":method"[..], &b"GET"[..]), (b":path", b"/?id=1%20UNION%20SELECT%202")];
//! let verdict = transaction.request_headers(&RequestHead { client: None, headers: &headers }, true);
//! assert!(matches!(verdict, Verdict::Deny(_)));
//! assert_eq!(transaction.matches()[0].target, "query_values:id");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod config;
pub mod packs;
pub mod parse;
pub mod report;
pub mod rule;
pub mod trace;
pub mod transform;

mod ask;
mod compile;
mod injection;
mod mask;
mod matching;
mod plan;
mod policy;
mod printable;
mod transaction;
mod verdict;
mod words;

pub use ask::Question;
pub use compile::{CompileError, CompileErrors, Compiler, Progress, compile, compile_program};
pub use policy::Policy;
pub use printable::printable;
pub use transaction::{MaskedBody, RequestHead, ResponseHead, Transaction, Uninspected};
pub use verdict::{Denial, Disposition, RuleMatch, Verdict};
