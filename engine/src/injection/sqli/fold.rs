//! Folds tokens until five are left: what says nothing about whether a statement is honest goes.
//!
//! `1 + 2 * 3` becomes `1`, `- - 1` becomes `-`, `a . b` becomes `a`, `select all` becomes one token. Each token that is
//! read is folded a bounded number of times.

use super::{
    lexer::Lexer,
    token::{Kind, Token},
    word,
};

/// Tokens of a fingerprint.
const LIMIT: usize = 5;

/// What is left after folding.
#[derive(Debug)]
pub(super) struct Folded<'a> {
    tokens: [Token<'a>; SPACE],
    len: usize,
}

/// One token beyond the limit is read ahead; places behind it are never filled.
const SPACE: usize = 8;

impl<'a> Folded<'a> {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// One token; an empty one behind the end.
    pub(super) fn token(&self, position: usize) -> Token<'a> {
        self.tokens.get(position).copied().unwrap_or_default()
    }

    pub(super) fn kinds(&self) -> impl Iterator<Item = Kind> {
        self.tokens.iter().take(self.len).map(|token| token.kind)
    }

    /// What is known of the kinds themselves: an empty name in back quotes that nothing closes is what MySQL takes for a
    /// comment; and next to what no honest value has, nothing else matters.
    fn finish(mut self) -> Self {
        let is_evil = self.kinds().any(|kind| kind == Kind::Evil);
        let len = self.len;
        if let Some(last) = self.tokens.get_mut(..len).and_then(<[Token]>::last_mut)
            && len > 2
            && last.kind == Kind::Bareword
            && (last.open, last.close, last.len()) == (b'`', 0, 0)
        {
            last.kind = Kind::Comment;
        }
        if is_evil {
            self.tokens = [Token::default(); SPACE];
            if let Some(first) = self.tokens.first_mut() {
                first.kind = Kind::Evil;
            }
            self.len = 1;
        }
        self
    }
}

/// Reads and folds tokens.
pub(super) fn fold<'a>(lexer: &mut Lexer<'a>) -> Folded<'a> {
    let mut fold = Fold {
        lexer,
        tokens: [Token::default(); SPACE],
        end: 0,
        at: 0,
        is_over: false,
        comment: None,
    };
    fold.run();
    let Fold { tokens, at, .. } = fold;
    Folded { tokens, len: at }.finish()
}

/// What came of two tokens.
enum Step {
    /// A rule was for them.
    Folded,
    /// They stay as they are.
    Kept,
    /// No honest value has them.
    Evil,
}

struct Fold<'a, 'b> {
    lexer: &'b mut Lexer<'a>,
    tokens: [Token<'a>; SPACE],
    /// Behind the last token that is kept.
    end: usize,
    /// Where the rules are tried; before it, nothing can be folded.
    at: usize,
    is_over: bool,
    /// The comment that came last, if no other token came behind it.
    comment: Option<Token<'a>>,
}

impl<'a> Fold<'a, '_> {
    fn run(&mut self) {
        if !self.skip_opening() {
            return;
        }
        loop {
            if self.end >= LIMIT {
                self.fold_five();
            }
            if self.is_over || self.at >= LIMIT {
                self.at = self.end;
                break;
            }
            self.read(2);
            if self.end.saturating_sub(self.at) < 2 {
                self.at = self.end;
                continue;
            }
            match self.fold_two() {
                Step::Folded => continue,
                Step::Evil => {
                    self.at += 2;
                    return;
                }
                Step::Kept => {}
            }
            self.read(3);
            if self.end.saturating_sub(self.at) < 3 {
                self.at = self.end;
                continue;
            }
            if !self.fold_three() {
                self.at += 1;
            }
        }
        if self.at < LIMIT
            && let Some(comment) = self.comment
        {
            self.set(self.at, comment);
            self.at += 1;
        }
        self.at = self.at.min(LIMIT);
    }

    /// Skips what may stand before a value anyway, and keeps the first token behind it; says whether there is one.
    fn skip_opening(&mut self) -> bool {
        while let Some(token) = self.lexer.next() {
            let is_opening = matches!(token.kind, Kind::Comment | Kind::LeftParenthesis | Kind::SqlType);
            if !is_opening && !token.is_unary() {
                self.set(0, token);
                self.end = 1;
                return true;
            }
        }
        false
    }

    /// Reads until there are so many tokens from the current place on, or no more, or no more room.
    fn read(&mut self, count: usize) {
        while !self.is_over && self.end <= LIMIT && self.end.saturating_sub(self.at) < count {
            match self.lexer.next() {
                None => self.is_over = true,
                Some(token) if token.kind == Kind::Comment => self.comment = Some(token),
                Some(token) => {
                    self.comment = None;
                    self.set(self.end, token);
                    self.end += 1;
                }
            }
        }
    }

    /// Begins anew behind five tokens that are arithmetic in parentheses.
    fn fold_five(&mut self) {
        use Kind::{Bareword, Comma, LeftParenthesis, Number, Operator, RightParenthesis};
        let is_arithmetic = matches!(
            [0, 1, 2, 3, 4].map(|position| self.kind(position)),
            [
                Number,
                Operator | Comma,
                LeftParenthesis,
                Number,
                RightParenthesis
            ] | [
                Bareword,
                Operator,
                LeftParenthesis,
                Bareword | Number,
                RightParenthesis
            ] | [Number, RightParenthesis, Comma, LeftParenthesis, Number]
                | [Bareword, RightParenthesis, Operator, LeftParenthesis, Bareword]
        );
        if !is_arithmetic {
            return;
        }
        self.at = 0;
        self.end = if self.end > LIMIT {
            self.set(1, self.token(LIMIT));
            2
        } else {
            1
        };
    }

    /// Folds the two tokens at the current place, if one of the rules is for them.
    fn fold_two(&mut self) -> Step {
        use Kind::{
            Backslash, Bareword, Collate, Function, Keyword, LeftBrace, LeftParenthesis, Logic, Number,
            Operator, RightBrace, RightParenthesis, Semicolon, SqlType, String, Tsql, Variable,
        };
        let (left, right) = (self.token(self.at), self.token(self.at + 1));
        match (left.kind, right.kind) {
            (String, String) | (Semicolon, Semicolon) => self.end -= 1,
            (Operator | Logic, _) if right.is_unary() || right.kind == SqlType => self.drop_back(1),
            (LeftParenthesis, _) if right.is_unary() => {
                self.end -= 1;
                self.at = self.at.saturating_sub(1);
            }
            _ if self.merge(&left, &right) => {
                self.end -= 1;
                self.at = self.at.saturating_sub(1);
            }
            (Semicolon, Function) if right.begins_with(b"IF") => self.set_kind(self.at + 1, Tsql),
            (Bareword | Variable, LeftParenthesis) if FUNCTIONS.iter().any(|name| left.is(name)) => {
                self.set_kind(self.at, Function);
            }
            (Keyword, _) if left.is(b"IN") || left.is(b"NOT IN") => {
                let kind = if right.kind == LeftParenthesis {
                    Operator
                } else {
                    Bareword
                };
                self.set_kind(self.at, kind);
            }
            (Operator, _) if left.is(b"LIKE") || left.is(b"NOT LIKE") => {
                if right.kind == LeftParenthesis {
                    self.set_kind(self.at, Function);
                }
                return Step::Kept;
            }
            (SqlType, Bareword | Number | SqlType | LeftParenthesis | Function | Variable | String) => {
                self.set(self.at, right);
                self.drop_back(1);
            }
            (Collate, Bareword) => {
                let name = right.text().split(|byte| *byte == 0).next();
                if name.is_some_and(|name| name.contains(&b'_')) {
                    self.set_kind(self.at + 1, SqlType);
                    self.at = 0;
                }
                return Step::Kept;
            }
            (Backslash, _) => {
                if right.is_arithmetic() {
                    self.set_kind(self.at, Number);
                } else {
                    self.set(self.at, right);
                    self.end -= 1;
                }
                self.at = 0;
            }
            (LeftParenthesis, LeftParenthesis) | (RightParenthesis, RightParenthesis) | (_, RightBrace) => {
                self.drop_back(1);
            }
            (LeftBrace, Bareword) => {
                // `{``.``.id}` is MySQL's way to call a driver, and a way around filters.
                if right.len() == 0 {
                    self.set_kind(self.at + 1, Kind::Evil);
                    return Step::Evil;
                }
                self.drop_back(2);
            }
            _ => return Step::Kept,
        }
        Step::Folded
    }

    /// Folds the three tokens at the current place, if one of the rules is for them.
    fn fold_three(&mut self) -> bool {
        use Kind::{
            Bareword, Comma, Dot, Expression, Function, Group, Keyword, LeftParenthesis, Logic, Number,
            Operator, RightParenthesis, SqlType, String, Variable,
        };
        let (left, middle, right) = (
            self.token(self.at),
            self.token(self.at + 1),
            self.token(self.at + 2),
        );
        match (left.kind, middle.kind, right.kind) {
            (Number, Operator, Number)
            | (Logic, _, Logic)
            | (Variable, Operator, Variable | Number | Bareword)
            | (Bareword | Number, Operator, Number | Bareword)
            | (Bareword | Number | String | Variable, Comma, Number | Bareword | String | Variable)
            | (Bareword, Dot, Bareword) => self.drop_back(2),
            (Operator, between, Operator) if between != LeftParenthesis => self.drop_back(2),
            (Bareword | Number | Variable | String, Operator, SqlType) if middle.text() == b"::" => {
                self.drop_back(2);
            }
            (Expression | Group | Comma, _, LeftParenthesis)
            | (Keyword | Expression | Group, _, Number | Bareword | Variable | String | Function)
            | (Comma, _, Function)
                if middle.is_unary() =>
            {
                self.drop_middle(right);
            }
            (Comma, _, Number | Bareword | Variable | String) if middle.is_unary() => {
                self.set(self.at + 1, right);
                self.drop_back(3);
            }
            (Expression, Dot, Bareword) => self.drop_middle(right),
            (Function, LeftParenthesis, other) => {
                if other != RightParenthesis && left.is(b"USER") {
                    self.set_kind(self.at, Bareword);
                }
                return false;
            }
            _ => return false,
        }
        true
    }

    /// Drops the last tokens and begins at the first one again.
    fn drop_back(&mut self, count: usize) {
        self.end = self.end.saturating_sub(count);
        self.at = 0;
    }

    fn drop_middle(&mut self, right: Token<'a>) {
        self.set(self.at + 1, right);
        self.drop_back(1);
    }

    /// Makes one token of two words that mean something together, such as `UNION ALL`.
    fn merge(&mut self, left: &Token<'a>, right: &Token<'a>) -> bool {
        let is_word = |kind| {
            matches!(
                kind,
                Kind::Keyword
                    | Kind::Bareword
                    | Kind::Operator
                    | Kind::Union
                    | Kind::Function
                    | Kind::Expression
                    | Kind::Tsql
                    | Kind::SqlType
            )
        };
        if !is_word(left.kind) || !(is_word(right.kind) || right.kind == Kind::Logic) {
            return false;
        }
        let len = left.len() + 1 + right.len();
        if len > Token::LIMIT || !word::may_follow(right.byte(0)) {
            return false;
        }
        let mut both = [b' '; Token::LIMIT];
        let parts = left.text().iter().chain(b" ").chain(right.text());
        for (slot, byte) in both.iter_mut().zip(parts) {
            *slot = *byte;
        }
        let both = both.get(..len).unwrap_or_default();
        let Some((kind, word)) = word::entry(both) else {
            return false;
        };
        let mut merged = Token::new(kind, word);
        (merged.open, merged.close) = (left.open, left.close);
        self.set(self.at, merged);
        true
    }

    fn token(&self, position: usize) -> Token<'a> {
        self.tokens.get(position).copied().unwrap_or_default()
    }

    fn kind(&self, position: usize) -> Kind {
        self.tokens.get(position).map_or(Kind::None, |token| token.kind)
    }

    fn set(&mut self, position: usize, token: Token<'a>) {
        if let Some(slot) = self.tokens.get_mut(position) {
            *slot = token;
        }
    }

    fn set_kind(&mut self, position: usize, kind: Kind) {
        if let Some(slot) = self.tokens.get_mut(position) {
            slot.kind = kind;
        }
    }
}

/// Names that are functions before a parenthesis, and columns elsewhere.
const FUNCTIONS: &[&[u8]] = &[
    b"USER_ID",
    b"USER_NAME",
    b"DATABASE",
    b"PASSWORD",
    b"USER",
    b"CURRENT_USER",
    b"CURRENT_DATE",
    b"CURRENT_TIME",
    b"CURRENT_TIMESTAMP",
    b"LOCALTIME",
    b"LOCALTIMESTAMP",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::injection::{
        sqli::lexer::{Dialect, Place},
        tests::rows,
    };

    fn folded(value: &[u8]) -> Vec<String> {
        let (quote, dialect) = (None, Dialect::Ansi);
        let folded = fold(&mut Lexer::new(value, Place { quote, dialect }));
        (0..folded.len())
            .map(|position| folded.token(position).show())
            .collect()
    }

    #[test]
    fn published_values_are_folded_as_published() {
        for row in rows(include_str!("../../../tests/data/folding.txt")) {
            let (value, expected) = row.split_first().unwrap();
            let expected: Vec<String> = expected
                .iter()
                .map(|token| token.escape_ascii().to_string())
                .collect();
            // Words that became one are in upper case.
            let is_same = |(left, right): (&String, &String)| left.eq_ignore_ascii_case(right);
            let found = folded(value);
            assert!(
                found.len() == expected.len() && found.iter().zip(&expected).all(is_same),
                "{}: {found:?}, {expected:?}",
                value.escape_ascii()
            );
        }
    }
}
