//! One request on its way through the filter, and its response: asks the engine, and does what it says.
//!
//! This is where the filter's one promise is kept: a request goes on only after a verdict, and exactly the paths
//! that let it go on set the pass marker.

mod response;

use std::{mem, rc::Rc};

use secbeat_engine::{Denial, RequestHead, Transaction, Verdict, config::Mode};

use crate::{
    client, event,
    host::{Flow, RequestHost},
    refusal::{Address, Recipient, Refusal, RequestId},
    worker::Worker,
};
use response::Answer;

/// One request on its way through the filter.
#[derive(Debug)]
pub(crate) struct Request {
    worker: Option<Rc<Worker>>,
    /// The number by which the proxy knows it.
    id: u32,
    stage: Stage,
}

#[derive(Debug, Default)]
enum Stage {
    /// Nothing has arrived, or everything that can be said has been said.
    #[default]
    Idle,
    /// Held back; the engine has seen `seen` bytes of what the proxy buffers.
    Held { exchange: Box<Exchange>, seen: usize },
    /// Going on, and shown to the engine as it streams by.
    Streaming(Box<Exchange>),
    /// Gone on as a whole; some rule wants to see the response, or the end.
    Answering(Box<Exchange>),
    /// Refused; whatever still arrives stays here, and the answer in its place passes.
    Refused,
    /// The response was refused: what still arrives of either stays here. The answer in its place does not pass the
    /// filter.
    Replaced,
}

#[derive(Debug)]
struct Exchange {
    transaction: Transaction,
    address: Address,
    answer: Answer,
}

impl Request {
    /// Bytes of a body that are copied out of the proxy at a time.
    const PIECE: usize = 64 * 1024;
    /// Status of a refusal when nothing can judge the request.
    const UNAVAILABLE: u16 = 503;

    /// Starts a request. Without a worker, that is before any configuration, every request is refused.
    pub(crate) fn new(worker: Option<Rc<Worker>>, id: u32) -> Self {
        Self {
            worker,
            id,
            stage: Stage::Idle,
        }
    }

    /// Start line and headers have arrived; `end` tells that no body follows.
    pub(crate) fn headers<H: RequestHost>(&mut self, host: &H, end: bool) -> Flow {
        if let Some(worker) = &self.worker {
            worker.count_request(host);
        }
        let Some((worker, policy)) = self
            .worker
            .as_ref()
            .and_then(|worker| Some((worker, worker.policy()?)))
        else {
            return self.refuse_unjudged(host);
        };
        if policy.mode() == Mode::Off || !worker.samples(host, &policy) {
            host.mark_passed();
            return Flow::Continue;
        }
        let Some(headers) = host.request_headers() else {
            return self.refuse_unjudged(host);
        };
        #[cfg(feature = "faults")]
        worker.trap_if_asked(&headers);
        let client = policy.uses_client().then(|| host.client()).flatten();
        let head = RequestHead {
            client: client.and_then(|text| client::address(&text)),
            headers: &headers.iter().collect::<Vec<_>>(),
        };
        let mut transaction = Transaction::new(policy);
        let mut verdict = transaction.request_headers(&head, end);
        if end && verdict == Verdict::Hold {
            verdict = transaction.request_body(&[], true);
        }
        let policy = transaction.policy();
        if policy.inspects_response_bodies() && policy.response().ask_identity {
            host.set_request_header("accept-encoding", "identity");
        }
        let exchange = Box::new(Exchange {
            transaction,
            address: Address::new(headers, || host.now()),
            answer: Answer::default(),
        });
        self.follow(host, exchange, verdict, end, 0)
    }

    /// `size` bytes of the body are at hand, buffered ones included; `end` tells that no more follow.
    pub(crate) fn body<H: RequestHost>(&mut self, host: &H, size: usize, end: bool) -> Flow {
        match mem::take(&mut self.stage) {
            Stage::Held { exchange, seen } => self.show(host, exchange, seen, size, end),
            Stage::Streaming(exchange) => self.show(host, exchange, 0, size, end),
            other => self.stay(other),
        }
    }

    /// The body has ended with trailers.
    pub(crate) fn trailers<H: RequestHost>(&mut self, host: &H) -> Flow {
        match mem::take(&mut self.stage) {
            Stage::Held { mut exchange, .. } | Stage::Streaming(mut exchange) => {
                let verdict = exchange.transaction.request_body(&[], true);
                self.follow(host, exchange, verdict, true, 0)
            }
            other => self.stay(other),
        }
    }

    /// The request is over, perhaps before it was complete.
    pub(crate) fn finish<H: RequestHost>(&mut self, host: &H) {
        if let Stage::Held { exchange, .. } | Stage::Streaming(exchange) | Stage::Answering(exchange) =
            mem::take(&mut self.stage)
        {
            self.conclude(host, exchange, None);
        }
    }

    /// Nothing changes: what was let go on goes on, what was refused stays.
    fn stay(&mut self, stage: Stage) -> Flow {
        self.stage = stage;
        match self.stage {
            Stage::Idle | Stage::Streaming(_) | Stage::Answering(_) => Flow::Continue,
            Stage::Held { .. } | Stage::Refused | Stage::Replaced => Flow::Pause,
        }
    }

    fn show<H: RequestHost>(
        &mut self,
        host: &H,
        mut exchange: Box<Exchange>,
        mut seen: usize,
        size: usize,
        end: bool,
    ) -> Flow {
        loop {
            let piece = host.request_body(seen, size.saturating_sub(seen).min(Self::PIECE));
            seen += piece.len();
            if piece.is_empty() && seen < size {
                // The proxy does not give what it says it has: nobody can judge this.
                return self.refuse_unjudged(host);
            }
            let is_last = seen >= size;
            let verdict = exchange.transaction.request_body(&piece, end && is_last);
            let wants_more = match verdict {
                Verdict::Allow => exchange.transaction.wants_body(),
                Verdict::Hold => true,
                Verdict::Deny(_) => false,
            };
            if is_last || !wants_more {
                return self.follow(host, exchange, verdict, end, seen);
            }
        }
    }

    fn follow<H: RequestHost>(
        &mut self,
        host: &H,
        exchange: Box<Exchange>,
        verdict: Verdict,
        end: bool,
        seen: usize,
    ) -> Flow {
        match verdict {
            Verdict::Allow => self.let_go_on(host, exchange, end),
            Verdict::Hold if !end => {
                self.stage = Stage::Held { exchange, seen };
                Flow::Pause
            }
            // Nothing more will come, so that waiting would hang the request.
            Verdict::Hold => self.refuse_unjudged(host),
            Verdict::Deny(denial) => {
                self.conclude(host, exchange, Some(denial));
                Flow::Pause
            }
        }
    }

    fn let_go_on<H: RequestHost>(&mut self, host: &H, exchange: Box<Exchange>, end: bool) -> Flow {
        host.mark_passed();
        let transaction = &exchange.transaction;
        let policy = transaction.policy();
        let wants_body = !end && transaction.wants_body();
        if wants_body || policy.inspects_responses() || policy.inspects_ends() {
            self.stage = if wants_body {
                Stage::Streaming(exchange)
            } else {
                Stage::Answering(exchange)
            };
        } else {
            self.conclude(host, exchange, None);
        }
        Flow::Continue
    }

    /// Reports what was found and, with a denial, refuses the request.
    fn conclude<H: RequestHost>(&mut self, host: &H, mut exchange: Box<Exchange>, denial: Option<Denial>) {
        self.forget_hold(&exchange);
        let transaction = &mut exchange.transaction;
        if transaction.policy().inspects_ends() {
            transaction.finish();
        }
        if let (Some(worker), Some(why)) = (&self.worker, transaction.response_uninspected()) {
            worker.count_uninspected(host, why);
        }
        if denial.is_none() && !transaction.has_findings() {
            return;
        }
        let Exchange {
            transaction, address, ..
        } = *exchange;
        let recipient = address.into_recipient(|| host.now());
        self.record(host, &recipient.id, &transaction, denial);
        if let Some(denial) = denial {
            self.refuse(host, denial.status, &recipient);
        }
    }

    fn record<H: RequestHost>(
        &self,
        host: &H,
        id: &RequestId,
        transaction: &Transaction,
        denial: Option<Denial>,
    ) {
        let Some(worker) = &self.worker else { return };
        worker.count_findings(host, transaction, denial);
        if worker.wants_events() {
            worker.keep(host, event::describe(host, id, transaction, denial));
        } else {
            worker.note_unreported(host, transaction, denial);
        }
    }

    fn refuse_unjudged<H: RequestHost>(&mut self, host: &H) -> Flow {
        if let Some(worker) = &self.worker {
            worker.count_unjudged(host);
        }
        self.refuse(host, Self::UNAVAILABLE, &recipient(host));
        Flow::Pause
    }

    fn refuse<H: RequestHost>(&mut self, host: &H, status: u16, recipient: &Recipient) {
        self.stage = Stage::Refused;
        host.refuse(&Refusal::new(status, recipient));
    }
}

fn recipient<H: RequestHost>(host: &H) -> Recipient {
    Recipient::of(&host.request_headers().unwrap_or_default(), || host.now())
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use secbeat_engine::report::{Event, ReportRequest};

    use super::*;
    use crate::host::fake::FakeHost;

    const BLOCKED: &str = "secbeat_blocked_total.category.=.xss;.;";
    const DETECTED: &str = "secbeat_detected_total.category.=.xss;.;";

    /// A worker with one pattern, and whatever else the policy shall say.
    fn worker(host: &FakeHost, more: &str) -> Rc<Worker> {
        host.has_cluster.set(true);
        let worker = Rc::new(Worker::new(host));
        let configuration = format!(
            r#"{{"policy":{{"revision":7,"patterns":[{{"id":17,"name":"evil","pattern":"evil","category":"xss"}}]{more}}},
                "report":{{"cluster":"control"}}}}"#
        );
        assert!(worker.configure(host, 1, configuration.as_bytes()));
        worker
    }

    fn post(kind: &str) -> FakeHost {
        FakeHost::with_request(&[
            (":method", "POST"),
            (":path", "/form?a=1"),
            (":authority", "shop.example"),
            ("content-type", kind),
            ("x-request-id", "id-1"),
            ("te", "trailers"),
        ])
    }

    fn form() -> FakeHost {
        post("application/x-www-form-urlencoded")
    }

    /// Lets the next piece of the body arrive, as Envoy does: behind what it still buffers.
    fn arrive(host: &FakeHost, request: &mut Request, piece: &str, end: bool) -> Flow {
        host.body.borrow_mut().extend_from_slice(piece.as_bytes());
        let size = host.body.borrow().len();
        let flow = request.body(host, size, end);
        if flow == Flow::Continue {
            host.body.borrow_mut().clear();
        }
        flow
    }

    fn events(host: &FakeHost, worker: &Worker) -> Vec<Event> {
        worker.tick(host, 1);
        let calls = host.calls.borrow();
        ReportRequest::decode(calls.last().expect("a report was sent").as_slice())
            .unwrap()
            .events
    }

    fn statuses(host: &FakeHost) -> Vec<u16> {
        host.refusals
            .borrow()
            .iter()
            .map(|refusal| refusal.status)
            .collect()
    }

    #[test]
    fn a_clean_request_goes_on_with_the_marker() {
        let host = FakeHost::with_request(&[(":method", "GET"), (":path", "/?a=good"), (":authority", "a")]);
        let worker = worker(&host, "");
        assert_eq!(
            Request::new(Some(Rc::clone(&worker)), 1).headers(&host, true),
            Flow::Continue
        );
        assert_eq!((host.passed.get(), statuses(&host)), (1, vec![]));
        assert_eq!(events(&host, &worker), []);
        assert_eq!(host.metric("secbeat_requests_total"), 1);
    }

    #[test]
    fn an_attack_in_the_head_is_refused_without_the_marker_and_reported() {
        let host = FakeHost::with_request(&[
            (":method", "GET"),
            (":path", "/search?q=evil"),
            (":authority", "shop.example"),
            ("x-request-id", "id-1"),
        ]);
        let worker = worker(&host, "");
        let mut request = Request::new(Some(Rc::clone(&worker)), 1);
        assert_eq!(request.headers(&host, true), Flow::Pause);
        request.finish(&host);
        assert_eq!((host.passed.get(), statuses(&host)), (0, vec![403]));
        let events = events(&host, &worker);
        let [event] = events.as_slice() else {
            panic!("{events:?}")
        };
        assert_eq!(
            (event.seq, event.blocked, event.status, event.revision),
            (1, true, 403, 7)
        );
        assert_eq!(
            (event.request_id.as_str(), event.client.as_str()),
            ("id-1", "192.0.2.1")
        );
        assert_eq!(event.method, b"GET");
        assert_eq!(event.host, b"shop.example");
        assert_eq!(event.path, b"/search");
        let found = &event.matches[0];
        assert_eq!(
            (found.rule, found.category.as_str(), found.blocked),
            (17, "xss", true)
        );
        assert_eq!(found.target, "query_values:q");
        assert_eq!(host.metric(BLOCKED), 1);
    }

    #[test]
    fn an_event_carries_no_secret_that_happens_to_match() {
        let host = form();
        let worker = worker(&host, "");
        let mut request = Request::new(Some(Rc::clone(&worker)), 1);
        request.headers(&host, false);
        assert_eq!(
            arrive(&host, &mut request, "password=my-evil-secret", true),
            Flow::Pause
        );
        let events = events(&host, &worker);
        let found = &events[0].matches[0];
        assert_eq!((found.rule, found.target.as_str()), (17, "body_values:password"));
        assert_eq!((found.matched.as_slice(), found.masked), (&b""[..], true));
    }

    #[test]
    fn a_request_whose_headers_are_not_shown_is_refused() {
        let host = form();
        let worker = worker(&host, "");
        host.hides_headers.set(true);
        let mut request = Request::new(Some(worker), 1);
        assert_eq!(request.headers(&host, true), Flow::Pause);
        assert_eq!((host.passed.get(), statuses(&host)), (0, vec![503]));
        assert_eq!(host.metric("secbeat_unjudged_total"), 1);
    }

    #[test]
    fn an_attack_in_the_last_byte_of_a_body_lets_nothing_pass() {
        let host = form();
        let mut request = Request::new(Some(worker(&host, "")), 1);
        assert_eq!(request.headers(&host, false), Flow::Pause);
        assert_eq!(arrive(&host, &mut request, "a=good&b=", false), Flow::Pause);
        assert_eq!(arrive(&host, &mut request, "evi", false), Flow::Pause);
        assert_eq!(arrive(&host, &mut request, "l", true), Flow::Pause);
        assert_eq!((host.passed.get(), statuses(&host)), (0, vec![403]));
    }

    #[test]
    fn a_clean_body_goes_on_once_it_is_complete() {
        let host = form();
        let mut request = Request::new(Some(worker(&host, "")), 1);
        assert_eq!(request.headers(&host, false), Flow::Pause);
        assert_eq!(arrive(&host, &mut request, "a=good", false), Flow::Pause);
        assert_eq!(host.passed.get(), 0);
        assert_eq!(arrive(&host, &mut request, "", true), Flow::Continue);
        assert_eq!((host.passed.get(), statuses(&host)), (1, vec![]));
    }

    #[test]
    fn a_body_larger_than_a_piece_is_seen_whole_and_once() {
        for (end, expected) in [("evil", vec![403]), ("good", vec![])] {
            let host = form();
            let mut request = Request::new(Some(worker(&host, r#","body":{"limit":1048576}"#)), 1);
            request.headers(&host, false);
            let body = format!("a={}&b={end}", "x".repeat(3 * Request::PIECE));
            let (first, second) = body.split_at(2 * Request::PIECE + 7);
            assert_eq!(arrive(&host, &mut request, first, false), Flow::Pause);
            arrive(&host, &mut request, second, true);
            assert_eq!(statuses(&host), expected, "{end}");
        }
    }

    #[test]
    fn trailers_end_a_body() {
        for (body, passed, expected) in [("a=good", 1, vec![]), ("a=evil", 0, vec![403])] {
            let host = form();
            let mut request = Request::new(Some(worker(&host, "")), 1);
            request.headers(&host, false);
            assert_eq!(arrive(&host, &mut request, body, false), Flow::Pause);
            let flow = request.trailers(&host);
            assert_eq!(flow == Flow::Continue, passed == 1);
            assert_eq!((host.passed.get(), statuses(&host)), (passed, expected));
        }
    }

    #[test]
    fn a_body_over_its_limit_is_refused_and_counted() {
        let host = form();
        let worker = worker(&host, r#","body":{"limit":10}"#);
        let mut request = Request::new(Some(Rc::clone(&worker)), 1);
        request.headers(&host, false);
        assert_eq!(arrive(&host, &mut request, "a=123456789", false), Flow::Pause);
        assert_eq!((host.passed.get(), statuses(&host)), (0, vec![413]));
        assert_eq!(host.metric("secbeat_body_over_limit_total"), 1);
        assert_eq!(host.metric("secbeat_blocked_total.category.=.limit;.;"), 1);
        assert_eq!(events(&host, &worker)[0].limit, "body_over_limit");
    }

    #[test]
    fn in_detect_mode_everything_passes_and_is_reported() {
        let host = form();
        let worker = worker(&host, r#","mode":"detect""#);
        let mut request = Request::new(Some(Rc::clone(&worker)), 1);
        request.headers(&host, false);
        assert_eq!(arrive(&host, &mut request, "a=evil", true), Flow::Continue);
        request.finish(&host);
        assert_eq!((host.passed.get(), statuses(&host)), (1, vec![]));
        let events = events(&host, &worker);
        let [event] = events.as_slice() else {
            panic!("{events:?}")
        };
        assert_eq!((event.blocked, event.status), (false, 0));
        assert_eq!((host.metric(BLOCKED), host.metric(DETECTED)), (0, 1));
    }

    #[test]
    fn with_mode_off_everything_passes_unseen() {
        let host = form();
        let worker = worker(&host, r#","mode":"off""#);
        let mut request = Request::new(Some(Rc::clone(&worker)), 1);
        assert_eq!(request.headers(&host, false), Flow::Continue);
        assert_eq!(arrive(&host, &mut request, "a=evil", true), Flow::Continue);
        assert_eq!(host.passed.get(), 1);
        assert_eq!(events(&host, &worker), []);
    }

    #[test]
    fn a_share_of_the_requests_passes_unseen_and_is_counted() {
        let host = FakeHost::with_request(&[(":method", "GET"), (":path", "/?a=evil"), (":authority", "a")]);
        let worker = worker(&host, r#","scoring":{"sampling_percent":50}"#);
        let mut passed = 0;
        // That all of them go the same way is as likely as to guess a key of 199 bits.
        for _ in 0..200 {
            let mut request = Request::new(Some(Rc::clone(&worker)), 1);
            passed += u64::from(request.headers(&host, true) == Flow::Continue);
            request.finish(&host);
        }
        let refused = statuses(&host).len() as u64;
        assert!(passed > 0 && refused > 0 && passed + refused == 200);
        assert_eq!(u64::from(host.passed.get()), passed);
        assert_eq!(host.metric("secbeat_sampled_out_total"), passed);
        assert_eq!(host.metric("secbeat_requests_total"), 200);
        assert_eq!(events(&host, &worker).len() as u64, refused);
    }

    #[test]
    fn an_event_tells_the_scores() {
        let host =
            FakeHost::with_request(&[(":method", "GET"), (":path", "/?a=evil+odd"), (":authority", "a")]);
        host.has_cluster.set(true);
        let worker = Rc::new(Worker::new(&host));
        let configuration = br#"{"report":{"cluster":"control"},"policy":{"mode":"detect","patterns":[
            {"id":1,"name":"n","pattern":"evil","category":"xss","severity":"warning","action":"score"},
            {"id":2,"name":"n","pattern":"odd","severity":"notice","action":"score"},
            {"id":3,"name":"n","pattern":"odd","paranoia":2,"action":"score"}],
            "scoring":{"executing_paranoia_level":2}}}"#;
        assert!(worker.configure(&host, 1, configuration));
        assert_eq!(
            Request::new(Some(Rc::clone(&worker)), 1).headers(&host, true),
            Flow::Continue
        );
        let event = &events(&host, &worker)[0];
        assert_eq!((event.inbound_score, event.outbound_score), (5, 0));
        assert_eq!(
            (event.blocked, event.would_block, event.matches_beyond),
            (false, true, 0)
        );
        let categories: Vec<_> = event
            .category_scores
            .iter()
            .map(|scored| (scored.category.as_str(), scored.score))
            .collect();
        assert_eq!(categories, [("xss", 3), ("custom", 2)]);
        let matches: Vec<_> = event
            .matches
            .iter()
            .map(|found| (found.rule, found.score, found.paranoia))
            .collect();
        assert_eq!(matches, [(1, 3, 1), (2, 2, 1), (3, 5, 2)]);
    }

    #[test]
    fn a_stream_goes_on_at_once_and_ends_where_an_attack_shows() {
        let host = post("application/grpc");
        let mut request = Request::new(Some(worker(&host, "")), 1);
        assert_eq!(request.headers(&host, false), Flow::Continue);
        assert_eq!(host.passed.get(), 1);
        // Envoy shows the headers of a request only until they have gone on.
        host.request.borrow_mut().clear();
        assert_eq!(
            arrive(&host, &mut request, "\0\0\0\0\u{4}good", false),
            Flow::Continue
        );
        assert_eq!(arrive(&host, &mut request, "evil", false), Flow::Pause);
        assert_eq!(statuses(&host), [403]);
        assert!(host.refusals.borrow()[0].body.contains("id-1"));
        assert_eq!(arrive(&host, &mut request, "more", true), Flow::Pause);
        assert_eq!(statuses(&host), [403], "one answer per request");
    }

    #[test]
    fn an_answer_that_comes_before_a_stream_ends_is_judged_and_ends_both() {
        let host = post("application/grpc");
        let leak = r#"{"id":18,"name":"leak","pattern":"leak","targets":["response_body"]}"#;
        let worker = Rc::new(Worker::new(&host));
        let configuration =
            format!(r#"{{"policy":{{"patterns":[{leak},{{"id":1,"name":"e","pattern":"evil"}}]}}}}"#);
        assert!(worker.configure(&host, 1, configuration.as_bytes()));
        let mut request = Request::new(Some(worker), 1);
        assert_eq!(request.headers(&host, false), Flow::Continue);
        assert_eq!(
            arrive(&host, &mut request, "\0\0\0\0\x04good", false),
            Flow::Continue
        );
        let headers = [(":status", "200"), ("content-type", "text/html")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
        host.response.replace(headers.to_vec());
        assert_eq!(request.response_headers(&host, false), Flow::Pause);
        host.response_body.borrow_mut().extend_from_slice(b"a leak");
        assert_eq!(request.response_body(&host, 6, true), Flow::Pause);
        assert_eq!(statuses(&host), [502]);
        assert_eq!(arrive(&host, &mut request, "\0\0\0\0\x04evil", true), Flow::Pause);
        request.finish(&host);
        assert_eq!(statuses(&host), [502], "one answer per request");
    }

    #[test]
    fn a_body_that_only_claims_to_be_a_stream_is_held_after_all() {
        for (body, expected) in [("a=1&b=evil", vec![403]), ("a=1&b=good", vec![])] {
            let host = post("application/grpc");
            let mut request = Request::new(Some(worker(&host, "")), 1);
            assert_eq!(request.headers(&host, false), Flow::Continue);
            host.request.borrow_mut().clear();
            let (first, second) = body.split_at(8);
            assert_eq!(arrive(&host, &mut request, first, false), Flow::Pause);
            let flow = arrive(&host, &mut request, second, true);
            assert_eq!(flow == Flow::Continue, expected.is_empty());
            assert_eq!(statuses(&host), expected);
        }
    }

    #[test]
    fn what_was_found_before_a_client_went_away_is_reported() {
        let host = form();
        host.request
            .borrow_mut()
            .push(("x-note".to_owned(), b"evil".to_vec()));
        let worker = worker(&host, r#","mode":"detect""#);
        let mut request = Request::new(Some(Rc::clone(&worker)), 1);
        assert_eq!(request.headers(&host, false), Flow::Pause);
        request.finish(&host);
        assert_eq!(events(&host, &worker).len(), 1);
        assert_eq!(host.passed.get(), 0);
    }

    #[test]
    fn a_body_over_a_limit_that_refuses_nothing_is_counted() {
        let host = form();
        let worker = worker(&host, r#","body":{"limit":10,"over_limit":"inspect_prefix"}"#);
        let mut request = Request::new(Some(Rc::clone(&worker)), 1);
        request.headers(&host, false);
        assert_eq!(arrive(&host, &mut request, "a=123456789", true), Flow::Continue);
        assert_eq!((host.passed.get(), statuses(&host)), (1, vec![]));
        assert_eq!(host.metric("secbeat_body_over_limit_total"), 1);
    }

    #[test]
    fn without_a_destination_nothing_is_kept() {
        let host = FakeHost::with_request(&[(":method", "GET"), (":path", "/?q=evil"), (":authority", "a")]);
        let worker = worker(&host, "");
        worker.configure(
            &host,
            1,
            br#"{"policy":{"patterns":[{"id":17,"name":"evil","pattern":"evil"}]}}"#,
        );
        for _ in 0..1_000 {
            worker.tick(&host, 1);
        }
        assert_eq!(
            Request::new(Some(Rc::clone(&worker)), 1).headers(&host, true),
            Flow::Pause
        );
        assert_eq!(host.metric("secbeat_events_unreported_total"), 1);
    }

    #[test]
    fn without_a_policy_every_request_is_refused() {
        let host = FakeHost::with_request(&[(":method", "GET"), (":path", "/")]);
        for worker in [None, Some(Rc::new(Worker::new(&host)))] {
            host.refusals.borrow_mut().clear();
            let mut request = Request::new(worker, 1);
            assert_eq!(request.headers(&host, false), Flow::Pause);
            assert_eq!(request.body(&host, 10, true), Flow::Pause);
            assert_eq!((host.passed.get(), statuses(&host)), (0, vec![503]));
        }
        assert_eq!(host.metric("secbeat_unjudged_total"), 1);
    }
}
