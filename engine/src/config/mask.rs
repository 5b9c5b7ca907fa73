//! Names whose values are shown to nobody.

use serde::{Deserialize, Serialize};

/// Names of headers, cookies and arguments whose values are shown to nobody: neither events nor traces carry them.
///
/// A name is compared as a whole, and part by part (`user.password`, `user[password]`), regardless of ASCII case; `*`
/// stands for any bytes. `cookie` stands for every cookie. What holds other values, such as `uri`, `query` and a raw
/// `body`, is masked when it mentions such a name. At most 128 names of at most 64 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MaskConfig(pub Vec<String>);

impl MaskConfig {
    /// What is masked when nothing else is said.
    pub const DEFAULT: &[&str] = &[
        "authorization",
        "proxy-authorization",
        "cookie",
        "set-cookie",
        "*api-key*",
        "*api_key*",
        "*apikey*",
        "*password*",
        "*passwd*",
        "*passphrase*",
        "pwd",
        "*secret*",
        "*token*",
        "*credential*",
        "*sessionid*",
        "*sessid*",
    ];
}

impl Default for MaskConfig {
    fn default() -> Self {
        Self(Self::DEFAULT.iter().map(|name| (*name).to_owned()).collect())
    }
}
