//! XML, flattened: `<user id="7"><name>a</name></user>` is `user.@id` with the value `7` and `user.name` with `a`.

mod doctype;
mod element;
mod reference;

use std::borrow::Cow;

use super::{Findings, ParseError, Sink, cut, wide};
use crate::config::Limits;
use element::Tree;

/// Bytes of the way to an element that stand in the names of what it holds, before their own, as in JSON.
const WAY_LIMIT: usize = 256;

/// Whether a body begins like XML, in whatever encoding.
pub fn looks_like_xml(body: &[u8]) -> bool {
    const HEAD: usize = 64;
    let head = body.get(..HEAD).unwrap_or(body);
    let transcoded = wide::to_utf8(head);
    let text = without_mark(transcoded.as_deref().unwrap_or(head));
    match text.trim_ascii_start() {
        [b'<', b'?' | b'!', ..] => true,
        [b'<', byte, ..] => is_name_start(*byte),
        _ => false,
    }
}

/// Reads XML (XML 1.0) from bytes, which need not be UTF-8.
///
/// Each attribute is an argument, its name beginning with `@`; so is the text of each element, in which comments,
/// processing instructions and the limits of CDATA sections leave no gap. An element that holds nothing has an empty
/// value, so that its name shows. Where text and elements are mixed, the text of the outermost such element is handed on
/// as a whole too, with that of the elements in it, since many applications take it so.
///
/// References to characters and to the five entities that XML itself knows are undone. No other entity is: a document
/// type raises [`ParseError::XmlDoctype`], the declaration of an entity in it [`ParseError::XmlEntity`], and neither it nor
/// comments and processing instructions are handed on. UTF-16 and UTF-32 raise [`ParseError::XmlEncoding`] and are read,
/// after the raw bytes were handed on.
///
/// Whatever else strict readers refuse raises [`ParseError::XmlSyntax`], and reading goes on as lenient readers do
/// it. Where it has to end, the rest is handed on with its references undone.
pub fn xml<S: Sink + ?Sized>(body: &[u8], limits: &Limits, sink: &mut S) {
    let mut found = Findings::document(sink, limits, body.len());
    let transcoded = wide::to_utf8(body);
    if transcoded.is_some() {
        found.error(ParseError::XmlEncoding);
        found.leftover(Cow::Borrowed(body));
    }
    let text = without_mark(transcoded.as_deref().unwrap_or(body));
    let mut reader = Reader {
        found,
        rest: text,
        tree: Tree::new(),
        depth: limits.xml_depth,
        has_root: false,
    };
    let mut unseen = text;
    let mut end = Ok(());
    while end.is_ok() && !reader.rest.is_empty() {
        unseen = reader.rest;
        end = reader.token();
    }
    let end = match end {
        Ok(()) => {
            unseen = &[];
            reader.finish()
        }
        Err(error) => Err(error),
    };
    if let Err(error) = end {
        reader.found.error(error);
        reader.found.leftover(reader.tree.into_text());
        let (rest, _) = reference::decode(unseen);
        reader.found.leftover(rest);
    }
}

struct Reader<'a, 's, S: ?Sized> {
    found: Findings<'s, S>,
    rest: &'a [u8],
    tree: Tree<'a>,
    depth: usize,
    has_root: bool,
}

impl<'a, S: Sink + ?Sized> Reader<'a, '_, S> {
    /// Reads text, a tag, or what else begins with `<`.
    fn token(&mut self) -> Result<(), ParseError> {
        match self.rest {
            [b'<', b'!', b'-', b'-', inside @ ..] => self.skip(inside, b"-->"),
            [b'<', b'?', inside @ ..] => self.skip(inside, b"?>"),
            [b'<', b'!', b'[', b'C', b'D', b'A', b'T', b'A', b'[', inside @ ..] => {
                self.check(self.tree.is_inside());
                let end = memchr::memmem::find(inside, b"]]>");
                self.check(end.is_some());
                let (text, from) = inside
                    .split_at_checked(end.unwrap_or(inside.len()))
                    .unwrap_or_default();
                self.tree.text(Cow::Borrowed(text));
                self.rest = from.get(3..).unwrap_or_default();
                Ok(())
            }
            [b'<', b'!', inside @ ..] if doctype::is_doctype(inside) => {
                self.found.error(ParseError::XmlDoctype);
                if doctype::declares_entity(inside) {
                    self.found.error(ParseError::XmlEntity);
                }
                self.rest = doctype::behind(inside).ok_or(ParseError::XmlSyntax)?;
                Ok(())
            }
            [b'<', b'/', inside @ ..] => {
                memchr::memchr(b'>', inside).ok_or(ParseError::XmlSyntax)?;
                let (name, after) = cut(inside, b'>');
                self.rest = after;
                self.end_tag(name.trim_ascii_end())
            }
            [b'<', byte, ..] if is_name_start(*byte) => self.start_tag(),
            [first, after @ ..] => {
                // A `<` that begins nothing is text.
                self.check(*first != b'<');
                let length = 1 + memchr::memchr(b'<', after).unwrap_or(after.len());
                let (text, from) = self.rest.split_at_checked(length).unwrap_or_default();
                self.rest = from;
                let (text, is_broken) = reference::decode(text);
                self.check(!is_broken && (self.tree.is_inside() || text.trim_ascii().is_empty()));
                self.tree.text(text);
                Ok(())
            }
            [] => Ok(()),
        }
    }

    /// Raises an error where the input is not as it should be.
    fn check(&mut self, is_clean: bool) {
        if !is_clean {
            self.found.error(ParseError::XmlSyntax);
        }
    }

    fn skip(&mut self, inside: &'a [u8], end: &[u8]) -> Result<(), ParseError> {
        let at = memchr::memmem::find(inside, end).ok_or(ParseError::XmlSyntax)?;
        self.rest = inside.get(at + end.len()..).unwrap_or_default();
        Ok(())
    }

    fn start_tag(&mut self) -> Result<(), ParseError> {
        let (name, mut rest) = name(self.rest.get(1..).unwrap_or_default());
        self.check(!self.has_root || self.tree.is_inside());
        self.has_root = true;
        if self.tree.depth() >= self.depth {
            return Err(ParseError::XmlDepth);
        }
        // The way to what the element holds, and the element's own name.
        self.shorten_way(WAY_LIMIT)?;
        self.tree.open(name);
        self.shorten_way(2 * WAY_LIMIT)?;
        let mut has_attributes = false;
        loop {
            let padded = rest;
            rest = rest.trim_ascii_start();
            match rest {
                [b'>', after @ ..] => {
                    self.rest = after;
                    self.tree.set_has_attributes(has_attributes);
                    return Ok(());
                }
                [b'/', b'>', after @ ..] => {
                    self.rest = after;
                    self.tree.set_has_attributes(has_attributes);
                    return self.close();
                }
                [b'/', after @ ..] => {
                    self.check(false);
                    rest = after;
                }
                [] => return Err(ParseError::XmlSyntax),
                _ => {
                    self.check(padded.len() > rest.len());
                    has_attributes = true;
                    rest = self.attribute(rest)?;
                }
            }
        }
    }

    /// A way longer than the limit is handed on once, and then cut.
    fn shorten_way(&mut self, limit: usize) -> Result<(), ParseError> {
        if self.tree.way().len() > limit {
            self.argument(Cow::Borrowed(&[]))?;
            self.tree.cut_way(limit);
        }
        Ok(())
    }

    /// Hands an attribute on and gives back what follows it.
    fn attribute(&mut self, input: &'a [u8]) -> Result<&'a [u8], ParseError> {
        let (name, after) = name(input);
        let (value, after) = match after.trim_ascii_start() {
            [b'=', after @ ..] => match after.trim_ascii_start() {
                [quote @ (b'"' | b'\''), quoted @ ..] => {
                    memchr::memchr(*quote, quoted).ok_or(ParseError::XmlSyntax)?;
                    cut(quoted, *quote)
                }
                bare => {
                    self.check(false);
                    let end = bare
                        .iter()
                        .position(|byte| byte.is_ascii_whitespace() || *byte == b'>');
                    bare.split_at_checked(end.unwrap_or(bare.len()))
                        .unwrap_or_default()
                }
            },
            after => {
                self.check(false);
                (&[][..], after)
            }
        };
        let has_markup = memchr::memchr(b'<', value).is_some();
        let (value, is_broken) = reference::decode(value);
        self.check(!name.is_empty() && !is_broken && !has_markup);
        let way = self.tree.way().len();
        self.tree.step(&[b"@", name].concat());
        let handed_on = self.argument(value);
        self.tree.cut_way(way);
        handed_on.map(|()| after)
    }

    /// Ends the elements up to the one with this name; an end tag that ends none is as good as not there.
    fn end_tag(&mut self, name: &[u8]) -> Result<(), ParseError> {
        let Some(inner) = self.tree.elements_inside(name) else {
            self.check(false);
            return Ok(());
        };
        self.check(inner == 0);
        for _ in 0..inner {
            self.close()?;
        }
        self.close()
    }

    /// Ends the innermost element and hands on what it held.
    fn close(&mut self) -> Result<(), ParseError> {
        let element = self.tree.close();
        let handed_on = if element.is_empty() || !element.text.trim_ascii().is_empty() {
            self.found.argument(self.tree.way(), element.text)
        } else {
            true
        };
        self.tree.cut_way(element.way);
        if handed_on {
            Ok(())
        } else {
            Err(ParseError::TooManyArguments)
        }
    }

    fn argument(&mut self, value: Cow<'_, [u8]>) -> Result<(), ParseError> {
        if self.found.argument(self.tree.way(), value) {
            Ok(())
        } else {
            Err(ParseError::TooManyArguments)
        }
    }

    /// The input is at its end: ends what is still open, and hands mixed text on.
    fn finish(&mut self) -> Result<(), ParseError> {
        self.check(self.has_root && !self.tree.is_inside());
        while self.tree.is_inside() {
            self.close()?;
        }
        let outside = self.tree.close();
        if !outside.text.trim_ascii().is_empty() && !self.found.argument(&[], outside.text) {
            return Err(ParseError::TooManyArguments);
        }
        for (way, text) in self.tree.mixed() {
            if !self.found.argument(way, Cow::Borrowed(text)) {
                return Err(ParseError::TooManyArguments);
            }
        }
        Ok(())
    }
}

fn name(input: &[u8]) -> (&[u8], &[u8]) {
    let is_end = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>' | b'=');
    let end = input.iter().position(is_end).unwrap_or(input.len());
    input.split_at_checked(end).unwrap_or((input, &[]))
}

fn is_name_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || matches!(byte, b'_' | b':') || !byte.is_ascii()
}

fn without_mark(input: &[u8]) -> &[u8] {
    input.strip_prefix(b"\xef\xbb\xbf").unwrap_or(input)
}

#[cfg(test)]
mod tests;
