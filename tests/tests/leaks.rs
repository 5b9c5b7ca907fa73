//! The pack `leaks` on the engine alone and through a real Envoy: what leaks is stopped, what is honest passes unchanged.

#![expect(
    clippy::panic,
    reason = "a corpus or a pack that cannot be read fails every test here"
)]

use std::{collections::BTreeMap, sync::Arc};

use secbeat_e2e::{
    Bootstrap, Envoy, Journal, Origin, Request, Result, artifacts, corpus::ResponseCase, ensure,
};
use secbeat_engine::{
    Disposition, MaskedBody, Policy, RequestHead, ResponseHead, Transaction, Verdict, compile,
    config::{Category, PolicyConfig, Scoring},
    packs,
};
use serde_json::json;

const PACK: &str = "leaks";
/// The highest level that the pack has rules for.
const LEVELS: u8 = 2;

fn cases() -> Vec<ResponseCase> {
    ResponseCase::load_all().unwrap_or_else(|errors| panic!("the corpus is not sound:\n{errors}"))
}

fn policy(paranoia_level: u8) -> Arc<Policy> {
    let config = PolicyConfig {
        packs: vec![PACK.to_owned()],
        scoring: Scoring {
            paranoia_level,
            ..Scoring::default()
        },
        ..PolicyConfig::default()
    };
    Arc::new(compile(&config).unwrap_or_else(|errors| panic!("the pack does not compile: {errors}")))
}

/// What is not as expected of a case at a paranoia level, if anything.
fn complaint(policy: &Arc<Policy>, level: u8, case: &ResponseCase) -> Option<String> {
    let mut transaction = Transaction::new(Arc::clone(policy));
    let headers = [(&b":method"[..], &b"GET"[..]), (b":path", b"/")];
    let request = RequestHead {
        client: None,
        headers: &headers,
    };
    transaction.request_headers(&request, true);
    let status = case.status.to_string();
    let headers = [
        (&b":status"[..], status.as_bytes()),
        (b"content-type", case.content_type.as_bytes()),
    ];
    let mut verdict = transaction.response_headers(&ResponseHead { headers: &headers }, false);
    let body = case.body();
    let mut pieces = body.chunks(1_000).peekable();
    while verdict == Verdict::Hold {
        let piece = pieces.next().unwrap_or_default();
        verdict = transaction.response_body(piece, pieces.peek().is_none());
    }
    let expected = case.rule.filter(|_| case.paranoia <= level);
    let masked = transaction.masked_body();
    let acted: Vec<u32> = transaction
        .matches()
        .iter()
        .filter(|found| found.disposition != Disposition::Detected)
        .map(|found| found.rule.0)
        .collect();
    let is_as_expected = match (expected, case.masked()) {
        (None, _) => verdict == Verdict::Allow && masked.is_none(),
        (Some(rule), None) => matches!(verdict, Verdict::Deny(_)) && acted.contains(&rule),
        (Some(rule), Some(wanted)) => {
            let beginning = match masked {
                Some(MaskedBody::Beginning(beginning)) => beginning,
                _ => Vec::new(),
            };
            let rest = body.get(beginning.len()..).unwrap_or_default();
            verdict == Verdict::Allow && acted.contains(&rule) && [&beginning, rest].concat() == wanted
        }
    };
    (!is_as_expected).then(|| {
        format!(
            "{} at level {level}: expected {expected:?}, found {verdict:?} by {acted:?}",
            case.id
        )
    })
}

#[test]
fn leaks_are_stopped_and_honest_pages_pass() {
    let complaints: Vec<String> = (1..=LEVELS)
        .map(|level| (level, policy(level)))
        .flat_map(|(level, policy)| {
            cases()
                .into_iter()
                // Pages about errors pass at level 1; that they do not at level 2 is what level 2 is for.
                .filter(move |case| level == 1 || case.rule.is_some())
                .filter_map(move |case| complaint(&policy, level, &case))
        })
        .collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn every_rule_of_the_pack_has_two_leaks_and_the_id_of_its_category() {
    let mut leaks: BTreeMap<u32, usize> = BTreeMap::new();
    for case in cases() {
        *leaks.entry(case.rule.unwrap_or_default()).or_default() += 1;
    }
    for pattern in packs::find(PACK).unwrap().config().unwrap().patterns {
        let count = leaks.get(&pattern.id).copied().unwrap_or_default();
        assert!(count >= 2, "{} has {count} cases", pattern.id);
        assert_eq!(pattern.category, Category::DataLeak, "{}", pattern.id);
        assert_eq!(pattern.id / 1_000, 7_000 + 1 + Category::DataLeak as u32);
        assert!(
            !pattern.name.is_empty() && !pattern.tags.is_empty(),
            "{}",
            pattern.id
        );
    }
}

#[test]
fn leaks_are_stopped_and_honest_pages_pass_through_envoy() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let origin = Origin::start(Journal::Count)?;
    let configuration = json!({ "policy": { "packs": ["core", PACK] } });
    let bootstrap = Bootstrap::standalone(origin.address(), &artifacts::filter()?)?
        .plugin_configuration(&configuration)?;
    let envoy = Envoy::start(&bootstrap, folder.path())?;
    let mut complaints = Vec::new();
    for case in cases() {
        let body = case.body();
        let head = format!(
            "HTTP/1.1 {} Status\r\ncontent-type: {}\r\nx-origin: yes\r\ncontent-length: {}\r\n\r\n",
            case.status,
            case.content_type,
            body.len()
        );
        let path = format!("/{}", case.id);
        origin.answer(&path, &[&[head.as_bytes(), &body].concat()]);
        let got = Request::get(&path).send(envoy.address())?;
        let is_leak = case.rule.is_some() && case.paranoia == 1;
        let is_as_expected = match case.masked().filter(|_| is_leak) {
            None if is_leak => got.status == 502 && got.header("x-origin").is_none(),
            None => got.status == case.status && got.body == body,
            Some(masked) => got.status == case.status && got.body == masked,
        };
        if !is_as_expected {
            complaints.push(format!("{} got {}", case.id, got.status));
        }
    }
    ensure!(complaints.is_empty(), "{}", complaints.join("\n"));
    Ok(())
}
