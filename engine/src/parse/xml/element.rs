//! The elements that have begun and not ended, and the text that they hold.

use std::{borrow::Cow, ops::Range};

/// An element.
#[derive(Debug, Default)]
pub(super) struct Element<'a> {
    name: &'a [u8],
    /// Length of the way to the element that it stands in.
    pub(super) way: usize,
    /// Its own text, without that of the elements in it.
    pub(super) text: Cow<'a, [u8]>,
    /// Where its text begins in that of the document.
    start: usize,
    has_children: bool,
    has_attributes: bool,
}

impl Element<'_> {
    /// Whether nothing of the element was handed on.
    pub(super) fn is_empty(&self) -> bool {
        !self.has_children && !self.has_attributes && self.text.is_empty()
    }
}

/// Elements one in another, the outermost first. The first of all is none, and holds what stands outside the root.
#[derive(Debug)]
pub(super) struct Tree<'a> {
    open: Vec<Element<'a>>,
    /// Names of the elements, joined by dots.
    way: Vec<u8>,
    /// Text of the document.
    text: Vec<u8>,
    /// The outermost elements that hold text as well as elements with text: the ways to them, and where their text is.
    mixed: Vec<(Vec<u8>, Range<usize>)>,
}

impl<'a> Tree<'a> {
    pub(super) fn new() -> Self {
        Self {
            open: vec![Element::default()],
            way: Vec::new(),
            text: Vec::new(),
            mixed: Vec::new(),
        }
    }

    /// How many elements are open.
    pub(super) fn depth(&self) -> usize {
        self.open.len().saturating_sub(1)
    }

    pub(super) fn is_inside(&self) -> bool {
        self.depth() > 0
    }

    pub(super) fn way(&self) -> &[u8] {
        &self.way
    }

    pub(super) fn cut_way(&mut self, length: usize) {
        self.way.truncate(length);
    }

    pub(super) fn step(&mut self, name: &[u8]) {
        if !self.way.is_empty() {
            self.way.push(b'.');
        }
        self.way.extend_from_slice(name);
    }

    /// Begins an element.
    pub(super) fn open(&mut self, name: &'a [u8]) {
        if let Some(parent) = self.open.last_mut() {
            parent.has_children = true;
        }
        self.open.push(Element {
            name,
            way: self.way.len(),
            start: self.text.len(),
            ..Element::default()
        });
        self.step(name);
    }

    pub(super) fn set_has_attributes(&mut self, has_attributes: bool) {
        if let Some(element) = self.open.last_mut() {
            element.has_attributes = has_attributes;
        }
    }

    /// Adds to the text of the innermost element.
    pub(super) fn text(&mut self, text: Cow<'a, [u8]>) {
        self.text.extend_from_slice(&text);
        if let Some(element) = self.open.last_mut() {
            if element.text.is_empty() {
                element.text = text;
            } else {
                element.text.to_mut().extend_from_slice(&text);
            }
        }
    }

    /// How many elements stand open inside the innermost one with this name.
    pub(super) fn elements_inside(&self, name: &[u8]) -> Option<usize> {
        let elements = self.open.get(1..).unwrap_or_default();
        elements.iter().rev().position(|element| element.name == name)
    }

    /// Ends the innermost element. The way still leads to it.
    pub(super) fn close(&mut self) -> Element<'a> {
        let element = self.open.pop().unwrap_or_default();
        let length = self.text.len() - element.start;
        let is_mixed = element.has_children && length > element.text.len();
        if is_mixed && !element.text.trim_ascii().is_empty() {
            while self
                .mixed
                .pop_if(|(_, inner)| inner.start >= element.start)
                .is_some()
            {}
            self.mixed
                .push((self.way.clone(), element.start..self.text.len()));
        }
        element
    }

    /// The ways to the outermost elements in which text and elements are mixed, and all of their text.
    pub(super) fn mixed(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.mixed
            .iter()
            .map(|(way, text)| (&**way, self.text.get(text.clone()).unwrap_or_default()))
    }

    /// The text of the whole document, where it holds any.
    pub(super) fn into_text(self) -> Cow<'a, [u8]> {
        if self.text.trim_ascii().is_empty() {
            Cow::Borrowed(&[])
        } else {
            Cow::Owned(self.text)
        }
    }
}
