//! Text with macros, expanded while a transaction runs.

use super::Collection;

/// Text with macros such as `%{tx.score}`, expanded while a transaction runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(Box<[u8]>),
    Macro(Macro),
}

/// What a macro stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Macro {
    /// `%{tx.name}`: a transaction variable; empty when it is unset.
    Tx(Box<[u8]>),
    /// `%{MATCHED_VAR}`: the value that matched last, after transformation.
    MatchedValue,
    /// `%{MATCHED_VAR_NAME}`: collection and name of the value that matched last.
    MatchedName,
    /// `%{rule.id}`.
    RuleId,
    /// `%{rule.msg}`.
    RuleMessage,
    /// `%{rule.severity}`.
    RuleSeverity,
    /// `%{collection}` or `%{collection.name}`: the first such value; empty when there is none.
    Field(Collection, Option<Box<[u8]>>),
}

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A `%{` without `}`.
    #[error("macro is not closed: `{0}`")]
    Open(String),
    /// A macro that nothing is known about.
    #[error("unknown macro `%{{{0}}}`")]
    Unknown(String),
}

impl Template {
    /// Text that stands for itself.
    pub fn literal(text: impl Into<Box<[u8]>>) -> Self {
        Self {
            parts: vec![Part::Text(text.into())],
        }
    }

    /// Reads text with macros.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("%{") {
            let (name, behind) = after
                .split_once('}')
                .ok_or_else(|| TemplateError::Open(after.escape_debug().to_string()))?;
            if !before.is_empty() {
                parts.push(Part::Text(before.as_bytes().into()));
            }
            parts.push(Part::Macro(Macro::parse(name)?));
            rest = behind;
        }
        if !rest.is_empty() || parts.is_empty() {
            parts.push(Part::Text(rest.as_bytes().into()));
        }
        Ok(Self { parts })
    }

    /// The text, if it is the same in every transaction.
    pub fn as_literal(&self) -> Option<&[u8]> {
        match self.parts.as_slice() {
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The macros in it.
    pub(crate) fn macros(&self) -> impl Iterator<Item = &Macro> {
        self.parts.iter().filter_map(|part| match part {
            Part::Macro(name) => Some(name),
            Part::Text(_) => None,
        })
    }

    /// Appends the expanded text to `out`, never more than fits below `limit` bytes in all.
    pub(crate) fn expand(
        &self,
        out: &mut Vec<u8>,
        limit: usize,
        mut resolve: impl FnMut(&Macro, &mut Vec<u8>),
    ) {
        for part in &self.parts {
            match part {
                Part::Text(text) => out.extend_from_slice(text),
                Part::Macro(name) => resolve(name, out),
            }
            if out.len() >= limit {
                return out.truncate(limit);
            }
        }
    }
}

impl Macro {
    fn parse(text: &str) -> Result<Self, TemplateError> {
        let lower = text.to_ascii_lowercase();
        let (head, name) = match lower.split_once('.') {
            Some((head, name)) => (head, Some(name)),
            None => (lower.as_str(), None),
        };
        let bytes = |name: &str| name.as_bytes().into();
        Ok(match (head, name) {
            ("tx", Some(name)) if !name.is_empty() => Self::Tx(bytes(name)),
            ("matched_var", None) => Self::MatchedValue,
            ("matched_var_name", None) => Self::MatchedName,
            ("rule", Some("id")) => Self::RuleId,
            ("rule", Some("msg")) => Self::RuleMessage,
            ("rule", Some("severity")) => Self::RuleSeverity,
            (head, name) => match Collection::parse(head).filter(|collection| collection.is_input()) {
                // Names of arguments and cookies keep their case: they are looked up as they were written.
                Some(collection) => Self::Field(
                    collection,
                    name.and_then(|_| Some(bytes(text.split_once('.')?.1))),
                ),
                None => return Err(TemplateError::Unknown(text.escape_debug().to_string())),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_without_macro_is_literal() {
        assert_eq!(Template::parse("a%b").unwrap().as_literal(), Some(&b"a%b"[..]));
        assert_eq!(Template::parse("").unwrap().as_literal(), Some(&b""[..]));
        assert_eq!(Template::parse("%{tx.a}").unwrap().as_literal(), None);
    }

    #[test]
    fn wrong_macros_are_refused() {
        assert!(matches!(Template::parse("x%{tx.a"), Err(TemplateError::Open(_))));
        for text in ["%{}", "%{tx}", "%{tx.}", "%{nothing.a}", "%{rule.file}"] {
            assert!(
                matches!(Template::parse(text), Err(TemplateError::Unknown(_))),
                "{text}"
            );
        }
    }

    #[test]
    fn expansion_never_exceeds_its_limit() {
        let template = Template::parse("ab%{tx.x}cd").unwrap();
        let mut out = Vec::new();
        template.expand(&mut out, 6, |_, out| out.extend_from_slice(b"12345678"));
        assert_eq!(out, b"ab1234");
    }
}
