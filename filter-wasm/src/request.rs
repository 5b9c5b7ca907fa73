//! One request on its way through the filter: asks the engine, and does what it says.
//!
//! This is where the filter's one promise is kept: a request goes on only after a verdict, and exactly the paths
//! that let it go on set the pass marker.

use std::{mem, rc::Rc, sync::Arc};

use secbeat_engine::{Denial, RequestHead, Transaction, Verdict};

use crate::{
    event,
    host::{Flow, Headers, RequestHost},
    refusal::{Refusal, RequestId},
    worker::Worker,
};

/// One request on its way through the filter.
#[derive(Debug)]
pub(crate) struct Request {
    worker: Option<Rc<Worker>>,
    stage: Stage,
}

#[derive(Debug, Default)]
enum Stage {
    /// Nothing has arrived, or everything that can be said has been said.
    #[default]
    Idle,
    /// Held back; the engine has seen `seen` bytes of what the proxy buffers.
    Held { transaction: Transaction, seen: usize },
    /// Going on, and shown to the engine as it streams by.
    Streaming { transaction: Transaction },
    /// Refused; whatever still arrives stays here.
    Refused,
}

impl Request {
    /// Bytes of a body that are copied out of the proxy at a time.
    const PIECE: usize = 64 * 1024;

    /// Starts a request. Without a worker, that is before any configuration, every request is refused.
    pub(crate) fn new(worker: Option<Rc<Worker>>) -> Self {
        Self {
            worker,
            stage: Stage::Idle,
        }
    }

    /// Start line and headers have arrived; `end` tells that no body follows.
    pub(crate) fn headers<H: RequestHost>(&mut self, host: &H, end: bool) -> Flow {
        if let Some(worker) = &self.worker {
            worker.count_request(host);
        }
        let Some(policy) = self.worker.as_ref().and_then(|worker| worker.policy()) else {
            return self.refuse_without_policy(host);
        };
        let mut transaction = Transaction::new(Arc::clone(&policy));
        let headers = host.request_headers();
        #[cfg(feature = "faults")]
        if let Some(worker) = &self.worker {
            worker.trap_if_asked(&headers);
        }
        let pairs: Vec<(&[u8], &[u8])> = headers
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.as_slice()))
            .collect();
        let mut verdict = transaction.request_headers(
            &RequestHead {
                client: None,
                headers: &pairs,
            },
            end,
        );
        if end && verdict == Verdict::Hold {
            verdict = transaction.request_body(&[], true);
        }
        self.follow(host, transaction, verdict, end, 0)
    }

    /// `size` bytes of the body are at hand, buffered ones included; `end` tells that no more follow.
    pub(crate) fn body<H: RequestHost>(&mut self, host: &H, size: usize, end: bool) -> Flow {
        match mem::take(&mut self.stage) {
            Stage::Idle => Flow::Continue,
            Stage::Refused => {
                self.stage = Stage::Refused;
                Flow::Pause
            }
            Stage::Held { transaction, seen } => self.show(host, transaction, seen, size, end),
            Stage::Streaming { transaction } => self.show(host, transaction, 0, size, end),
        }
    }

    /// The body has ended with trailers.
    pub(crate) fn trailers<H: RequestHost>(&mut self, host: &H) -> Flow {
        match mem::take(&mut self.stage) {
            Stage::Idle => Flow::Continue,
            Stage::Refused => {
                self.stage = Stage::Refused;
                Flow::Pause
            }
            Stage::Held { mut transaction, .. } | Stage::Streaming { mut transaction } => {
                let verdict = transaction.request_body(&[], true);
                self.follow(host, transaction, verdict, true, 0)
            }
        }
    }

    /// The request is over, perhaps before it was complete.
    pub(crate) fn finish<H: RequestHost>(&mut self, host: &H) {
        if let Stage::Held { transaction, .. } | Stage::Streaming { transaction } = mem::take(&mut self.stage)
        {
            self.conclude(host, &transaction, None);
        }
    }

    fn show<H: RequestHost>(
        &mut self,
        host: &H,
        mut transaction: Transaction,
        mut seen: usize,
        size: usize,
        end: bool,
    ) -> Flow {
        loop {
            let piece = host.request_body(seen, size.saturating_sub(seen).min(Self::PIECE));
            seen += piece.len();
            let is_last = piece.is_empty() || seen >= size;
            let verdict = transaction.request_body(&piece, end && is_last);
            let wants_more = match verdict {
                Verdict::Allow => transaction.wants_body(),
                Verdict::Hold => true,
                Verdict::Deny(_) => false,
            };
            if is_last || !wants_more {
                return self.follow(host, transaction, verdict, end, seen);
            }
        }
    }

    fn follow<H: RequestHost>(
        &mut self,
        host: &H,
        transaction: Transaction,
        verdict: Verdict,
        end: bool,
        seen: usize,
    ) -> Flow {
        match verdict {
            Verdict::Allow => {
                host.mark_passed();
                if !end && transaction.wants_body() {
                    self.stage = Stage::Streaming { transaction };
                } else {
                    self.conclude(host, &transaction, None);
                }
                Flow::Continue
            }
            Verdict::Hold if !end => {
                self.stage = Stage::Held { transaction, seen };
                Flow::Pause
            }
            // Nothing more will come, so that waiting would hang the request.
            Verdict::Hold => self.refuse_without_policy(host),
            Verdict::Deny(denial) => {
                self.conclude(host, &transaction, Some(denial));
                Flow::Pause
            }
        }
    }

    /// Reports what was found and, with a denial, refuses the request.
    fn conclude<H: RequestHost>(&mut self, host: &H, transaction: &Transaction, denial: Option<Denial>) {
        if denial.is_none() && transaction.matches().is_empty() {
            return;
        }
        let headers = host.request_headers();
        let id = RequestId::of(&headers, host.now());
        self.record(host, &headers, &id, transaction, denial);
        if let Some(denial) = denial {
            self.refuse(host, denial.status, &headers, &id);
        }
    }

    fn record<H: RequestHost>(
        &self,
        host: &H,
        headers: &Headers,
        id: &RequestId,
        transaction: &Transaction,
        denial: Option<Denial>,
    ) {
        let Some(worker) = &self.worker else { return };
        worker.count_findings(host, transaction.matches(), denial);
        if worker.wants_events() {
            worker.keep(host, event::describe(host, headers, id, transaction, denial));
        } else {
            worker.note_unreported(host, transaction.matches(), denial);
        }
    }

    fn refuse_without_policy<H: RequestHost>(&mut self, host: &H) -> Flow {
        if let Some(worker) = &self.worker {
            worker.count_without_policy(host);
        }
        let headers = host.request_headers();
        let id = RequestId::of(&headers, host.now());
        self.refuse(host, 503, &headers, &id);
        Flow::Pause
    }

    fn refuse<H: RequestHost>(&mut self, host: &H, status: u16, headers: &Headers, id: &RequestId) {
        self.stage = Stage::Refused;
        host.refuse(&Refusal::new(status, id, headers));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fake::FakeHost;

    #[test]
    fn a_clean_request_goes_on_with_the_marker() {
        let host = FakeHost::with_request(&[(":method", "GET"), (":path", "/"), (":authority", "a")]);
        let worker = Rc::new(Worker::new(&host));
        assert!(worker.configure(&host, 1, b"{}"));
        assert_eq!(Request::new(Some(worker)).headers(&host, true), Flow::Continue);
        assert_eq!((host.passed.get(), host.refusals.borrow().len()), (1, 0));
    }

    #[test]
    fn without_a_policy_every_request_is_refused() {
        let host = FakeHost::with_request(&[(":method", "GET"), (":path", "/")]);
        for worker in [None, Some(Rc::new(Worker::new(&host)))] {
            host.refusals.borrow_mut().clear();
            let mut request = Request::new(worker);
            assert_eq!(request.headers(&host, false), Flow::Pause);
            assert_eq!(request.body(&host, 10, true), Flow::Pause);
            assert_eq!(host.passed.get(), 0);
            assert_eq!(
                host.refusals
                    .borrow()
                    .iter()
                    .map(|refusal| refusal.status)
                    .collect::<Vec<_>>(),
                [503]
            );
        }
        assert_eq!(host.metric("secbeat_refused_without_policy_total"), 1);
    }
}
