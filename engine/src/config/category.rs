//! What a rule is about, and how much it matters. Both are closed sets, so that metrics may carry them as labels.

use serde::{Deserialize, Serialize};

macro_rules! closed_set {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl $name {
            /// Every member, in order of declaration.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// Names the member as the wire form, the metrics and the API do.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }
    };
}

closed_set! {
    /// The class of attack that a rule is about.
    Category {
        /// SQL injection (CWE-89).
        SqlInjection = "sql_injection",
        /// NoSQL injection (CWE-943).
        NosqlInjection = "nosql_injection",
        /// Cross-site scripting (CWE-79).
        Xss = "xss",
        /// Path traversal and local file inclusion (CWE-22, CWE-98).
        PathTraversal = "path_traversal",
        /// Operating system command injection (CWE-78).
        CommandInjection = "command_injection",
        /// Code injection: PHP, Java, Node, templates (CWE-94, CWE-1336, CWE-502).
        CodeInjection = "code_injection",
        /// Remote file inclusion and server-side request forgery (CWE-918).
        Ssrf = "ssrf",
        /// LDAP, XPath and XML injection, external entities (CWE-90, CWE-643, CWE-611).
        DirectoryInjection = "directory_injection",
        /// Protocol violations: header injection, smuggling (CWE-93, CWE-444).
        Protocol = "protocol",
        /// Scanners and attack tools.
        Scanner = "scanner",
        /// Access to files that are never meant for the public (CWE-538).
        SensitiveFile = "sensitive_file",
        /// Responses that tell what only the application itself should know (CWE-200, CWE-209, CWE-548).
        DataLeak = "data_leak",
        /// A user's own pattern.
        #[default]
        Custom = "custom",
    }
}

closed_set! {
    /// How much a match matters. Scores follow the Core Rule Set: 2, 3, 4 and 5.
    Severity {
        /// Noteworthy; score 2.
        Notice = "notice",
        /// Suspicious; score 3.
        Warning = "warning",
        /// Probably an attack; score 4.
        Error = "error",
        /// An attack; score 5.
        #[default]
        Critical = "critical",
    }
}

impl Severity {
    /// What a match adds to the anomaly score, unless its rule says otherwise.
    pub const fn score(self) -> u32 {
        match self {
            Self::Notice => 2,
            Self::Warning => 3,
            Self::Error => 4,
            Self::Critical => 5,
        }
    }
}
