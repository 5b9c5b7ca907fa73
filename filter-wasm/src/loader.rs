//! The policy in force, and the next one while it is being compiled.
//!
//! Envoy calls for a new configuration on the thread that serves requests. Compiling there in one go stalls
//! every connection of the worker, so only the very first policy is compiled at once, when there is no traffic yet.
//! Later ones are compiled in slices while the old one serves. Whether an expression is too large is told without
//! building it, so that a policy from a file is refused here for the same reasons as a pushed one by the control plane.
//! What is built of expressions before the policy is in force, see [`Policy::prepare`].

use std::sync::Arc;

use secbeat_engine::{CompileErrors, Compiler, Policy, Progress, config::PolicyConfig};

use crate::fingerprint::Fingerprint;

/// What became of an offered policy.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is in force.
    Applied,
    /// It is in force already; nothing had to be done.
    Unchanged,
    /// It is being compiled; the previous one serves. [`Loader::advance`] tells the end.
    Compiling,
    /// It is no policy; the previous one, if any, stays in force. [`Loader::error`] says why.
    Failed,
}

/// The policy in force, and the next one while it is being compiled.
#[derive(Debug, Default)]
pub(crate) struct Loader {
    current: Option<Loaded>,
    pending: Option<Pending>,
    offered: u64,
    error: String,
}

#[derive(Debug)]
struct Loaded {
    policy: Arc<Policy>,
    fingerprint: Option<Fingerprint>,
}

#[derive(Debug)]
struct Pending {
    stage: Stage,
    fingerprint: Option<Fingerprint>,
}

#[derive(Debug)]
enum Stage {
    Compiling(Box<Compiler>),
    /// Compiled; the next expression to be built is at or behind a position.
    Preparing(Arc<Policy>, usize),
}

enum Step {
    More(Stage),
    Done(Result<Arc<Policy>, CompileErrors>),
}

impl Loader {
    /// Bytes kept of why a policy could not be loaded.
    const ERROR_LIMIT: usize = 1024;

    /// Takes in a policy: compiles it at once if none is in force, else makes it the next one.
    pub(crate) fn offer(&mut self, config: PolicyConfig) -> Outcome {
        let fingerprint = Fingerprint::of(&config);
        self.offered = config.revision;
        self.error.clear();
        let same = |other: &Option<Fingerprint>| fingerprint.is_some() && *other == fingerprint;
        if self
            .current
            .as_ref()
            .is_some_and(|current| same(&current.fingerprint))
        {
            self.pending = None;
            return Outcome::Unchanged;
        }
        if !self
            .pending
            .as_ref()
            .is_some_and(|pending| same(&pending.fingerprint))
        {
            self.pending = Some(Pending {
                stage: Stage::Compiling(Box::new(Compiler::lazy(config))),
                fingerprint,
            });
        }
        if self.current.is_some() {
            Outcome::Compiling
        } else {
            self.advance(|| true)
        }
    }

    /// Notes that what was offered could not even be read.
    pub(crate) fn reject(&mut self, reason: &str) {
        self.pending = None;
        self.error = bounded(reason);
    }

    /// Compiles on as long as `more_time` agrees; always makes at least one step.
    pub(crate) fn advance(&mut self, mut more_time: impl FnMut() -> bool) -> Outcome {
        let Some(Pending {
            mut stage,
            fingerprint,
        }) = self.pending.take()
        else {
            return Outcome::Unchanged;
        };
        loop {
            stage = match self.step(stage) {
                Step::More(stage) => stage,
                Step::Done(result) => return self.finish(result, fingerprint),
            };
            if !more_time() {
                self.pending = Some(Pending { stage, fingerprint });
                return Outcome::Compiling;
            }
        }
    }

    fn step(&self, stage: Stage) -> Step {
        match stage {
            Stage::Compiling(mut compiler) => match compiler.step() {
                Progress::More => Step::More(Stage::Compiling(compiler)),
                Progress::Done(Err(errors)) => Step::Done(Err(errors)),
                Progress::Done(Ok(policy)) => {
                    if let Some(current) = &self.current {
                        policy.adopt_expressions(&current.policy);
                    }
                    Step::More(Stage::Preparing(Arc::new(policy), 0))
                }
            },
            Stage::Preparing(policy, position) => match policy.prepare(position) {
                Some(next) => Step::More(Stage::Preparing(policy, next)),
                None => Step::Done(Ok(policy)),
            },
        }
    }

    /// Whether a policy is being compiled.
    pub(crate) fn is_compiling(&self) -> bool {
        self.pending.is_some()
    }

    /// The policy in force.
    pub(crate) fn policy(&self) -> Option<Arc<Policy>> {
        self.current.as_ref().map(|current| Arc::clone(&current.policy))
    }

    /// Revision of the policy in force.
    pub(crate) fn applied(&self) -> Option<u64> {
        self.current.as_ref().map(|current| current.policy.revision())
    }

    /// Revision of the policy offered last.
    pub(crate) fn offered(&self) -> u64 {
        self.offered
    }

    /// Why the policy offered last is not in force; empty when it is, or is being compiled. At most 1 KiB.
    pub(crate) fn error(&self) -> &str {
        &self.error
    }

    fn finish(
        &mut self,
        result: Result<Arc<Policy>, CompileErrors>,
        fingerprint: Option<Fingerprint>,
    ) -> Outcome {
        match result {
            Ok(policy) => {
                self.current = Some(Loaded { policy, fingerprint });
                Outcome::Applied
            }
            Err(errors) => {
                self.error = bounded(&errors.to_string());
                Outcome::Failed
            }
        }
    }
}

fn bounded(text: &str) -> String {
    text.get(..text.floor_char_boundary(Loader::ERROR_LIMIT))
        .unwrap_or_default()
        .to_owned()
}
