//! Bodies through a real Envoy: held until the verdict, bounded by the policy, and never held where they stream.

use std::time::{Duration, Instant};

use secbeat_e2e::{
    Bootstrap, Connection, Context, Envoy, Journal, Origin, Request, Result, artifacts, ensure, http2,
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Bytes of a body that the policies here inspect.
const LIMIT: usize = 64 * 1024;
/// What the rule pack refuses.
const ATTACK: &str = "1' UNION SELECT password FROM users--";

struct Site {
    envoy: Envoy,
    origin: Origin,
    _folder: TempDir,
}

impl Site {
    fn start(over_limit: &str) -> Result<Self> {
        Self::start_with(&json!({ "limit": LIMIT, "over_limit": over_limit }))
    }

    fn start_with(body: &Value) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let origin = Origin::start(Journal::Keep)?;
        let configuration = json!({ "policy": { "packs": ["core"], "body": body } });
        let bootstrap = Bootstrap::standalone(origin.address(), &artifacts::filter()?)?
            .plugin_configuration(&configuration)?;
        let envoy = Envoy::start(&bootstrap, folder.path())?;
        Ok(Self {
            envoy,
            origin,
            _folder: folder,
        })
    }

    fn status(&self, request: &Request) -> Result<u16> {
        Ok(request.send(self.envoy.address())?.status)
    }

    /// A form of about `length` bytes that ends with `value`.
    fn form(path: &str, length: usize, value: &str) -> Request {
        let body = format!(
            "padding={}&last={}",
            "a".repeat(length.saturating_sub(30)),
            value.replace(' ', "+")
        );
        Request::post(path, "application/x-www-form-urlencoded", body)
    }
}

#[test]
fn attack_in_the_last_byte_of_a_body_never_reaches_the_origin() -> Result<()> {
    let site = Site::start("reject")?;
    for length in [1, 1_000, 20_000, LIMIT - 200] {
        let form = Site::form("/form", length, ATTACK);
        ensure!(site.status(&form)? == 403, "form of {length} bytes passed");
        let document = json!({ "padding": "a".repeat(length), "last": ATTACK }).to_string();
        let json = Request::post("/json", "application/json", document);
        ensure!(site.status(&json)? == 403, "JSON of {length} bytes passed");
    }
    ensure!(
        site.origin.bytes() == 0,
        "the origin saw {} bytes",
        site.origin.bytes()
    );

    let honest = Site::form("/honest", LIMIT - 200, "tea for two");
    let answer = honest.send(site.envoy.address())?;
    ensure!(
        answer.status == 200 && answer.body.len() > LIMIT - 300,
        "an honest form got {}",
        answer.status
    );
    Ok(())
}

#[test]
fn body_in_many_pieces_is_held_until_its_verdict() -> Result<()> {
    let site = Site::start("reject")?;
    let pieces = [
        "name=O%27Brien&comment=1%27+",
        "UNI",
        "ON+",
        "SELECT+password+FR",
        "OM+users--",
    ];
    let mut connection = Connection::open(site.envoy.address())?;
    let request = Request::new("POST", "/pieces").header("content-type", "application/x-www-form-urlencoded");
    connection.send(&[&request.head(), b"transfer-encoding: chunked\r\n\r\n".as_slice()].concat())?;
    for piece in pieces {
        // A request over another connection between two pieces: the first one is really on its way by then.
        connection.send(format!("{:x}\r\n{piece}\r\n", piece.len()).as_bytes())?;
        ensure!(
            site.status(&Request::get("/between"))? == 200,
            "an honest request was refused"
        );
    }
    ensure!(
        !site.origin.saw(b"/pieces"),
        "the origin saw a request before its verdict"
    );
    connection.send(b"0\r\n\r\n")?;
    ensure!(
        connection.answer(false)?.status == 403,
        "an attack in pieces passed"
    );
    ensure!(!site.origin.saw(b"/pieces"), "the origin saw the attack");
    Ok(())
}

#[test]
fn long_body_is_refused_where_the_policy_says_reject() -> Result<()> {
    let site = Site::start("reject")?;
    for length in [LIMIT + 100, 4 * LIMIT, 40 * LIMIT] {
        let request = Site::form("/long", length, "tea");
        let mut connection = Connection::open(site.envoy.address())?;
        connection.send_what_is_taken(&request.bytes());
        let status = connection.answer(false)?.status;
        ensure!(status == 413, "a body of {length} bytes got {status}");
    }
    ensure!(
        site.origin.bytes() == 0,
        "the origin saw {} bytes",
        site.origin.bytes()
    );
    Ok(())
}

#[test]
fn long_body_is_inspected_up_to_the_limit_where_the_policy_says_inspect_prefix() -> Result<()> {
    let site = Site::start("inspect_prefix")?;
    let late = Site::form("/late", 4 * LIMIT, ATTACK);
    ensure!(
        site.status(&late)? == 200,
        "an attack beyond the limit was refused"
    );
    let early = format!(
        "first={}&padding={}",
        ATTACK.replace(' ', "+"),
        "a".repeat(4 * LIMIT)
    );
    let early = Request::post("/early", "application/x-www-form-urlencoded", early);
    let mut connection = Connection::open(site.envoy.address())?;
    connection.send_what_is_taken(&early.bytes());
    let status = connection.answer(false)?.status;
    ensure!(status == 403, "an attack within the limit got {status}");
    ensure!(!site.origin.saw(b"/early"), "the origin saw the attack");
    Ok(())
}

#[test]
fn long_body_passes_unseen_where_the_policy_says_skip() -> Result<()> {
    let site = Site::start("skip")?;
    ensure!(
        site.status(&Site::form("/long", 4 * LIMIT, ATTACK))? == 200,
        "a long body was refused"
    );
    ensure!(
        site.status(&Site::form("/short", 100, ATTACK))? == 403,
        "a short attack passed"
    );
    Ok(())
}

#[test]
fn websocket_passes_without_delay() -> Result<()> {
    let site = Site::start("reject")?;
    let mut connection = Connection::open(site.envoy.address())?;
    let upgrade = Request::get("/socket")
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    connection.send(&upgrade.bytes())?;
    let status = connection.head()?.status;
    ensure!(status == 101, "the upgrade got {status}");
    for number in 0..20 {
        // A text frame with a mask of zeros. Were it held back, no answer would ever come.
        let frame = [
            &[0x81, 0x80 | 9, 0, 0, 0, 0],
            format!("number {number:02}").as_bytes(),
        ]
        .concat();
        connection.send(&frame)?;
        ensure!(
            connection.exactly(frame.len())? == frame,
            "frame {number} came back changed"
        );
    }
    Ok(())
}

#[test]
fn streamed_response_passes_without_delay() -> Result<()> {
    let site = Site::start("reject")?;
    let mut connection = Connection::open(site.envoy.address())?;
    connection.send(
        &Request::get("/stream")
            .header("accept", "text/event-stream")
            .bytes(),
    )?;
    let head = connection.head()?;
    ensure!(head.status == 200, "the stream got {}", head.status);
    // The origin sends the second event only when the first has arrived here.
    connection.through(b"data: first\n\n")?;
    site.origin.release();
    connection.through(b"data: second\n\n")?;
    Ok(())
}

#[test]
fn answer_comes_without_waiting_for_the_rest_of_a_refused_body() -> Result<()> {
    let site = Site::start("reject")?;
    let mut connection = Connection::open(site.envoy.address())?;
    let request = Request::new("POST", "/?id=1%27%20UNION%20SELECT%20password%20FROM%20users--")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("content-length", "1000");
    let start = Instant::now();
    connection.send(&[&request.head(), b"\r\na=1".as_slice()].concat())?;
    ensure!(
        connection.answer(false)?.status == 403,
        "an attack in the query passed"
    );
    ensure!(
        start.elapsed() < Duration::from_secs(5),
        "the refusal took {:?}",
        start.elapsed()
    );
    ensure!(
        site.origin.bytes() == 0,
        "the origin saw {} bytes",
        site.origin.bytes()
    );
    Ok(())
}

#[test]
fn refusal_suits_the_client_and_names_the_request() -> Result<()> {
    let site = Site::start("reject")?;
    let attack = Request::get("/?id=1%27%20UNION%20SELECT%20password%20FROM%20users--");
    let page = attack
        .clone()
        .header("accept", "text/html,application/xhtml+xml")
        .send(site.envoy.address())?;
    let id = page.header("x-request-id").context("no request id")?;
    ensure!(
        page.text().contains(&id) && page.text().contains("<html"),
        "the page is {}",
        page.text()
    );
    let problem = attack
        .header("accept", "application/json")
        .send(site.envoy.address())?;
    let id = problem.header("x-request-id").context("no request id")?;
    let document = problem.json()?;
    ensure!(
        document.get("request_id") == Some(&Value::from(id)),
        "the problem is {document}"
    );
    ensure!(
        !problem.text().contains("700"),
        "the answer tells the rule: {document}"
    );
    Ok(())
}

#[test]
fn http2_bodies_are_judged_like_those_of_http1() -> Result<()> {
    const FORM: &str = "application/x-www-form-urlencoded";
    let site = Site::start("reject")?;
    let to = site.envoy.address();
    let attack = ATTACK.replace(' ', "+");
    let padding = |length: usize| "a".repeat(length);

    let status = http2::send(
        to,
        "/late",
        FORM,
        format!("a={}&b={attack}", padding(LIMIT - 200)).as_bytes(),
    )?
    .status;
    ensure!(status == 403, "an attack in the last byte got {status}");
    let status = http2::send(to, "/long", FORM, format!("a={}", padding(4 * LIMIT)).as_bytes())?.status;
    ensure!(status == 413, "a body over the limit got {status}");
    let status = http2::send(to, &format!("/query?id={attack}"), FORM, b"")?.status;
    ensure!(status == 403, "an attack in the query got {status}");
    ensure!(
        site.origin.bytes() == 0,
        "the origin saw {} bytes",
        site.origin.bytes()
    );

    let honest = http2::send(
        to,
        "/honest",
        FORM,
        format!("a={}", padding(LIMIT - 200)).as_bytes(),
    )?;
    ensure!(
        honest.status == 200 && honest.body.len() > LIMIT - 200,
        "an honest body got {}, {} bytes",
        honest.status,
        honest.body.len()
    );
    Ok(())
}

/// The largest limit that a policy may set fits into what Envoy holds.
#[test]
fn largest_limit_of_a_policy_is_reached_before_envoys_own() -> Result<()> {
    const LARGEST: usize = 16 * 1024 * 1024;
    let site = Site::start_with(&json!({ "limit": LARGEST, "over_limit": "reject" }))?;
    let to = site.envoy.address();
    let body = vec![b'a'; LARGEST];
    let status = http2::send(to, "/honest", "application/octet-stream", &body)?.status;
    ensure!(status == 200, "HTTP/2: a body of {LARGEST} bytes got {status}");
    let status = site.status(&Request::post("/honest", "application/octet-stream", &body))?;
    ensure!(status == 200, "HTTP/1: a body of {LARGEST} bytes got {status}");
    Ok(())
}
