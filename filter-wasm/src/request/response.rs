//! The response to a request that went on: shown to the engine, and held, changed or replaced as it says.
//!
//! It is held by its headers: until they go on, not a byte has reached the client, and another answer can take its
//! place. Answers of this filter never get here: a refused request has no exchange left.

use std::mem;

use secbeat_engine::{Denial, MaskedBody, ResponseHead, Verdict};

use super::{Exchange, Request, Stage};
use crate::host::{Flow, RequestHost};

/// How far a response has come.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Answer {
    /// Its headers have not arrived, or nothing more of it has to be seen.
    #[default]
    Open,
    /// Held back until a time; the engine has seen `seen` bytes of what the proxy buffers.
    Held { seen: usize, until: u64 },
    /// Going on, and shown to the engine as it streams by.
    Watched,
}

impl Request {
    /// Status and headers of the response have arrived, perhaps before the request was complete; `end` tells that no
    /// body follows.
    pub(crate) fn response_headers<H: RequestHost>(&mut self, host: &H, end: bool) -> Flow {
        if !self.is_answering() {
            return self.unanswered();
        }
        let Some(headers) = host.response_headers() else {
            // The proxy does not show what it says has arrived: nobody can judge this.
            return self.replace_unjudged(host);
        };
        #[cfg(feature = "faults")]
        if let Some(worker) = &self.worker {
            worker.trap_if_answered(&headers);
        }
        let Some(exchange) = self.answering() else {
            return self.unanswered();
        };
        let transaction = &mut exchange.transaction;
        let pairs: Vec<_> = headers.iter().collect();
        let head = ResponseHead { headers: &pairs };
        let mut verdict = transaction.response_headers(&head, end);
        if end && verdict == Verdict::Hold {
            verdict = transaction.response_body(&[], true);
        }
        if let Some(values) = transaction.masked_headers(&head) {
            let names = pairs.iter().map(|(name, _)| *name);
            let masked: Vec<_> = names.zip(values.iter().map(AsRef::as_ref)).collect();
            host.replace_response_headers(&masked);
        }
        self.answer(host, verdict, 0, end)
    }

    /// `size` bytes of the response's body are at hand, buffered ones included; `end` tells that no more follow.
    pub(crate) fn response_body<H: RequestHost>(&mut self, host: &H, size: usize, end: bool) -> Flow {
        let mut seen = match self.answering().map(|exchange| exchange.answer) {
            None => return self.unanswered(),
            Some(Answer::Open) => return Flow::Continue,
            Some(Answer::Held { seen, .. }) => seen,
            Some(Answer::Watched) => 0,
        };
        loop {
            let piece = host.response_body(seen, size.saturating_sub(seen).min(Self::PIECE));
            #[cfg(feature = "faults")]
            if let Some(worker) = &self.worker {
                worker.trap_if_in(&piece);
            }
            seen += piece.len();
            if piece.is_empty() && seen < size {
                // The proxy does not give what it says it has: nobody can judge this.
                return self.replace_unjudged(host);
            }
            let is_last = seen >= size;
            let Some(exchange) = self.answering() else {
                return self.unanswered();
            };
            let verdict = exchange.transaction.response_body(&piece, end && is_last);
            let wants_more = exchange.transaction.wants_response_body();
            if wants_more && !self.has_room() {
                return self.give_up(host, seen, end);
            }
            if is_last || !wants_more {
                return self.answer(host, verdict, seen, end);
            }
        }
    }

    /// The response's body has ended with trailers.
    pub(crate) fn response_trailers<H: RequestHost>(&mut self, host: &H) -> Flow {
        match self.answering() {
            None => self.unanswered(),
            Some(exchange) => match exchange.answer {
                Answer::Open => Flow::Continue,
                Answer::Held { seen, .. } => {
                    let verdict = exchange.transaction.response_body(&[], true);
                    self.answer(host, verdict, seen, true)
                }
                Answer::Watched => {
                    let verdict = exchange.transaction.response_body(&[], true);
                    self.answer(host, verdict, 0, true)
                }
            },
        }
    }

    /// The response was held for as long as the policy allows: what came of it goes on, if nothing speaks against it. Not
    /// called from within a callback about the response.
    pub(crate) fn stop_holding<H: RequestHost>(&mut self, host: &H) {
        let Some(exchange) = self.answering() else { return };
        let Answer::Held { seen, .. } = exchange.answer else {
            return;
        };
        let verdict = exchange.transaction.stop_holding_response();
        if let Some(worker) = &self.worker {
            worker.count_over_time(host);
        }
        if self.answer(host, verdict, seen, false) == Flow::Continue {
            host.resume_response();
        }
    }

    /// The exchange whose response some rule wants to see.
    fn answering(&mut self) -> Option<&mut Exchange> {
        match &mut self.stage {
            Stage::Answering(exchange) | Stage::Streaming(exchange) => Some(exchange),
            Stage::Idle | Stage::Held { .. } | Stage::Refused | Stage::Replaced => None,
        }
    }

    fn is_answering(&mut self) -> bool {
        self.answering()
            .is_some_and(|exchange| exchange.transaction.policy().inspects_responses())
    }

    /// What becomes of an answer that no rule wants to see.
    fn unanswered(&self) -> Flow {
        match self.stage {
            Stage::Replaced => Flow::Pause,
            _ => Flow::Continue,
        }
    }

    fn answer<H: RequestHost>(&mut self, host: &H, verdict: Verdict, seen: usize, end: bool) -> Flow {
        let Some(exchange) = self.answering() else {
            return self.unanswered();
        };
        match verdict {
            Verdict::Allow => {
                put_masked(host, exchange, seen);
                if !end && exchange.transaction.wants_response_body() {
                    exchange.answer = Answer::Watched;
                    self.has_room();
                } else {
                    self.settle(host);
                }
                Flow::Continue
            }
            Verdict::Hold if !end => {
                let until = match exchange.answer {
                    Answer::Held { until, .. } => until,
                    Answer::Open | Answer::Watched => {
                        let seconds = exchange.transaction.policy().response().hold_seconds;
                        let span = std::time::Duration::from_secs(seconds).as_nanos();
                        host.now().saturating_add(span as u64)
                    }
                };
                exchange.answer = Answer::Held { seen, until };
                self.has_room();
                Flow::Pause
            }
            // Nothing more will come, so that waiting would hang the response.
            Verdict::Hold => self.replace_unjudged(host),
            Verdict::Deny(denial) => self.replace(host, denial),
        }
    }

    /// Notes what is kept of the body, and tells whether there is room for it.
    fn has_room(&mut self) -> bool {
        let id = self.id;
        let Some(exchange) = self.answering() else {
            return true;
        };
        let until = match exchange.answer {
            Answer::Held { until, .. } => Some(until),
            Answer::Open | Answer::Watched => None,
        };
        let kept = exchange.transaction.response_body_kept();
        match &self.worker {
            Some(worker) => worker.holds().keep(id, kept, until),
            None => true,
        }
    }

    /// Inspects what there is of a body that there is no room for, and lets the rest pass.
    fn give_up<H: RequestHost>(&mut self, host: &H, seen: usize, end: bool) -> Flow {
        let Some(exchange) = self.answering() else {
            return self.unanswered();
        };
        let verdict = exchange.transaction.stop_inspecting_response();
        if let Some(worker) = &self.worker {
            worker.count_over_memory(host);
        }
        self.answer(host, verdict, seen, end)
    }

    /// Nothing more of the response has to be seen. What is known of the exchange is needed no longer either, unless the
    /// request still streams or some rule waits for the end.
    fn settle<H: RequestHost>(&mut self, host: &H) {
        match mem::take(&mut self.stage) {
            Stage::Answering(exchange) if !exchange.transaction.policy().inspects_ends() => {
                self.conclude(host, exchange, None);
            }
            mut stage => {
                if let Stage::Answering(exchange) | Stage::Streaming(exchange) = &mut stage {
                    self.forget_hold(exchange);
                    exchange.answer = Answer::Open;
                }
                self.stage = stage;
            }
        }
    }

    /// Gives back the room that the response took.
    pub(super) fn forget_hold(&self, exchange: &Exchange) {
        if let (Some(worker), Answer::Held { .. } | Answer::Watched) = (&self.worker, exchange.answer) {
            worker.holds().forget(self.id);
        }
    }

    fn replace_unjudged<H: RequestHost>(&mut self, host: &H) -> Flow {
        if let Some(worker) = &self.worker {
            worker.count_unjudged(host);
        }
        let denial = Denial {
            status: Self::UNAVAILABLE,
            rule: None,
        };
        self.replace(host, denial)
    }

    /// Puts a refusal in the place of the response; what has gone on already is cut off where it stands.
    fn replace<H: RequestHost>(&mut self, host: &H, denial: Denial) -> Flow {
        if let Stage::Answering(exchange) | Stage::Streaming(exchange) = mem::take(&mut self.stage) {
            self.conclude(host, exchange, Some(denial));
        }
        self.stage = Stage::Replaced;
        Flow::Pause
    }
}

/// Puts what was masked in the place of the `seen` bytes that are held.
fn put_masked<H: RequestHost>(host: &H, exchange: &mut Exchange, seen: usize) {
    if !matches!(exchange.answer, Answer::Held { .. }) {
        return;
    }
    match exchange.transaction.masked_body() {
        Some(MaskedBody::Beginning(beginning)) => host.replace_response_body(beginning.len(), &beginning),
        Some(MaskedBody::Decoded(body)) => {
            host.set_response_header("content-encoding", None);
            host.set_response_header("content-length", Some(&body.len().to_string()));
            host.replace_response_body(seen, &body);
        }
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::{host::fake::FakeHost, worker::Worker};

    const PATTERNS: &str = r#"
        {"id":18,"name":"header","pattern":"secret","targets":["response_headers"]},
        {"id":19,"name":"body","pattern":"stack trace","targets":["response_body"]},
        {"id":20,"name":"key","pattern":"key-\\d+","action":"mask","targets":["response_body","response_headers"]}"#;

    struct Site {
        host: FakeHost,
        worker: Rc<Worker>,
    }

    impl Site {
        fn new(patterns: &str, more: &str) -> Self {
            let host = FakeHost::with_request(&[(":method", "GET"), (":path", "/"), (":authority", "a")]);
            let worker = Rc::new(Worker::new(&host));
            let configuration = format!(r#"{{"policy":{{"patterns":[{patterns}]{more}}}}}"#);
            assert!(worker.configure(&host, 1, configuration.as_bytes()));
            Self { host, worker }
        }

        /// A request that has gone on, and what the origin answers.
        fn asked(&self, headers: &[(&str, &str)]) -> Request {
            let mut request = Request::new(Some(Rc::clone(&self.worker)), 1);
            assert_eq!(request.headers(&self.host, true), Flow::Continue);
            // Envoy shows the headers of a request only until they have gone on.
            self.host.request.borrow_mut().clear();
            let headers = headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
            self.host.response.replace(headers.collect());
            request
        }

        /// Lets the next piece of the response arrive, as Envoy does: behind what it still buffers.
        fn arrive(&self, request: &mut Request, piece: &str, end: bool) -> (Flow, String) {
            self.host
                .response_body
                .borrow_mut()
                .extend_from_slice(piece.as_bytes());
            let size = self.host.response_body.borrow().len();
            let flow = request.response_body(&self.host, size, end);
            self.gone(flow)
        }

        fn gone(&self, flow: Flow) -> (Flow, String) {
            let gone = match flow {
                Flow::Continue => self.host.response_body.take(),
                Flow::Pause => Vec::new(),
            };
            (flow, String::from_utf8(gone).unwrap())
        }

        fn statuses(&self) -> Vec<u16> {
            let refusals = self.host.refusals.borrow();
            refusals.iter().map(|refusal| refusal.status).collect()
        }
    }

    const PAGE: &[(&str, &str)] = &[(":status", "200"), ("content-type", "text/html")];

    fn went(text: &str) -> (Flow, String) {
        (Flow::Continue, text.to_owned())
    }

    fn held() -> (Flow, String) {
        (Flow::Pause, String::new())
    }

    #[test]
    fn without_rules_for_responses_nothing_is_asked_about_them() {
        let site = Site::new(r#"{"id":1,"name":"x","pattern":"evil"}"#, "");
        let mut request = site.asked(PAGE);
        assert_eq!(request.response_headers(&site.host, false), Flow::Continue);
        assert_eq!(
            site.arrive(&mut request, "stack trace", true),
            went("stack trace")
        );
        assert_eq!(request.response_trailers(&site.host), Flow::Continue);
        request.finish(&site.host);
        assert_eq!(site.host.response_calls.get(), 0);
    }

    #[test]
    fn a_response_whose_headers_are_not_shown_is_replaced() {
        let site = Site::new(PATTERNS, "");
        let mut request = site.asked(PAGE);
        site.host.hides_headers.set(true);
        assert_eq!(request.response_headers(&site.host, false), Flow::Pause);
        assert_eq!(site.statuses(), [503]);
        assert_eq!(site.arrive(&mut request, "a page", true), held());
        assert_eq!(site.host.metric("secbeat_unjudged_total"), 1);
    }

    #[test]
    fn a_response_that_a_rule_refuses_by_its_head_is_replaced() {
        let site = Site::new(PATTERNS, "");
        let mut request = site.asked(&[(":status", "200"), ("x-debug", "secret")]);
        assert_eq!(request.response_headers(&site.host, false), Flow::Pause);
        assert_eq!(site.arrive(&mut request, "anything", true), held());
        request.finish(&site.host);
        assert_eq!(site.statuses(), [502], "one answer per request");
        assert_eq!(site.host.metric("secbeat_blocked_total.category.=.custom;.;"), 1);
    }

    #[test]
    fn a_leak_in_the_last_byte_lets_nothing_through() {
        let site = Site::new(PATTERNS, "");
        let mut request = site.asked(PAGE);
        assert_eq!(request.response_headers(&site.host, false), Flow::Pause);
        assert_eq!(site.arrive(&mut request, "a stack tra", false), held());
        assert_eq!(site.arrive(&mut request, "ce", true), held());
        assert_eq!(site.statuses(), [502]);
    }

    #[test]
    fn a_clean_page_goes_on_once_it_is_complete() {
        let site = Site::new(PATTERNS, "");
        let mut request = site.asked(PAGE);
        assert_eq!(request.response_headers(&site.host, false), Flow::Pause);
        assert_eq!(site.arrive(&mut request, "hello ", false), held());
        assert_eq!(site.arrive(&mut request, "world", true), went("hello world"));
        assert_eq!(site.statuses(), [0; 0]);
    }

    #[test]
    fn what_is_masked_keeps_its_length() {
        let site = Site::new(PATTERNS, "");
        let mut request = site.asked(&[
            (":status", "200"),
            ("content-type", "text/html"),
            ("x-key", "key-1"),
        ]);
        assert_eq!(request.response_headers(&site.host, false), Flow::Pause);
        assert_eq!(site.host.response.borrow()[2].1, b"*****");
        assert_eq!(site.arrive(&mut request, "a key-1 and ke", false), held());
        assert_eq!(
            site.arrive(&mut request, "y-22 end", true),
            went("a ***** and ****** end")
        );
        request.finish(&site.host);
        assert_eq!(site.host.metric("secbeat_responses_masked_total"), 1);
    }

    #[test]
    fn trailers_end_a_body() {
        for (body, expected) in [("key-1", went("*****")), ("stack trace", held())] {
            let site = Site::new(PATTERNS, "");
            let mut request = site.asked(PAGE);
            assert_eq!(request.response_headers(&site.host, false), Flow::Pause);
            assert_eq!(site.arrive(&mut request, body, false), held());
            let flow = request.response_trailers(&site.host);
            assert_eq!(site.gone(flow), expected, "{body}");
        }
    }

    #[test]
    fn a_page_larger_than_a_piece_is_seen_whole_and_once() {
        for (end, expected) in [("stack trace", vec![502]), ("honest", vec![])] {
            let site = Site::new(PATTERNS, "");
            let mut request = site.asked(PAGE);
            request.response_headers(&site.host, false);
            let page = format!("{}{end}", "x".repeat(3 * Request::PIECE));
            let (first, second) = page.split_at(2 * Request::PIECE + 7);
            assert_eq!(site.arrive(&mut request, first, false), held());
            site.arrive(&mut request, second, true);
            assert_eq!(site.statuses(), expected, "{end}");
        }
    }

    #[test]
    fn a_page_over_the_limit_goes_on_and_is_counted() {
        let site = Site::new(PATTERNS, r#","response":{"limit":8}"#);
        let mut request = site.asked(PAGE);
        assert_eq!(request.response_headers(&site.host, false), Flow::Pause);
        assert_eq!(site.arrive(&mut request, "key-1 and ", false), went("***** and "));
        assert_eq!(
            site.arrive(&mut request, "stack trace", true),
            went("stack trace")
        );
        request.finish(&site.host);
        assert_eq!(site.host.metric("secbeat_responses_over_limit_total"), 1);
    }

    #[test]
    fn in_detect_mode_nothing_waits_and_nothing_changes() {
        let site = Site::new(PATTERNS, r#","mode":"detect""#);
        let mut request = site.asked(PAGE);
        assert_eq!(request.response_headers(&site.host, false), Flow::Continue);
        assert_eq!(site.arrive(&mut request, "key-1 ", false), went("key-1 "));
        assert_eq!(site.arrive(&mut request, "stack ", false), went("stack "));
        assert_eq!(site.arrive(&mut request, "trace", true), went("trace"));
        request.finish(&site.host);
        assert_eq!(site.statuses(), [0; 0]);
        assert_eq!(site.host.metric("secbeat_detected_total.category.=.custom;.;"), 1);
    }

    #[test]
    fn the_answer_to_a_refused_request_passes_unseen() {
        let site = Site::new(PATTERNS, r#","body":{"limit":1}"#);
        let mut request = Request::new(Some(Rc::clone(&site.worker)), 1);
        assert_eq!(request.headers(&site.host, false), Flow::Pause);
        assert_eq!(request.body(&site.host, 1, false), Flow::Pause);
        assert_eq!(site.statuses(), [503], "the proxy gave nothing");
        assert_eq!(request.response_headers(&site.host, false), Flow::Continue);
        assert_eq!(
            site.arrive(&mut request, "stack trace", true),
            went("stack trace")
        );
        assert_eq!(site.host.response_calls.get(), 0);
    }

    #[test]
    fn a_slow_page_goes_on_when_its_time_is_over_and_is_cut_off_where_a_leak_shows() {
        for (rest, expected, statuses) in [(" end", went(" end"), vec![]), ("race", held(), vec![502])] {
            let site = Site::new(PATTERNS, r#","response":{"hold_seconds":2}"#);
            let mut request = site.asked(PAGE);
            assert_eq!(request.response_headers(&site.host, false), Flow::Pause);
            assert_eq!(site.arrive(&mut request, "key-1 stack t", false), held());
            assert_eq!(site.worker.holds().overdue(1_999_999_999), [0; 0]);
            assert_eq!(site.worker.holds().overdue(2_000_000_000), [1]);
            request.stop_holding(&site.host);
            assert_eq!(site.host.resumed.get(), 1);
            assert_eq!(site.gone(Flow::Continue), went("***** stack t"));
            assert_eq!(site.worker.holds().overdue(u64::MAX), [0; 0]);
            request.stop_holding(&site.host);
            assert_eq!(site.host.resumed.get(), 1, "nothing is held");
            assert_eq!(site.arrive(&mut request, rest, true), expected, "{rest}");
            assert_eq!(site.statuses(), statuses);
            assert_eq!(site.host.metric("secbeat_responses_over_time_total"), 1);
        }
    }

    #[test]
    fn a_leak_in_the_beginning_of_a_slow_page_is_replaced_when_its_time_is_over() {
        let site = Site::new(PATTERNS, "");
        let mut request = site.asked(PAGE);
        request.response_headers(&site.host, false);
        assert_eq!(site.arrive(&mut request, "stack trace", false), held());
        request.stop_holding(&site.host);
        assert_eq!((site.host.resumed.get(), site.statuses()), (0, vec![502]));
        assert_eq!(site.arrive(&mut request, "more", true), held());
    }

    #[test]
    fn a_body_that_there_is_no_room_for_passes_once_its_beginning_is_clean_and_is_counted() {
        for (beginning, expected) in [("a page", went("a page")), ("stack trace", held())] {
            let site = Site::new(PATTERNS, "");
            site.worker.holds().keep(2, crate::holds::Holds::LIMIT, None);
            let mut request = site.asked(PAGE);
            request.response_headers(&site.host, false);
            assert_eq!(site.arrive(&mut request, beginning, false), expected);
            assert_eq!(site.host.metric("secbeat_responses_over_memory_total"), 1);
            site.worker.holds().forget(2);
            assert!(
                site.worker.holds().keep(3, crate::holds::Holds::LIMIT, None),
                "room is given back"
            );
        }
    }

    #[test]
    fn what_is_kept_of_a_page_is_given_back_when_it_ends_and_when_the_client_goes() {
        for is_complete in [true, false] {
            let site = Site::new(PATTERNS, "");
            let mut request = site.asked(PAGE);
            request.response_headers(&site.host, false);
            site.arrive(&mut request, "a page", is_complete);
            request.finish(&site.host);
            assert!(site.worker.holds().keep(2, crate::holds::Holds::LIMIT, None));
        }
    }

    #[test]
    fn a_masked_body_that_was_encoded_goes_on_decoded() {
        let site = Site::new(PATTERNS, "");
        let mut request = site.asked(&[
            (":status", "200"),
            ("content-type", "text/html"),
            ("content-encoding", "deflate"),
            ("content-length", "13"),
        ]);
        assert_eq!(request.response_headers(&site.host, false), Flow::Pause);
        // One stored block, as no text of its own says what bytes these are.
        let wire = b"\x01\x08\0\xf7\xffa key-12";
        site.host.response_body.borrow_mut().extend_from_slice(wire);
        let flow = request.response_body(&site.host, wire.len(), true);
        assert_eq!(site.gone(flow), went("a ******"));
        let headers = site.host.response.borrow();
        assert!(headers.iter().all(|(name, _)| name != "content-encoding"));
        assert!(headers.contains(&("content-length".to_owned(), b"8".to_vec())));
    }

    #[test]
    fn the_origin_is_asked_for_plain_bodies_only_where_the_policy_says_so() {
        for (more, expected) in [("", "br"), (r#","response":{"ask_identity":true}"#, "identity")] {
            let site = Site::new(PATTERNS, more);
            let accept = ("accept-encoding".to_owned(), b"br".to_vec());
            site.host.request.borrow_mut().push(accept);
            Request::new(Some(Rc::clone(&site.worker)), 1).headers(&site.host, true);
            let accept = ("accept-encoding".to_owned(), expected.as_bytes().to_vec());
            assert!(site.host.request.borrow().contains(&accept), "{more}");
        }
    }

    #[test]
    fn workers_tick_where_responses_may_be_held() {
        let site = Site::new(PATTERNS, "");
        site.worker.tick(&site.host, 1);
        assert!(!site.host.interval.get().is_zero());
        let site = Site::new(r#"{"id":1,"name":"x","pattern":"evil"}"#, "");
        site.worker.tick(&site.host, 1);
        assert!(site.host.interval.get().is_zero());
    }
}
