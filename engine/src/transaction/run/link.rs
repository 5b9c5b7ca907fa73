//! Asks one link: which values does it match?

use std::{borrow::Cow, ops::Range};

use regex_automata::util::captures::Captures;

use super::{super::Transaction, Scope};
use crate::{
    matching::{Hit, Test, selects},
    plan::{Plan, PlannedLink, PlannedRule},
    rule::{Collection, Link},
};

/// A value that a link matched.
#[derive(Debug, Clone)]
pub(super) struct Matched {
    collection: Option<Collection>,
    name: Vec<u8>,
    /// The value after transformation.
    pub(super) value: Vec<u8>,
    /// The part of it that matched.
    span: Range<usize>,
    pub(super) is_count: bool,
}

impl Matched {
    /// Collection and name, as in `query_values:id`.
    pub(super) fn target(&self) -> String {
        target(self.collection, &self.name, self.is_count)
    }

    /// Collection and name of the field that matched.
    pub(super) fn origin(&self) -> Option<(Collection, &[u8])> {
        Some((self.collection?, &self.name))
    }

    /// The beginning of what matched; of a match without bytes of its own, the beginning of the value.
    pub(super) fn excerpt(&self, limit: usize) -> &[u8] {
        let found = self
            .value
            .get(self.span.clone())
            .filter(|found| !found.is_empty());
        let found = found.unwrap_or(&self.value);
        found.get(..limit).unwrap_or(found)
    }
}

/// Collection and name, as in `query_values:id`, at most 128 bytes; what is not printable ASCII is escaped.
pub(in super::super) fn target(collection: Option<Collection>, name: &[u8], is_count: bool) -> String {
    const LIMIT: usize = 128;
    let mut target = String::new();
    if is_count {
        target.push('&');
    }
    target.push_str(collection.map_or("", Collection::as_str));
    if !name.is_empty() {
        target.push(':');
        for byte in name {
            let escaped = byte.escape_ascii();
            if target.len() + escaped.len() > LIMIT {
                break;
            }
            target.extend(escaped.map(char::from));
        }
    }
    target
}

/// A value on its way to the operator.
struct Candidate<'a> {
    collection: Option<Collection>,
    name: &'a [u8],
    value: &'a [u8],
    is_count: bool,
}

impl Transaction {
    /// Values kept of one link's matches.
    const MATCHED_LIMIT: usize = 256;

    /// What the gate of a rule found, without the targets that were taken out meanwhile.
    pub(super) fn matched_by_gate(
        &mut self,
        plan: &Plan,
        planned: &PlannedRule,
        hits: &[Hit],
    ) -> Vec<Matched> {
        let chain = planned.head.chain;
        hits.iter()
            .filter_map(|hit| {
                let field = self.fields.field(hit.field)?;
                if self
                    .control
                    .removes_target(&planned.rule, field.collection, field.name)
                {
                    return None;
                }
                let value = self.copies.of(self.fields.changes(), (hit.field, chain), || {
                    plan.chains.apply(chain, field.value).into_owned()
                });
                Some(Matched {
                    collection: Some(field.collection),
                    name: field.name.to_vec(),
                    value,
                    span: hit.start as usize..hit.end as usize,
                    is_count: false,
                })
            })
            .take(Self::MATCHED_LIMIT)
            .collect()
    }

    /// Asks a link about each value that its targets select; `before` is what the link before it matched.
    pub(super) fn matched_by_link(
        &self,
        plan: &Plan,
        planned: &PlannedRule,
        link: &Link,
        compiled: &PlannedLink,
        before: &[Matched],
    ) -> Vec<Matched> {
        let mut found = Vec::new();
        let scope = Scope {
            fields: &self.fields,
            variables: self.readable(),
            rule: &planned.rule,
            matched: before.last(),
        };
        let mut ask = |candidate: &Candidate<'_>| {
            if found.len() < Self::MATCHED_LIMIT {
                ask(plan, link, compiled, &scope, candidate, &mut found);
            }
        };
        if link.targets.is_empty() {
            ask(&Candidate {
                collection: None,
                name: &[],
                value: &[],
                is_count: false,
            });
            return found;
        }
        self.each_value(planned, link, before, &mut ask);
        self.each_count(planned, link, before, &mut ask);
        found
    }

    /// Keeps the groups of a regular expression, or the whole match of another operator, as `tx.0` to `tx.9`.
    pub(super) fn capture(&mut self, test: &Test, matched: &Matched) {
        const NAMES: [&[u8]; 10] = [b"0", b"1", b"2", b"3", b"4", b"5", b"6", b"7", b"8", b"9"];
        for name in NAMES {
            self.variables.unset(name);
        }
        match test {
            Test::Rx(regex) => {
                let groups = regex.captures(&matched.value);
                for (name, group) in NAMES.iter().zip(groups.iter().flat_map(Captures::iter)) {
                    if let Some(text) = group.and_then(|group| matched.value.get(group.range())) {
                        self.variables.set(name, text);
                    }
                }
            }
            _ => self
                .variables
                .set(b"0", matched.value.get(matched.span.clone()).unwrap_or_default()),
        }
    }

    fn each_value(
        &self,
        planned: &PlannedRule,
        link: &Link,
        before: &[Matched],
        ask: &mut impl FnMut(&Candidate<'_>),
    ) {
        let looks_at = |wanted: fn(Collection) -> bool| {
            link.targets
                .iter()
                .any(|target| !target.exclude && !target.count && wanted(target.collection))
        };
        let is_selected = |collection: Collection, name: &[u8]| {
            selects(&link.targets, collection, name)
                && !self.control.removes_target(&planned.rule, collection, name)
        };
        let mut offer = |collection: Collection, name: &[u8], value: &[u8], origin: Collection| {
            if is_selected(collection, name) {
                ask(&Candidate {
                    collection: Some(origin),
                    name,
                    value,
                    is_count: false,
                });
            }
        };
        if looks_at(Collection::is_input) {
            for field in self.fields.iter() {
                offer(field.collection, field.name, field.value, field.collection);
            }
        }
        if looks_at(|collection| collection == Collection::Tx) {
            let origin = Collection::Tx;
            self.readable()
                .each(|name, value| offer(origin, name, value, origin));
        }
        if looks_at(|collection| collection == Collection::Matched) {
            for matched in before {
                let origin = matched.collection.unwrap_or(Collection::Matched);
                offer(Collection::Matched, &matched.name, &matched.value, origin);
            }
        }
    }

    fn each_count(
        &self,
        planned: &PlannedRule,
        link: &Link,
        before: &[Matched],
        ask: &mut impl FnMut(&Candidate<'_>),
    ) {
        for target in link
            .targets
            .iter()
            .filter(|target| target.count && !target.exclude)
        {
            let collection = target.collection;
            let counts = |name: &[u8]| {
                target.selector.selects(name, collection.ignores_case())
                    && !link
                        .targets
                        .iter()
                        .any(|other| other.exclude && other.selects(collection, name))
                    && !self.control.removes_target(&planned.rule, collection, name)
            };
            let count = match collection {
                Collection::Tx => {
                    let mut count = 0;
                    self.readable().each(|name, _| count += usize::from(counts(name)));
                    count
                }
                Collection::Matched => before.iter().filter(|matched| counts(&matched.name)).count(),
                _ => {
                    let fields = self.fields.iter().filter(|field| field.collection == collection);
                    fields.filter(|field| counts(field.name)).count()
                }
            };
            let (name, value) = (target.name(), count.to_string());
            ask(&Candidate {
                collection: Some(collection),
                name,
                value: value.as_bytes(),
                is_count: true,
            });
        }
    }
}

/// Asks a link's operator about one value.
fn ask(
    plan: &Plan,
    link: &Link,
    compiled: &PlannedLink,
    scope: &Scope<'_>,
    candidate: &Candidate<'_>,
    found: &mut Vec<Matched>,
) {
    let mut test = |value: &[u8]| {
        let span = match (compiled.test.find(value, scope), link.negated) {
            (Some(span), false) => span,
            (None, true) => 0..value.len(),
            // What could not be built speaks against the value either way.
            (Some(span), true) if compiled.test.is_broken() => span,
            _ => return,
        };
        found.push(Matched {
            collection: candidate.collection,
            name: candidate.name.to_vec(),
            value: value.to_vec(),
            span,
            is_count: candidate.is_count,
        });
    };
    if !link.multi_match {
        return test(&plan.chains.apply(compiled.chain, candidate.value));
    }
    test(candidate.value);
    let mut value = Cow::Borrowed(candidate.value);
    for transformation in &link.transformations {
        if !transformation.may_change(&value) {
            continue;
        }
        let next = transformation.apply(Cow::Borrowed(&value)).into_owned();
        if next != *value {
            test(&next);
            value = Cow::Owned(next);
        }
    }
}
