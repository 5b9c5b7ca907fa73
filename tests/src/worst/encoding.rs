//! How a value hides what it says, so that transformations have to undo it.

/// How a value hides what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Not at all.
    Plain,
    /// `%41` for every byte.
    Percent,
    /// `%2541`: twice.
    PercentTwice,
    /// `%u0041`.
    PercentUnicode,
    /// `&#x41;`.
    HtmlHex,
    /// `&#65;`.
    HtmlDecimal,
    /// `\x41`.
    Backslash,
    /// `\u0041`.
    BackslashUnicode,
    /// Base64 of the whole.
    Base64,
    /// A zero byte behind each byte.
    Wide,
    /// `+` for blanks, `%XX` for what is neither a letter nor a digit.
    Form,
}

impl Encoding {
    /// Every one, plain first.
    pub const ALL: [Self; 11] = [
        Self::Plain,
        Self::Percent,
        Self::PercentTwice,
        Self::PercentUnicode,
        Self::HtmlHex,
        Self::HtmlDecimal,
        Self::Backslash,
        Self::BackslashUnicode,
        Self::Base64,
        Self::Wide,
        Self::Form,
    ];

    /// Encodes a value.
    pub fn apply(self, value: &[u8]) -> Vec<u8> {
        let each =
            |write: fn(u8) -> String| value.iter().flat_map(|byte| write(*byte).into_bytes()).collect();
        match self {
            Self::Plain => value.to_vec(),
            Self::Percent => each(|byte| format!("%{byte:02x}")),
            Self::PercentTwice => each(|byte| format!("%25{byte:02x}")),
            Self::PercentUnicode => each(|byte| format!("%u{byte:04x}")),
            Self::HtmlHex => each(|byte| format!("&#x{byte:x};")),
            Self::HtmlDecimal => each(|byte| format!("&#{byte};")),
            Self::Backslash => each(|byte| format!("\\x{byte:02x}")),
            Self::BackslashUnicode => each(|byte| format!("\\u{byte:04x}")),
            Self::Base64 => base64(value),
            Self::Wide => value.iter().flat_map(|byte| [*byte, 0]).collect(),
            Self::Form => form(value),
        }
    }
}

/// What stands for itself in a query, a form and a path.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// As forms write values.
pub(super) fn form(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len());
    for byte in value {
        match byte {
            b' ' => out.push(b'+'),
            byte if is_unreserved(*byte) => out.push(*byte),
            byte => out.extend_from_slice(format!("%{byte:02X}").as_bytes()),
        }
    }
    out
}

fn base64(value: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let groups = value.chunks_exact(3).flat_map(|group| {
        let bits = group
            .iter()
            .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        [18, 12, 6, 0].map(|shift| {
            let digit = bits >> shift & 63;
            DIGITS.get(digit as usize).copied().unwrap_or(b'A')
        })
    });
    groups.collect()
}
