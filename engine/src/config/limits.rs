//! Bounds on what is parsed out of one request.

use serde::{Deserialize, Serialize};

/// Bounds on what is parsed out of one request. What lies beyond a bound raises a parser error
/// (target `parse_errors`) and stays inspected as raw bytes; it is never dropped in silence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Names and values of the query and of the body, each counted by pair. Default 1,000.
    pub arguments: usize,
    /// Bytes of one such name, decoded. Default 1,024. A length beyond a bound is told, and inspected all the same.
    pub argument_name_length: usize,
    /// Bytes of one such value, decoded. Default 128 KiB.
    pub argument_length: usize,
    /// Bytes of all names and values of the query, or of the body, together. Default 1 MiB.
    pub arguments_length: usize,
    /// Cookies in one request. Default 200.
    pub cookies: usize,
    /// Depth of nested JSON. Default 64.
    pub json_depth: usize,
    /// Depth of nested XML elements. Default 64.
    pub xml_depth: usize,
    /// Parts of a multipart body. Default 200.
    pub multipart_parts: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            arguments: 1_000,
            argument_name_length: 1_024,
            argument_length: 128 * 1024,
            arguments_length: 1024 * 1024,
            cookies: 200,
            json_depth: 64,
            xml_depth: 64,
            multipart_parts: 200,
        }
    }
}
