//! From the syntax tree to the condition: each part tells what it is, or what every match of it begins and ends with, so
//! that parts side by side make longer literals.

use regex_syntax::hir::{Class, Hir, HirKind, Repetition};

use super::{
    Formula, and, bytes_formula,
    class::class_bytes,
    or,
    strings::{
        ALTERNATION_LIMIT, EXACT_LIMIT, Strings, concatenated, from_exact, in_order, is_nothing, is_short,
        likelihood, nothing, union,
    },
};

/// Members of a class that is still spelt out.
const CLASS_LIMIT: usize = 4;
/// Strings that are kept of where an expression begins or ends.
const EDGE_LIMIT: usize = 24;

enum Derived {
    /// The expression matches exactly these, but for what surrounds them.
    Exact(Strings),
    /// All that is known.
    Partial(Partial),
}

/// What is known of an expression that matches too much to be spelt out.
struct Partial {
    head: Edge,
    formula: Formula,
    tail: Edge,
}

/// Strings with one of which every match begins, or ends; the empty one where nothing is known.
struct Edge {
    strings: Strings,
    /// Whether the formula says so already.
    is_told: bool,
}

impl Derived {
    /// Only a condition is known.
    fn condition(formula: Formula) -> Self {
        Self::Partial(Partial {
            head: Edge::unknown(),
            formula,
            tail: Edge::unknown(),
        })
    }

    fn into_formula(self) -> Formula {
        match self {
            Self::Exact(strings) => from_exact(strings),
            Self::Partial(partial) => partial.into_formula(),
        }
    }

    /// This, followed by something else.
    fn then(self, next: Self) -> Self {
        let partial = match (self, next) {
            (Self::Exact(left), Self::Exact(right)) => match concatenated(left, &right) {
                Ok(both) => return Self::Exact(both),
                Err(left) => Partial {
                    head: Edge::untold(left),
                    formula: Formula::True,
                    tail: Edge::untold(right),
                },
            },
            (Self::Exact(left), Self::Partial(right)) => match Edge::untold(left).joined(right.head) {
                Ok((head, parts)) => Partial {
                    head,
                    formula: and(vec![parts, right.formula]),
                    tail: right.tail,
                },
                Err((left, right_head)) => Partial {
                    head: left,
                    formula: and(vec![right_head.into_formula(), right.formula]),
                    tail: right.tail,
                },
            },
            (Self::Partial(left), Self::Exact(right)) => match left.tail.joined(Edge::untold(right)) {
                Ok((tail, parts)) => Partial {
                    head: left.head,
                    formula: and(vec![left.formula, parts]),
                    tail,
                },
                Err((left_tail, right)) => Partial {
                    head: left.head,
                    formula: and(vec![left.formula, left_tail.into_formula()]),
                    tail: right,
                },
            },
            (Self::Partial(left), Self::Partial(right)) => {
                let between = match left.tail.joined(right.head) {
                    Ok((both, parts)) => and(vec![both.into_formula(), parts]),
                    Err((left_tail, right_head)) => {
                        and(vec![left_tail.into_formula(), right_head.into_formula()])
                    }
                };
                Partial {
                    head: left.head,
                    formula: and(vec![left.formula, between, right.formula]),
                    tail: right.tail,
                }
            }
        };
        Self::Partial(partial)
    }

    /// What every match begins or ends with.
    fn edges(&self) -> (&[Vec<u8>], &[Vec<u8>]) {
        match self {
            Self::Exact(strings) => (strings, strings),
            Self::Partial(partial) => (&partial.head.strings, &partial.tail.strings),
        }
    }
}

impl Partial {
    fn into_formula(self) -> Formula {
        let head = self.head.into_formula();
        let tail = self.tail.into_formula();
        if head == tail {
            return and(vec![head, self.formula]);
        }
        and(vec![head, self.formula, tail])
    }
}

impl Edge {
    /// How likely one of several strings may be for them to tell more than their parts.
    const RARE: f64 = 0.001;

    fn unknown() -> Self {
        Self::untold(nothing())
    }

    fn untold(strings: Strings) -> Self {
        Self {
            strings,
            is_told: false,
        }
    }

    fn told(strings: Strings) -> Self {
        Self {
            strings,
            is_told: true,
        }
    }

    fn into_formula(self) -> Formula {
        if self.is_told {
            Formula::True
        } else {
            from_exact(self.strings)
        }
    }

    /// Every string of this one followed by every string of the other, and what is to be told of the two apart; both
    /// again if they become too many or too long.
    fn joined(self, next: Self) -> Result<(Self, Formula), (Self, Self)> {
        if is_nothing(&self.strings) || is_nothing(&next.strings) {
            return Err((self, next));
        }
        let Ok(both) = concatenated(self.strings.clone(), &next.strings) else {
            return Err((self, next));
        };
        let is_any_told = self.is_told || next.is_told;
        let gains = (!self.is_told || is_short(&next.strings)) && (!next.is_told || is_short(&self.strings));
        if !is_any_told || gains && likelihood(&both) < Self::RARE {
            return Ok((Self::untold(both), Formula::True));
        }
        if both.len() > EDGE_LIMIT {
            return Err((self, next));
        }
        let parts = and(vec![self.into_formula(), next.into_formula()]);
        Ok((Self::told(both), parts))
    }
}

/// What must stand in a value for an expression to match it.
pub(super) fn condition(hir: &Hir) -> Formula {
    derive(hir).into_formula()
}

fn derive(hir: &Hir) -> Derived {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Derived::Exact(nothing()),
        HirKind::Literal(literal) => Derived::Exact(vec![literal.0.to_ascii_lowercase()]),
        HirKind::Class(class) => derive_class(class),
        HirKind::Capture(capture) => derive(&capture.sub),
        HirKind::Repetition(repetition) => derive_repetition(repetition),
        HirKind::Concat(parts) => derive_concat(parts),
        HirKind::Alternation(parts) => derive_alternation(&nothing(), parts),
    }
}

fn derive_class(class: &Class) -> Derived {
    let bytes = class_bytes(class);
    let is_bytes = match class {
        Class::Bytes(_) => true,
        Class::Unicode(class) => class.is_ascii(),
    };
    // Both cases of a letter are one member.
    if is_bytes && bytes.len() <= 2 * EDGE_LIMIT as u32 {
        let folded: Strings = bytes.iter().map(|byte| vec![byte.to_ascii_lowercase()]).collect();
        let folded = in_order(folded);
        if folded.len() <= CLASS_LIMIT {
            return Derived::Exact(folded);
        }
        if folded.len() <= EDGE_LIMIT {
            return Derived::Partial(Partial {
                head: Edge::told(folded.clone()),
                formula: bytes_formula(bytes),
                tail: Edge::told(folded),
            });
        }
    }
    Derived::condition(bytes_formula(bytes))
}

fn derive_repetition(repetition: &Repetition) -> Derived {
    let inner = |repetition: &Repetition| derive(&repetition.sub);
    match (repetition.min, repetition.max) {
        (_, Some(0)) => Derived::Exact(nothing()),
        (0, Some(1)) => match inner(repetition) {
            Derived::Exact(mut strings) if strings.len() < EXACT_LIMIT => {
                strings.push(Vec::new());
                Derived::Exact(in_order(strings))
            }
            _ => Derived::condition(Formula::True),
        },
        (0, _) => Derived::condition(Formula::True),
        (min, max) => {
            let once = inner(repetition);
            let (head, tail) = once.edges();
            let (head, tail) = (Edge::told(head.to_vec()), Edge::told(tail.to_vec()));
            if let Derived::Exact(strings) = &once
                && max == Some(min)
                && min <= 8
            {
                let mut product = nothing();
                for _ in 0..min {
                    let Ok(longer) = concatenated(product, strings) else {
                        let formula = once.into_formula();
                        return Derived::Partial(Partial { head, formula, tail });
                    };
                    product = longer;
                }
                return Derived::Exact(product);
            }
            let formula = once.into_formula();
            Derived::Partial(Partial { head, formula, tail })
        }
    }
}

fn derive_concat(parts: &[Hir]) -> Derived {
    // Letters of either case are parts of their own: first the words that they make.
    let (mut whole, mut word) = (Derived::Exact(nothing()), nothing());
    for part in parts {
        let derived = match part.kind() {
            // What stands before branches is a part of each of them.
            HirKind::Alternation(parts) if is_short(&word) => {
                match derive_alternation(&std::mem::replace(&mut word, nothing()), parts) {
                    // Which is all of it then.
                    Derived::Exact(strings) => {
                        word = strings;
                        continue;
                    }
                    partial @ Derived::Partial(_) => partial,
                }
            }
            _ => derive(part),
        };
        match derived {
            Derived::Exact(strings) => match concatenated(word, &strings) {
                Ok(longer) => word = longer,
                Err(before) => {
                    whole = whole.then(Derived::Exact(before));
                    word = strings;
                }
            },
            partial @ Derived::Partial(_) => {
                let word = std::mem::replace(&mut word, nothing());
                whole = whole.then(Derived::Exact(word)).then(partial);
            }
        }
    }
    whole.then(Derived::Exact(word))
}

/// Branches, each of which follows what stands before them all.
fn derive_alternation(before: &Strings, parts: &[Hir]) -> Derived {
    let branch = |part| Derived::Exact(before.clone()).then(derive(part));
    let derived: Vec<Derived> = parts.iter().map(branch).collect();
    if derived.iter().any(|part| matches!(part, Derived::Partial(_))) {
        let heads = union(derived.iter().map(|part| part.edges().0), EDGE_LIMIT);
        let tails = union(derived.iter().map(|part| part.edges().1), EDGE_LIMIT);
        return Derived::Partial(Partial {
            head: Edge::told(heads.unwrap_or_else(nothing)),
            formula: or(derived.into_iter().map(Derived::into_formula).collect()),
            tail: Edge::told(tails.unwrap_or_else(nothing)),
        });
    }
    let strings = derived.iter().map(|part| part.edges().0);
    match union(strings, ALTERNATION_LIMIT) {
        Some(strings) => Derived::Exact(strings),
        None => Derived::condition(or(derived.into_iter().map(Derived::into_formula).collect())),
    }
}
