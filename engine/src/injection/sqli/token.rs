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
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    /// What opens a string or variable, 0 for a string that was open from the beginning.
    pub(super) open: u8,
    /// What closes it, 0 when nothing does.
    pub(super) close: u8,
    text: &'a [u8],
}

impl<'a> Token<'a> {
    pub(super) const LIMIT: usize = 31;

    pub(super) fn new(kind: Kind, text: &'a [u8]) -> Self {
        Self {
            kind,
            open: 0,
            close: 0,
            text: text.get(..Self::LIMIT).unwrap_or(text),
        }
    }

    /// The letter of its kind and the text with its quotes, as libinjection's tests write them.
    #[cfg(test)]
    pub(super) fn show(&self) -> String {
        let has_quotes = matches!(self.kind, Kind::String | Kind::Variable);
        let quote = |byte: u8| {
            let shown = has_quotes && byte != 0;
            shown.then_some(byte).into_iter().collect::<Vec<u8>>()
        };
        let letter = super::fingerprint::letter(self.kind);
        let text = [
            vec![letter, b' '],
            quote(self.open),
            self.text.to_vec(),
            quote(self.close),
        ];
        text.concat().escape_ascii().to_string()
    }

    /// The text, cut.
    pub(super) fn text(&self) -> &'a [u8] {
        self.text
    }

    /// Bytes of the text, cut.
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    pub(super) fn byte(&self, position: usize) -> Option<u8> {
        self.text.get(position).copied()
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
