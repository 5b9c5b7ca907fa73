//! Conditions on a value, all of a policy in one piece of memory.
//!
//! A condition is a branching program: each step looks at one word and says where to go on, hit or miss. What is checked
//! together stands together, for in a proxy that did something else a moment ago each line of memory is far away.

use super::{Bits, Classes};

/// What must hold for a value, before it is arranged.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Condition {
    Holds,
    /// One of these literals occurs.
    Literals(Vec<u32>),
    /// A byte of one of these classes occurs.
    Classes(Classes),
    All(Vec<Condition>),
    Any(Vec<Condition>),
}

/// Conditions of a policy, ready to be checked.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    steps: Vec<Step>,
}

/// Names a condition among those of a policy: where it begins, or that it always holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ConditionId(u32);

impl ConditionId {
    const HOLDS: Self = Self(u32::MAX);
}

/// Looks for bits of one word.
#[derive(Debug, Clone, Copy)]
struct Step {
    mask: u64,
    /// The word's place in the set of literals seen, or [`Step::CLASSES`].
    word: u32,
    /// Where to go on if one of the bits is set, and if none is.
    hit: Target,
    miss: Target,
}

/// Steps forward, or one of the two ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Target(u16);

impl Step {
    const CLASSES: u32 = u32::MAX;
}

impl Target {
    const HOLDS: Self = Self(u16::MAX);
    const FAILS: Self = Self(u16::MAX - 1);
}

impl Conditions {
    /// Steps of one condition beyond which it is taken to hold; none that is needed gets that long.
    const LONGEST: usize = u16::MAX as usize - 2;

    /// Adds a condition.
    pub(super) fn add(&mut self, condition: &Condition) -> ConditionId {
        let mut draft = Draft::default();
        let entry = match draft.write(condition, End::Holds, End::Fails) {
            End::Holds => return ConditionId::HOLDS,
            End::Fails => draft.push(0, Step::CLASSES, End::Fails, End::Fails),
            End::Step(entry) => entry,
        };
        if draft.steps.len() > Self::LONGEST {
            return ConditionId::HOLDS;
        }
        // The last step written is the first one there; those before the entry are never taken.
        let start = self.steps.len() + draft.steps.len() - 1 - entry;
        self.steps.extend(draft.finish());
        ConditionId(start as u32)
    }

    /// Whether a condition holds for a value of these classes, in which these literals were seen.
    pub(super) fn hold(&self, id: ConditionId, classes: Classes, seen: &Bits) -> bool {
        if id == ConditionId::HOLDS {
            return true;
        }
        let mut at = id.0 as usize;
        while let Some(step) = self.steps.get(at) {
            let word = if step.word == Step::CLASSES {
                classes.bits()
            } else {
                seen.word(step.word as usize)
            };
            let target = if word & step.mask == 0 {
                step.miss
            } else {
                step.hit
            };
            match target {
                Target::HOLDS => return true,
                Target::FAILS => return false,
                Target(forward) => at += usize::from(forward),
            }
        }
        // No step leads out of the conditions; if one did, a rule would be asked in vain.
        true
    }

    /// Bytes that they take.
    pub(super) fn size(&self) -> usize {
        size_of_val(self.steps.as_slice())
    }
}

/// Where a condition leads while it is written: the steps behind it are written first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Holds,
    Fails,
    Step(usize),
}

/// A condition while it is written, its last step first.
#[derive(Default)]
struct Draft {
    steps: Vec<(u64, u32, End, End)>,
}

impl Draft {
    /// Writes a condition before what is written already, and tells where it begins.
    fn write(&mut self, condition: &Condition, hit: End, miss: End) -> End {
        match condition {
            Condition::Holds => hit,
            Condition::Classes(classes) => End::Step(self.push(classes.bits(), Step::CLASSES, hit, miss)),
            Condition::Literals(literals) => {
                let words = Bits::words_of(literals);
                let words = words.into_iter().rev();
                words.fold(miss, |miss, (word, mask)| {
                    End::Step(self.push(mask, word, hit, miss))
                })
            }
            Condition::All(members) => {
                let members = members.iter().rev();
                members.fold(hit, |hit, member| self.write(member, hit, miss))
            }
            Condition::Any(members) => {
                let members = members.iter().rev();
                members.fold(miss, |miss, member| self.write(member, hit, miss))
            }
        }
    }

    /// Writes a step, and tells its place.
    fn push(&mut self, mask: u64, word: u32, hit: End, miss: End) -> usize {
        self.steps.push((mask, word, hit, miss));
        self.steps.len() - 1
    }

    /// The steps in the order in which they are taken.
    fn finish(self) -> impl Iterator<Item = Step> {
        let steps = self.steps.into_iter().enumerate().rev();
        steps.map(|(place, (mask, word, hit, miss))| {
            let target = |end| match end {
                End::Holds => Target::HOLDS,
                End::Fails => Target::FAILS,
                End::Step(behind) => Target((place - behind) as u16),
            };
            Step {
                mask,
                word,
                hit: target(hit),
                miss: target(miss),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a condition means.
    fn holds(condition: &Condition, classes: Classes, seen: &Bits) -> bool {
        match condition {
            Condition::Holds => true,
            Condition::Literals(literals) => literals.iter().any(|literal| seen.contains(*literal as usize)),
            Condition::Classes(wanted) => wanted.meets(classes),
            Condition::All(members) => members.iter().all(|member| holds(member, classes, seen)),
            Condition::Any(members) => members.iter().any(|member| holds(member, classes, seen)),
        }
    }

    fn conditions() -> impl Strategy<Value = Condition> {
        let literals = prop::collection::vec(0..200u32, 0..4);
        let leaf = prop_oneof![
            Just(Condition::Holds),
            literals.prop_map(Condition::Literals),
            "[a('0]{0,2}".prop_map(|text| Condition::Classes(Classes::of(text.as_bytes()))),
        ];
        leaf.prop_recursive(4, 40, 4, |inner| {
            let members = prop::collection::vec(inner, 0..4).boxed();
            prop_oneof![
                members.clone().prop_map(Condition::All),
                members.prop_map(Condition::Any)
            ]
        })
    }

    proptest! {
        #[test]
        fn every_condition_holds_when_its_steps_say_so(
            all in prop::collection::vec(conditions(), 1..4),
            literals in prop::collection::vec(0..200usize, 0..40),
            text in "[a('0]{0,2}",
        ) {
            let (mut seen, classes) = (Bits::new(200), Classes::of(text.as_bytes()));
            for literal in literals {
                seen.insert(literal);
            }
            let mut arranged = Conditions::default();
            let ids: Vec<ConditionId> = all.iter().map(|condition| arranged.add(condition)).collect();
            for (id, condition) in ids.into_iter().zip(&all) {
                prop_assert_eq!(arranged.hold(id, classes, &seen), holds(condition, classes, &seen));
            }
        }
    }

    /// A literal beyond those that a condition of so many steps asks for, or all of them.
    fn long(steps: usize) -> Condition {
        let each = (1..steps as u32).map(|literal| Condition::Literals(vec![literal]));
        Condition::Any(vec![Condition::All(each.collect()), Condition::Literals(vec![0])])
    }

    #[test]
    #[cfg_attr(miri, ignore = "the longest condition has 65,533 steps")]
    fn the_longest_jump_leads_where_it_shall() {
        let mut arranged = Conditions::default();
        let id = arranged.add(&long(Conditions::LONGEST));
        let mut seen = Bits::new(64);
        assert!(!arranged.hold(id, Classes::default(), &seen));
        seen.insert(0);
        assert!(arranged.hold(id, Classes::default(), &seen));
    }

    #[test]
    #[cfg_attr(miri, ignore = "it has 65,534 steps")]
    fn a_condition_that_is_too_long_holds() {
        let mut arranged = Conditions::default();
        let id = arranged.add(&long(Conditions::LONGEST + 1));
        assert!(arranged.hold(id, Classes::default(), &Bits::new(0)));
        assert_eq!(arranged.size(), 0);
    }
}
