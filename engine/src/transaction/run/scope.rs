//! What macros and operators of a rule see of the transaction.

use std::borrow::Cow;

use super::{
    super::{
        fields::Fields,
        variables::{Readable, Variables},
    },
    Matched,
};
use crate::{
    matching::Environment,
    rule::{Macro, Rule, Template},
};

/// What macros and operators of a rule see of the transaction.
pub(super) struct Scope<'a> {
    pub(super) fields: &'a Fields,
    pub(super) variables: Readable<'a>,
    pub(super) rule: &'a Rule,
    pub(super) matched: Option<&'a Matched>,
}

impl Scope<'_> {
    /// Expands the name of a variable.
    pub(super) fn name<'t>(&self, template: &'t Template) -> Cow<'t, [u8]> {
        self.bounded(template, Variables::NAME_LIMIT)
    }

    /// Expands the value of a variable.
    pub(super) fn value<'t>(&self, template: &'t Template) -> Cow<'t, [u8]> {
        self.bounded(template, Variables::VALUE_LIMIT)
    }

    fn bounded<'t>(&self, template: &'t Template, limit: usize) -> Cow<'t, [u8]> {
        if let Some(text) = template.as_literal() {
            return Cow::Borrowed(text);
        }
        let mut out = Vec::new();
        template.expand(&mut out, limit, |name, out| self.resolve(name, out));
        Cow::Owned(out)
    }

    fn resolve(&self, name: &Macro, out: &mut Vec<u8>) {
        match name {
            Macro::Tx(name) => out.extend_from_slice(&self.variables.value(name).unwrap_or_default()),
            Macro::MatchedValue => out.extend_from_slice(self.matched.map_or(&[], |matched| &matched.value)),
            Macro::MatchedName => {
                if let Some(matched) = self.matched {
                    out.extend_from_slice(matched.target().as_bytes());
                }
            }
            Macro::RuleId => out.extend_from_slice(self.rule.id.to_string().as_bytes()),
            Macro::RuleMessage => out.extend_from_slice(self.rule.meta.message.as_bytes()),
            Macro::RuleSeverity => out.extend_from_slice(self.rule.meta.severity.as_str().as_bytes()),
            Macro::Field(collection, wanted) => {
                let is_wanted = |name: &[u8]| match wanted {
                    None => true,
                    Some(wanted) if collection.ignores_case() => wanted.eq_ignore_ascii_case(name),
                    Some(wanted) => **wanted == *name,
                };
                let found = self
                    .fields
                    .iter()
                    .find(|field| field.collection == *collection && is_wanted(field.name));
                out.extend_from_slice(found.map_or(&[], |field| field.value));
            }
        }
    }
}

impl Environment for Scope<'_> {
    fn expand<'t>(&self, template: &'t Template) -> Cow<'t, [u8]> {
        self.bounded(template, Variables::VALUE_LIMIT)
    }
}
