//! Tokens of SQL.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Kind {
    /// No token.
    #[default]
    None,
    Keyword,
    Union,
    /// `GROUP BY`, `LIMIT`, `HAVING`, …
    Group,
    /// What begins an expression: `SELECT`, `CASE`, …
    Expression,
    SqlType,
    Function,
    Bareword,
    Number,
    Variable,
    String,
    Operator,
    /// `AND`, `OR`, `&&`, …
    Logic,
    Comment,
    Collate,
    LeftParenthesis,
    RightParenthesis,
    LeftBrace,
    RightBrace,
    Dot,
    Comma,
    Colon,
    Semicolon,
    /// What begins a statement of Transact-SQL.
    Tsql,
    Unknown,
    /// What no honest value has.
    Evil,
    Backslash,
}

/// A token. Its text is cut to [`Token::LIMIT`] bytes, which suffices for every word that means something.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// What opens a string or variable, 0 for a string that was open from the beginning.
    pub(super) open: u8,
    /// What closes it, 0 when nothing does.
    pub(super) close: u8,
    len: u8,
    text: [u8; Token::LIMIT],
}

impl Token {
    pub(super) const LIMIT: usize = 31;

    pub(super) fn new(kind: Kind, text: &[u8]) -> Self {
        let mut token = Self {
            kind,
            len: text.len().min(Self::LIMIT) as u8,
            ..Self::default()
        };
        for (slot, byte) in token.text.iter_mut().zip(text) {
            *slot = *byte;
        }
        token
    }

    /// The text, cut.
    pub(super) fn text(&self) -> &[u8] {
        self.text.get(..self.len()).unwrap_or_default()
    }

    /// Bytes of the text, cut.
    pub(super) fn len(&self) -> usize {
        usize::from(self.len)
    }

    pub(super) fn byte(&self, position: usize) -> Option<u8> {
        self.text().get(position).copied()
    }

    /// Whether the text is this word in upper case.
    pub(super) fn is(&self, word: &[u8]) -> bool {
        self.text().eq_ignore_ascii_case(word)
    }

    /// Whether the text begins with this word in upper case.
    pub(super) fn begins_with(&self, word: &[u8]) -> bool {
        let head = self.text().get(..word.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(word))
    }

    /// Whether it is an operator that may stand before an operand alone.
    pub(super) fn is_unary(&self) -> bool {
        self.kind == Kind::Operator
            && (matches!(self.text(), b"+" | b"-" | b"!" | b"~" | b"!!") || self.is(b"NOT"))
    }

    pub(super) fn is_arithmetic(&self) -> bool {
        self.kind == Kind::Operator && matches!(self.text(), b"*" | b"/" | b"-" | b"+" | b"%")
    }
}
