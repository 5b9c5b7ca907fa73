//! From configuration to policy: checks everything, reports every error at once, works in small steps.
//!
//! ```text
//! PolicyConfig ─▶ patterns (front end) ─▶ rule model ─▶ plan: necessary conditions, automata ─▶ Policy
//! ```

mod error;
mod limits;
mod operator;
mod pattern;
mod target;

use std::{collections::BTreeMap, collections::btree_map::Entry, vec};

pub use error::{CompileError, CompileErrors};

use crate::{
    Policy,
    config::{PatternConfig, PolicyConfig},
    mask::Mask,
    packs,
    plan::PlanBuilder,
    rule::{Action, Item},
};

use error::Errors;

/// Compiles a configuration in one go.
pub fn compile(config: &PolicyConfig) -> Result<Policy, CompileErrors> {
    finish(Compiler::new(config.clone()))
}

/// Compiles a program of rules that another front end made; the configuration gives everything else.
pub fn compile_program(config: &PolicyConfig, program: Vec<Item>) -> Result<Policy, CompileErrors> {
    finish(Compiler::with_program(config.clone(), program))
}

fn finish(mut compiler: Compiler) -> Result<Policy, CompileErrors> {
    loop {
        if let Progress::Done(result) = compiler.step() {
            return result;
        }
    }
}

/// Compiles a configuration in small steps, so that a caller who serves traffic on the same thread may stop in between.
#[derive(Debug)]
pub struct Compiler {
    config: PolicyConfig,
    stage: Stage,
    program: vec::IntoIter<Item>,
    patterns: vec::IntoIter<(Path, PatternConfig)>,
    /// Where each id was seen first.
    ids: BTreeMap<u32, Path>,
    plan: PlanBuilder,
    errors: Errors,
}

/// What one step of a [`Compiler`] led to.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one at a time, and it is taken apart at once"
)]
pub enum Progress {
    /// There is more to do.
    More,
    /// The end: a policy, or every reason why there is none.
    Done(Result<Policy, CompileErrors>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Check,
    Rules,
    Automata,
    Done,
}

/// Where a pattern stands; written out only when there is something to say about it.
#[derive(Debug, Clone, Copy)]
struct Path {
    pack: Option<usize>,
    pattern: usize,
}

impl std::fmt::Display for Path {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(pack) = self.pack {
            write!(out, "packs[{pack}].")?;
        }
        write!(out, "patterns[{}]", self.pattern)
    }
}

impl Compiler {
    /// Starts to compile, and builds every expression: for who decides whether a configuration is any good.
    pub fn new(config: PolicyConfig) -> Self {
        Self::with_program(config, Vec::new())
    }

    /// Starts to compile, and leaves each expression to be built when a value needs it first: for who serves traffic.
    ///
    /// The same configurations are refused for the same reasons, for every limit is checked on what the syntax tree
    /// tells. Should an expression fail to be built after all, its rule matches everything and refuses it.
    pub fn lazy(config: PolicyConfig) -> Self {
        Self {
            plan: PlanBuilder::default(),
            ..Self::new(config)
        }
    }

    /// Starts to compile, with rules of another front end before all patterns.
    pub fn with_program(config: PolicyConfig, program: Vec<Item>) -> Self {
        Self {
            config,
            stage: Stage::Check,
            program: program.into_iter(),
            patterns: Vec::new().into_iter(),
            ids: BTreeMap::new(),
            plan: PlanBuilder::thorough(),
            errors: Errors::default(),
        }
    }

    /// Does one bounded piece of work: about one pattern's worth, or one automaton's.
    pub fn step(&mut self) -> Progress {
        match self.stage {
            Stage::Check => {
                limits::check(&self.config, &mut self.errors);
                self.patterns = self.take_patterns().into_iter();
                self.stage = Stage::Rules;
                Progress::More
            }
            Stage::Rules => {
                self.next_rule();
                Progress::More
            }
            Stage::Automata => self.next_automaton(),
            Stage::Done => {
                self.errors
                    .add("policy", "was already handed out by this compiler");
                self.done(Err(()))
            }
        }
    }

    /// Every pattern in order, those of packs first.
    fn take_patterns(&mut self) -> Vec<(Path, PatternConfig)> {
        let mut patterns = Vec::new();
        for (pack, name) in self.config.packs.iter().enumerate() {
            let path = format_args!("packs[{pack}]");
            if self.config.packs.iter().take(pack).any(|earlier| earlier == name) {
                self.errors.add(
                    path,
                    format_args!("pack `{}` is listed twice", name.escape_debug()),
                );
                continue;
            }
            let Some(found) = packs::find(name) else {
                let known: Vec<_> = packs::all().iter().map(packs::Pack::name).collect();
                let known = known.join(", ");
                self.errors.add(
                    path,
                    format_args!("expected one of {known}, found `{}`", name.escape_debug()),
                );
                continue;
            };
            match found.config() {
                Ok(config) => {
                    let paths = (0..).map(|pattern| Path {
                        pack: Some(pack),
                        pattern,
                    });
                    patterns.extend(paths.zip(config.patterns));
                }
                Err(error) => self.errors.add(path, error),
            }
        }
        let own = std::mem::take(&mut self.config.patterns);
        patterns.extend((0..).map(|pattern| Path { pack: None, pattern }).zip(own));
        patterns
    }

    fn next_rule(&mut self) {
        if let Some(item) = self.program.next() {
            self.push(item, &"program");
            return;
        }
        let Some((path, pattern)) = self.patterns.next() else {
            self.stage = Stage::Automata;
            return;
        };
        match self.ids.entry(pattern.id) {
            Entry::Vacant(entry) => {
                entry.insert(path);
            }
            Entry::Occupied(entry) => {
                let reason = format_args!("id {} is taken by {}", pattern.id, entry.get());
                self.errors.add(format_args!("{path}.id"), reason);
            }
        }
        for rule in pattern::rules(&pattern, path, &mut self.errors) {
            self.push(Item::Rule(rule), &path);
        }
    }

    fn push(&mut self, mut item: Item, path: &dyn std::fmt::Display) {
        if self.errors.is_full() {
            return;
        }
        if let Item::Rule(rule) = &mut item {
            let (scoring, paranoia) = (&self.config.scoring, rule.meta.paranoia);
            if paranoia > scoring.executing_level() {
                return;
            }
            if paranoia > scoring.paranoia_level && matches!(rule.action, Action::Deny { .. } | Action::Mask)
            {
                rule.action = Action::Pass;
            }
        }
        let (rules, size) = (self.plan.len(), self.plan.size());
        if let Err(error) = self.plan.push(item) {
            self.errors.add(path, error);
        }
        // Said once, where the limit is crossed.
        if rules < Policy::RULES_LIMIT && self.plan.len() >= Policy::RULES_LIMIT {
            self.errors.add(
                path,
                format_args!("rules of a policy must be fewer than {}", Policy::RULES_LIMIT),
            );
        }
        if size <= Policy::SIZE_LIMIT && self.plan.size() > Policy::SIZE_LIMIT {
            let limit = Policy::SIZE_LIMIT;
            self.errors.add(
                path,
                format_args!("compiled rules of a policy must take at most {limit} bytes"),
            );
        }
    }

    fn next_automaton(&mut self) -> Progress {
        if !self.errors.is_empty() {
            return self.done(Err(()));
        }
        if self.plan.step() {
            return Progress::More;
        }
        let builder = std::mem::take(&mut self.plan);
        let size = builder.size();
        match builder.finish() {
            Ok(plan) => {
                let size = size + plan.gates.size();
                let config = &self.config;
                let policy = Policy {
                    revision: config.revision,
                    mode: config.mode,
                    body: config.body.clone(),
                    response: config.response.clone(),
                    limits: config.limits.clone(),
                    mask: Mask::new(&config.mask),
                    scoring: config.scoring.clone(),
                    plan,
                    size,
                };
                self.done(Ok(policy))
            }
            Err(errors) => {
                for (rule, error) in errors {
                    self.errors.add(format_args!("rule {rule}"), error);
                }
                self.done(Err(()))
            }
        }
    }

    fn done(&mut self, result: Result<Policy, ()>) -> Progress {
        self.stage = Stage::Done;
        Progress::Done(result.map_err(|()| std::mem::take(&mut self.errors).into_errors()))
    }
}

struct TooLong(usize, usize);

impl std::fmt::Display for TooLong {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "must be at most {} bytes, found {}", self.0, self.1)
    }
}

#[cfg(test)]
mod tests;
