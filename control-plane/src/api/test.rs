//! `POST /api/v1/waf/test`: a request in, the verdict and the trace out. Changes nothing, counts nothing.

mod input;

use std::sync::{Arc, Mutex, PoisonError};

use axum::{Json, extract::State, http::StatusCode};
use secbeat_engine::{CompileErrors, Compiler, Policy, Progress, trace::Trace};
use tokio::sync::Semaphore;

use super::{Api, body::Body, params::Params, problem::Problem};
use crate::revision::Revision;

/// Tests that run at a time; a further one is answered with 503. Each keeps a core busy, for milliseconds with the default
/// limits and for seconds with the largest ones; steering the Envoys has to go on beside them.
const MAX_TESTS: usize = 2;

/// What tests share: how many run, and the policy that was tested last.
#[derive(Debug)]
pub(super) struct Bench {
    running: Arc<Semaphore>,
    last: Mutex<Option<Arc<Policy>>>,
}

impl Default for Bench {
    fn default() -> Self {
        Self {
            running: Arc::new(Semaphore::new(MAX_TESTS)),
            last: Mutex::new(None),
        }
    }
}

impl Bench {
    /// The policy of a revision. Takes long the first time.
    fn policy(&self, revision: &Revision) -> Result<Arc<Policy>, CompileErrors> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(last) = last.filter(|last| last.revision() == revision.number) {
            return Ok(last);
        }
        let mut compiler = Compiler::lazy(revision.policy());
        let policy = loop {
            if let Progress::Done(result) = compiler.step() {
                break Arc::new(result?);
            }
        };
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&policy));
        Ok(policy)
    }
}

pub(super) async fn test(
    State(api): State<Api>,
    params: Params,
    Body(body): Body,
) -> Result<Json<Trace>, Problem> {
    params.finish()?;
    let asked = input::read(&body)?;
    let revision = match asked.revision {
        None => api.parts.state.latest(),
        Some(number) => {
            let found = api.parts.store.revision(number).await?;
            Arc::new(found.ok_or_else(|| {
                Problem::not_found("there is no such revision, or it was pruned").with_error(
                    "/revision",
                    Some(number.to_string()),
                    "expected the number of a stored revision",
                )
            })?)
        }
    };
    let permit = Arc::clone(&api.bench.running)
        .try_acquire_owned()
        .map_err(|_| Problem::busy("too many tests at a time"))?;
    let bench = Arc::clone(&api.bench);
    let work = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        let policy = bench.policy(&revision).map_err(|errors| {
            errors
                .0
                .iter()
                .map(|error| revision.content.explain(error))
                .collect::<Vec<_>>()
        })?;
        Ok(asked.trial.run(policy))
    });
    let outcome: Result<Trace, Vec<String>> = work.await.map_err(|error| {
        tracing::error!(%error, "a test of a request failed");
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the test failed because of a defect in SecBeat",
        )
    })?;
    outcome.map(Json).map_err(|reasons| {
        // This version of the engine may refuse what an earlier one took.
        Problem::new(StatusCode::CONFLICT, "the revision does not compile").with_error(
            "/revision",
            None,
            reasons.join("; "),
        )
    })
}
