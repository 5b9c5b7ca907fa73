//! What the API must refuse: with the right status, with a problem document that names the field and the reason, and
//! with nothing changed.

use secbeat_e2e::{Api, Context, ControlPlane, Request, Response, Result, artifacts, ensure};
use serde_json::{Value, json};

const PATTERNS: &str = "/api/v1/waf/patterns";

struct Refused {
    what: &'static str,
    request: Request,
    with_token: bool,
    status: u16,
    /// Words that the problem has to contain.
    words: &'static [&'static str],
}

fn post(document: &Value) -> Request {
    Request::post(PATTERNS, "application/json", document.to_string())
}

fn refused() -> Vec<Refused> {
    let case = |what, request, status, words| Refused {
        what,
        request,
        with_token: true,
        status,
        words,
    };
    let valid = || post(&json!({ "pattern": "forbidden-word" }));
    vec![
        case(
            "a pattern that does not compile",
            post(&json!({ "pattern": "(unclosed" })),
            422,
            &["pattern", "unclosed"],
        ),
        case(
            "an empty pattern",
            post(&json!({ "pattern": "" })),
            422,
            &["pattern"],
        ),
        case(
            "a pattern that matches everything",
            post(&json!({ "pattern": "a*" })),
            422,
            &["pattern", "empty"],
        ),
        case(
            "no pattern",
            post(&json!({ "name": "nothing" })),
            422,
            &["pattern"],
        ),
        case(
            "an unknown target",
            post(&json!({ "pattern": "x", "targets": ["qwerty"] })),
            422,
            &["targets", "qwerty"],
        ),
        case(
            "an unknown field",
            post(&json!({ "pattern": "x", "regexp": "y" })),
            422,
            &["regexp"],
        ),
        case(
            "an unknown category",
            post(&json!({ "pattern": "x", "category": "sqli" })),
            422,
            &["category", "sqli"],
        ),
        case(
            "a wrong type",
            post(&json!({ "pattern": 7 })),
            422,
            &["pattern", "string"],
        ),
        case(
            "no JSON",
            Request::post(PATTERNS, "application/json", "{pattern"),
            400,
            &["JSON"],
        ),
        case(
            "a body too large",
            post(&json!({ "pattern": "x", "name": "a".repeat(2 * 1024 * 1024) })),
            413,
            &["bytes"],
        ),
        case(
            "a missing id",
            Request::new("DELETE", format!("{PATTERNS}/8999999")),
            404,
            &["8999999"],
        ),
        Refused {
            what: "no token",
            request: valid(),
            with_token: false,
            status: 401,
            words: &["token"],
        },
        Refused {
            what: "a wrong token",
            request: valid().header("authorization", "Bearer sb_wrong"),
            with_token: false,
            status: 401,
            words: &["token"],
        },
    ]
}

#[test]
fn bad_input_is_refused_with_field_and_reason_and_changes_nothing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let control_plane = ControlPlane::start(folder.path(), &artifacts::filter()?)?;
    let api = control_plane.api();
    let before = state(&api)?;
    let mut complaints = Vec::new();
    for case in refused() {
        let response = if case.with_token {
            api.authorized(case.request)?
        } else {
            api.send(&case.request)?
        };
        if let Err(complaint) = check(&response, case.status, case.words) {
            complaints.push(format!("{}: {complaint}", case.what));
        }
    }
    ensure!(complaints.is_empty(), "{}", complaints.join("\n"));
    ensure!(state(&api)? == before, "something changed");
    Ok(())
}

fn check(response: &Response, status: u16, words: &[&str]) -> Result<()> {
    ensure!(
        response.status == status,
        "expected {status}, found {}: {}",
        response.status,
        response.text()
    );
    let kind = response.header("content-type").context("no content type")?;
    ensure!(kind == "application/problem+json", "the answer is {kind}");
    let problem = response.json()?;
    ensure!(
        problem.get("status") == Some(&Value::from(status)),
        "the problem's status is not {status}: {problem}"
    );
    let text = response.text();
    let missing: Vec<_> = words.iter().filter(|word| !text.contains(**word)).collect();
    ensure!(missing.is_empty(), "{missing:?} are not named in {text}");
    Ok(())
}

/// Everything that a refused request could have changed.
fn state(api: &Api) -> Result<(u64, Value)> {
    Ok((api.revision()?, api.get(PATTERNS)?))
}
