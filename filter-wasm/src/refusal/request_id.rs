//! The id by which a person can name a refused request, and an operator find its event.

use std::fmt;

use crate::{host::Headers, identity};

/// The id of a request: letters, digits and `-_.:=+/`, 1 to 128 of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequestId(String);

impl RequestId {
    const LIMIT: usize = 128;

    /// Takes the id that Envoy (or a proxy before it) gave the request, if it is a sane one, else draws one.
    pub(crate) fn of(request: &Headers, now: impl FnOnce() -> u64) -> Self {
        request
            .value("x-request-id")
            .and_then(Self::parse)
            .unwrap_or_else(|| {
                let now = now();
                Self(format!(
                    "{:016x}{:016x}",
                    identity::draw(now),
                    identity::draw(now)
                ))
            })
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let is_sane = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:=+/".contains(byte);
        if !(1..=Self::LIMIT).contains(&bytes.len()) || !bytes.iter().all(is_sane) {
            return None;
        }
        String::from_utf8(bytes.to_vec()).ok().map(Self)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_for(value: &[u8]) -> String {
        RequestId::of(&[("x-request-id", value)].into_iter().collect(), || 1).to_string()
    }

    #[test]
    fn a_sane_id_is_kept() {
        let uuid = "2f1e6a0c-6a2b-4c39-9d2e-0b1f0e9a7c55";
        assert_eq!(id_for(uuid.as_bytes()), uuid);
    }

    #[test]
    fn anything_else_is_replaced() {
        for bad in [
            &b""[..],
            b"<script>",
            b"a b",
            b"a\"b",
            b"\xff",
            &[b'a'; 129],
            b"a\r\nb",
            b"a&b",
            b"a'b",
        ] {
            let id = id_for(bad);
            assert_eq!(id.len(), 32, "{id}");
            assert!(id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
        }
        assert_ne!(id_for(b""), id_for(b""));
    }
}
