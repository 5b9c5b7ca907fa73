//! Responses through a real Envoy: held until the verdict, refused, masked, and never held where they stream.

use std::{path::Path, time::Duration};

use secbeat_e2e::{
    Bootstrap, Connection, Context as _, Envoy, Journal, Origin, Request, Response, Result, Stack, artifacts,
    ensure, http2, wait,
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
        Self::start_adapted(mode, response, &artifacts::filter()?, &json!(null), Ok)
    }

    fn start_adapted(
        mode: &str,
        response: &Value,
        filter: &Path,
        faults: &Value,
        adapt: impl FnOnce(Bootstrap) -> Result<Bootstrap>,
    ) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let origin = Origin::start(Journal::Keep)?;
        let pattern = |id: u32, action: &str, pattern: &str, targets: &[&str]| json!({ "id": id, "name": "test", "pattern": pattern, "action": action, "targets": targets });
        let patterns = [
            pattern(1, "block", "exception in thread", &["response_body"]),
            pattern(2, "mask", r"\bkey-\d+", &["response_body", "response_headers"]),
            pattern(3, "block", "^internal$", &["response_headers:x-debug"]),
        ];
        let mut configuration =
            json!({ "policy": { "mode": mode, "patterns": patterns, "response": response } });
        if let (Some(members), false) = (configuration.as_object_mut(), faults.is_null()) {
            members.insert("faults".to_owned(), faults.clone());
        }
        let bootstrap =
            Bootstrap::standalone(origin.address(), filter)?.plugin_configuration(&configuration)?;
        let envoy = Envoy::start(&adapt(bootstrap)?, folder.path())?;
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

    /// Waits until a counter has this value: Envoy's workers hand theirs over from time to time.
    fn expect_counted(&self, counter: &str, expected: u64) -> Result<()> {
        wait::until(counter, Duration::from_secs(10), || {
            let found = self.envoy.stat_sum(counter)?;
            ensure!(found == expected, "expected {expected}, found {found}");
            Ok(())
        })
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
    let page = format!("page {LEAK}");
    let end = page.len() - 1;
    let head = format!(
        "206 Partial Content\r\ncontent-type: text/html\r\ncontent-range: bytes 0-{end}/{}",
        page.len()
    );
    expect_replaced(&site.answer(&head, page.as_bytes())?)?;
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
        "200 OK\r\ncontent-type: text/html\r\ncontent-encoding: br",
        "200 OK\r\ncontent-type: application/octet-stream",
    ] {
        let got = site.answer(head, LEAK.as_bytes())?;
        ensure!(got.text() == LEAK, "{head} got {got:?}");
    }
    site.expect_counted("secbeat_responses_encoded_total", 1)
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

/// A body as a member of `gzip` with one stored block, which holds at most 65,535 bytes.
fn gzip(body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u16).to_le_bytes();
    let [low, high] = length;
    let head = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, low, high, !low, !high];
    [&head, body, &[0; 8]].concat()
}

#[test]
fn compressed_pages_are_read_and_masked_ones_go_on_plain() -> Result<()> {
    let site = Site::start()?;
    let head = "200 OK\r\ncontent-type: text/html\r\ncontent-encoding: gzip";
    let filler = "x".repeat(30_000);
    let leak = gzip(format!("page {filler} {LEAK}").as_bytes());
    for wire in [answer(head, &leak), chunked(head, &leak, 11)] {
        site.origin.answer("/leak", &[&wire]);
        expect_replaced(&Request::get("/leak").send(site.envoy.address())?)?;
    }
    let clean = gzip(format!("page {filler}").as_bytes());
    let got = site.answer(head, &clean)?;
    ensure!(
        got.body == clean && got.header("content-encoding").as_deref() == Some("gzip"),
        "a clean page was changed"
    );
    let key = gzip(format!("page {filler} key-1").as_bytes());
    for wire in [answer(head, &key), chunked(head, &key, 1_000)] {
        site.origin.answer("/key", &[&wire]);
        let got = Request::get("/key").send(site.envoy.address())?;
        ensure!(
            got.text() == format!("page {filler} *****") && got.header("content-encoding").is_none(),
            "{} {:?}",
            got.body.len(),
            got.headers
        );
    }
    Ok(())
}

#[test]
fn origin_is_asked_for_plain_bodies_where_the_policy_says_so() -> Result<()> {
    for (policy, expected) in [
        (json!({}), "accept-encoding: gzip, br"),
        (json!({ "ask_identity": true }), "accept-encoding: identity"),
    ] {
        let site = Site::start_with("block", &policy)?;
        let get = Request::get("/").header("accept-encoding", "gzip, br");
        ensure!(
            get.send(site.envoy.address())?.status == 200,
            "the request was refused"
        );
        ensure!(
            site.origin.saw(expected.as_bytes()),
            "the origin did not see {expected}"
        );
    }
    Ok(())
}

#[test]
fn slow_page_goes_on_in_time_and_is_cut_off_where_a_leak_shows() -> Result<()> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
    let first = format!("{head}b\r\nkey-1 first\r\n");
    for (path, second, is_leak) in [
        ("/clean", "6\r\nsecond\r\n0\r\n\r\n".to_owned(), false),
        ("/leak", format!("{:x}\r\n{LEAK}\r\n0\r\n\r\n", LEAK.len()), true),
    ] {
        let site = Site::start_with("block", &json!({ "hold_seconds": 1 }))?;
        site.origin.answer(path, &[first.as_bytes(), second.as_bytes()]);
        let mut connection = Connection::open(site.envoy.address())?;
        connection.send(&Request::get(path).bytes())?;
        ensure!(connection.head()?.status == 200, "the page was refused");
        // The origin sends the rest only when the beginning has arrived here.
        connection.through(b"***** first")?;
        site.origin.release();
        if is_leak {
            let cut = connection.through(b"thread main");
            ensure!(
                cut.as_ref()
                    .is_err_and(|failure| !failure.to_string().contains("Exception")),
                "a part of the leak came through: {cut:?}"
            );
        } else {
            connection.through(b"second\r\n0\r\n\r\n")?;
        }
        site.expect_counted("secbeat_responses_over_time_total", 1)?;
    }
    Ok(())
}

#[test]
fn slow_page_with_a_leak_in_its_beginning_is_replaced_in_time() -> Result<()> {
    let site = Site::start_with("block", &json!({ "hold_seconds": 1 }))?;
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nx-origin: yes\r\nconnection: close\r\n\r\npage";
    // The second piece never comes in time.
    site.origin
        .answer("/slow", &[format!("{head} {LEAK}").as_bytes(), b"rest"]);
    expect_replaced(&Request::get("/slow").send(site.envoy.address())?)
}

#[test]
fn what_lies_about_its_type_is_read_where_the_policy_names_all_types() -> Result<()> {
    let page = format!("page {LEAK}");
    let head = "200 OK\r\ncontent-type: image/png";
    let site = Site::start()?;
    ensure!(
        site.answer(head, page.as_bytes())?.text() == page,
        "an image was held"
    );
    let site = Site::start_with("block", &json!({ "content_types": ["*/*"] }))?;
    expect_replaced(&site.answer(head, page.as_bytes())?)?;
    let wide: Vec<u8> = page.encode_utf16().flat_map(u16::to_be_bytes).collect();
    expect_replaced(&site.answer("500 Oops\r\ncontent-type: text/html; charset=utf-16be", &wide)?)?;
    // Streams stay streams.
    let mut connection = Connection::open(site.envoy.address())?;
    connection.send(&Request::get("/stream").bytes())?;
    connection.through(b"data: first\n\n")?;
    Ok(())
}

#[test]
fn trailers_end_a_page_and_come_through() -> Result<()> {
    let adapt = |bootstrap: Bootstrap| {
        bootstrap
            .replace(
                "          http2_protocol_options:",
                "          http_protocol_options: { enable_trailers: true }\n          http2_protocol_options:",
            )?
            .replace(
                "    connect_timeout: 2s\n",
                "    connect_timeout: 2s\n    typed_extension_protocol_options:\n      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:\n        \"@type\": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions\n        explicit_http_config: { http_protocol_options: { enable_trailers: true } }\n",
            )
    };
    let site = Site::start_adapted("block", &json!({}), &artifacts::filter()?, &json!(null), adapt)?;
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ntransfer-encoding: chunked\r\ntrailer: x-end\r\nx-origin: yes\r\n\r\n";
    let wire = |body: &str| format!("{head}{:x}\r\n{body}\r\n0\r\nx-end: yes\r\n\r\n", body.len());
    site.origin.answer("/key", &[wire("page key-1").as_bytes()]);
    let mut connection = Connection::open(site.envoy.address())?;
    connection.send(&Request::get("/key").bytes())?;
    ensure!(connection.head()?.status == 200, "the page was refused");
    connection.through(b"page *****\r\n0\r\nx-end: yes\r\n\r\n")?;
    site.origin
        .answer("/leak", &[wire(&format!("page {LEAK}")).as_bytes()]);
    expect_replaced(&Request::get("/leak").send(site.envoy.address())?)
}

#[test]
fn page_after_a_continue_is_inspected() -> Result<()> {
    let site = Site::start()?;
    let head = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nx-origin: yes\r\ncontent-type: text/html";
    let page = format!("page {LEAK}");
    let wire = format!("{head}\r\ncontent-length: {}\r\n\r\n{page}", page.len());
    site.origin.answer("/continue", &[wire.as_bytes()]);
    let post = Request::post("/continue", "application/json", "{}").header("expect", "100-continue");
    expect_replaced(&post.send(site.envoy.address())?)
}

#[test]
fn trap_while_a_response_is_held_lets_nothing_of_it_through() -> Result<()> {
    for faults in [
        json!({ "trap_on_response_header": "x-trap" }),
        json!({ "trap_on_response_body": "trap now" }),
    ] {
        let site = Site::start_adapted("block", &json!({}), &artifacts::faulty_filter()?, &faults, Ok)?;
        let head =
            "HTTP/1.1 200 OK\r\nx-origin: yes\r\ncontent-type: text/html\r\nconnection: close\r\n\r\npage ";
        site.origin.answer("/held", &[head.as_bytes(), LEAK.as_bytes()]);
        let trap = answer(
            "200 OK\r\ncontent-type: text/html\r\nx-trap: now",
            b"page: trap now",
        );
        site.origin.answer("/trap", &[&trap]);
        // Responses are held on both workers while others trap there.
        let mut waiting = Vec::new();
        for _ in 0..20 {
            let mut connection = Connection::open(site.envoy.address())?;
            connection.send(&Request::get("/held").bytes())?;
            waiting.push(connection);
        }
        wait::until("the origin's answers", Duration::from_secs(10), || {
            ensure!(
                site.origin.requests() >= 20,
                "the origin saw {}",
                site.origin.requests()
            );
            Ok(())
        })?;
        for _ in 0..20 {
            let mut connection = Connection::open(site.envoy.address())?;
            connection.send(&Request::get("/trap").bytes())?;
            let got = connection.answer(false);
            ensure!(
                got.as_ref()
                    .map_or(true, |got| got.status == 503 && !got.text().contains("page")),
                "{faults}: a part of the answer came through: {got:?}"
            );
        }
        site.origin.release();
        wait::until("recovery", Duration::from_secs(10), || {
            for _ in 0..20 {
                let got = site.page("honest")?;
                ensure!(got.status == 200 && got.text() == "honest", "{got:?}");
                expect_replaced(&site.page(&format!("page {LEAK}"))?)?;
            }
            Ok(())
        })?;
        for connection in waiting {
            let got = String::from_utf8_lossy(&connection.leave()).into_owned();
            ensure!(
                !got.contains("page") && !got.contains("x-origin"),
                "{faults}: a part of a held answer came through: {got:?}"
            );
        }
    }
    Ok(())
}

#[test]
fn events_tell_what_became_of_a_response() -> Result<()> {
    let stack = Stack::start()?;
    let leak =
        json!({ "pattern": "exception in thread", "targets": ["response_body"], "category": "data_leak" });
    let leak = stack.api().add_pattern(&leak)?;
    let key = json!({ "pattern": "key-[0-9]+", "targets": ["response_body"], "action": "mask" });
    let key = stack.api().add_pattern(&key)?;
    let head = "200 OK\r\ncontent-type: text/html";
    let to = stack.envoy.address();
    stack.origin.answer("/leak", &[&answer(head, LEAK.as_bytes())]);
    stack.origin.answer("/key", &[&answer(head, b"key-4711")]);
    wait::until("the patterns", Duration::from_secs(20), || {
        let statuses = stack.statuses(&Request::get("/leak"), 20)?;
        ensure!(statuses.iter().all(|status| *status == 502), "{statuses:?}");
        ensure!(Request::get("/key").send(to)?.text() == "********", "not masked");
        Ok(())
    })?;
    let of_rule = |rule: u64| {
        wait::until("the event", Duration::from_secs(10), || {
            let events = stack.api().events()?;
            let is_of = |event: &&Value| event.pointer("/matches/0/rule") == Some(&json!(rule));
            events
                .iter()
                .find(is_of)
                .cloned()
                .context(format!("none of rule {rule}"))
        })
    };
    let event = of_rule(leak)?;
    ensure!(
        event.get("status") == Some(&json!(502))
            && event.pointer("/matches/0/target") == Some(&json!("response_body:short"))
            && event.pointer("/matches/0/action") == Some(&json!("blocked")),
        "{event}"
    );
    let event = of_rule(key)?;
    ensure!(
        event.pointer("/matches/0/action") == Some(&json!("masked"))
            && event.pointer("/matches/0/masked") == Some(&json!(true))
            && !event.to_string().contains("4711"),
        "{event}"
    );
    Ok(())
}
