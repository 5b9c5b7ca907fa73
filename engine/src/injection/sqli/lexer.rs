//! Splits a value into tokens of SQL, as the databases in use read it, errors and all.

use memchr::{memchr, memmem};

use super::{
    token::{Kind, Token},
    word,
};

/// Where a value stands in a statement, and who reads it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// The quote of the string that the value continues.
    pub(super) quote: Option<u8>,
    pub(super) dialect: Dialect,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `--` begins a comment, whatever stands behind it; `#` is an operator.
    Ansi,
    /// `--` begins a comment before a blank only; `#` does, too.
    MySql,
}

/// Splits a value into tokens.
#[derive(Debug)]
pub(super) struct Lexer<'a> {
    value: &'a [u8],
    place: Place,
    at: usize,
    count: usize,
    is_ambiguous: bool,
    /// Bytes that were read one by one, some of them more than once.
    #[cfg(test)]
    looked_at: std::cell::Cell<usize>,
}

/// Bytes that end a word; a NUL does so everywhere.
const WORD_ENDS: &[u8] = b" []{}<>:\\?=@!#~+-*/&|^%(),';\t\n\x0b\x0c\r\"\xa0\0";
/// Bytes that end a variable.
const VARIABLE_ENDS: &[u8] = b" <>:\\?=@!#~+-*/&|^%(),';\t\n\x0b\x0c\r'`\"\0";
const HEX_DIGITS: &[u8] = b"0123456789ABCDEFabcdef\0";
const BINARY_DIGITS: &[u8] = b"01\0";
const MONEY: &[u8] = b"0123456789.,\0";

impl<'a> Lexer<'a> {
    pub(super) fn new(value: &'a [u8], place: Place) -> Self {
        Self {
            value,
            place,
            at: 0,
            count: 0,
            is_ambiguous: false,
            #[cfg(test)]
            looked_at: std::cell::Cell::new(0),
        }
    }

    /// Tokens read so far.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Whether MySQL reads what was read so far differently.
    pub(super) fn is_ambiguous(&self) -> bool {
        self.is_ambiguous
    }

    /// The next token.
    pub(super) fn next(&mut self) -> Option<Token<'a>> {
        if let Some(quote) = self
            .place
            .quote
            .filter(|_| self.at == 0 && !self.value.is_empty())
        {
            self.count += 1;
            return Some(self.string(0, quote));
        }
        while let Some(byte) = self.value.get(self.at) {
            if is_skipped(*byte) {
                self.at += 1;
                continue;
            }
            self.count += 1;
            return Some(self.token(*byte));
        }
        None
    }

    /// The token at the current place, which begins with a byte.
    fn token(&mut self, first: u8) -> Token<'a> {
        match first {
            b'(' => self.take(Kind::LeftParenthesis, 1),
            b')' => self.take(Kind::RightParenthesis, 1),
            b'{' => self.take(Kind::LeftBrace, 1),
            b'}' => self.take(Kind::RightBrace, 1),
            b',' => self.take(Kind::Comma, 1),
            b';' => self.take(Kind::Semicolon, 1),
            b'?' | b']' => self.take(Kind::Unknown, 1),
            b'%' | b'+' | b'^' | b'~' => self.take(Kind::Operator, 1),
            b'!' | b'&' | b'*' | b':' | b'<' | b'=' | b'>' | b'|' => self.operator(),
            b'\'' | b'"' => self.string(1, first),
            b'`' => self.back_quoted(),
            b'#' => self.hash(),
            b'-' => self.dash(),
            b'/' => self.slash(),
            b'\\' => self.backslash(),
            b'$' => self.money(),
            b'@' => self.variable(),
            b'[' => self.bracketed(),
            b'.' | b'0'..=b'9' => self.number(),
            b'b' | b'B' => self.digits_in_quotes(BINARY_DIGITS),
            b'x' | b'X' => self.digits_in_quotes(HEX_DIGITS),
            b'e' | b'E' => self.escape_string(),
            b'u' | b'U' => self.unicode_string(),
            b'n' | b'N' => self.national_string(),
            b'q' | b'Q' => self.quoted_string(0),
            _ => self.word(),
        }
    }

    fn take(&mut self, kind: Kind, len: usize) -> Token<'a> {
        let token = Token::new(kind, self.slice(0, len));
        self.at += len;
        token
    }

    /// The byte so many places on.
    fn peek(&self, offset: usize) -> Option<u8> {
        self.value.get(self.at + offset).copied()
    }

    /// What is left from so many places on.
    fn rest(&self, offset: usize) -> &'a [u8] {
        self.value.get(self.at + offset..).unwrap_or_default()
    }

    fn slice(&self, offset: usize, len: usize) -> &'a [u8] {
        let rest = self.rest(offset);
        rest.get(..len).unwrap_or(rest)
    }

    /// How many of the bytes from so many places on are in a set.
    fn span(&self, offset: usize, set: &[u8]) -> usize {
        self.count_while(offset, |byte| set.contains(&byte))
    }

    /// How many bytes from so many places on are such, before one that is not.
    fn count_while(&self, offset: usize, is_such: impl Fn(u8) -> bool) -> usize {
        let count = self
            .rest(offset)
            .iter()
            .take_while(|byte| is_such(**byte))
            .count();
        #[cfg(test)]
        self.looked_at.set(self.looked_at.get() + count + 1);
        count
    }

    fn operator(&mut self) -> Token<'a> {
        if self.slice(0, 3) == b"<=>" {
            return self.take(Kind::Operator, 3);
        }
        let two = self.slice(0, 2);
        if two.len() == 2 {
            if let Some(kind) = word::find(two) {
                return self.take(kind, 2);
            }
            if two.starts_with(b":") {
                return self.take(Kind::Colon, 1);
            }
        }
        self.take(Kind::Operator, 1)
    }

    fn hash(&mut self) -> Token<'a> {
        self.is_ambiguous = true;
        match self.place.dialect {
            Dialect::Ansi => self.take(Kind::Operator, 1),
            Dialect::MySql => self.line_comment(),
        }
    }

    fn dash(&mut self) -> Token<'a> {
        if self.peek(1) != Some(b'-') {
            return self.take(Kind::Operator, 1);
        }
        if self.peek(2).is_none_or(is_blank) {
            return self.line_comment();
        }
        match self.place.dialect {
            Dialect::Ansi => {
                self.is_ambiguous = true;
                self.line_comment()
            }
            Dialect::MySql => self.take(Kind::Operator, 1),
        }
    }

    fn line_comment(&mut self) -> Token<'a> {
        let rest = self.rest(0);
        let len = memchr(b'\n', rest).unwrap_or(rest.len());
        let token = self.take(Kind::Comment, len);
        self.at += 1;
        token
    }

    fn slash(&mut self) -> Token<'a> {
        if self.peek(1) != Some(b'*') {
            return self.take(Kind::Operator, 1);
        }
        let inner = self.rest(2);
        let end = memmem::find(inner, b"*/");
        // A comment within a comment, or one that MySQL executes, has but one use.
        let is_nested = end.is_some_and(|end| {
            let until_end = inner.get(..=end).unwrap_or_default();
            memmem::find(until_end, b"/*").is_some()
        });
        let is_executed = self.peek(2) == Some(b'!');
        let kind = if is_nested || is_executed {
            Kind::Evil
        } else {
            Kind::Comment
        };
        let len = end.unwrap_or(inner.len()) + 2 + if end.is_some() { 2 } else { 0 };
        self.take(kind, len)
    }

    fn backslash(&mut self) -> Token<'a> {
        // MySQL's spelling of NULL.
        if self.peek(1) == Some(b'N') {
            self.take(Kind::Number, 2)
        } else {
            self.take(Kind::Backslash, 1)
        }
    }

    /// A string whose content begins so many places on and goes to a quote that is neither escaped nor doubled.
    fn string(&mut self, offset: usize, quote: u8) -> Token<'a> {
        let content = self.rest(offset);
        let mut from = 0;
        let end = loop {
            let Some(found) = content.get(from..).and_then(|rest| memchr(quote, rest)) else {
                break None;
            };
            let end = from + found;
            if is_escaped(content.get(..end).unwrap_or_default()) {
                from = end + 1;
            } else if content.get(end + 1) == Some(&quote) {
                from = end + 2;
            } else {
                break Some(end);
            }
        };
        let mut token = Token::new(
            Kind::String,
            content.get(..end.unwrap_or(content.len())).unwrap_or_default(),
        );
        token.open = if offset > 0 { quote } else { 0 };
        token.close = if end.is_some() { quote } else { 0 };
        self.at += offset + end.map_or(content.len(), |end| end + 1);
        token
    }

    fn back_quoted(&mut self) -> Token<'a> {
        let mut token = self.string(1, b'`');
        token.kind = match word::find(token.text()) {
            Some(Kind::Function) => Kind::Function,
            _ => Kind::Bareword,
        };
        token
    }

    /// `E'…'` of PostgreSQL.
    fn escape_string(&mut self) -> Token<'a> {
        if self.peek(1) == Some(b'\'') && self.peek(2).is_some() {
            self.string(2, b'\'')
        } else {
            self.word()
        }
    }

    /// `U&'…'`.
    fn unicode_string(&mut self) -> Token<'a> {
        if self.slice(1, 2) != b"&'" {
            return self.word();
        }
        self.at += 2;
        let mut token = self.string(1, b'\'');
        token.open = b'u';
        if token.close == b'\'' {
            token.close = b'u';
        }
        token
    }

    /// `N'…'`, or Oracle's `NQ'…'`.
    fn national_string(&mut self) -> Token<'a> {
        if self.peek(1) == Some(b'\'') && self.peek(2).is_some() {
            self.escape_string()
        } else {
            self.quoted_string(1)
        }
    }

    /// Oracle's `Q'[…]'`, whose `Q` stands so many places on.
    fn quoted_string(&mut self, offset: usize) -> Token<'a> {
        let is_quoted =
            matches!(self.peek(offset), Some(b'q' | b'Q')) && self.peek(offset + 1) == Some(b'\'');
        let Some(opening) = self
            .peek(offset + 2)
            .filter(|byte| is_quoted && (33..0x80).contains(byte))
        else {
            return self.word();
        };
        let closing = match opening {
            b'(' => b')',
            b'[' => b']',
            b'{' => b'}',
            b'<' => b'>',
            same => same,
        };
        self.delimited(offset + 3, &[closing, b'\''], b'q')
    }

    /// A string from so many places on to a mark.
    fn delimited(&mut self, offset: usize, mark: &[u8], name: u8) -> Token<'a> {
        let content = self.rest(offset);
        let end = memmem::find(content, mark);
        let mut token = Token::new(
            Kind::String,
            content.get(..end.unwrap_or(content.len())).unwrap_or_default(),
        );
        token.open = name;
        token.close = if end.is_some() { name } else { 0 };
        self.at += offset + end.map_or(content.len(), |end| end + mark.len());
        token
    }

    /// `B'01'` or `X'1f'`.
    fn digits_in_quotes(&mut self, digits: &[u8]) -> Token<'a> {
        if self.peek(1) == Some(b'\'') && self.peek(2).is_some() {
            let count = self.span(2, digits);
            if self.peek(2 + count) == Some(b'\'') {
                return self.take(Kind::Number, count + 3);
            }
        }
        self.word()
    }

    /// `[name]` of SQL Server.
    fn bracketed(&mut self) -> Token<'a> {
        let rest = self.rest(0);
        let len = memchr(b']', rest).map_or(rest.len(), |end| end + 1);
        self.take(Kind::Bareword, len)
    }

    fn word(&mut self) -> Token<'a> {
        let head = self.slice(0, Token::LIMIT);
        let end = head.iter().position(|byte| is_word_end(*byte));
        let word = head.get(..end.unwrap_or(head.len())).unwrap_or_default();
        // A word that means something may end in a dot or a back quote: `select.1`, `select`a``.
        let borders = word
            .iter()
            .enumerate()
            .filter(|(_, byte)| matches!(byte, b'.' | b'`'));
        for (end, _) in borders {
            let kind = word.get(..end).and_then(word::find);
            if let Some(kind) = kind.filter(|kind| *kind != Kind::Bareword) {
                return self.take(kind, end);
            }
        }
        // Only what is consumed is read to its end, for words cut at dots may follow each other without end.
        let more = self.count_while(word.len(), |byte| !is_word_end(byte));
        let kind = if more == 0 { word::find(word) } else { None };
        self.take(kind.unwrap_or(Kind::Bareword), word.len() + more)
    }

    fn variable(&mut self) -> Token<'a> {
        let at_signs = if self.peek(1) == Some(b'@') { 2 } else { 1 };
        self.at += at_signs;
        let mut token = match self.peek(0) {
            Some(b'`') => self.back_quoted(),
            Some(quote @ (b'\'' | b'"')) => self.string(1, quote),
            _ => {
                let len = self.count_while(0, |byte| !VARIABLE_ENDS.contains(&byte));
                self.take(Kind::Variable, len)
            }
        };
        token.kind = Kind::Variable;
        token
    }

    /// Money, a string between dollar signs as PostgreSQL has it, or a lone dollar sign.
    fn money(&mut self) -> Token<'a> {
        let digits = self.span(1, MONEY);
        if digits == 1 && self.peek(1) == Some(b'.') {
            return self.word();
        }
        if digits > 0 {
            return self.take(Kind::Number, 1 + digits);
        }
        let tag = self.count_while(1, |byte| byte.is_ascii_alphabetic() || byte == 0);
        if self.peek(1 + tag) != Some(b'$') {
            return self.take(Kind::Bareword, 1);
        }
        self.delimited(tag + 2, self.slice(0, tag + 2), b'$')
    }

    fn number(&mut self) -> Token<'a> {
        if self.peek(0) == Some(b'0') {
            let digits = match self.peek(1) {
                Some(b'x' | b'X') => Some(HEX_DIGITS),
                Some(b'b' | b'B') => Some(BINARY_DIGITS),
                _ => None,
            };
            if let Some(digits) = digits {
                let count = self.span(2, digits);
                let kind = if count == 0 { Kind::Bareword } else { Kind::Number };
                return self.take(kind, 2 + count);
            }
        }
        let digits = |from: usize| self.count_while(from, |byte| byte.is_ascii_digit());
        let mut len = digits(0);
        if self.peek(len) == Some(b'.') {
            len += 1 + digits(len + 1);
            if len == 1 {
                return self.take(Kind::Dot, 1);
            }
        }
        let mut kind = Kind::Number;
        if matches!(self.peek(len), Some(b'e' | b'E')) {
            len += 1;
            if matches!(self.peek(len), Some(b'+' | b'-')) {
                len += 1;
            }
            let exponent = digits(len);
            len += exponent;
            if exponent == 0 {
                kind = Kind::Bareword;
            }
        }
        // Oracle's suffixes; `1fUNION` is a number and a word.
        if matches!(self.peek(len), Some(b'd' | b'D' | b'f' | b'F'))
            && self
                .peek(len + 1)
                .is_none_or(|next| is_blank(next) || matches!(next, b';' | b'u' | b'U'))
        {
            len += 1;
        }
        self.take(kind, len)
    }
}

/// What stands between tokens.
const fn is_skipped(byte: u8) -> bool {
    byte <= b' ' || byte == 0x7f || byte == 0xa0
}

/// A blank to the databases; the no-break space is one to MySQL.
const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r' | 0xa0 | 0)
}

const fn is_word_end(byte: u8) -> bool {
    WORD_END_SET.contains(byte)
}

const WORD_END_SET: crate::matching::ByteSet = {
    let mut set = crate::matching::ByteSet::EMPTY;
    let mut rest = WORD_ENDS;
    while let Some((byte, tail)) = rest.split_first() {
        set.insert(*byte);
        rest = tail;
    }
    set
};

/// Whether an odd number of backslashes ends a text.
fn is_escaped(before: &[u8]) -> bool {
    before.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*, sample::select};

    use super::*;
    use crate::injection::tests::rows;

    fn tokens(value: &[u8], quote: Option<u8>, dialect: Dialect) -> (Vec<String>, usize) {
        let mut lexer = Lexer::new(value, Place { quote, dialect });
        let tokens = std::iter::from_fn(|| lexer.next().map(|token| token.show())).collect();
        (tokens, lexer.looked_at.get())
    }

    fn ansi(value: &[u8]) -> Vec<String> {
        tokens(value, None, Dialect::Ansi).0
    }

    #[test]
    fn published_values_have_the_published_tokens() {
        for row in rows(include_str!("../../../tests/data/tokens.txt")) {
            let (value, expected) = row.split_first().unwrap();
            let expected: Vec<String> = expected
                .iter()
                .map(|token| token.escape_ascii().to_string())
                .collect();
            assert_eq!(ansi(value), expected, "{}", value.escape_ascii());
        }
    }

    const PARTS: &[&str] = &[
        "1", "a", ".", "`", "'", "$", "@", "x'", "b'", "div", "select", "int", "e", "0x", " ", "-", "/*",
        "q'", "[", "\\", "\0",
    ];

    proptest! {
        #[test]
        fn no_byte_is_read_again_and_again(part in vec(select(PARTS), 1..6), before in select(PARTS), times in 1..200_usize) {
            let value = format!("{before}{}", part.concat().repeat(times));
            for dialect in [Dialect::Ansi, Dialect::MySql] {
                let (_, looked_at) = tokens(value.as_bytes(), None, dialect);
                prop_assert!(looked_at <= 4 * value.len(), "{looked_at} of {}", value.len());
            }
        }
    }

    #[test]
    fn words_cut_at_dots_are_read_once() {
        let times = if cfg!(miri) { 50 } else { 1_000 };
        let value = format!("1 {}", "div.1".repeat(times));
        let (tokens, looked_at) = tokens(value.as_bytes(), None, Dialect::Ansi);
        assert_eq!(tokens.len(), 2 * times + 1);
        assert!(looked_at <= 2 * value.len(), "{looked_at}");
    }
}
