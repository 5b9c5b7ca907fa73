//! Address ranges in CIDR notation.

use std::{net::IpAddr, str::FromStr};

/// A range of addresses. IPv4 is compared as IPv4-mapped IPv6, so that both spellings of an address are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IpRange {
    network: u128,
    mask: u128,
}

impl IpRange {
    /// Whether an address lies in the range.
    pub fn contains(self, address: IpAddr) -> bool {
        mapped(address) & self.mask == self.network
    }
}

impl FromStr for IpRange {
    type Err = String;

    /// Reads `address` or `address/prefix`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let wrong = || {
            format!(
                "expected an address or address/prefix, found `{}`",
                text.escape_debug()
            )
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let (width, offset) = if address.is_ipv4() { (32, 96) } else { (128, 0) };
        let prefix: u32 = match prefix {
            Some(prefix) => prefix.parse().map_err(|_| wrong())?,
            None => width,
        };
        if prefix > width {
            return Err(format!("prefix must be at most {width}, found {prefix}"));
        }
        let mask = u128::MAX.checked_shl(128 - (prefix + offset)).unwrap_or(0);
        Ok(Self {
            network: mapped(address) & mask,
            mask,
        })
    }
}

/// Ranges that are asked together, in time logarithmic in their number.
#[derive(Debug)]
pub(crate) struct IpRanges(Vec<IpRange>);

impl IpRanges {
    pub(crate) fn new(ranges: &[IpRange]) -> Self {
        let mut ranges = ranges.to_vec();
        // Of two ranges that share an address, one holds the other; it has the shorter mask and comes first.
        ranges.sort_unstable_by_key(|range| (range.network, range.mask));
        ranges.dedup_by(|next, kept| next.network & kept.mask == kept.network);
        Self(ranges)
    }

    /// Whether an address lies in one of the ranges.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        let number = mapped(address);
        let behind = self.0.partition_point(|range| range.network <= number);
        let range = behind.checked_sub(1).and_then(|position| self.0.get(position));
        range.is_some_and(|range| range.contains(address))
    }
}

fn mapped(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(range: &str, address: &str) -> bool {
        range
            .parse::<IpRange>()
            .unwrap()
            .contains(address.parse().unwrap())
    }

    #[test]
    fn prefixes_of_both_families_are_honoured() {
        assert!(contains("10.0.0.0/8", "10.255.1.2"));
        assert!(!contains("10.0.0.0/8", "11.0.0.1"));
        assert!(contains("192.0.2.1", "192.0.2.1"));
        assert!(!contains("192.0.2.1", "192.0.2.2"));
        assert!(contains("0.0.0.0/0", "203.0.113.9"));
        assert!(!contains("0.0.0.0/0", "2001:db8::1"));
        assert!(contains("2001:db8::/32", "2001:db8:1::1"));
        assert!(contains("::/0", "192.0.2.1"));
    }

    #[test]
    fn ipv4_mapped_address_is_ipv4() {
        assert!(contains("192.0.2.0/24", "::ffff:192.0.2.7"));
    }

    #[test]
    fn many_ranges_are_asked_as_one_after_the_other() {
        let ranges: Vec<IpRange> = [
            "10.0.0.0/8",
            "10.1.0.0/16",
            "10.1.2.3",
            "10.0.0.0/9",
            "192.0.2.0/25",
            "192.0.2.128/25",
            "2001:db8::/32",
            "2001:db8::1",
            "::1",
        ]
        .map(|text| text.parse().unwrap())
        .into();
        let together = IpRanges::new(&ranges);
        assert_eq!(together.0.len(), 5);
        for address in [
            "10.0.0.0",
            "10.1.2.3",
            "10.255.255.255",
            "9.255.255.255",
            "11.0.0.0",
            "192.0.2.127",
            "192.0.2.128",
            "192.0.3.0",
            "192.0.1.255",
            "2001:db8::1",
            "2001:db9::",
            "2001:db7:ffff::",
            "::1",
            "::2",
            "::",
            "ffff::",
        ] {
            let address: IpAddr = address.parse().unwrap();
            let expected = ranges.iter().any(|range| range.contains(address));
            assert_eq!(together.contains(address), expected, "{address}");
        }
        assert!(!IpRanges::new(&[]).contains("::1".parse().unwrap()));
    }

    #[test]
    fn wrong_ranges_are_refused() {
        for text in [
            "",
            "10.0.0.0/33",
            "10.0.0/8",
            "::/129",
            "10.0.0.0/",
            "10.0.0.0/-1",
        ] {
            assert!(text.parse::<IpRange>().is_err(), "{text}");
        }
    }
}
