//! What can be wrong with an input.

macro_rules! parse_errors {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)+) => {
        /// What was wrong with an input; the target `parse_errors` holds these names.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ParseError { $($(#[$doc])* $variant,)+ }

        impl ParseError {
            /// Every error, in order of declaration.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The name in the target `parse_errors`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }
    };
}

parse_errors! {
    /// A `%` in a query or a form was not followed by two hexadecimal digits.
    BadPercentCode = "bad_percent_code",
    /// There were more arguments than the limit, or names, each with the way that leads to it, of many times the body.
    TooManyArguments = "too_many_arguments",
    /// A name of an argument was longer than the limit.
    ArgumentNameLength = "argument_name_length",
    /// A value of an argument was longer than the limit.
    ArgumentLength = "argument_length",
    /// All names and values together were longer than the limit.
    ArgumentsLength = "arguments_length",
    /// There were more cookies than the limit.
    TooManyCookies = "too_many_cookies",
    /// The body was no JSON.
    JsonSyntax = "json_syntax",
    /// The JSON was nested deeper than the limit.
    JsonDepth = "json_depth",
    /// The JSON was in UTF-16 or UTF-32.
    JsonEncoding = "json_encoding",
    /// The body was no XML.
    XmlSyntax = "xml_syntax",
    /// The XML was nested deeper than the limit.
    XmlDepth = "xml_depth",
    /// The XML was in UTF-16 or UTF-32.
    XmlEncoding = "xml_encoding",
    /// The XML had a document type.
    XmlDoctype = "xml_doctype",
    /// The XML declared an entity.
    XmlEntity = "xml_entity",
    /// The content type named no valid boundary, or several.
    MultipartBoundary = "multipart_boundary",
    /// The multipart body can be read in more than one way, or does not end.
    MultipartSyntax = "multipart_syntax",
    /// A part claimed a character set that is no superset of ASCII.
    MultipartCharset = "multipart_charset",
    /// A part claimed a transfer encoding.
    MultipartTransferEncoding = "multipart_transfer_encoding",
    /// There were more parts than the limit.
    TooManyParts = "too_many_parts",
    /// A message of a gRPC call was compressed.
    GrpcCompressed = "grpc_compressed",
    /// The body was no sequence of gRPC messages.
    GrpcSyntax = "grpc_syntax",
    /// The content type was missing, repeated or malformed.
    ContentType = "content_type",
    /// The content type named a character set that is no superset of ASCII.
    ContentCharset = "content_charset",
    /// The body was compressed or otherwise encoded.
    ContentEncoding = "content_encoding",
    /// The body was longer than what was inspected.
    BodyTruncated = "body_truncated",
}

impl ParseError {
    /// Whether applications may read the input otherwise than the parser did. They do not where it is merely long.
    pub const fn is_doubt(self) -> bool {
        !matches!(
            self,
            Self::ArgumentNameLength | Self::ArgumentLength | Self::ArgumentsLength
        )
    }
}

impl std::fmt::Display for ParseError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_is_shown_by_a_name_of_its_own() {
        let shown: std::collections::BTreeSet<_> = ParseError::ALL.iter().map(ToString::to_string).collect();
        let names = ParseError::ALL.iter().map(|error| error.as_str().to_owned());
        assert_eq!(shown, names.collect());
        assert_eq!(shown.len(), ParseError::ALL.len());
    }
}
