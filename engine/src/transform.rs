//! Transformations: what is undone or unified in a value before a pattern looks at it.
//!
//! Pure functions from bytes to bytes, in the sense of the ModSecurity reference manual; where this engine
//! decodes more than the manual asks for, the function says so. Each runs in linear time and its output is
//! bounded by [`Transformation::max_growth`]. They never fail: what cannot be decoded stays as it is.

mod base64;
mod case;
mod command;
mod comments;
mod css;
mod decode;
mod digest;
mod escape_seq;
mod hex;
mod html;
mod js;
mod nulls;
mod parity;
mod path;
mod triggers;
mod unicode;
mod url;
mod whitespace;

use std::borrow::Cow;

pub use triggers::Triggers;

pub(crate) use {
    base64::decode_ext as base64_decode_ext,
    decode::base64_text,
    hex::{digit as hex_digit, octal_digit},
    url::percent_decode,
};

macro_rules! transformations {
    ($($(#[$doc:meta])* $variant:ident = $name:literal $(| $seclang:literal)*, $apply:path, $triggers:expr;)+) => {
        /// One transformation, by its name in patterns.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Transformation { $($(#[$doc])* $variant,)+ }

        impl Transformation {
            /// Every transformation, in order of declaration.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// Finds a transformation by the name that [`Transformation::as_str`] gives, or by that of `ModSecurity`, which
            /// tells no capitals from small letters.
            pub fn parse(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)+
                    $($(_ if name.eq_ignore_ascii_case($seclang) => Some(Self::$variant),)*)+
                    _ => None,
                }
            }

            /// The name in patterns.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The bytes without which nothing changes.
            pub const fn triggers(self) -> Triggers {
                match self { $(Self::$variant => $triggers,)+ }
            }

            fn run(self, input: &[u8]) -> Vec<u8> {
                match self { $(Self::$variant => $apply(input),)+ }
            }
        }
    };
}

transformations! {
    /// A-Z become a-z.
    Lowercase = "lowercase" | "lowercase", case::lowercase, Triggers::UPPER;
    /// a-z become A-Z.
    Uppercase = "uppercase" | "uppercase", case::uppercase, Triggers::LOWER;
    /// `%XX` and `+`.
    UrlDecode = "url_decode" | "urlDecode", url::url_decode, Triggers::PERCENT.or(Triggers::PLUS);
    /// `%XX`, `%uXXXX` and `+`.
    UrlDecodeUni = "url_decode_uni" | "urlDecodeUni", url::url_decode_uni, Triggers::PERCENT.or(Triggers::PLUS);
    /// Whatever is no letter, digit, `*` or blank becomes `%xx`, a blank `+`.
    UrlEncode = "url_encode" | "urlEncode", url::url_encode, Triggers::ALWAYS;
    /// Base64, percent codes, HTML's references and JavaScript's escapes, layer by layer, and zero bytes.
    Decode = "decode", decode::decode, Triggers::ALWAYS;
    /// `&lt;`, `&#60;`, `&#x3c;`.
    HtmlEntityDecode = "html_entity_decode" | "htmlEntityDecode", html::html_entity_decode, Triggers::AMPERSAND;
    /// JavaScript's escapes.
    JsDecode = "js_decode" | "jsDecode", js::js_decode, Triggers::BACKSLASH;
    /// The escapes of style sheets.
    CssDecode = "css_decode" | "cssDecode", css::css_decode, Triggers::BACKSLASH;
    /// The escapes of C.
    EscapeSeqDecode = "escape_seq_decode" | "escapeSeqDecode", escape_seq::escape_seq_decode, Triggers::BACKSLASH;
    /// Base64 up to the first byte that is none.
    Base64Decode = "base64_decode" | "base64Decode", base64::decode, Triggers::ALWAYS;
    /// Base64, whatever else stands in between.
    Base64DecodeExt = "base64_decode_ext" | "base64DecodeExt", base64::decode_ext, Triggers::ALWAYS;
    /// Bytes become Base64.
    Base64Encode = "base64_encode" | "base64Encode", base64::encode, Triggers::ALWAYS;
    /// Pairs of hexadecimal digits become bytes.
    HexDecode = "hex_decode" | "hexDecode", hex::decode, Triggers::ALWAYS;
    /// Bytes become pairs of hexadecimal digits.
    HexEncode = "hex_encode" | "hexEncode", hex::encode, Triggers::ALWAYS;
    /// SQL's `0x414243`.
    SqlHexDecode = "sql_hex_decode" | "sqlHexDecode", hex::sql_decode, Triggers::X;
    /// Characters beyond ASCII become `%uXXXX`.
    Utf8ToUnicode = "utf8_to_unicode" | "utf8toUnicode", unicode::utf8_to_unicode, Triggers::HIGH;
    /// Zero bytes go.
    RemoveNulls = "remove_nulls" | "removeNulls", nulls::remove, Triggers::NUL;
    /// Zero bytes become spaces.
    ReplaceNulls = "replace_nulls" | "replaceNulls", nulls::replace, Triggers::NUL;
    /// White space goes.
    RemoveWhitespace = "remove_whitespace" | "removeWhitespace", whitespace::remove, Triggers::WHITESPACE;
    /// Each run of white space becomes one space.
    CompressWhitespace = "compress_whitespace" | "compressWhitespace", whitespace::compress, Triggers::WHITESPACE;
    /// Each `/* … */` becomes a space.
    ReplaceComments = "replace_comments" | "replaceComments", comments::replace, Triggers::STAR;
    /// Comments of SQL, C, shell and HTML go.
    RemoveComments = "remove_comments" | "removeComments", comments::remove, Triggers::COMMENT;
    /// The marks of comments go, what they hold stays.
    RemoveCommentsChar = "remove_comments_char" | "removeCommentsChar", comments::remove_marks, Triggers::COMMENT;
    /// What shells ignore goes.
    CmdLine = "cmd_line" | "cmdLine", command::cmd_line, Triggers::COMMAND;
    /// `//`, `/./` and `/../` are resolved.
    NormalizePath = "normalize_path" | "normalizePath" | "normalisePath", path::normalize, Triggers::PATH;
    /// As `normalize_path`, with `\` read as `/`.
    NormalizePathWin = "normalize_path_win" | "normalizePathWin" | "normalisePathWin", path::normalize_win, Triggers::PATH.or(Triggers::BACKSLASH);
    /// White space at both ends goes.
    Trim = "trim" | "trim", whitespace::trim, Triggers::WHITESPACE;
    /// White space at the beginning goes.
    TrimLeft = "trim_left" | "trimLeft", whitespace::trim_left, Triggers::WHITESPACE;
    /// White space at the end goes.
    TrimRight = "trim_right" | "trimRight", whitespace::trim_right, Triggers::WHITESPACE;
    /// The highest bit of each byte makes the number of its ones even.
    ParityEven = "parity_even_7bit" | "parityEven7bit", parity::even, Triggers::ALWAYS;
    /// The highest bit of each byte makes the number of its ones odd.
    ParityOdd = "parity_odd_7bit" | "parityOdd7bit", parity::odd, Triggers::ALWAYS;
    /// The highest bit of each byte goes.
    ParityZero = "parity_zero_7bit" | "parityZero7bit", parity::zero, Triggers::HIGH;
    /// The number of bytes, in decimal.
    Length = "length" | "length", length, Triggers::ALWAYS;
    /// The MD5 digest, 16 raw bytes.
    Md5 = "md5" | "md5", digest::md5, Triggers::ALWAYS;
    /// The SHA-1 digest, 20 raw bytes.
    Sha1 = "sha1" | "sha1", digest::sha1, Triggers::ALWAYS;
}

impl Transformation {
    /// Transforms a value; gives the very input back when nothing changes.
    pub fn apply(self, input: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
        match self.changed(&input) {
            Some(output) => Cow::Owned(output),
            None => input,
        }
    }

    /// What a value becomes; nothing when nothing changes.
    pub fn changed(self, input: &[u8]) -> Option<Vec<u8>> {
        let output = if self == Self::Decode {
            // What it may change is as hard to tell as what it makes of it.
            decode::decoded(input)
        } else {
            self.may_change(input).then(|| self.run(input))
        };
        output.filter(|output| output != input)
    }

    /// Whether [`Transformation::apply`] could change the value: cheap, and never false when it would.
    pub fn may_change(self, input: &[u8]) -> bool {
        match self {
            Self::UrlDecode | Self::UrlDecodeUni => memchr::memchr2(b'%', b'+', input).is_some(),
            Self::Decode => decode::may_change(input),
            Self::HtmlEntityDecode => memchr::memchr(b'&', input).is_some(),
            Self::JsDecode | Self::CssDecode | Self::EscapeSeqDecode => {
                memchr::memchr(b'\\', input).is_some()
            }
            Self::Lowercase => holds(input, |byte| byte.is_ascii_uppercase()),
            Self::Uppercase => holds(input, |byte| byte.is_ascii_lowercase()),
            Self::RemoveNulls | Self::ReplaceNulls => memchr::memchr(0, input).is_some(),
            Self::ReplaceComments => memchr::memchr(b'*', input).is_some(),
            Self::Utf8ToUnicode => !input.is_ascii(),
            Self::CompressWhitespace => whitespace::may_compress(input),
            Self::NormalizePath => path::may_normalize(input),
            _ => Triggers::of(input).intersects(self.triggers()),
        }
    }

    /// Whether a byte may make the transformation change a value. A value of other bytes stays as it is, unless it is
    /// empty or, for `decode`, [`base64_text`].
    pub(crate) fn reacts_to(self, byte: u8) -> bool {
        match self {
            Self::Decode => matches!(byte, b'%' | b'+' | b'&' | b'\\' | 0 | 0x80..),
            _ => Triggers::of(&[byte]).intersects(self.triggers()),
        }
    }

    /// How many times longer than its input the output can be; [`Transformation::LONGEST_FIXED`] comes on top.
    pub const fn max_growth(self) -> usize {
        match self {
            // Base64 takes four for three, and fills the last group up, which is within what comes on top.
            Self::HexEncode | Self::Base64Encode => 2,
            Self::UrlEncode | Self::Utf8ToUnicode => 3,
            _ => 1,
        }
    }

    /// Bytes of the longest output that does not depend on the length of its input: that of `sha1`.
    pub const LONGEST_FIXED: usize = 20;
}

impl std::fmt::Display for Transformation {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.as_str())
    }
}

/// Whether any byte is of a kind. In blocks, which compilers turn into wide instructions.
fn holds(input: &[u8], is_one: impl Fn(u8) -> bool) -> bool {
    const BLOCK: usize = 64;
    input
        .chunks(BLOCK)
        .any(|block| block.iter().fold(false, |seen, &byte| seen | is_one(byte)))
}

/// Copies a value up to each mark, where `replace` writes what it makes of it and gives back what follows, which is
/// shorter.
fn rewrite<'a, const N: usize>(
    input: &'a [u8],
    marks: [u8; N],
    mut replace: impl FnMut(&'a [u8], &mut Vec<u8>) -> &'a [u8],
) -> Vec<u8> {
    let mut output = Vec::with_capacity(input.len());
    let mut rest = input;
    while let Some((before, from)) = find(marks, rest).and_then(|at| rest.split_at_checked(at)) {
        output.extend_from_slice(before);
        rest = replace(from, &mut output);
    }
    output.extend_from_slice(rest);
    output
}

/// Where the first of the marks stands. Those that stand close together are found byte by byte: a value of nothing else
/// would take a search for each.
fn find<const N: usize>(marks: [u8; N], input: &[u8]) -> Option<usize> {
    const NEAR: usize = 16;
    let near = input.iter().take(NEAR).position(|byte| marks.contains(byte));
    near.or_else(|| {
        let far = input.get(NEAR..)?;
        let found = match marks.as_slice() {
            [one] => memchr::memchr(*one, far),
            [one, other] => memchr::memchr2(*one, *other, far),
            _ => far.iter().position(|byte| marks.contains(byte)),
        };
        Some(found? + NEAR)
    })
}

fn length(input: &[u8]) -> Vec<u8> {
    input.len().to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn apply(transformation: Transformation, input: &[u8]) -> Vec<u8> {
        let output = transformation.apply(Cow::Borrowed(input)).into_owned();
        assert!(
            output == input || Triggers::of(input).intersects(transformation.triggers()),
            "triggers of {transformation}"
        );
        output
    }

    /// Bytes as attackers mix them: mostly what some transformation reacts to.
    fn hostile() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![
            4 => prop::sample::select(b"%u+&#x;\\/*-.0123456789abcdefABCDEF \t\n\0'\"^,(<>!={}lgtamp=".to_vec()),
            1 => any::<u8>(),
        ];
        prop::collection::vec(byte, 0..64)
    }

    #[test]
    fn every_name_finds_its_transformation() {
        for &transformation in Transformation::ALL {
            assert_eq!(
                Transformation::parse(transformation.as_str()),
                Some(transformation)
            );
        }
        assert_eq!(Transformation::parse("md4"), None);
        assert_eq!(Transformation::parse(""), None);
    }

    #[test]
    fn plain_words_stay_borrowed() {
        let always = [
            Transformation::Base64Decode,
            Transformation::Base64DecodeExt,
            Transformation::HexDecode,
            Transformation::HexEncode,
            Transformation::Base64Encode,
            Transformation::UrlEncode,
            Transformation::ParityEven,
            Transformation::ParityOdd,
            Transformation::Uppercase,
            Transformation::Length,
            Transformation::Md5,
            Transformation::Sha1,
        ];
        for &transformation in Transformation::ALL.iter().filter(|it| !always.contains(it)) {
            assert!(
                matches!(
                    transformation.apply(Cow::Borrowed(b"plain_word1")),
                    Cow::Borrowed(_)
                ),
                "{transformation}"
            );
        }
    }

    #[test]
    fn what_will_not_change_is_told_at_a_glance() {
        for (transformation, input) in [
            (Transformation::Lowercase, "abc"),
            (Transformation::Uppercase, "ABC"),
            (Transformation::UrlDecode, "a b"),
            (Transformation::UrlDecodeUni, "a b"),
            (Transformation::Decode, "plain text"),
            (Transformation::HtmlEntityDecode, "a;"),
            (Transformation::JsDecode, "a/b"),
            (Transformation::CssDecode, "a/b"),
            (Transformation::EscapeSeqDecode, "a/b"),
            (Transformation::RemoveNulls, "a b"),
            (Transformation::ReplaceNulls, "a b"),
            (Transformation::ReplaceComments, "a//b"),
            (Transformation::Utf8ToUnicode, "abc"),
            (Transformation::CompressWhitespace, "a b c"),
            (Transformation::NormalizePath, "/a/b"),
        ] {
            assert!(!transformation.may_change(input.as_bytes()), "{transformation}");
        }
        assert!(Transformation::Decode.reacts_to(b'%') && !Transformation::Decode.reacts_to(b'a'));
        assert!(Transformation::Trim.reacts_to(b' ') && !Transformation::Trim.reacts_to(b'a'));
        assert!(Transformation::Lowercase.may_change(format!("{}A", "a".repeat(100)).as_bytes()));
    }

    /// Every character of a case is one byte.
    fn bytes(text: &str) -> Vec<u8> {
        text.chars().map(|byte| u8::try_from(byte).unwrap()).collect()
    }

    #[test]
    fn cases_come_out_as_written() {
        type Cases = std::collections::BTreeMap<String, Vec<(String, String)>>;
        let cases: Cases = serde_json::from_str(include_str!("transform/cases.json")).unwrap();
        for (name, cases) in &cases {
            let transformation = Transformation::parse(name).unwrap();
            for (input, output) in cases {
                let found = apply(transformation, &bytes(input));
                assert_eq!(
                    found.escape_ascii().to_string(),
                    bytes(output).escape_ascii().to_string(),
                    "{name} of {input:?}"
                );
            }
        }
        assert_eq!(cases.len(), Transformation::ALL.len());
    }

    #[derive(serde::Deserialize)]
    struct Vectors {
        vectors: std::collections::BTreeMap<String, Vec<(String, String)>>,
        differences: Vec<Difference>,
    }

    /// Where something else than the vectors say comes out, and should.
    #[derive(serde::Deserialize)]
    struct Difference {
        transformation: String,
        input: String,
        published: String,
        ours: String,
        reason: String,
    }

    #[test]
    fn published_vectors_come_out() {
        let vectors: Vectors = serde_json::from_str(include_str!("transform/vectors.json")).unwrap();
        let check = |name: &str, input: &str, output: &str| {
            let transformation = Transformation::parse(name).unwrap();
            let found = apply(transformation, &bytes(input));
            assert_eq!(
                found.escape_ascii().to_string(),
                bytes(output).escape_ascii().to_string(),
                "{name} of {input:?}"
            );
        };
        for (name, cases) in &vectors.vectors {
            for (input, output) in cases {
                check(name, input, output);
            }
        }
        for difference in &vectors.differences {
            assert_ne!(difference.ours, difference.published, "{}", difference.reason);
            check(&difference.transformation, &difference.input, &difference.ours);
        }
        // SecBeat's own, and what the vectors say nothing about.
        let without = [Transformation::Decode, Transformation::Uppercase];
        for transformation in Transformation::ALL {
            let is_known = vectors
                .vectors
                .keys()
                .any(|name| Transformation::parse(name) == Some(*transformation));
            assert_eq!(is_known, !without.contains(transformation), "{transformation}");
        }
    }

    /// What the rules of CRS 4 ask for.
    #[test]
    fn names_of_modsecurity_find_their_transformation() {
        for name in [
            "base64Decode",
            "base64decode",
            "cmdLine",
            "compressWhitespace",
            "cssDecode",
            "escapeSeqDecode",
            "hexEncode",
            "htmlEntityDecode",
            "jsDecode",
            "length",
            "lowercase",
            "normalizePath",
            "normalisePath",
            "normalizePathWin",
            "normalisePathWin",
            "removeCommentsChar",
            "removeNulls",
            "removeWhitespace",
            "replaceComments",
            "sha1",
            "urlDecodeUni",
            "utf8toUnicode",
            "TRIM",
        ] {
            let found = Transformation::parse(name).map(|found| found.as_str().replace('_', ""));
            let folded = name.to_ascii_lowercase().replace("normalise", "normalize");
            assert_eq!(found, Some(folded), "{name}");
        }
    }

    #[test]
    fn nothing_grows_more_than_is_stated_and_some_as_much() {
        for (transformation, input, output) in [
            (Transformation::HexEncode, "a", "61"),
            (Transformation::UrlEncode, "-", "%2d"),
            (Transformation::Utf8ToUnicode, "\u{e9}", "%u00e9"),
            (Transformation::Lowercase, "A", "a"),
        ] {
            let long = apply(transformation, input.repeat(100).as_bytes());
            assert_eq!(long, output.repeat(100).as_bytes());
            assert_eq!(
                long.len(),
                100 * input.len() * transformation.max_growth(),
                "{transformation}"
            );
        }
        assert_eq!(Transformation::Base64Encode.max_growth(), 2);
    }

    #[test]
    fn length_counts_bytes() {
        assert_eq!(apply(Transformation::Length, "é".as_bytes()), b"2");
        assert_eq!(apply(Transformation::Length, b""), b"0");
    }

    proptest! {
        #[test]
        fn output_is_bounded(input in hostile()) {
            for &transformation in Transformation::ALL {
                let bound = input.len() * transformation.max_growth() + Transformation::LONGEST_FIXED;
                prop_assert!(apply(transformation, &input).len() <= bound, "{}", transformation);
            }
        }

        #[test]
        fn what_may_not_change_does_not(input in hostile()) {
            let present = Triggers::of(&input);
            for &transformation in Transformation::ALL {
                let changed = transformation.run(&input) != input;
                prop_assert!(!changed || transformation.may_change(&input), "may_change of {}", transformation);
                prop_assert_eq!(transformation.changed(&input).is_some(), changed, "{}", transformation);
                prop_assert!(!changed || present.intersects(transformation.triggers()), "triggers of {}", transformation);
                let is_touched = input.is_empty()
                    || input.iter().any(|byte| transformation.reacts_to(*byte))
                    || base64_text(&input).is_some();
                prop_assert!(!changed || is_touched, "reaction of {}", transformation);
            }
        }

        #[test]
        fn the_first_mark_is_found_wherever_it_stands(input in prop::collection::vec(prop_oneof![
            30 => Just(b'a'),
            1 => prop::sample::select(b"%+&".to_vec()),
        ], 0..100)) {
            let first = |marks: &[u8]| input.iter().position(|byte| marks.contains(byte));
            prop_assert_eq!(find([b'%'], &input), first(b"%"));
            prop_assert_eq!(find([b'%', b'+'], &input), first(b"%+"));
            prop_assert_eq!(find([b'%', b'+', b'&'], &input), first(b"%+&"));
        }

        #[test]
        fn unifying_twice_changes_nothing_more(input in hostile()) {
            for transformation in [
                Transformation::Lowercase,
                Transformation::Uppercase,
                Transformation::RemoveNulls,
                Transformation::ReplaceNulls,
                Transformation::RemoveWhitespace,
                Transformation::CompressWhitespace,
                Transformation::RemoveCommentsChar,
                Transformation::ReplaceComments,
                Transformation::CmdLine,
                Transformation::NormalizePath,
                Transformation::NormalizePathWin,
                Transformation::Trim,
                Transformation::TrimLeft,
                Transformation::TrimRight,
                Transformation::ParityEven,
                Transformation::ParityOdd,
                Transformation::ParityZero,
            ] {
                let once = apply(transformation, &input);
                prop_assert_eq!(apply(transformation, &once), once, "{}", transformation);
            }
        }

        #[test]
        fn chains_never_panic(input in prop::collection::vec(any::<u8>(), 0..256), picks in prop::collection::vec(0..Transformation::ALL.len(), 0..6)) {
            let mut value = Cow::Owned(input);
            for pick in picks {
                value = Transformation::ALL[pick].apply(value);
            }
        }
    }
}
