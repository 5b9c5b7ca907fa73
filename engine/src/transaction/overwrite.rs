//! What has to be overwritten in a response before it goes on.

use std::{borrow::Cow, ops::Range};

use super::{
    ResponseHead, Transaction,
    response::{Order, wide},
};
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

    /// A body as it has to go on, and the end of its last byte that was overwritten; with a byte order the places are
    /// those of its narrow form. Told once.
    pub(super) fn take_body(&mut self, body: &[u8], order: Option<Order>) -> Option<(Vec<u8>, usize)> {
        let ranges = std::mem::take(&mut self.body).into_iter();
        let ranges: Vec<_> = match order {
            Some(_) => ranges.map(|range| wide::place(&range)).collect(),
            None => ranges.collect(),
        };
        let end = ranges.iter().map(|range| range.end).max()?;
        let mut masked = body.to_vec();
        for range in ranges {
            match (order, masked.get_mut(range)) {
                (Some(order), Some(place)) => wide::fill(place, Self::STAR, order),
                (None, Some(place)) => place.fill(Self::STAR),
                (_, None) => {}
            }
        }
        Some((masked, end))
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
    /// Notes every place that a rule matches in what the response phase at hand shows; a denial if there are too many, or
    /// it is too late.
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
            let is_late = !found.is_empty() && !self.can_overwrite(rule.phase);
            if is_late || found.len() > room {
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
