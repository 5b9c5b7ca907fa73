//! The search for the slowest inputs.
//!
//! ```text
//! pattern ─▶ pieces ─▶ recipes ─▶ bytes ─▶ carrier ─▶ request ─▶ engine, timed
//!                        ▲                                          │
//!                        └── mutation ◀── the slowest are kept ◀────┘
//! ```
//!
//! Nothing here knows how the engine works inside: it is fed with requests and timed from outside.

mod carrier;
mod clock;
mod encoding;
mod in_envoy;
mod pieces;
mod random;
mod recipe;
mod request;
mod rule;
mod search;
mod seeds;
mod subject;
mod whole;
mod yardstick;

pub use carrier::Carrier;
pub use clock::{fastest, thread_time};
pub use encoding::Encoding;
pub use in_envoy::{InEnvoy, in_envoy};
pub use pieces::Pieces;
pub use random::Random;
pub use recipe::Recipe;
pub use request::Shown;
pub use rule::SlowRule;
pub use search::{Effort, Found, search};
pub use seeds::seeds;
pub use subject::Subject;
pub use whole::{SlowRequest, Whole};
pub use yardstick::yardsticks;

/// Bytes of the inputs that are searched.
pub const LENGTH: usize = 8 * 1024;
