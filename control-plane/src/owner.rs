//! The single owner of state: takes changes one by one, makes revisions, publishes the latest.
//!
//! ```text
//! change ──apply──▶ content ──engine::compile──▶ revision ──store──▶ watch channel ──▶ xDS, API, metrics
//! ```
//!
//! Nothing is published that does not compile, and nothing that is not durable.

use std::{fmt, sync::Arc};

use jiff::Timestamp;
use secbeat_engine::{CompileErrors, config::Mode, packs::PackConfig};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::{
    change::{self, Change, FieldError, PackDiff, Refusal, Step},
    json,
    packs::{self, PackErrors},
    revision::{Content, Revision, position},
    settings::WafSettings,
    store::{OwnerState, Store, StoreError},
    xds,
};

/// Changes that may wait; a further one is refused with [`ChangeError::Busy`].
const QUEUE: usize = 64;

/// Why a change was not made.
#[derive(Debug, Clone)]
pub enum ChangeError {
    /// The request contradicts itself or what is there.
    Refused(Refusal),
    /// The rule packs cannot be loaded.
    Packs(PackErrors),
    /// The store failed; nothing changed.
    Store(StoreError),
    /// Too many changes wait.
    Busy,
    /// The control plane is stopping.
    Stopping,
}

/// Why the owner of state cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The rule packs cannot be loaded.
    #[error("the rule packs cannot be loaded\n{0}")]
    Packs(#[from] PackErrors),
    /// Settings and stored patterns are no policy together.
    #[error("settings and stored patterns do not make a policy\n{}", .0.join("\n"))]
    Policy(Vec<String>),
}

/// A change that was made.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The revision in force from now on.
    pub revision: Arc<Revision>,
    /// Whether the change made that revision; otherwise it changed nothing.
    pub is_new: bool,
    /// Ids of the patterns that were added, altered or removed.
    pub affected: Vec<u32>,
    /// What changed, in a few words.
    pub reason: String,
    /// The rule packs that differ, after a reload.
    pub packs: Vec<PackDiff>,
}

/// The mode in force, and who says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModeSource {
    /// What the API set; absent while the settings' mode holds.
    pub api: Option<Mode>,
    /// What the settings say.
    pub settings: Mode,
}

/// Asks the owner of state for changes, and sees what is in force. Cheap to clone.
#[derive(Debug, Clone)]
pub struct State {
    requests: mpsc::Sender<Request>,
    latest: watch::Receiver<Arc<Revision>>,
    mode: watch::Receiver<ModeSource>,
}

impl State {
    /// Makes a change.
    pub async fn change(&self, change: Change) -> Result<Outcome, ChangeError> {
        self.request(|reply| Request {
            work: Work::Change(change),
            reply,
        })
        .await
    }

    /// Sets the mode until it is set again; `None` hands it back to the settings.
    pub async fn set_mode(&self, mode: Option<Mode>) -> Result<Outcome, ChangeError> {
        let settings = self.mode().settings;
        self.change(Change::Mode(mode, settings)).await
    }

    /// Reads the rule packs again.
    pub async fn reload(&self) -> Result<Outcome, ChangeError> {
        self.request(|reply| Request {
            work: Work::Reload,
            reply,
        })
        .await
    }

    /// The revision in force.
    pub fn latest(&self) -> Arc<Revision> {
        Arc::clone(&self.latest.borrow())
    }

    /// Follows the revision in force.
    pub fn revisions(&self) -> watch::Receiver<Arc<Revision>> {
        self.latest.clone()
    }

    /// The mode in force, and who says so.
    pub fn mode(&self) -> ModeSource {
        *self.mode.borrow()
    }

    async fn request(&self, request: impl FnOnce(Reply) -> Request) -> Result<Outcome, ChangeError> {
        let (reply, answer) = oneshot::channel();
        self.requests
            .try_send(request(reply))
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => ChangeError::Busy,
                mpsc::error::TrySendError::Closed(_) => ChangeError::Stopping,
            })?;
        answer.await.unwrap_or(Err(ChangeError::Stopping))
    }
}

type Reply = oneshot::Sender<Result<Outcome, ChangeError>>;

struct Request {
    work: Work,
    reply: Reply,
}

impl fmt::Debug for Request {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Request").finish_non_exhaustive()
    }
}

enum Work {
    Change(Change),
    Reload,
}

/// The single owner of state.
#[derive(Debug)]
pub struct Owner {
    store: Store,
    settings: WafSettings,
    memory: OwnerState,
    requests: mpsc::Receiver<Request>,
    latest: watch::Sender<Arc<Revision>>,
    mode: watch::Sender<ModeSource>,
}

impl Owner {
    /// Merges settings with what is stored, makes a revision if that changed anything, and stands ready to run.
    pub async fn start(store: Store, settings: WafSettings) -> Result<(Self, State), StartError> {
        let (last, memory) = store.latest().await?;
        let loaded = load_packs(&settings).await?;
        let content = Content {
            mode: memory.mode.unwrap_or(settings.mode),
            body: settings.body.clone(),
            response: settings.response.clone(),
            limits: settings.limits.clone(),
            mask: settings.mask.clone(),
            scoring: settings.scoring.clone(),
            packs: loaded,
            patterns: last
                .as_ref()
                .map(|last| last.content.patterns.clone())
                .unwrap_or_default(),
        };
        let number = last.as_ref().map_or(0, |last| last.number);
        // An unchanged policy is compiled too: this build of the engine may see it differently.
        if let Err(errors) = compile(&content, number).await {
            return Err(StartError::Policy(
                errors.0.iter().map(|error| content.explain(error)).collect(),
            ));
        }
        let revision = match last {
            Some(last) if last.content == content => Arc::new(last),
            last => {
                let reason = last.as_ref().map_or_else(
                    || "first start".to_owned(),
                    |last| difference(&last.content, &content),
                );
                let revision = Arc::new(Revision::new(
                    number + 1,
                    "settings",
                    &reason,
                    Timestamp::now(),
                    content,
                ));
                store.save(Some(Arc::clone(&revision)), memory).await?;
                tracing::info!(revision = revision.number, reason, "revision made");
                revision
            }
        };
        let (send, requests) = mpsc::channel(QUEUE);
        let (latest, latest_seen) = watch::channel(revision);
        let (mode, mode_seen) = watch::channel(ModeSource {
            api: memory.mode,
            settings: settings.mode,
        });
        let state = State {
            requests: send,
            latest: latest_seen,
            mode: mode_seen,
        };
        Ok((
            Self {
                store,
                settings,
                memory,
                requests,
                latest,
                mode,
            },
            state,
        ))
    }

    /// Makes changes until told to stop. What is asked for by then is still answered.
    pub async fn run(mut self, shutdown: CancellationToken) {
        loop {
            let request = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                request = self.requests.recv() => request,
            };
            let Some(request) = request else { break };
            self.serve(request).await;
        }
        self.requests.close();
        while let Some(request) = self.requests.recv().await {
            self.serve(request).await;
        }
    }

    async fn serve(&mut self, request: Request) {
        let result = match request.work {
            Work::Change(change) => self.make(&change).await,
            Work::Reload => self.reload().await,
        };
        // Whoever gave up waiting needs no answer; the change stands.
        drop(request.reply.send(result));
    }

    async fn reload(&mut self) -> Result<Outcome, ChangeError> {
        let loaded = load_packs(&self.settings).await.map_err(ChangeError::Packs)?;
        let differences = change::diff(&self.latest.borrow().content.packs, &loaded);
        let outcome = self.make(&Change::Packs(loaded)).await?;
        Ok(Outcome {
            packs: differences,
            ..outcome
        })
    }

    async fn make(&mut self, change: &Change) -> Result<Outcome, ChangeError> {
        let current = Arc::clone(&self.latest.borrow());
        let step = change::apply(&current.content, self.memory, change).map_err(ChangeError::Refused)?;
        let Step {
            content,
            owner,
            affected,
            placed,
            reason,
        } = step;
        let is_new = content != current.content;
        let mut revision = current;
        if is_new {
            let number = revision.number + 1;
            if let Err(errors) = compile(&content, number).await {
                let errors = errors
                    .0
                    .iter()
                    .map(|error| locate(&content, &placed, error))
                    .collect();
                return Err(ChangeError::Refused(Refusal::Invalid(errors)));
            }
            revision = Arc::new(Revision::new(number, "api", &reason, Timestamp::now(), content));
        }
        if is_new || owner != self.memory {
            let saved = is_new.then(|| Arc::clone(&revision));
            self.store.save(saved, owner).await.map_err(ChangeError::Store)?;
            self.memory = owner;
            self.mode.send_replace(ModeSource {
                api: owner.mode,
                settings: self.settings.mode,
            });
        }
        if is_new {
            tracing::info!(revision = revision.number, reason, "revision made");
            self.latest.send_replace(Arc::clone(&revision));
        }
        Ok(Outcome {
            revision,
            is_new,
            affected,
            reason,
            packs: Vec::new(),
        })
    }
}

async fn load_packs(settings: &WafSettings) -> Result<Vec<PackConfig>, PackErrors> {
    let settings = settings.clone();
    let unfinished = |error: tokio::task::JoinError| {
        let reason = format!("reading them did not finish: {error}");
        Err(PackErrors(vec![packs::PackError {
            place: "waf.packs".to_owned(),
            reason,
        }]))
    };
    tokio::task::spawn_blocking(move || packs::load(&settings))
        .await
        .unwrap_or_else(unfinished)
}

async fn compile(content: &Content, number: u64) -> Result<(), CompileErrors> {
    let policy = content.policy(number);
    let compiled = tokio::task::spawn_blocking(move || xds::check(policy)).await;
    compiled.unwrap_or_else(|error| {
        let reason = format!("compiling it did not finish: {error}");
        Err(CompileErrors(vec![secbeat_engine::CompileError {
            path: "policy".to_owned(),
            reason,
        }]))
    })
}

/// Says what differs between two contents.
fn difference(old: &Content, new: &Content) -> String {
    let mut parts = Vec::new();
    if old.mode != new.mode {
        parts.push("mode");
    }
    if old.body != new.body {
        parts.push("body");
    }
    if old.response != new.response {
        parts.push("response");
    }
    if old.limits != new.limits {
        parts.push("limits");
    }
    if old.mask != new.mask {
        parts.push("mask");
    }
    if old.scoring != new.scoring {
        parts.push("scoring");
    }
    if old.packs != new.packs {
        parts.push("packs");
    }
    format!("settings changed: {}", parts.join(", "))
}

/// Translates an error of the compiler into the words of the request.
fn locate(content: &Content, placed: &[usize], error: &secbeat_engine::CompileError) -> FieldError {
    let in_packs = content
        .packs
        .iter()
        .map(|pack| pack.patterns.len())
        .sum::<usize>();
    let found = position(&error.path).and_then(|(index, rest)| {
        let place = index.checked_sub(in_packs)?;
        let item = placed.iter().position(|candidate| *candidate == place)?;
        Some((item, rest, content.patterns.get(place)?))
    });
    let Some((item, rest, pattern)) = found else {
        return FieldError {
            reason: content.explain(error),
            ..FieldError::default()
        };
    };
    let field = json::pointer(rest);
    let value = serde_json::to_value(pattern).ok().and_then(|found| {
        found.pointer(&field).map(|value| match value {
            serde_json::Value::String(text) => change::bounded(text),
            other => change::bounded(&other.to_string()),
        })
    });
    FieldError {
        item: Some(item),
        field,
        value,
        reason: error.reason.clone(),
    }
}
