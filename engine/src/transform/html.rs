//! HTML's character references.
//!
//! The manual's five names (`quot`, `amp`, `lt`, `gt`, `nbsp`) work in any case and without semicolon. Beyond it,
//! the names that HTML 5 gives to ASCII characters are decoded when a semicolon ends them, since browsers run
//! `javascript&colon;`. A number up to 255 becomes that byte, a larger one UTF-8, so that nothing is mistaken for ASCII.

use super::{hex, rewrite};

/// Longest name that is looked up.
const LONGEST_NAME: usize = 8;

pub(super) fn html_entity_decode(input: &[u8]) -> Vec<u8> {
    rewrite(input, [b'&'], |from, output| {
        reference(from, output).unwrap_or_else(|| {
            output.push(b'&');
            from.get(1..).unwrap_or_default()
        })
    })
}

/// Decodes the reference that the input starts with, and gives back what follows it.
fn reference<'a>(input: &'a [u8], output: &mut Vec<u8>) -> Option<&'a [u8]> {
    let (code, after) = match input {
        [b'&', b'#', b'x' | b'X', digits @ ..] => number(digits, 16)?,
        [b'&', b'#', digits @ ..] => number(digits, 10)?,
        [b'&', name @ ..] => named(name)?,
        _ => return None,
    };
    if let Ok(byte) = u8::try_from(code) {
        output.push(byte);
    } else {
        let decoded = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
        output.extend_from_slice(decoded.encode_utf8(&mut [0; 4]).as_bytes());
    }
    Some(without_semicolon(after))
}

fn without_semicolon(input: &[u8]) -> &[u8] {
    input.strip_prefix(b";").unwrap_or(input)
}

fn number(input: &[u8], radix: u8) -> Option<(u32, &[u8])> {
    let is_digit = |byte: &u8| hex::digit(*byte).is_some_and(|value| value < radix);
    let length = input.iter().take_while(|byte| is_digit(byte)).count();
    let (digits, after) = input.split_at_checked(length)?;
    let code = digits
        .iter()
        .filter_map(|&byte| hex::digit(byte))
        .fold(0_u32, |code, value| {
            code.saturating_mul(u32::from(radix))
                .saturating_add(u32::from(value))
        });
    (length > 0).then_some((code, after))
}

fn named(input: &[u8]) -> Option<(u32, &[u8])> {
    let length = input
        .iter()
        .take(LONGEST_NAME + 1)
        .take_while(|byte| byte.is_ascii_alphanumeric())
        .count();
    let (name, after) = input.split_at_checked(length)?;
    let any_case = |(known, _): &&(&[u8], u8)| name.eq_ignore_ascii_case(known);
    let byte = match ANY_CASE.iter().find(any_case) {
        Some((_, byte)) => *byte,
        None if after.starts_with(b";") => ascii_named(name)?,
        None => return None,
    };
    Some((u32::from(byte), after))
}

/// Names that work in any case and without semicolon.
const ANY_CASE: [(&[u8], u8); 5] = [
    (b"quot", b'"'),
    (b"amp", b'&'),
    (b"lt", b'<'),
    (b"gt", b'>'),
    (b"nbsp", 0xa0),
];

fn ascii_named(name: &[u8]) -> Option<u8> {
    Some(match name {
        b"Tab" => b'\t',
        b"NewLine" => b'\n',
        b"excl" => b'!',
        b"num" => b'#',
        b"dollar" => b'$',
        b"percnt" => b'%',
        b"apos" => b'\'',
        b"lpar" => b'(',
        b"rpar" => b')',
        b"ast" | b"midast" => b'*',
        b"plus" => b'+',
        b"comma" => b',',
        b"period" => b'.',
        b"sol" => b'/',
        b"colon" => b':',
        b"semi" => b';',
        b"equals" => b'=',
        b"quest" => b'?',
        b"commat" => b'@',
        b"lsqb" | b"lbrack" => b'[',
        b"bsol" => b'\\',
        b"rsqb" | b"rbrack" => b']',
        b"Hat" => b'^',
        b"lowbar" | b"UnderBar" => b'_',
        b"grave" => b'`',
        b"lcub" | b"lbrace" => b'{',
        b"verbar" | b"vert" => b'|',
        b"rcub" | b"rbrace" => b'}',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_decoded() {
        assert_eq!(html_entity_decode(b"&#60;&#x3c;&#X3C;&#0000060&#x3e"), b"<<<<>");
        assert_eq!(html_entity_decode(b"&#0;&#160;"), b"\0\xa0");
    }

    #[test]
    fn the_manuals_names_need_neither_case_nor_semicolon() {
        assert_eq!(html_entity_decode(b"&lt;&GT&quot;&Amp;&nbsp;"), b"<>\"&\xa0");
        assert_eq!(html_entity_decode(b"a&ltb"), b"a&ltb");
    }

    #[test]
    fn further_names_need_a_semicolon() {
        assert_eq!(
            html_entity_decode(b"javascript&colon;alert&lpar;1&rpar;"),
            b"javascript:alert(1)"
        );
        assert_eq!(html_entity_decode(b"java&Tab;script&NewLine;"), b"java\tscript\n");
        assert_eq!(html_entity_decode(b"&colon &unknown;"), b"&colon &unknown;");
    }

    #[test]
    fn every_name_of_ascii_is_known() {
        let names = "Tab NewLine excl quot num dollar percnt amp apos lpar rpar ast midast plus comma period sol colon semi \
                     lt equals gt quest commat lsqb lbrack bsol rsqb rbrack Hat lowbar UnderBar grave lcub lbrace verbar \
                     vert rcub rbrace";
        let references: Vec<_> = names.split(' ').map(|name| format!("&{name};")).collect();
        assert_eq!(
            html_entity_decode(references.concat().as_bytes()),
            b"\t\n!\"#$%&'()**+,./:;<=>?@[[\\]]^__`{{||}}"
        );
    }

    #[test]
    fn numbers_beyond_a_byte_never_look_like_ascii() {
        assert_eq!(html_entity_decode(b"&#316;"), "ļ".as_bytes());
        assert_eq!(html_entity_decode(b"&#x1F600;"), "😀".as_bytes());
        assert_eq!(html_entity_decode(b"&#99999999999999;"), "\u{fffd}".as_bytes());
    }

    #[test]
    fn what_is_no_reference_stays() {
        assert_eq!(html_entity_decode(b"a & b &# &#x; &"), b"a & b &# &#x; &");
        assert_eq!(html_entity_decode(b"&&lt;"), b"&<");
    }
}
