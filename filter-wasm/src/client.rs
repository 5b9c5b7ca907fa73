//! The client's address, out of the text that Envoy gives.

use std::net::{IpAddr, SocketAddr};

/// Takes the address out of `1.2.3.4:5678`, `[2001:db8::1]:5678` or a bare address.
/// `None` for what is no address, as with a Unix socket.
pub(crate) fn address(text: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(text).ok()?;
    text.parse::<SocketAddr>()
        .map(|socket| socket.ip())
        .or_else(|_| text.parse())
        .ok()
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn port_and_brackets_are_stripped() {
        for (text, expected) in [
            ("127.0.0.1:49152", Some("127.0.0.1")),
            ("[2001:db8::1]:443", Some("2001:db8::1")),
            ("2001:db8::1", Some("2001:db8::1")),
            ("10.0.0.7", Some("10.0.0.7")),
            ("/run/envoy.sock", None),
            ("", None),
        ] {
            assert_eq!(
                address(text.as_bytes()),
                expected.map(|ip| ip.parse().unwrap()),
                "{text}"
            );
        }
        assert_eq!(address(b"\xff"), None);
    }
}
