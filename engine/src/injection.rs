//! Tells injected SQL and injected markup from honest text, the way libinjection does: by tokens, not by patterns.
//!
//! ```text
//! value ─▶ as SQL in each place where an application may put it ─▶ tokens ─▶ folded ─▶ fingerprint ─▶ known?
//!       ─▶ as HTML in each place where a page may put it        ─▶ tags, attributes, comments ─▶ known to run scripts?
//! ```
//!
//! The algorithm is Nick Galbreath's ("SQL-RISC", Black Hat USA 2012; "libinjection", OWASP 2012), and so are
//! the tables under `data/`, whose licence stands beside them; the code is our own. Both take time linear in the value and
//! no memory. Nothing here knows rules or transactions.

mod sqli;
mod table;
mod xss;

pub(crate) use sqli::is_sqli;
pub(crate) use xss::is_xss;

#[cfg(test)]
mod tests;
