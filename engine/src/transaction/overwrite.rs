//! What has to be overwritten in a response before it goes on.

use std::{borrow::Cow, ops::Range};

use super::{ResponseHead, Transaction};
use crate::{
    Denial,
    matching::{Nothing, selects},
    plan::PlannedRule,
    rule::{Collection, Phase},
};

/// What has to be overwritten in a response.
#[derive(Debug, Default)]
pub(super) struct Overwrites {
    /// By the header's number among those that are no pseudo headers.
    headers: Vec<(usize, Range<usize>)>,
    body: Vec<Range<usize>>,
}

impl Overwrites {
    /// Places in one response. One with more is refused: half a list of secrets is no better than all of it.
    const LIMIT: usize = 1_000;
    /// What stands in the place of each byte.
    const STAR: u8 = b'*';

    pub(super) fn headers<'a>(&self, head: &ResponseHead<'a>) -> Option<Vec<Cow<'a, [u8]>>> {
        if self.headers.is_empty() {
            return None;
        }
        let mut number = 0;
        let headers = head.headers.iter().map(|&(name, value)| {
            let mut value = Cow::Borrowed(value);
            if !name.starts_with(b":") {
                let mine = self.headers.iter().filter(|(header, _)| *header == number);
                mine.for_each(|(_, range)| overwrite(value.to_mut(), range));
                number += 1;
            }
            value
        });
        Some(headers.collect())
    }

    /// The beginning of a body, up to the last byte that is overwritten.
    pub(super) fn body(&self, body: &[u8]) -> Option<Vec<u8>> {
        let end = self.body.iter().map(|range| range.end).max()?;
        let mut beginning = body.get(..end)?.to_vec();
        for range in &self.body {
            overwrite(&mut beginning, range);
        }
        Some(beginning)
    }

    fn room(&self) -> usize {
        Self::LIMIT.saturating_sub(self.headers.len() + self.body.len())
    }
}

fn overwrite(value: &mut [u8], range: &Range<usize>) {
    if let Some(place) = value.get_mut(range.clone()) {
        place.fill(Overwrites::STAR);
    }
}

impl Transaction {
    /// Notes every place that a rule matches in what the response phase at hand shows; a denial if there are too many.
    pub(super) fn overwrite(&mut self, planned: &PlannedRule) -> Option<Denial> {
        let rule = &planned.rule;
        let looked_at = match rule.phase {
            Phase::ResponseHeaders => Collection::ResponseHeaders,
            Phase::ResponseBody => Collection::ResponseBody,
            _ => return None,
        };
        let fields = self.fields.iter().filter(|field| field.collection == looked_at);
        for (number, field) in fields.enumerate() {
            if !selects(&rule.head.targets, looked_at, field.name)
                || self.control.removes_target(rule, looked_at, field.name)
            {
                continue;
            }
            let room = self.overwrites.room();
            let found = planned.head.test.find_all(field.value, room + 1, &Nothing);
            if found.len() > room {
                return Some(Denial {
                    status: Self::BAD_RESPONSE,
                    rule: Some(rule.id),
                });
            }
            match looked_at {
                Collection::ResponseHeaders => {
                    self.overwrites
                        .headers
                        .extend(found.into_iter().map(|range| (number, range)));
                }
                _ => self.overwrites.body.extend(found),
            }
        }
        None
    }
}
