//! The fleet's rules, played through with time as an argument.

use secbeat_engine::report::ReportRequest;

use super::{
    MAX_NODES,
    moment::Moment,
    node::{MAX_STREAMS, NodeInfo},
    registry::{FleetError, Registry},
    status::{ErrorSource, FleetTotals},
};

const NODE: &str = "n";
const PROCESS: u64 = 1;
/// Long enough ago for a process to have settled.
const SETTLED: u64 = 600;

/// A fleet and a clock of its own.
struct Play {
    registry: Registry,
    now: Moment,
    stream: u64,
}

impl Play {
    fn new() -> Self {
        let now = Moment::now();
        Self {
            registry: Registry::new(now),
            now,
            stream: 0,
        }
    }

    /// A node with these workers, all of which apply revision 1 and have settled.
    fn in_sync(workers: &[u64]) -> Self {
        let mut play = Self::new();
        play.registry.publish(1);
        play.connect();
        play.push(1);
        for &worker in workers {
            play.apply(worker, 1);
        }
        play.pass(SETTLED);
        for &worker in workers {
            play.apply(worker, 1);
        }
        assert!(play.is_applied(1));
        play
    }

    fn pass(&mut self, millis: u64) {
        self.now = self.now.plus(millis);
    }

    fn connect(&mut self) {
        let info = NodeInfo {
            id: NODE.to_owned(),
            ..NodeInfo::default()
        };
        self.stream = self.registry.connect(info, self.now).unwrap().0;
    }

    /// Sends a revision and takes the ACK.
    fn push(&mut self, revision: u64) {
        self.registry.publish(revision);
        self.registry.requested(NODE, self.stream, revision);
        self.registry.acked(NODE, self.stream, revision, self.now);
    }

    fn nack(&mut self, revision: u64) {
        self.registry.publish(revision);
        self.registry.requested(NODE, self.stream, revision);
        self.registry.nacked(NODE, self.stream, revision, "no", self.now);
    }

    fn report(&mut self, report: &ReportRequest) {
        self.registry.report(report, self.now).unwrap();
    }

    /// A worker reports that it applies a revision.
    fn apply(&mut self, worker: u64, revision: u64) {
        self.report(&worker_report(worker, revision));
    }

    fn is_applied(&self, revision: u64) -> bool {
        self.registry.applied(revision, self.now).0.applied
    }

    /// Why the revision is not applied, and whether that is final.
    fn reason(&self, revision: u64) -> (String, bool) {
        let (answer, is_final) = self.registry.applied(revision, self.now);
        (
            answer
                .nodes
                .first()
                .map(|node| node.reason.clone())
                .unwrap_or_default(),
            is_final,
        )
    }

    /// Lets time pass in ticks, with these workers alive, and counts how often the epoch was raised.
    fn ticks(&mut self, millis: u64, alive: &[(u64, u64)]) -> usize {
        (0..millis / 200)
            .map(|_| {
                self.pass(200);
                for &(worker, revision) in alive {
                    self.apply(worker, revision);
                }
                self.registry.tick(self.now).len()
            })
            .sum()
    }
}

fn worker_report(worker: u64, revision: u64) -> ReportRequest {
    ReportRequest {
        node: NODE.to_owned(),
        process: PROCESS,
        instance: worker,
        applied: Some(revision),
        offered: revision,
        ..ReportRequest::default()
    }
}

#[test]
fn nothing_is_applied_without_a_node_and_only_one_on_its_way_is_waited_for() {
    let mut play = Play::new();
    let answer = |play: &Play| {
        let (answer, is_final) = play.registry.applied(1, play.now);
        assert!(!answer.applied && answer.nodes.is_empty());
        is_final
    };
    assert!(!answer(&play), "nodes come back after a start");
    play.pass(3_000);
    assert!(answer(&play));
    play.connect();
    play.registry.disconnect(NODE, play.stream, play.now);
    assert!(!answer(&play), "it may be about to come back");
    play.pass(3_000);
    assert!(answer(&play));
}

#[test]
fn revision_is_applied_once_it_is_acknowledged_and_every_worker_says_so() {
    let mut play = Play::in_sync(&[10, 11]);
    play.registry.publish(2);
    assert_eq!(
        play.reason(2),
        ("revision 2 is not acknowledged yet".to_owned(), false)
    );
    play.push(2);
    assert_eq!(
        play.reason(2),
        ("worker 000000000000000a applies revision 1".to_owned(), false)
    );
    play.apply(10, 2);
    assert_eq!(
        play.reason(2),
        ("worker 000000000000000b applies revision 1".to_owned(), false)
    );
    play.apply(11, 2);
    assert!(play.is_applied(2));
    assert!(play.is_applied(1), "a newer revision covers an older one");
}

#[test]
fn acknowledgement_alone_is_not_enough() {
    let mut play = Play::new();
    play.connect();
    play.push(1);
    assert_eq!(play.reason(1), ("no worker reports".to_owned(), false));
}

#[test]
fn first_worker_of_a_new_process_does_not_speak_for_all() {
    let mut play = Play::new();
    play.connect();
    play.push(1);
    play.apply(10, 1);
    assert_eq!(
        play.reason(1),
        ("1 of at least 2 workers have reported".to_owned(), false)
    );
    play.pass(SETTLED);
    assert!(play.is_applied(1));
}

#[test]
fn silent_worker_no_longer_counts_after_three_seconds() {
    let mut play = Play::in_sync(&[10, 11]);
    play.push(2);
    play.apply(10, 2);
    play.pass(2_900);
    assert!(!play.is_applied(2));
    play.apply(10, 2);
    play.pass(100);
    assert!(play.is_applied(2));
}

#[test]
fn number_from_another_history_is_not_taken_for_newer() {
    let mut play = Play::in_sync(&[10]);
    play.apply(10, 70);
    assert_eq!(play.reason(1).0, "worker 000000000000000a applies revision 70");
}

#[test]
fn refusal_is_final_until_newer_content_is_accepted() {
    let mut play = Play::in_sync(&[10]);
    play.nack(2);
    assert_eq!(play.reason(2), ("Envoy refused revision 2: no".to_owned(), true));
    assert!(play.is_applied(1), "the revision before is still in force");
    let status = play.registry.node(NODE, play.now).unwrap();
    assert_eq!(
        (status.requested, status.acked, status.applied),
        (Some(2), Some(1), Some(1))
    );
    let error = status.last_error.unwrap();
    assert_eq!(
        (error.source, error.revision, error.message.as_str()),
        (ErrorSource::Envoy, 2, "no")
    );
    play.push(3);
    play.apply(10, 3);
    assert!(play.is_applied(2) && play.is_applied(3));
}

#[test]
fn worker_that_could_not_load_is_final_and_told() {
    let mut play = Play::in_sync(&[10]);
    play.push(2);
    let failed = ReportRequest {
        offered: 2,
        error: "bad".to_owned(),
        ..worker_report(10, 1)
    };
    play.report(&failed);
    let expected = "worker 000000000000000a could not load revision 2: bad";
    assert_eq!(play.reason(2), (expected.to_owned(), true));
    let error = play.registry.node(NODE, play.now).unwrap().last_error.unwrap();
    assert_eq!((error.source, error.revision), (ErrorSource::Filter, 2));
    // New VMs would not heal it.
    assert_eq!(play.ticks(5_000, &[]), 0);
}

#[test]
fn new_process_replaces_the_workers_of_the_old_one() {
    let mut play = Play::in_sync(&[10, 11]);
    play.connect();
    play.push(2);
    play.report(&ReportRequest {
        process: 2,
        ..worker_report(20, 2)
    });
    // What the old process still had in the air does not bring it back.
    play.apply(10, 1);
    play.pass(SETTLED);
    assert!(play.is_applied(2));
    let status = play.registry.node(NODE, play.now).unwrap();
    assert_eq!(status.instances.len(), 1);
}

#[test]
fn worker_lost_behind_an_acknowledgement_gets_new_vms() {
    let mut play = Play::in_sync(&[10, 11, 12]);
    play.push(2);
    // 12 lost the filter: it neither applies the revision nor says anything.
    assert_eq!(play.ticks(400, &[(10, 2), (11, 2)]), 0, "it has a moment");
    assert_eq!(play.ticks(200, &[(10, 2), (11, 2)]), 1);
    let status = play.registry.node(NODE, play.now).unwrap();
    assert_eq!((status.epoch, status.in_sync), (1, false));
    assert_eq!(status.last_error.unwrap().source, ErrorSource::Recovery);
    // The old VMs still report while Envoy builds the new ones, and must not stand in for them.
    play.apply(20, 2);
    assert_eq!(play.ticks(2_000, &[(10, 2), (11, 2), (20, 2)]), 0);
    assert_eq!(play.reason(2).0, "1 of at least 3 workers have reported");
    play.push(2);
    play.apply(11, 2);
    play.apply(21, 2);
    assert_eq!(play.reason(2).0, "2 of at least 3 workers have reported");
    play.apply(22, 2);
    assert!(
        play.is_applied(2),
        "without waiting for the old workers to be forgotten"
    );
    assert_eq!(play.ticks(10_000, &[(20, 2), (21, 2), (22, 2)]), 0);
}

#[test]
fn recovery_is_tried_again_but_not_for_ever() {
    let mut play = Play::in_sync(&[10, 11]);
    play.push(2);
    assert_eq!(play.ticks(600, &[(10, 2)]), 1);
    // New VMs of which one is lost again, over and over.
    let mut raised = 1;
    for worker in 20..40 {
        play.push(2);
        raised += play.ticks(2_000, &[(worker, 2)]);
    }
    assert_eq!(raised, 5);
}

#[test]
fn worker_that_is_still_compiling_is_left_alone() {
    let mut play = Play::in_sync(&[10, 11]);
    play.push(2);
    for _ in 0..10 {
        play.report(&ReportRequest {
            offered: 2,
            ..worker_report(11, 1)
        });
        assert_eq!(play.ticks(400, &[(10, 2)]), 0);
    }
}

#[test]
fn worker_lost_while_new_code_comes_in_is_missed() {
    let mut play = Play::in_sync(&[10, 11, 12]);
    play.push(2);
    // New code shares nothing with the old VMs, so that its VMs look like another process.
    let report = |worker| ReportRequest {
        process: 2,
        ..worker_report(worker, 2)
    };
    play.report(&report(20));
    play.report(&report(21));
    play.pass(SETTLED);
    assert_eq!(play.reason(2).0, "2 of at least 3 workers have reported");
    play.pass(900);
    assert_eq!(play.registry.tick(play.now), [NODE]);
}

#[test]
fn refusal_behind_a_lost_worker_gets_new_vms_and_any_other_does_not() {
    let mut play = Play::in_sync(&[10, 11]);
    play.nack(2);
    assert_eq!(
        play.ticks(5_000, &[(10, 1), (11, 1)]),
        0,
        "a missing module is not healed by new VMs"
    );

    let mut play = Play::in_sync(&[10, 11]);
    play.push(2);
    play.nack(3);
    assert_eq!(play.ticks(2_000, &[(10, 2)]), 1, "11 is silent");
}

#[test]
fn disconnected_node_is_shown_and_then_forgotten() {
    let mut play = Play::in_sync(&[10]);
    play.registry.disconnect(NODE, play.stream, play.now);
    let status = play.registry.node(NODE, play.now).unwrap();
    assert_eq!((status.connected, status.acked), (false, Some(1)));
    assert!(!play.is_applied(1));
    play.pass(599_000);
    play.registry.tick(play.now);
    assert!(play.registry.node(NODE, play.now).is_some());
    play.pass(1_000);
    play.registry.tick(play.now);
    assert!(play.registry.node(NODE, play.now).is_none());
}

#[test]
fn stray_report_of_another_process_does_not_shut_the_node_out() {
    let mut play = Play::in_sync(&[10]);
    play.report(&ReportRequest {
        process: 2,
        ..worker_report(99, 1)
    });
    assert!(!play.is_applied(1), "a new process has not settled");
    for _ in 0..10 {
        play.pass(SETTLED);
        play.apply(10, 1);
    }
    assert!(play.is_applied(1), "{:?}", play.reason(1));
}

#[test]
fn newest_stream_counts_and_a_late_end_of_an_old_one_changes_nothing() {
    let mut play = Play::in_sync(&[10]);
    let old = play.stream;
    play.connect();
    assert_eq!(play.reason(1).0, "revision 1 is not acknowledged yet");
    play.push(1);
    play.registry.disconnect(NODE, old, play.now);
    assert!(play.is_applied(1));
}

#[test]
fn streams_of_a_node_are_bounded() {
    let mut play = Play::new();
    for _ in 0..MAX_STREAMS {
        play.connect();
    }
    let info = NodeInfo {
        id: NODE.to_owned(),
        ..NodeInfo::default()
    };
    let refused = play.registry.connect(info, play.now).map(|(stream, _)| stream);
    assert_eq!(refused, Err(FleetError::TooManyStreams));
    play.registry.disconnect(NODE, play.stream, play.now);
    play.connect();
}

#[test]
fn epoch_goes_on_where_the_node_is() {
    let mut play = Play::new();
    play.connect();
    play.registry.resume(NODE, 3);
    play.registry.resume(NODE, 2);
    assert_eq!(play.registry.node(NODE, play.now).unwrap().epoch, 3);
}

#[test]
fn totals_add_up_over_repeated_reports_and_new_vms() {
    let mut play = Play::new();
    let counted = |worker, requests, blocked| ReportRequest {
        requests,
        blocked,
        detected: 1,
        events_dropped: 2,
        ..worker_report(worker, 1)
    };
    for report in [
        counted(10, 5, 1),
        counted(10, 7, 1),
        counted(11, 1, 0),
        counted(10, 7, 2),
    ] {
        play.report(&report);
    }
    play.report(&ReportRequest {
        process: 2,
        ..counted(20, 100, 0)
    });
    let expected = FleetTotals {
        requests: 108,
        blocked: 2,
        detected: 3,
        events_dropped: 6,
    };
    assert_eq!(play.registry.totals(), expected);
}

#[test]
fn instances_of_a_node_are_bounded() {
    let mut play = Play::new();
    for worker in 0..1_100 {
        play.pass(1);
        play.apply(worker, 1);
    }
    let instances = play.registry.node(NODE, play.now).unwrap().instances;
    assert_eq!(instances.len(), 1_024);
    assert_eq!(
        instances[0].instance,
        format!("{:016x}", 1_100 - 1_024),
        "the oldest went"
    );
}

#[test]
fn nodes_are_bounded_and_one_that_is_gone_makes_room() {
    let mut play = Play::new();
    let connect = |play: &mut Play, id: String| {
        let info = NodeInfo {
            id,
            ..NodeInfo::default()
        };
        play.registry.connect(info, play.now).map(|(stream, _)| stream)
    };
    let streams: Vec<_> = (0..MAX_NODES)
        .map(|id| connect(&mut play, id.to_string()).unwrap())
        .collect();
    assert_eq!(connect(&mut play, "more".to_owned()), Err(FleetError::Full));
    assert_eq!(
        play.registry.report(&worker_report(1, 1), play.now),
        Err(FleetError::Full)
    );
    play.registry.disconnect("7", streams[7], play.now);
    assert!(connect(&mut play, "more".to_owned()).is_ok());
    assert!(play.registry.node("7", play.now).is_none());
}

#[test]
fn counts_tell_the_states_of_nodes() {
    let mut play = Play::in_sync(&[10]);
    let counts = play.registry.counts(play.now);
    assert_eq!(
        (
            counts.connected,
            counts.in_sync,
            counts.stale,
            counts.disconnected
        ),
        (1, 1, 0, 0)
    );
    play.pass(3_000);
    let counts = play.registry.counts(play.now);
    assert_eq!(
        (
            counts.connected,
            counts.in_sync,
            counts.stale,
            counts.disconnected
        ),
        (1, 0, 1, 0)
    );
    play.registry.disconnect(NODE, play.stream, play.now);
    let counts = play.registry.counts(play.now);
    assert_eq!(
        (
            counts.connected,
            counts.in_sync,
            counts.stale,
            counts.disconnected
        ),
        (0, 0, 0, 1)
    );
}
