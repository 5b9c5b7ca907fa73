//! What the fuzz targets share: a sink that counts, so that a parser which hands on too much is a finding.

use std::borrow::Cow;

use secbeat_engine::{
    config::Limits,
    parse::{ParseError, Sink},
};

/// Counts what a parser hands on.
#[derive(Debug, Default)]
pub struct Counted {
    arguments: usize,
    bytes: usize,
    errors: Vec<ParseError>,
}

impl Counted {
    /// Runs a parser and checks that it handed on no more than `multiple` times its input, and `extra` bytes for each
    /// argument.
    pub fn check(input: &[u8], multiple: usize, extra: usize, parse: impl FnOnce(&Limits, &mut Self)) {
        let mut counted = Self::default();
        parse(
            &Limits {
                arguments: 20,
                argument_name_length: 16,
                argument_length: 64,
                arguments_length: 256,
                cookies: 20,
                json_depth: 8,
                xml_depth: 8,
                multipart_parts: 8,
            },
            &mut counted,
        );
        assert!(
            counted.bytes <= multiple * input.len() + extra * counted.arguments,
            "{counted:?}"
        );
    }
}

impl Sink for Counted {
    fn argument(&mut self, name: Cow<'_, [u8]>, value: Cow<'_, [u8]>) {
        self.arguments += 1;
        self.bytes += name.len() + value.len();
    }

    fn file_name(&mut self, field: &[u8], name: &[u8]) {
        self.bytes += field.len() + name.len();
    }

    fn part_header(&mut self, name: &[u8], value: &[u8]) {
        self.bytes += name.len() + value.len();
    }

    fn error(&mut self, error: ParseError) {
        assert!(!self.errors.contains(&error), "{error} raised twice");
        self.errors.push(error);
    }
}
