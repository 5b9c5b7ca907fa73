//! Splits a value into pieces of HTML, about as browsers do; what never matters to scripts is not handed out.

use memchr::{memchr, memmem};

/// Where a value stands in a page.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    /// Between tags.
    Text,
    /// Within a tag, where an attribute may begin.
    Tag,
    /// Within the value of an attribute in these quotes.
    Quoted(u8),
}

/// A piece of HTML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    Doctype,
    /// The name of a tag that opens something.
    Tag(&'a [u8]),
    /// The name of an attribute.
    Attribute(&'a [u8]),
    /// The value of an attribute.
    Value(&'a [u8]),
    /// A comment or what is treated like one.
    Comment(&'a [u8]),
}

/// Splits a value into pieces.
#[derive(Debug)]
pub(super) struct Html<'a> {
    value: &'a [u8],
    at: usize,
    state: State,
    /// Whether the tag is one that closes something.
    is_closing: bool,
}

/// What comes next. The names are those of the HTML standard.
#[derive(Debug, Clone, Copy)]
enum State {
    Data,
    TagOpen,
    EndTagOpen,
    TagName,
    TagEnd,
    SelfClosing,
    BeforeAttributeName,
    AttributeName,
    AfterAttributeName,
    BeforeAttributeValue,
    QuotedValue(u8),
    UnquotedValue,
    AfterQuotedValue,
    MarkupDeclaration,
    BogusComment,
    PercentComment,
    Comment,
    Cdata,
    End,
}

impl<'a> Html<'a> {
    pub(super) fn new(value: &'a [u8], place: Place) -> Self {
        let state = match place {
            Place::Text => State::Data,
            Place::Tag => State::BeforeAttributeName,
            Place::Quoted(quote) => State::QuotedValue(quote),
        };
        Self {
            value,
            at: 0,
            state,
            is_closing: false,
        }
    }

    /// Goes on by one state; a piece may come of it.
    fn step(&mut self) -> Option<Piece<'a>> {
        match self.state {
            State::Data => self.data(),
            State::TagOpen => self.tag_open(),
            State::EndTagOpen => self.end_tag_open(),
            State::TagName => return self.tag_name(),
            State::TagEnd => self.go(1, State::Data),
            State::SelfClosing => match self.peek() {
                None => self.state = State::End,
                Some(b'>') => self.go(1, State::Data),
                Some(_) => self.state = State::BeforeAttributeName,
            },
            State::BeforeAttributeName => self.before_attribute_name(),
            State::AttributeName => return Some(self.attribute_name()),
            State::AfterAttributeName => {
                self.skip_blanks();
                match self.peek() {
                    None => self.state = State::End,
                    Some(b'/') => self.go(1, State::SelfClosing),
                    Some(b'=') => self.go(1, State::BeforeAttributeValue),
                    Some(b'>') => self.state = State::TagEnd,
                    Some(_) => self.state = State::AttributeName,
                }
            }
            State::BeforeAttributeValue => {
                self.skip_blanks();
                self.state = match self.peek() {
                    None => State::End,
                    Some(quote @ (b'"' | b'\'' | b'`')) => {
                        self.at += 1;
                        State::QuotedValue(quote)
                    }
                    Some(_) => State::UnquotedValue,
                };
            }
            State::QuotedValue(quote) => {
                let end = memchr(quote, self.rest());
                return Some(Piece::Value(self.take(end, 1, State::AfterQuotedValue)));
            }
            State::UnquotedValue => return Some(self.unquoted_value()),
            State::AfterQuotedValue => match self.peek() {
                None => self.state = State::End,
                Some(b'/') => self.go(1, State::SelfClosing),
                Some(b'>') => self.go(1, State::Data),
                Some(_) => self.state = State::BeforeAttributeName,
            },
            State::MarkupDeclaration => return self.markup_declaration(),
            State::BogusComment => {
                let end = memchr(b'>', self.rest());
                return Some(Piece::Comment(self.take(end, 1, State::Data)));
            }
            State::PercentComment => {
                let end = memmem::find(self.rest(), b"%>");
                return Some(Piece::Comment(self.take(end, 2, State::Data)));
            }
            State::Comment => return Some(self.comment()),
            State::Cdata => {
                let end = memmem::find(self.rest(), b"]]>");
                self.take(end, 3, State::Data);
            }
            State::End => {}
        }
        None
    }

    fn data(&mut self) {
        match memchr(b'<', self.rest()) {
            Some(found) => self.go(found + 1, State::TagOpen),
            None => self.state = State::End,
        }
    }

    fn tag_open(&mut self) {
        // libinjection takes the tag behind `</>` or `</a >` for one that closes something; browsers do not.
        self.is_closing = false;
        match self.peek() {
            None => self.state = State::End,
            Some(b'!') => self.go(1, State::MarkupDeclaration),
            Some(b'/') => {
                self.is_closing = true;
                self.go(1, State::EndTagOpen);
            }
            Some(b'?') => self.go(1, State::BogusComment),
            Some(b'%') => self.go(1, State::PercentComment),
            Some(byte) if byte.is_ascii_alphabetic() || byte == 0 => self.state = State::TagName,
            Some(_) => self.state = State::Data,
        }
    }

    fn end_tag_open(&mut self) {
        match self.peek() {
            None => self.state = State::End,
            Some(b'>') => self.state = State::Data,
            Some(byte) if byte.is_ascii_alphabetic() => self.state = State::TagName,
            Some(_) => self.state = State::BogusComment,
        }
    }

    fn tag_name(&mut self) -> Option<Piece<'a>> {
        let ends = |byte: &u8| *byte != 0 && is_blank(*byte) || matches!(byte, b'/' | b'>');
        let end = self.rest().iter().position(ends);
        match end.and_then(|end| self.rest().get(end)) {
            Some(b'>') if self.is_closing => {
                self.take(end, 1, State::Data);
                None
            }
            Some(b'>') => Some(Piece::Tag(self.take(end, 0, State::TagEnd))),
            Some(b'/') => Some(Piece::Tag(self.take(end, 1, State::SelfClosing))),
            _ => Some(Piece::Tag(self.take(end, 1, State::BeforeAttributeName))),
        }
    }

    fn before_attribute_name(&mut self) {
        loop {
            self.skip_blanks();
            match self.peek() {
                None => self.state = State::End,
                Some(b'/') => {
                    self.at += 1;
                    if self.peek().is_some_and(|byte| byte != b'>') {
                        continue;
                    }
                    self.state = State::SelfClosing;
                }
                Some(b'>') => self.go(1, State::Data),
                Some(_) => self.state = State::AttributeName,
            }
            return;
        }
    }

    fn attribute_name(&mut self) -> Piece<'a> {
        let ends = |byte: &u8| is_blank(*byte) || matches!(byte, b'/' | b'=' | b'>');
        // The first byte belongs to the name, whatever it is.
        let behind_first = self.rest().get(1..).unwrap_or_default();
        let end = behind_first.iter().position(ends).map(|end| end + 1);
        let name = match end.and_then(|end| self.rest().get(end)) {
            Some(b'>') => self.take(end, 0, State::TagEnd),
            Some(b'/') => self.take(end, 1, State::SelfClosing),
            Some(b'=') => self.take(end, 1, State::BeforeAttributeValue),
            _ => self.take(end, 1, State::AfterAttributeName),
        };
        Piece::Attribute(name)
    }

    fn unquoted_value(&mut self) -> Piece<'a> {
        let end = self
            .rest()
            .iter()
            .position(|byte| is_blank(*byte) || *byte == b'>');
        Piece::Value(match end.and_then(|end| self.rest().get(end)) {
            Some(b'>') => self.take(end, 0, State::TagEnd),
            _ => self.take(end, 1, State::BeforeAttributeName),
        })
    }

    fn markup_declaration(&mut self) -> Option<Piece<'a>> {
        let rest = self.rest();
        let is_doctype = |head: &[u8]| head.eq_ignore_ascii_case(b"doctype");
        if rest.get(..7).is_some_and(is_doctype) {
            // Nothing behind it changes the verdict.
            self.state = State::End;
            return Some(Piece::Doctype);
        }
        if rest.starts_with(b"[CDATA[") {
            self.go(7, State::Cdata);
        } else if rest.starts_with(b"--") {
            self.go(2, State::Comment);
        } else {
            self.state = State::BogusComment;
        }
        None
    }

    /// A comment up to `-->` or `--!>`; NULs may stand behind the first dash, and a second dash need not be there.
    fn comment(&mut self) -> Piece<'a> {
        let rest = self.rest();
        let mut from = 0;
        while let Some(found) = rest.get(from..).and_then(|rest| memchr(b'-', rest)) {
            let dash = from + found;
            let behind = rest.get(dash + 1..).unwrap_or_default();
            let nulls = behind.iter().take_while(|byte| **byte == 0).count();
            if let Some([b'-' | b'!', b'>', ..]) = behind.get(nulls..) {
                return Piece::Comment(self.take(Some(dash), nulls + 3, State::Data));
            }
            from = dash + 1;
        }
        Piece::Comment(self.take(None, 0, State::End))
    }

    /// What stands before `end`, or all that is left; goes on behind it and what ends it.
    fn take(&mut self, end: Option<usize>, mark: usize, next: State) -> &'a [u8] {
        let rest = self.rest();
        let Some(end) = end else {
            self.at = self.value.len();
            self.state = State::End;
            return rest;
        };
        self.go(end + mark, next);
        rest.get(..end).unwrap_or_default()
    }

    fn go(&mut self, count: usize, next: State) {
        self.at += count;
        self.state = next;
    }

    fn peek(&self) -> Option<u8> {
        self.value.get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.value.get(self.at..).unwrap_or_default()
    }

    fn skip_blanks(&mut self) {
        self.at += self.rest().iter().take_while(|byte| is_blank(**byte)).count();
    }
}

impl<'a> Iterator for Html<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        while !matches!(self.state, State::End) {
            let piece = self.step();
            if piece.is_some() {
                return piece;
            }
        }
        None
    }
}

/// A blank to browsers; NULs are left out by some.
const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r' | 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::injection::tests::rows;

    fn pieces(value: &[u8], place: Place) -> Vec<String> {
        let show = |piece| {
            let (name, text) = match piece {
                Piece::Doctype => ("doctype", &b""[..]),
                Piece::Tag(text) => ("tag", text),
                Piece::Attribute(text) => ("name", text),
                Piece::Value(text) => ("value", text),
                Piece::Comment(text) => ("comment", text),
            };
            format!("{name} {}", text.escape_ascii())
        };
        Html::new(value, place).map(show).collect()
    }

    #[test]
    fn published_values_have_the_published_pieces() {
        for row in rows(include_str!("../../../tests/data/html.txt")) {
            let (value, expected) = row.split_first().unwrap();
            let expected: Vec<String> = expected
                .iter()
                .map(|piece| piece.escape_ascii().to_string())
                .collect();
            assert_eq!(pieces(value, Place::Text), expected, "{}", value.escape_ascii());
        }
    }

    #[test]
    fn what_browsers_forgive_is_forgiven() {
        for (place, value, expected) in [
            (
                Place::Tag,
                "a=b c>d<e",
                &["name a", "value b", "name c", "tag e"][..],
            ),
            (Place::Tag, " /a/ b", &["name a", "name b"]),
            (Place::Tag, "/", &[]),
            (Place::Tag, "/>", &[]),
            (Place::Tag, ">x=y", &[]),
            (Place::Tag, "=a", &["name =a"]),
            (Place::Tag, "==a", &["name =", "value a"]),
            (Place::Tag, "a =b", &["name a", "value b"]),
            (Place::Tag, "a /b", &["name a", "name b"]),
            (Place::Tag, "a /=b", &["name a", "name =b"]),
            (Place::Tag, "a b=c", &["name a", "name b", "value c"]),
            (Place::Tag, "a ><b>", &["name a", "tag b"]),
            (Place::Tag, "a=b/c>", &["name a", "value b/c"]),
            (Place::Tag, "a=`b`c", &["name a", "value b", "name c"]),
            (Place::Tag, "a='b'/c", &["name a", "value b", "name c"]),
            (Place::Tag, "a='b'><c>", &["name a", "value b", "tag c"]),
            (Place::Tag, "a\0b", &["name a", "name b"]),
            (Place::Quoted(b'\''), "a'b", &["value a", "name b"]),
            (Place::Quoted(b'"'), "a'b\"", &["value a\\'b"]),
            (Place::Quoted(b'`'), "", &["value "]),
            (Place::Text, "<<a>", &["tag a"]),
            (Place::Text, "< a>", &[]),
            (Place::Text, "<", &[]),
            (Place::Text, "</", &[]),
            (Place::Text, "</>a<b>", &["tag b"]),
            (Place::Text, "</a ><b>", &["tag a", "tag b"]),
            (Place::Text, "</a><b c>", &["tag b", "name c"]),
            (Place::Text, "</1><a>", &["comment 1", "tag a"]),
            (Place::Text, "</1></a><b>", &["comment 1", "tag b"]),
            (Place::Text, "<\0a>", &["tag \\x00a"]),
            (Place::Text, "<a\0b>", &["tag a\\x00b"]),
            (Place::Text, "<a/ b>", &["tag a", "name b"]),
            (Place::Text, "<a/><b>", &["tag a", "tag b"]),
            (Place::Text, "<a b/><c>", &["tag a", "name b", "tag c"]),
            (Place::Text, "<a/", &["tag a"]),
            (Place::Text, "<!a><b>", &["comment a", "tag b"]),
            (Place::Text, "<!doctyp><b>", &["comment doctyp", "tag b"]),
            (Place::Text, "<!-><b>", &["comment -", "tag b"]),
            (Place::Text, "<!--a--><b>", &["comment a", "tag b"]),
            (Place::Text, "<!--a--!><b>", &["comment a-", "tag b"]),
            (Place::Text, "<!--a-!><b>", &["comment a", "tag b"]),
            (Place::Text, "<!--a-\0\0-><b>", &["comment a", "tag b"]),
            (Place::Text, "<!--a-b-->", &["comment a-b"]),
            (Place::Text, "<!--a-", &["comment a-"]),
            (Place::Text, "<![CDATA[<b>]]><c>", &["tag c"]),
            (Place::Text, "<![cdata[<b>]]><c>", &["comment [cdata[<b", "tag c"]),
            (Place::Text, "<%a%><b>", &["comment a", "tag b"]),
            (Place::Text, "<%a>", &["comment a>"]),
            (Place::Text, "<?a?><b>", &["comment a?", "tag b"]),
        ] {
            assert_eq!(pieces(value.as_bytes(), place), expected, "{place:?} {value:?}");
        }
    }
}
