//! What one worker's VM keeps between requests: policy, reports, counters.
//!
//! Envoy makes a new root context for every configuration but keeps the VM, so that all of this belongs to the
//! VM, under the name of the plugin. The root context configured last drives the ticks; older ones fall silent.

use std::{
    cell::{Cell, RefCell, RefMut},
    sync::Arc,
    time::Duration,
};

use log::{error, info, warn};
use secbeat_engine::{
    Denial, Disposition, Policy, RuleMatch, Transaction, Uninspected, config::Mode, report,
};

use crate::{
    configuration::Configuration,
    holds::Holds,
    host::{RequestHost, WorkerHost},
    identity,
    loader::{Loader, Outcome},
    log_budget::LogBudget,
    metrics::Metrics,
    report::{Reporter, Sender, State},
    sampling::Draws,
};
#[cfg(feature = "faults")]
use crate::{
    faults::{self, Faults},
    host::Headers,
};

/// What one worker's VM keeps between requests.
#[derive(Debug)]
pub(crate) struct Worker {
    metrics: Metrics,
    loader: RefCell<Loader>,
    reporter: RefCell<Reporter>,
    log_budget: RefCell<LogBudget>,
    draws: Draws,
    holds: RefCell<Holds>,
    root: Cell<u32>,
    is_busy: Cell<bool>,
    #[cfg(feature = "faults")]
    faults: RefCell<Faults>,
}

impl Worker {
    /// Interval of ticks after a configuration, and while a policy is being compiled.
    const BUSY: Duration = Duration::from_millis(1);
    /// Interval of ticks otherwise, if there is somebody to report to or responses may be held.
    const IDLE: Duration = Duration::from_millis(100);
    /// How long one slice of compilation may hold up the worker's requests.
    const SLICE: u64 = 2_000_000;

    /// Starts without a policy.
    pub(crate) fn new<H: WorkerHost>(host: &H) -> Self {
        Self {
            metrics: Metrics::define(host),
            loader: RefCell::default(),
            reporter: RefCell::new(Reporter::new(identity::draw(host.now()))),
            log_budget: RefCell::default(),
            draws: Draws::default(),
            holds: RefCell::default(),
            root: Cell::new(0),
            is_busy: Cell::new(false),
            #[cfg(feature = "faults")]
            faults: RefCell::default(),
        }
    }

    /// Takes in a configuration for the root context `root`. Returns false if there is no policy to serve with:
    /// the first one is no good, and Envoy must not take this configuration.
    pub(crate) fn configure<H: WorkerHost>(&self, host: &H, root: u32, bytes: &[u8]) -> bool {
        let configuration = Configuration::parse(bytes);
        #[cfg(feature = "faults")]
        if let Ok(Configuration { faults, .. }) = &configuration {
            if !faults.survive_configure(host, bytes) {
                return false;
            }
            self.faults.replace(faults.clone());
        }
        self.root.set(root);
        match configuration {
            Ok(configuration) => self.adopt(host, configuration),
            Err(reason) => {
                let mut loader = self.loader.borrow_mut();
                loader.reject(&reason.to_string());
                error!("configuration refused: {}", loader.error().escape_debug());
                self.metrics.policy_failed(host);
            }
        }
        // Not reported here: Envoy tries a configuration in a throw-away VM first, which must not look like a
        // worker. That one never lives to see a tick.
        host.tick_every(if self.loader.borrow().is_compiling() || self.wants_ticks() {
            Self::BUSY
        } else {
            Duration::ZERO
        });
        self.is_busy.set(true);
        self.loader.borrow().applied().is_some()
    }

    /// Goes on with what could not be done at once.
    pub(crate) fn tick<H: WorkerHost>(&self, host: &H, root: u32) {
        if root != self.root.get() {
            host.tick_every(Duration::ZERO);
            return;
        }
        if self.loader.borrow().is_compiling() {
            let outcome = self.advance(host);
            self.settle(host, &outcome);
        }
        if self.is_busy.get() && !self.loader.borrow().is_compiling() {
            self.is_busy.set(false);
            host.tick_every(if self.wants_ticks() {
                Self::IDLE
            } else {
                Duration::ZERO
            });
        }
        self.report(host);
    }

    /// Takes in how a report ended: the reply's bytes, or `None` if it failed.
    pub(crate) fn replied<H: WorkerHost>(&self, host: &H, token: u32, reply: Option<&[u8]>) {
        self.reporter.borrow_mut().replied(token, reply, host.now());
        let is_behind = self.reporter.borrow().is_behind();
        if is_behind {
            self.report(host);
        }
    }

    /// The policy in force.
    pub(crate) fn policy(&self) -> Option<Arc<Policy>> {
        self.loader.borrow().policy()
    }

    /// Whether a request shall be inspected at all; one that shall not is counted. To be asked once for each request.
    pub(crate) fn samples<H: RequestHost>(&self, host: &H, policy: &Policy) -> bool {
        let is_inspected = policy.samples(|| self.draws.next());
        if !is_inspected {
            self.metrics.sampled_out(host);
        }
        is_inspected
    }

    /// Traps if the request asks for it.
    #[cfg(feature = "faults")]
    pub(crate) fn trap_if_asked(&self, headers: &Headers) {
        let faults = self.faults.borrow();
        if headers
            .iter()
            .any(|(name, _)| Some(name) == faults.trap_on_header.as_ref().map(String::as_bytes))
        {
            faults::trap();
        }
    }

    /// Counts a request, whatever becomes of it.
    pub(crate) fn count_request<H: RequestHost>(&self, host: &H) {
        self.metrics.request(host);
        self.reporter.borrow_mut().count_request();
    }

    /// Counts a request refused because nothing could judge it, as without a policy.
    pub(crate) fn count_unjudged<H: RequestHost>(&self, host: &H) {
        self.metrics.unjudged(host);
        self.reporter.borrow_mut().count_blocked();
    }

    /// Whether anybody wants events.
    pub(crate) fn wants_events(&self) -> bool {
        self.reporter.borrow().cluster().is_some()
    }

    /// Counts a request by what became of it, refused or not.
    pub(crate) fn count_findings<H: RequestHost>(
        &self,
        host: &H,
        transaction: &Transaction,
        denial: Option<Denial>,
    ) {
        let matches = transaction.matches();
        if transaction.limit_exceeded() == Some(Transaction::BODY_OVER_LIMIT) {
            self.metrics.body_over_limit(host);
        }
        if let Some(denial) = denial {
            self.metrics
                .blocked(host, deciding(denial, matches).map(|found| found.category));
            self.reporter.borrow_mut().count_blocked();
        } else {
            if matches
                .iter()
                .any(|found| found.disposition == Disposition::Masked)
            {
                self.metrics.response_masked(host);
            }
            if let Some(first) = matches.first() {
                self.metrics.detected(host, first.category);
            }
            self.reporter.borrow_mut().count_detected();
        }
    }

    /// Counts a response body that could not be inspected, or not as a whole.
    pub(crate) fn count_uninspected<H: RequestHost>(&self, host: &H, why: Uninspected) {
        self.metrics.response_uninspected(host, why);
    }

    /// Keeps an event for the next report.
    pub(crate) fn keep<H: RequestHost>(&self, host: &H, event: report::Event) {
        let made_room = self.reporter.borrow_mut().keep(event);
        self.metrics.events_dropped(host, made_room);
    }

    /// Notes an event that nobody wants; a refusal is logged, without anything that came with the request.
    pub(crate) fn note_unreported<H: RequestHost>(
        &self,
        host: &H,
        transaction: &Transaction,
        denial: Option<Denial>,
    ) {
        self.metrics.event_unreported(host);
        let Some(denial) = denial else { return };
        let Some(withheld) = self.log_budget.borrow_mut().spend(host.now()) else {
            return;
        };
        let status = denial.status;
        match deciding(denial, transaction.matches()) {
            Some(found) => {
                let (rule, category) = (found.rule, found.category.as_str());
                info!("request refused status={status} rule={rule} category={category} withheld={withheld}");
            }
            None => info!("request refused status={status} reason=limit withheld={withheld}"),
        }
    }

    /// Traps if the headers of the response ask for it.
    #[cfg(feature = "faults")]
    pub(crate) fn trap_if_answered(&self, headers: &Headers) {
        let faults = self.faults.borrow();
        if headers
            .iter()
            .any(|(name, _)| Some(name) == faults.trap_on_response_header.as_ref().map(String::as_bytes))
        {
            faults::trap();
        }
    }

    /// Traps if a piece of the response's body asks for it.
    #[cfg(feature = "faults")]
    pub(crate) fn trap_if_in(&self, piece: &[u8]) {
        let faults = self.faults.borrow();
        let asks = |text: &String| piece.windows(text.len()).any(|window| window == text.as_bytes());
        if faults.trap_on_response_body.as_ref().is_some_and(asks) {
            faults::trap();
        }
    }

    /// The responses of which something is kept.
    pub(crate) fn holds(&self) -> RefMut<'_, Holds> {
        self.holds.borrow_mut()
    }

    /// Counts a response that was held for as long as the policy allows.
    pub(crate) fn count_over_time<H: RequestHost>(&self, host: &H) {
        self.metrics.response_over_time(host);
    }

    /// Counts a response body for which there was no room.
    pub(crate) fn count_over_memory<H: RequestHost>(&self, host: &H) {
        self.metrics.response_over_memory(host);
    }

    /// Whether there is something to look after between requests.
    fn wants_ticks(&self) -> bool {
        let holds = |policy: Arc<Policy>| policy.inspects_response_bodies();
        self.wants_events() || self.policy().is_some_and(holds)
    }

    fn adopt<H: WorkerHost>(&self, host: &H, configuration: Configuration) {
        let cluster = configuration.plugin.report.map(|report| report.cluster);
        let lost = self.reporter.borrow_mut().send_to(cluster);
        self.metrics.events_dropped(host, lost);
        let outcome = self.loader.borrow_mut().offer(configuration.plugin.policy);
        self.settle(host, &outcome);
    }

    fn advance<H: WorkerHost>(&self, host: &H) -> Outcome {
        let start = host.now();
        // A clock that jumps back ends the slice, too.
        self.loader.borrow_mut().advance(|| {
            host.now()
                .checked_sub(start)
                .is_some_and(|spent| spent < Self::SLICE)
        })
    }

    fn settle<H: WorkerHost>(&self, host: &H, outcome: &Outcome) {
        let loader = self.loader.borrow();
        match outcome {
            Outcome::Applied => {
                let Some(policy) = loader.policy() else { return };
                let (revision, rules) = (policy.revision(), policy.rules());
                self.metrics.policy_applied(host, revision);
                info!("policy in force revision={revision} rules={rules}");
                if rules == 0 && policy.mode() != Mode::Off {
                    warn!("policy has no rules, nothing will be refused revision={revision}");
                }
            }
            Outcome::Failed => {
                self.metrics.policy_failed(host);
                let reason = loader.error().escape_debug();
                let revision = loader.offered();
                match loader.applied() {
                    Some(applied) => {
                        warn!(
                            "policy refused, previous one serves revision={revision} serving={applied}: {reason}"
                        );
                    }
                    None => error!("policy refused revision={revision}: {reason}"),
                }
            }
            Outcome::Unchanged | Outcome::Compiling => {}
        }
    }

    fn report<H: WorkerHost>(&self, host: &H) {
        let state = self.state();
        let now = host.now();
        let Some(cluster) = self.due(now, &state) else {
            return;
        };
        let sender = Sender {
            node: host.node(),
            process: identity::process(host),
        };
        let message = self.reporter.borrow().report(sender, state.clone());
        let token = host.call(&cluster, report::SERVICE, report::METHOD, &message);
        self.reporter.borrow_mut().sent(token, state, now);
    }

    fn due(&self, now: u64, state: &State) -> Option<String> {
        let reporter = self.reporter.borrow();
        reporter
            .is_due(now, state)
            .then(|| reporter.cluster().map(str::to_owned))
            .flatten()
    }

    fn state(&self) -> State {
        let loader = self.loader.borrow();
        State {
            applied: loader.applied(),
            offered: loader.offered(),
            error: loader.error().to_owned(),
        }
    }
}

/// The match of the rule that decided; absent when a limit did.
fn deciding(denial: Denial, matches: &[RuleMatch]) -> Option<&RuleMatch> {
    let rule = denial.rule?;
    matches.iter().find(|found| found.rule == rule)
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use secbeat_engine::report::ReportRequest;

    use super::*;
    use crate::host::fake::FakeHost;

    /// A policy that takes more than one slice to compile.
    fn configuration(revision: u64) -> String {
        let pattern = |id: u64| format!(r#"{{"id":{id},"name":"p","pattern":"evil{id}"}}"#);
        let patterns = (1..=50).map(pattern).collect::<Vec<_>>().join(",");
        format!(
            r#"{{"policy":{{"revision":{revision},"patterns":[{patterns}]}},"report":{{"cluster":"control"}}}}"#
        )
    }

    fn tick_until_idle(worker: &Worker, host: &FakeHost, root: u32) {
        for _ in 0..100_000 {
            worker.tick(host, root);
            if host.interval.get() != Worker::BUSY {
                return;
            }
        }
        panic!("still compiling");
    }

    fn last_report(host: &FakeHost) -> ReportRequest {
        ReportRequest::decode(host.calls.borrow().last().expect("a report was sent").as_slice()).unwrap()
    }

    #[test]
    fn the_first_policy_serves_at_once_and_a_bad_first_one_is_refused() {
        let host = FakeHost::default();
        let worker = Worker::new(&host);
        assert!(!worker.configure(&host, 1, b"{\"policy\":{\"bogus\":1}}"));
        assert!(worker.policy().is_none());
        assert_eq!(host.metric("secbeat_policy_failures_total"), 1);
        assert!(worker.configure(&host, 2, configuration(5).as_bytes()));
        assert_eq!(worker.policy().unwrap().revision(), 5);
        assert_eq!(host.metric("secbeat_policy_revision"), 5);
    }

    #[test]
    fn a_later_policy_is_compiled_on_ticks_while_the_old_one_serves() {
        let host = FakeHost::default();
        let worker = Worker::new(&host);
        worker.configure(&host, 1, configuration(5).as_bytes());
        tick_until_idle(&worker, &host, 1);
        host.step.set(Worker::SLICE / 2);
        assert!(worker.configure(&host, 2, configuration(6).as_bytes()));
        for _ in 0..10 {
            worker.tick(&host, 2);
            assert_eq!(worker.policy().unwrap().revision(), 5);
            assert_eq!(host.interval.get(), Worker::BUSY);
        }
        tick_until_idle(&worker, &host, 2);
        assert_eq!(worker.policy().unwrap().revision(), 6);
        assert_eq!(host.interval.get(), Worker::IDLE);
    }

    #[test]
    fn a_later_configuration_that_is_no_good_leaves_the_old_policy_and_is_reported() {
        let host = FakeHost::default();
        host.has_cluster.set(true);
        let worker = Worker::new(&host);
        worker.configure(&host, 1, configuration(5).as_bytes());
        assert!(worker.configure(&host, 2, b"nonsense"));
        assert_eq!(worker.policy().unwrap().revision(), 5);
        tick_until_idle(&worker, &host, 2);
        assert!(
            last_report(&host).error.starts_with(".: expected"),
            "{}",
            last_report(&host).error
        );
        assert_eq!(last_report(&host).applied, Some(5));
    }

    #[test]
    fn a_policy_that_is_in_force_already_is_not_compiled_again() {
        let host = FakeHost::default();
        let worker = Worker::new(&host);
        worker.configure(&host, 1, configuration(5).as_bytes());
        let policy = worker.policy().unwrap();
        assert!(worker.configure(&host, 2, configuration(5).as_bytes()));
        assert!(!worker.loader.borrow().is_compiling());
        assert!(Arc::ptr_eq(&worker.policy().unwrap(), &policy));
    }

    #[test]
    fn a_policy_offered_again_while_it_is_compiled_goes_on_where_it_was() {
        let host = FakeHost::default();
        let worker = Worker::new(&host);
        worker.configure(&host, 1, configuration(5).as_bytes());
        host.step.set(Worker::SLICE);
        let ticks = |again: bool| {
            worker.configure(&host, 2, configuration(if again { 7 } else { 6 }).as_bytes());
            let mut ticks = 0;
            while worker.loader.borrow().is_compiling() {
                worker.tick(&host, 2);
                ticks += 1;
                if again && ticks == 5 {
                    worker.configure(&host, 2, configuration(7).as_bytes());
                }
            }
            ticks
        };
        assert_eq!(ticks(false), ticks(true));
        assert_eq!(worker.policy().unwrap().revision(), 7);
    }

    #[test]
    fn a_later_policy_that_does_not_compile_leaves_the_old_one() {
        let host = FakeHost::default();
        host.has_cluster.set(true);
        let worker = Worker::new(&host);
        worker.configure(&host, 1, configuration(5).as_bytes());
        let bad = configuration(6).replace("evil17", "evil(");
        assert!(worker.configure(&host, 2, bad.as_bytes()));
        tick_until_idle(&worker, &host, 2);
        assert_eq!(worker.policy().unwrap().revision(), 5);
        let report = last_report(&host);
        assert_eq!((report.applied, report.offered), (Some(5), 6));
        assert!(
            report.error.starts_with("patterns[16].pattern: "),
            "{}",
            report.error
        );
        assert_eq!(host.metric("secbeat_policy_failures_total"), 1);
    }

    #[test]
    fn a_replaced_root_context_falls_silent() {
        let host = FakeHost::default();
        let worker = Worker::new(&host);
        worker.configure(&host, 1, configuration(5).as_bytes());
        worker.configure(&host, 2, configuration(5).as_bytes());
        worker.tick(&host, 1);
        assert_eq!(host.interval.get(), Duration::ZERO);
    }

    #[test]
    fn a_trial_vm_which_sees_no_tick_reports_nothing() {
        let host = FakeHost::default();
        host.has_cluster.set(true);
        let worker = Worker::new(&host);
        worker.configure(&host, 1, configuration(5).as_bytes());
        assert!(host.calls.borrow().is_empty());
        worker.tick(&host, 1);
        let report = last_report(&host);
        assert_eq!(
            (report.node.as_str(), report.applied, report.offered),
            ("node-1", Some(5), 5)
        );
        assert_ne!(report.process, 0);
        assert_ne!(report.instance, 0);
    }

    #[test]
    fn an_unknown_cluster_is_survived() {
        let host = FakeHost::default();
        let worker = Worker::new(&host);
        worker.configure(&host, 1, configuration(5).as_bytes());
        worker.tick(&host, 1);
        assert!(host.calls.borrow().is_empty());
        host.has_cluster.set(true);
        host.now.set(10_000_000_000);
        worker.tick(&host, 1);
        assert_eq!(host.calls.borrow().len(), 1);
    }
}
