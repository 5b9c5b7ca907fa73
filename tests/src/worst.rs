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
mod pieces;
mod random;
mod recipe;
mod request;
mod search;
mod seeds;
mod subject;
mod yardstick;

pub use carrier::Carrier;
pub use clock::{fastest, thread_time};
pub use encoding::Encoding;
pub use pieces::Pieces;
pub use random::Random;
pub use recipe::Recipe;
pub use request::Shown;
pub use search::{Effort, Found, search};
pub use seeds::seeds;
pub use subject::Subject;
pub use yardstick::yardsticks;

/// Bytes of the inputs that are searched.
pub const LENGTH: usize = 8 * 1024;
