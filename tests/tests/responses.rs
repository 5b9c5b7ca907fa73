//! Responses through a real Envoy: held until the verdict, refused, masked, and never held where they stream.

use secbeat_e2e::{
    Bootstrap, Connection, Envoy, Journal, Origin, Request, Response, Result, artifacts, ensure, http2,
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// What the policies here refuse in a body.
const LEAK: &str = "Exception in thread main";

struct Site {
    envoy: Envoy,
    origin: Origin,
    _folder: TempDir,
}

impl Site {
    fn start() -> Result<Self> {
        Self::start_with("block", &json!({}))
    }

    fn start_with(mode: &str, response: &Value) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let origin = Origin::start(Journal::Count)?;
        let pattern = |id: u32, action: &str, pattern: &str, targets: &[&str]| json!({ "id": id, "name": "test", "pattern": pattern, "action": action, "targets": targets });
        let patterns = [
            pattern(1, "block", "exception in thread", &["response_body"]),
            pattern(2, "mask", r"\bkey-\d+", &["response_body", "response_headers"]),
            pattern(3, "block", "^internal$", &["response_headers:x-debug"]),
        ];
        let configuration = json!({ "policy": { "mode": mode, "patterns": patterns, "response": response } });
        let bootstrap = Bootstrap::standalone(origin.address(), &artifacts::filter()?)?
            .plugin_configuration(&configuration)?;
        let envoy = Envoy::start(&bootstrap, folder.path())?;
        Ok(Self {
            envoy,
            origin,
            _folder: folder,
        })
    }

    /// What a client gets when the origin answers like this.
    fn answer(&self, head: &str, body: &[u8]) -> Result<Response> {
        self.origin.answer("/answer", &[&answer(head, body)]);
        Request::get("/answer").send(self.envoy.address())
    }

    fn page(&self, body: &str) -> Result<Response> {
        self.answer("200 OK\r\ncontent-type: text/html", body.as_bytes())
    }
}

/// An answer with its length. The header tells an answer of the origin from any other.
fn answer(head: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 {head}\r\nx-origin: yes\r\ncontent-length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// The same in chunks of so many bytes.
fn chunked(head: &str, body: &[u8], size: usize) -> Vec<u8> {
    let head = format!("HTTP/1.1 {head}\r\nx-origin: yes\r\ntransfer-encoding: chunked\r\n\r\n");
    let mut wire = head.into_bytes();
    for chunk in body.chunks(size) {
        wire.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        wire.extend_from_slice(chunk);
        wire.extend_from_slice(b"\r\n");
    }
    wire.extend_from_slice(b"0\r\n\r\n");
    wire
}

/// Fails unless nothing of the origin's answer came through.
fn expect_replaced(answer: &Response) -> Result<()> {
    ensure!(answer.status == 502, "expected 502, found {}", answer.status);
    ensure!(
        answer.header("x-origin").is_none() && !answer.text().contains("page"),
        "a part of the origin's answer came through: {answer:?}"
    );
    ensure!(
        answer.header("x-request-id").is_some(),
        "no request id: {answer:?}"
    );
    Ok(())
}

#[test]
fn leak_in_the_last_byte_of_a_page_is_replaced_before_the_client_saw_any() -> Result<()> {
    let site = Site::start()?;
    for length in [0, 1_000, 60_000, 70_000, 200_000, 500_000] {
        let page = format!("page{}{LEAK}", "x".repeat(length));
        expect_replaced(&site.page(&page)?)?;
        let wire = chunked("200 OK\r\ncontent-type: text/html", page.as_bytes(), 3_000);
        site.origin.answer("/chunked", &[&wire]);
        expect_replaced(&Request::get("/chunked").send(site.envoy.address())?)?;
    }
    let head = "500 Internal Server Error\r\ncontent-type: text/html\r\nx-debug: internal";
    expect_replaced(&site.answer(head, b"page")?)?;
    Ok(())
}

#[test]
fn honest_pages_of_any_length_come_through_unchanged() -> Result<()> {
    let site = Site::start()?;
    let mut connection = Connection::open(site.envoy.address())?;
    for length in [0, 1, 60_000, 70_000, 500_000, 524_288, 524_289, 3_000_000] {
        let page = "x".repeat(length);
        for wire in [
            answer("200 OK\r\ncontent-type: text/html", page.as_bytes()),
            chunked("200 OK\r\ncontent-type: text/html", page.as_bytes(), 40_000),
        ] {
            site.origin.answer("/page", &[&wire]);
            // One connection for all: that it still works afterwards is part of what is proved.
            connection.send(&Request::get("/page").bytes())?;
            let got = connection.answer(false)?;
            ensure!(
                got.status == 200 && got.body == page.as_bytes(),
                "a page of {length} bytes got {} with {} bytes",
                got.status,
                got.body.len()
            );
        }
    }
    Ok(())
}

#[test]
fn masked_bytes_become_stars_and_every_length_stays() -> Result<()> {
    let site = Site::start()?;
    let before = "x".repeat(100_000);
    let page = format!("page key-1 {before} key-22 monkey-3");
    let masked = format!("page ***** {before} ****** monkey-3");
    let head =
        "200 OK\r\ncontent-type: application/json\r\nx-key: a key-7\r\nset-cookie: a=b\r\nset-cookie: c=d";
    for wire in [
        answer(head, page.as_bytes()),
        chunked(head, page.as_bytes(), 5_001),
    ] {
        site.origin.answer("/page", &[&wire]);
        let got = Request::get("/page").send(site.envoy.address())?;
        ensure!(
            got.status == 200 && got.text() == masked,
            "{} {}",
            got.status,
            got.body.len()
        );
        ensure!(
            got.header("x-key").as_deref() == Some("a *****"),
            "{:?}",
            got.headers
        );
        let cookies = got
            .headers
            .iter()
            .filter(|(name, _)| name == "set-cookie")
            .count();
        ensure!(cookies == 2, "{:?}", got.headers);
    }
    Ok(())
}

#[test]
fn only_the_beginning_of_a_long_body_is_inspected() -> Result<()> {
    let site = Site::start_with("block", &json!({ "limit": 10_000 }))?;
    let filler = "x".repeat(400_000);
    expect_replaced(&site.page(&format!("page {LEAK} {filler}"))?)?;
    let page = format!("key-1 {filler} {LEAK}");
    for wire in [
        answer("200 OK\r\ncontent-type: text/html", page.as_bytes()),
        chunked("200 OK\r\ncontent-type: text/html", page.as_bytes(), 9_999),
    ] {
        site.origin.answer("/late", &[&wire]);
        let got = Request::get("/late").send(site.envoy.address())?;
        ensure!(
            got.status == 200 && got.text() == page.replace("key-1", "*****"),
            "{} {}",
            got.status,
            got.body.len()
        );
    }

    let site = Site::start_with("block", &json!({ "limit": 10_000, "over_limit": "skip" }))?;
    let page = format!("{LEAK} {filler}");
    ensure!(site.page(&page)?.text() == page, "a long page was not skipped");
    expect_replaced(&site.page(&format!("page {LEAK}"))?)?;
    Ok(())
}

#[test]
fn what_has_no_body_or_cannot_be_read_passes() -> Result<()> {
    let site = Site::start()?;
    let to = site.envoy.address();
    site.origin.answer(
        "/head",
        &[b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 99\r\n\r\n"],
    );
    let got = Request::new("HEAD", "/head").send(to)?;
    ensure!(
        got.status == 200 && got.header("content-length").as_deref() == Some("99"),
        "{got:?}"
    );
    for status in ["204 No Content", "304 Not Modified"] {
        let wire = format!("HTTP/1.1 {status}\r\ncontent-type: text/html\r\n\r\n");
        site.origin.answer("/none", &[wire.as_bytes()]);
        let got = Request::get("/none").send(to)?;
        ensure!(
            status.starts_with(&got.status.to_string()),
            "{status} became {got:?}"
        );
    }
    for head in [
        "200 OK\r\ncontent-type: text/html\r\ncontent-encoding: gzip",
        "200 OK\r\ncontent-type: application/octet-stream",
        "206 Partial Content\r\ncontent-type: text/html\r\ncontent-range: bytes 0-23/99",
    ] {
        let got = site.answer(head, LEAK.as_bytes())?;
        ensure!(got.text() == LEAK, "{head} got {got:?}");
    }
    Ok(())
}

#[test]
fn download_over_the_limit_streams() -> Result<()> {
    let site = Site::start_with("block", &json!({ "limit": 1_000 }))?;
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n";
    let first = [head.as_slice(), &[b'a'; 2_000]].concat();
    site.origin.answer("/download", &[&first, b"the end"]);
    let mut connection = Connection::open(site.envoy.address())?;
    connection.send(&Request::get("/download").bytes())?;
    ensure!(connection.head()?.status == 200, "the download was refused");
    // The origin sends the rest only when the beginning has arrived here.
    connection.through(&[b'a'; 1_000])?;
    site.origin.release();
    connection.through(b"the end")?;
    Ok(())
}

#[test]
fn event_stream_passes_without_delay_under_rules_for_bodies() -> Result<()> {
    let site = Site::start()?;
    let mut connection = Connection::open(site.envoy.address())?;
    connection.send(
        &Request::get("/stream")
            .header("accept", "text/event-stream")
            .bytes(),
    )?;
    ensure!(connection.head()?.status == 200, "the stream was refused");
    connection.through(b"data: first\n\n")?;
    site.origin.release();
    connection.through(b"data: second\n\n")?;
    Ok(())
}

#[test]
fn http2_clients_are_protected_like_those_of_http1() -> Result<()> {
    let site = Site::start()?;
    let to = site.envoy.address();
    let filler = "x".repeat(100_000);
    let head = "200 OK\r\ncontent-type: text/html";
    site.origin.answer(
        "/leak",
        &[&answer(head, format!("page {filler} {LEAK}").as_bytes())],
    );
    let got = http2::send(to, "/leak", "", b"")?;
    let text = String::from_utf8_lossy(&got.body).into_owned();
    ensure!(
        got.status == 502 && !text.contains("page"),
        "{} {text}",
        got.status
    );
    site.origin.answer(
        "/key",
        &[&chunked(head, format!("key-1 {filler}").as_bytes(), 7_000)],
    );
    let got = http2::send(to, "/key", "", b"")?;
    ensure!(
        got.status == 200 && got.body == format!("***** {filler}").into_bytes(),
        "{} {}",
        got.status,
        got.body.len()
    );
    Ok(())
}

#[test]
fn in_detect_mode_a_page_passes_as_it_is_and_without_delay() -> Result<()> {
    let site = Site::start_with("detect", &json!({}))?;
    let got = site.page(&format!("page {LEAK} key-1"))?;
    ensure!(
        got.status == 200 && got.text() == format!("page {LEAK} key-1"),
        "{got:?}"
    );
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n\r\nfirst ";
    site.origin.answer("/slow", &[head, b"second"]);
    let mut connection = Connection::open(site.envoy.address())?;
    connection.send(&Request::get("/slow").bytes())?;
    ensure!(connection.head()?.status == 200, "the page was refused");
    connection.through(b"first ")?;
    site.origin.release();
    connection.through(b"second")?;
    Ok(())
}

#[test]
fn refusals_of_requests_and_answers_of_envoy_pass_rules_for_responses() -> Result<()> {
    let site = Site::start_with("block", &json!({}))?;
    // Longer than Envoy takes: answered by Envoy itself, through the filters.
    let long = Request::get(format!("/{}", "x".repeat(70_000))).send(site.envoy.address())?;
    ensure!(long.status == 431, "a long request got {}", long.status);
    let address = site.origin.address();
    drop(site.origin);
    let got = Request::get("/").send(site.envoy.address())?;
    ensure!(
        got.status == 503 && got.text().contains("upstream"),
        "without an origin at {address}: {got:?}"
    );
    Ok(())
}
