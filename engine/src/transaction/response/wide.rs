//! Bodies in UTF-16, shown to rules with one byte for each code unit, so that places in the one are places in the other.

use std::ops::Range;

/// Byte order of UTF-16.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::transaction) enum Order {
    Little,
    Big,
}

impl Order {
    /// What the value of `content-type` says, by the labels of the WHATWG's encoding standard.
    pub(in crate::transaction) fn stated(content_type: &[u8]) -> Option<Self> {
        let text = content_type.to_ascii_lowercase();
        let says = |label: &[u8]| memchr::memmem::find(&text, label).is_some();
        if says(b"utf-16be") || says(b"unicodefffe") {
            Some(Self::Big)
        } else if says(b"utf-16") || says(b"charset=unicode") || says(b"ucs-2") {
            Some(Self::Little)
        } else {
            None
        }
    }

    fn unit(self, byte: u8) -> [u8; 2] {
        match self {
            Self::Little => [byte, 0],
            Self::Big => [0, byte],
        }
    }
}

/// The order of a text that is in UTF-16: by its mark, by a first character of ASCII, or as stated, if it holds a zero
/// byte at all. What is only called UTF-16 stays as it is.
pub(super) fn order(text: &[u8], stated: Option<Order>) -> Option<Order> {
    match text {
        [0xfe, 0xff, ..] => Some(Order::Big),
        [0xff, 0xfe, ..] => Some(Order::Little),
        [0, low, ..] if *low != 0 => Some(Order::Big),
        [low, 0, ..] if *low != 0 => Some(Order::Little),
        _ => stated.filter(|_| memchr::memchr(0, text).is_some()),
    }
}

/// One byte for each code unit: ASCII as it is, everything else as a byte that is no character of any text.
pub(super) fn narrow(text: &[u8], order: Order) -> Vec<u8> {
    /// What stands for a unit beyond ASCII.
    const BEYOND: u8 = 0xff;
    let (units, _) = text.as_chunks::<2>();
    let narrowed = units.iter().map(|&[first, second]| {
        let (high, low) = match order {
            Order::Little => (second, first),
            Order::Big => (first, second),
        };
        if high == 0 && low.is_ascii() { low } else { BEYOND }
    });
    narrowed.collect()
}

/// Where in the text a place in its narrow form is.
pub(in crate::transaction) fn place(narrow: &Range<usize>) -> Range<usize> {
    narrow.start.saturating_mul(2)..narrow.end.saturating_mul(2)
}

/// Fills a part of the text with a character.
pub(in crate::transaction) fn fill(part: &mut [u8], byte: u8, order: Order) {
    let (units, _) = part.as_chunks_mut::<2>();
    units.fill(order.unit(byte));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_told_by_mark_by_ascii_or_by_statement() {
        for (text, stated, expected) in [
            (&b"\xfe\xff\0a"[..], None, Some(Order::Big)),
            (b"\xff\xfea\0", Some(Order::Big), Some(Order::Little)),
            (b"\0a\0b", None, Some(Order::Big)),
            (b"a\0b\0", None, Some(Order::Little)),
            (b"\x20\x4ea\0", Some(Order::Little), Some(Order::Little)),
            (b"\x20\x4ea\0", None, None),
            (b"plain", Some(Order::Little), None),
            (b"a", None, None),
            (b"", None, None),
        ] {
            assert_eq!(order(text, stated), expected, "{text:?}");
        }
    }

    #[test]
    fn statements_are_those_of_the_encoding_standard() {
        for (text, expected) in [
            (&b"text/html; charset=UTF-16"[..], Some(Order::Little)),
            (b"text/html;charset=\"utf-16le\"", Some(Order::Little)),
            (b"text/html; charset=utf-16BE", Some(Order::Big)),
            (b"text/html; charset=utf-8", None),
            (b"text/html", None),
        ] {
            assert_eq!(Order::stated(text), expected);
        }
    }

    #[test]
    fn every_unit_is_one_byte_and_places_stay_places() {
        let text: Vec<u8> = "a\u{e9}\u{1f600}z"
            .encode_utf16()
            .flat_map(u16::to_be_bytes)
            .collect();
        assert_eq!(narrow(&text, Order::Big), b"a\xff\xff\xffz");
        assert_eq!(narrow(b"a\0b", Order::Little), b"a");
        let mut text = b"\0a\0b\0c".to_vec();
        fill(&mut text[place(&(1..3))], b'*', Order::Big);
        assert_eq!(text, b"\0a\0*\0*");
    }
}
