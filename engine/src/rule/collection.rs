//! Where rules look: the named parts of a transaction.

macro_rules! collections {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, $phase:ident;)+) => {
        /// A named part of a transaction. The names are the same in patterns, events and documentation.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Collection { $($(#[$doc])* $variant,)+ }

        impl Collection {
            /// Every collection, in order of declaration.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// Names the collection as patterns and events do.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// The first phase in which the collection is complete.
            pub const fn phase(self) -> Phase {
                match self { $(Self::$variant => Phase::$phase,)+ }
            }
        }
    };
}

use super::Phase;

collections! {
    /// Request method.
    Method = "method", RequestHeaders;
    /// `:path` as it came: path and query, not decoded.
    Uri = "uri", RequestHeaders;
    /// Path without query, percent codes decoded once.
    Path = "path", RequestHeaders;
    /// Query string as it came.
    Query = "query", RequestHeaders;
    /// Names of query arguments, decoded once.
    QueryNames = "query_names", RequestHeaders;
    /// Values of query arguments, decoded once.
    QueryValues = "query_values", RequestHeaders;
    /// Names of request headers, without pseudo headers.
    HeaderNames = "header_names", RequestHeaders;
    /// Values of request headers, without pseudo headers but with `host`.
    Headers = "headers", RequestHeaders;
    /// Names of cookies.
    CookieNames = "cookie_names", RequestHeaders;
    /// Values of cookies.
    Cookies = "cookies", RequestHeaders;
    /// Names of body arguments: form fields, paths of JSON members, names of multipart parts.
    BodyNames = "body_names", RequestBody;
    /// Values of body arguments.
    BodyValues = "body_values", RequestBody;
    /// The body as it came, when no parser took it or one failed on it.
    Body = "body", RequestBody;
    /// Names of uploaded files.
    FileNames = "file_names", RequestBody;
    /// What parsers complained about; the name tells which parser.
    ParseErrors = "parse_errors", RequestBody;
    /// Address of the client.
    Client = "client", RequestHeaders;
    /// Status of the response.
    ResponseStatus = "response_status", ResponseHeaders;
    /// Values of response headers.
    ResponseHeaders = "response_headers", ResponseHeaders;
    /// The response body, without its encoding; its name is `short` when it is complete and short
    /// ([`crate::Transaction::SHORT_BODY`]).
    ResponseBody = "response_body", ResponseBody;
    /// Transaction variables.
    Tx = "tx", RequestHeaders;
    /// What the link before matched (`MATCHED_VARS`); for chained links.
    Matched = "matched", RequestHeaders;
}

impl Collection {
    /// How many collections there are.
    pub const COUNT: usize = Self::ALL.len();

    /// Position in [`Collection::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Finds a collection by its name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|collection| collection.as_str() == name)
    }

    /// Whether values come from the wire, and not out of the evaluation itself.
    pub const fn is_input(self) -> bool {
        !matches!(self, Self::Tx | Self::Matched)
    }

    /// Whether values carry names that a selector may pick.
    pub const fn is_named(self) -> bool {
        matches!(
            self,
            Self::QueryNames
                | Self::QueryValues
                | Self::HeaderNames
                | Self::Headers
                | Self::CookieNames
                | Self::Cookies
                | Self::BodyNames
                | Self::BodyValues
                | Self::FileNames
                | Self::ParseErrors
                | Self::ResponseHeaders
                | Self::ResponseBody
                | Self::Tx
                | Self::Matched
        )
    }

    /// Whether names are the same regardless of ASCII case.
    pub const fn ignores_case(self) -> bool {
        matches!(
            self,
            Self::HeaderNames | Self::Headers | Self::ResponseHeaders | Self::Tx
        )
    }
}
