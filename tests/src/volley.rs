//! Sends the corpus through a real Envoy, and tells what became of each case.

use std::net::SocketAddr;

use crate::{Connection, Response, Result, corpus::Case};

/// Envoy puts this header on what came from the origin, and on nothing that it or a filter answered itself.
const FROM_ORIGIN: &str = "x-envoy-upstream-service-time";

/// What became of a case.
#[derive(Debug)]
pub struct Outcome<'a> {
    /// The case.
    pub case: &'a Case,
    /// The answer.
    pub response: Response,
}

impl Outcome<'_> {
    /// Whether the request was refused on its way to the origin.
    pub fn is_blocked(&self) -> bool {
        // An upgrade that the origin accepted comes without it.
        self.response.status != 101 && self.response.header(FROM_ORIGIN).is_none()
    }

    /// The id under which events name the request.
    pub fn request_id(&self) -> Option<String> {
        self.response.header("x-request-id")
    }
}

/// Sends one case over a connection of its own.
pub fn fire(case: &Case, to: SocketAddr) -> Result<Outcome<'_>> {
    let mut connection = Connection::open(to)?;
    connection.send_what_is_taken(&case.http1());
    let response = connection.answer(case.method == "HEAD")?;
    Ok(Outcome { case, response })
}

/// Sends every case in turn.
pub fn fire_all(cases: &[Case], to: SocketAddr) -> Result<Vec<Outcome<'_>>> {
    cases.iter().map(|case| fire(case, to)).collect()
}
