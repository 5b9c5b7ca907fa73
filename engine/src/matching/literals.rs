//! The literals of all rules, found in one pass over a value.

use std::collections::BTreeMap;

use aho_corasick::{
    Anchored,
    automaton::Automaton,
    dfa::DFA,
    nfa::{contiguous, noncontiguous},
};

/// Collects literals, numbers them, and builds the automata in bounded pieces.
#[derive(Debug, Default)]
pub(crate) struct LiteralsBuilder {
    numbers: BTreeMap<Vec<u8>, u32>,
    ordered: Vec<Vec<u8>>,
    bytes: usize,
    built: usize,
    /// The automaton of the literals before `built`, not yet in its final form, and the number of its first one.
    raw: Option<(u32, noncontiguous::NFA)>,
    shards: Vec<Shard>,
}

/// Automata that find literals regardless of ASCII case.
#[derive(Debug, Default)]
pub(crate) struct Literals {
    shards: Vec<Shard>,
    count: usize,
}

#[derive(Debug)]
struct Shard {
    first: u32,
    automaton: Either,
}

#[derive(Debug)]
enum Either {
    /// The faster one, at 256 bytes and more per state.
    Dfa(DFA),
    /// The smaller one.
    Nfa(contiguous::NFA),
}

impl LiteralsBuilder {
    /// Bytes of literals in a policy up to which the faster automaton is used.
    const DFA_LIMIT: usize = 16 * 1024;
    /// Bytes of literals that one automaton takes, which bounds how long one step of building takes.
    const SHARD: usize = 4 * 1024;

    /// Gives a literal in lower case its number.
    pub(crate) fn intern(&mut self, literal: &[u8]) -> u32 {
        if let Some(number) = self.numbers.get(literal) {
            return *number;
        }
        let number = self.ordered.len() as u32;
        self.numbers.insert(literal.to_vec(), number);
        self.ordered.push(literal.to_vec());
        self.bytes += literal.len();
        number
    }

    /// Builds one more automaton, in two steps; says whether there is more to build.
    pub(crate) fn step(&mut self) -> Result<bool, aho_corasick::BuildError> {
        if let Some((first, nfa)) = self.raw.take() {
            let automaton = if self.bytes <= Self::DFA_LIMIT {
                Either::Dfa(DFA::builder().prefilter(false).build_from_noncontiguous(&nfa)?)
            } else {
                Either::Nfa(
                    contiguous::NFA::builder()
                        .prefilter(false)
                        .build_from_noncontiguous(&nfa)?,
                )
            };
            self.shards.push(Shard { first, automaton });
            return Ok(self.built < self.ordered.len());
        }
        let rest = self.ordered.get(self.built..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(false);
        }
        let mut bytes = 0;
        let fits = |literal: &&Vec<u8>| {
            bytes += literal.len();
            bytes <= Self::SHARD || bytes == literal.len()
        };
        let taken: Vec<&Vec<u8>> = rest.iter().take_while(fits).collect();
        let nfa = noncontiguous::Builder::new()
            .ascii_case_insensitive(true)
            .prefilter(false)
            .build(&taken)?;
        self.raw = Some((self.built as u32, nfa));
        self.built += taken.len();
        Ok(true)
    }

    pub(crate) fn finish(self) -> Literals {
        Literals {
            shards: self.shards,
            count: self.ordered.len(),
        }
    }
}

impl Literals {
    /// How many literals there are.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Calls `found` for each place where a literal ends in a value.
    pub(crate) fn scan(&self, value: &[u8], mut found: impl FnMut(u32)) {
        for shard in &self.shards {
            let found = |pattern| found(shard.first + pattern);
            match &shard.automaton {
                Either::Dfa(dfa) => run(dfa, value, found),
                Either::Nfa(nfa) => run(nfa, value, found),
            }
        }
    }

    /// Bytes that the automata take.
    pub(crate) fn size(&self) -> usize {
        let size = |shard: &Shard| match &shard.automaton {
            Either::Dfa(dfa) => dfa.memory_usage(),
            Either::Nfa(nfa) => nfa.memory_usage(),
        };
        self.shards.iter().map(size).sum()
    }
}

fn run(automaton: &impl Automaton, value: &[u8], mut found: impl FnMut(u32)) {
    let Ok(mut state) = automaton.start_state(Anchored::No) else {
        return;
    };
    for byte in value {
        state = automaton.next_state(Anchored::No, state, *byte);
        if automaton.is_special(state) && automaton.is_match(state) {
            for position in 0..automaton.match_len(state) {
                found(automaton.match_pattern(state, position).as_u32());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_literals_are_all_found_in_any_case() {
        let mut builder = LiteralsBuilder::default();
        let all = [&b"union"[..], b"on s", b"select", b"ion"].map(|literal| builder.intern(literal));
        assert_eq!(builder.intern(b"union"), all[0]);
        while builder.step().unwrap() {}
        let mut seen = Vec::new();
        builder
            .finish()
            .scan(b"UNION Select", |literal| seen.push(literal));
        seen.sort_unstable();
        assert_eq!(seen, [0, 1, 2, 3]);
    }

    #[test]
    fn many_literals_are_built_in_several_steps() {
        let mut builder = LiteralsBuilder::default();
        for number in 0..20_000 {
            builder.intern(format!("literal{number}x").as_bytes());
        }
        let mut steps = 1;
        while builder.step().unwrap() {
            steps += 1;
        }
        assert!(steps > 10);
        let literals = builder.finish();
        let mut seen = Vec::new();
        literals.scan(b"a LITERAL19999x b literal0x", |literal| seen.push(literal));
        seen.sort_unstable();
        assert_eq!(seen, [0, 19_999]);
    }
}
