//! Every encoding that a value may hide behind, undone round after round until nothing changes.
//!
//! Attackers wrap encodings in each other, and applications unwrap more than they know: a proxy, a framework and the
//! page each undo one. A chain of single transformations stops at the layers that it names, so this one repeats:
//! Base64 where the whole value is text in Base64, percent codes, HTML's references, JavaScript's escapes, ASCII in more bytes
//! of UTF-8 than it needs; at the end zero bytes go. It is SecBeat's own, the ModSecurity manual has no like.

use std::borrow::Cow;

use super::{base64, html, js, nulls, unicode, url};

/// Rounds after which what is left stays: each costs one look at the value.
const ROUNDS: usize = 5;
/// Shortest Base64 that is undone; shorter text is a word more often.
const SHORTEST: usize = 8;

/// A value with whatever it hides undone; nothing when it hides nothing.
pub(super) fn decoded(input: &[u8]) -> Option<Vec<u8>> {
    let mut value = Cow::Borrowed(input);
    for _ in 0..ROUNDS {
        let mut is_changed = false;
        if let Some(text) = base64_text(&value) {
            value = Cow::Owned(text);
            is_changed = true;
        }
        for (mark, step) in STEPS {
            if memchr::memchr(mark, &value).is_some() {
                is_changed |= replace(&mut value, step);
            }
        }
        if unicode::may_shorten(&value) {
            is_changed |= replace(&mut value, unicode::shortest);
        }
        if !is_changed {
            break;
        }
    }
    if memchr::memchr(0, &value).is_some() {
        return Some(nulls::remove(&value));
    }
    match value {
        Cow::Owned(value) => Some(value),
        Cow::Borrowed(_) => None,
    }
}

pub(super) fn decode(input: &[u8]) -> Vec<u8> {
    decoded(input).unwrap_or_else(|| input.to_vec())
}

/// Whether [`decode`] could change a value.
pub(super) fn may_change(input: &[u8]) -> bool {
    memchr::memchr3(b'%', b'+', b'&', input).is_some()
        || memchr::memchr2(b'\\', 0, input).is_some()
        || unicode::may_shorten(input)
        || base64_text(input).is_some()
}

/// Puts what a step makes of the value in its place, and says whether it is another one.
fn replace(value: &mut Cow<'_, [u8]>, step: Step) -> bool {
    let output = step(value);
    let is_other = output != **value;
    if is_other {
        *value = Cow::Owned(output);
    }
    is_other
}

type Step = fn(&[u8]) -> Vec<u8>;

/// What is undone, with the byte without which there is nothing to undo.
const STEPS: [(u8, Step); 4] = [
    (b'%', percent),
    (b'+', percent),
    (b'&', html::html_entity_decode),
    (b'\\', js::codes),
];

/// As `url_decode_uni`, and signs of paths whose two digits each have a percent sign of their own (`%2%f`), which is what
/// stays of `%%32%%66`. Beside a space, a plus is a plus: what writes one for the other leaves none.
fn percent(input: &[u8]) -> Vec<u8> {
    const TORN: [(&[u8], u8); 3] = [(b"%2%e", b'.'), (b"%2%f", b'/'), (b"%5%c", b'\\')];
    let mut pieces = memchr::memmem::find_iter(input, b"%2%")
        .chain(memchr::memmem::find_iter(input, b"%5%"))
        .filter_map(|at| {
            let (_, from) = input.split_at_checked(at)?;
            let code = from.get(..4)?;
            let torn = TORN.iter().find(|(torn, _)| torn.eq_ignore_ascii_case(code))?;
            Some((at, torn.1))
        })
        .collect::<Vec<_>>();
    pieces.sort_unstable();
    let plus = if input.contains(&b' ') { b'+' } else { b' ' };
    let mut output = Vec::with_capacity(input.len());
    let mut done = 0;
    for (at, byte) in pieces {
        output.extend(url::decode_uni(input.get(done..at).unwrap_or_default(), plus));
        output.push(byte);
        done = at + 4;
    }
    output.extend(url::decode_uni(input.get(done..).unwrap_or_default(), plus));
    output
}

/// The value with what it holds in Base64 as text: the whole of it, or what follows the last `=`, `,` or `:`, as in data
/// URLs, or the slash of a path, or `Basic`. Either alphabet, padded or not. Nothing when the result is no text: tokens and digests are random bytes, and a
/// single word turns into such.
pub(crate) fn base64_text(input: &[u8]) -> Option<Vec<u8>> {
    for lead in [&b"/"[..], b"Basic "] {
        if let Some((head, rest)) = input.split_at_checked(lead.len())
            && head.eq_ignore_ascii_case(lead)
            && let Some(text) = ending_base64(rest)
        {
            return Some([head, &text].concat());
        }
    }
    ending_base64(input)
}

fn ending_base64(input: &[u8]) -> Option<Vec<u8>> {
    let trimmed = input.strip_suffix(b"=").unwrap_or(input);
    let digits = trimmed.strip_suffix(b"=").unwrap_or(trimmed);
    let start = memchr::memrchr3(b'=', b',', b':', digits).map_or(0, |at| at + 1);
    let (before, digits) = digits.split_at_checked(start)?;
    if digits.len() < SHORTEST || digits.len() % 4 == 1 {
        return None;
    }
    // Most values show with their first letters that they are something else.
    if !may_be_text(digits) {
        return None;
    }
    let text = bytes(digits)?;
    std::str::from_utf8(&text).ok()?;
    Some([before, &text].concat())
}

/// Whether the first digits decode to what a text may begin with.
fn may_be_text(digits: &[u8]) -> bool {
    const GROUPS: usize = 6;
    let mut head = [0; 3 * GROUPS];
    let mut decoded = 0;
    for (group, place) in digits.chunks_exact(4).zip(head.chunks_exact_mut(3)) {
        let Some(bytes) = group_bytes(group) else {
            return false;
        };
        let is_begin = decoded == 0 && !matches!(bytes.first(), Some(..0x80 | 0xc2..=0xf4));
        if is_begin || !bytes.iter().all(|&byte| is_text(byte)) {
            return false;
        }
        place.copy_from_slice(&bytes);
        decoded += bytes.len();
    }
    match std::str::from_utf8(head.get(..decoded).unwrap_or_default()) {
        Ok(_) => true,
        // It may go on behind the end.
        Err(error) => error.error_len().is_none(),
    }
}

/// The bytes of up to four digits; those of fewer are filled up with zeros.
fn group_bytes(group: &[u8]) -> Option<[u8; 3]> {
    let mut bits = 0_u32;
    for &byte in group {
        bits = bits << 6 | url_digit(byte)?;
    }
    bits <<= 6 * 4_usize.saturating_sub(group.len());
    let [_, bytes @ ..] = bits.to_be_bytes();
    Some(bytes)
}

fn bytes(digits: &[u8]) -> Option<Vec<u8>> {
    let mut output = Vec::with_capacity(digits.len() / 4 * 3 + 3);
    for group in digits.chunks(4) {
        let bytes = group_bytes(group)?;
        let whole = bytes.get(..group.len().saturating_sub(1))?;
        if !whole.iter().all(|&byte| is_text(byte)) {
            return None;
        }
        output.extend_from_slice(whole);
    }
    Some(output)
}

/// A digit of either alphabet; a space is a plus that a query's parser undid.
#[expect(clippy::indexing_slicing, reason = "the table has an entry for every byte")]
fn url_digit(byte: u8) -> Option<u32> {
    match DIGITS[byte as usize] {
        NO_DIGIT => None,
        digit => Some(u32::from(digit)),
    }
}

const NO_DIGIT: u8 = u8::MAX;

static DIGITS: [u8; 256] = digits();

#[expect(clippy::indexing_slicing, reason = "the loop ends at the length of the table")]
const fn digits() -> [u8; 256] {
    let mut table = [NO_DIGIT; 256];
    let mut byte = 0;
    while byte < 256 {
        let plain = match byte as u8 {
            b'-' | b' ' => b'+',
            b'_' => b'/',
            other => other,
        };
        if let Some(digit) = base64::digit(plain) {
            table[byte] = digit as u8;
        }
        byte += 1;
    }
    table
}

fn is_text(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r' | 0x80..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_undone_in_any_order() {
        for layered in [
            &b"%3Cscript%3E"[..],
            b"%253Cscript%253E",
            b"%25253Cscript%25253E",
            b"&lt;script&gt;",
            b"%26lt;script%26%2362;",
            br"\u003cscript\x3e",
            br"\u0025\u0033\u0043script%5Cu003e",
            b"PHNjcmlwdD4=",
            b"JTNDc2NyaXB0JTNF",
            b"%50HNjcmlwdD4",
            b"%u003cscr\0ipt%u003e",
        ] {
            assert_eq!(decode(layered), b"<script>", "{}", layered.escape_ascii());
        }
    }

    #[test]
    fn only_text_in_base64_is_undone() {
        assert_eq!(base64_text(b"MSB1bmlvbiBzZWxlY3Q").unwrap(), b"1 union select");
        assert_eq!(base64_text(b"c2VsZWN0").unwrap(), b"select");
        // The first digits end within a character.
        assert_eq!(
            base64_text(b"YcOpw6nDqcOpw6nDqcOpw6nDqcOpw6nDqQ==").unwrap(),
            format!("a{}", "\u{e9}".repeat(12)).as_bytes()
        );
        assert_eq!(base64_text(b"fn5-Pz8_Cg").unwrap(), b"~~~???\n");
        assert_eq!(
            base64_text(b"a=MSB1bmlvbiBzZWxlY3Q=").unwrap(),
            b"a=1 union select"
        );
        assert_eq!(
            base64_text(b"data:;base64,w6nDqcOpw6k=").unwrap(),
            "data:;base64,éééé".as_bytes()
        );
        assert_eq!(base64_text(b"/MSB1bmlvbiBzZWxlY3Q").unwrap(), b"/1 union select");
        assert_eq!(base64_text(b"Basic MTonIG9yICc=").unwrap(), b"Basic 1:' or '");
        for other in [
            &b"password"[..],
            b"/password",
            b"a MSB1bmlvbiBzZWxlY3Q",
            b"w6nDqcOpw6",
            b"8f14e45fceea167a5a36dedd4bea2543",
            b"Zm9v",
            b"AQIDBAUG",
            b"2024-01-01",
            b"MSB1bmlvb.",
            b"MSB1bmlvb",
        ] {
            assert_eq!(base64_text(other), None, "{}", other.escape_ascii());
        }
    }

    #[test]
    fn what_short_forms_bring_out_is_undone_as_well() {
        // %, written in two bytes.
        assert_eq!(decode(b"\xc0\xa53Cscript>"), b"<script>");
        assert_eq!(decode(b"%41\xc0\xa53C"), b"A<");
    }

    #[test]
    fn what_holds_no_layer_is_told_at_a_glance() {
        assert!(!may_change(b"plain text"));
        assert!(!may_change("\u{e9}t\u{e9}".as_bytes()));
        for layered in [
            &b"%41"[..],
            b"a+b",
            b"&lt;",
            br"\x41",
            b"a\0b",
            b"\xc0\xa5",
            b"MSB1bmlvbiBzZWxlY3Q",
        ] {
            assert!(may_change(layered), "{}", layered.escape_ascii());
        }
    }

    #[test]
    fn torn_codes_are_signs_of_paths() {
        assert_eq!(
            decode(b"%%32%%65%%32%%65%%35%%63etc%%32%%66%2%5"),
            b"..\\etc/%2%5"
        );
    }

    #[test]
    fn a_plus_is_a_space_where_there_is_none() {
        assert_eq!(decode(b"a+b%2Bc"), b"a b+c");
        assert_eq!(decode(b"a + b"), b"a + b");
        assert_eq!(decode(b"plain text"), b"plain text");
    }
}
