//! Steady traffic in the background, so that a test can prove that nobody noticed what it does meanwhile.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::{Connection, Context, Failure, Request, Result};

/// Requests over one connection before it is opened anew, so that every worker gets some.
const PER_CONNECTION: usize = 20;

/// Clients that send one request after the other until they are told to stop.
#[derive(Debug)]
pub struct Load {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Tally>>,
}

/// What became of the requests.
#[derive(Debug, Default, Clone)]
pub struct Tally {
    /// How many answers had which status.
    pub statuses: BTreeMap<u16, u64>,
    /// Requests without an answer, and why; at most a few reasons are kept.
    pub failures: Vec<String>,
    /// The longest wait for an answer.
    pub slowest: Duration,
}

impl Load {
    /// Starts so many clients, each sending the requests in turn.
    pub fn start(to: SocketAddr, clients: usize, requests: &[Request]) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let requests: Arc<[Vec<u8>]> = requests.iter().map(Request::bytes).collect();
        let clients = (0..clients)
            .map(|number| {
                let (stop, requests) = (Arc::clone(&stop), Arc::clone(&requests));
                let client = move || run(to, &requests, &stop);
                thread::Builder::new()
                    .name(format!("client-{number}"))
                    .spawn(client)
                    .context("client")
            })
            .collect::<Result<_>>()?;
        Ok(Self { stop, clients })
    }

    /// Stops the clients and adds up what they saw.
    pub fn stop(mut self) -> Result<Tally> {
        self.stop.store(true, Ordering::Relaxed);
        let mut sum = Tally::default();
        for client in self.clients.drain(..) {
            sum.add(client.join().map_err(|_| Failure::new("a client panicked"))?);
        }
        Ok(sum)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Tally {
    /// Number of answers with a status.
    pub fn of(&self, status: u16) -> u64 {
        self.statuses.get(&status).copied().unwrap_or(0)
    }

    fn add(&mut self, other: Self) {
        for (status, count) in other.statuses {
            *self.statuses.entry(status).or_default() += count;
        }
        self.failures.extend(other.failures);
        self.slowest = self.slowest.max(other.slowest);
    }
}

fn run(to: SocketAddr, requests: &[Vec<u8>], stop: &AtomicBool) -> Tally {
    const REASONS: usize = 5;
    let mut tally = Tally::default();
    let mut connection = None;
    for (number, request) in requests.iter().cycle().enumerate() {
        if stop.load(Ordering::Relaxed) || tally.failures.len() >= REASONS {
            break;
        }
        if number % PER_CONNECTION == 0 {
            connection = None;
        }
        let start = Instant::now();
        match exchange(to, &mut connection, request) {
            Ok(status) => *tally.statuses.entry(status).or_default() += 1,
            Err(failure) => {
                tally.failures.push(failure.to_string());
                connection = None;
            }
        }
        tally.slowest = tally.slowest.max(start.elapsed());
    }
    tally
}

fn exchange(to: SocketAddr, kept: &mut Option<Connection>, request: &[u8]) -> Result<u16> {
    let mut connection = match kept.take() {
        Some(connection) => connection,
        None => Connection::open(to)?,
    };
    connection.send(request)?;
    let response = connection.answer(false)?;
    if response
        .header("connection")
        .is_none_or(|value| !value.eq_ignore_ascii_case("close"))
    {
        *kept = Some(connection);
    }
    Ok(response.status)
}
