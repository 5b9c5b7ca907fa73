//! The real binary: what was answered survives SIGKILL, and it starts, refuses and stops as it says.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails, wherever it is"
)]

#[path = "binary/process.rs"]
mod process;

use std::{
    collections::BTreeSet,
    fs,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use process::{Process, secbeat};
use serde_json::{Value, json};
use tokio::time::timeout;

/// How often the process is killed.
const ROUNDS: u64 = 20;
const PATIENCE: Duration = Duration::from_mins(1);

/// Writes patterns until the process is gone; returns those whose addition was answered.
async fn write_patterns(api: process::Api, round: u64, answered: Arc<AtomicU64>) -> BTreeSet<String> {
    let mut kept = BTreeSet::new();
    for number in 0.. {
        let word = format!("word-{round}-{number}");
        match api
            .send("POST", "/api/v1/waf/patterns", Some(&json!({"pattern": word})))
            .await
        {
            Ok((200, _)) => kept.insert(word),
            Ok((status, body)) => panic!("{status}: {body}"),
            Err(_) => break,
        };
        answered.fetch_add(1, Ordering::Relaxed);
    }
    kept
}

/// Reports events until the process is gone; returns the last acknowledged sequence number.
async fn report_events(xds: String, instance: u64, answered: Arc<AtomicU64>) -> u64 {
    let Ok(mut reporter) = process::Reporter::connect(&xds).await else {
        return 0;
    };
    let mut acknowledged = 0;
    while let Ok(seq) = reporter
        .report(instance, acknowledged + 1..=acknowledged + 7)
        .await
    {
        assert_eq!(seq, acknowledged + 7);
        acknowledged = seq;
        answered.fetch_add(1, Ordering::Relaxed);
    }
    acknowledged
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_answered_is_lost_when_the_process_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::start(folder.path()).await;
    let mut words = BTreeSet::new();
    let mut events = Vec::new();
    for round in 0..ROUNDS {
        let answered = Arc::new(AtomicU64::new(0));
        let writer = write_patterns(process.api.clone(), round, Arc::clone(&answered));
        let reporter = report_events(process.xds.clone(), 1_000 + round, Arc::clone(&answered));
        let killer = async {
            // Another moment in each round, most of them in the midst of a write.
            while answered.load(Ordering::Relaxed) < round * 2 {
                tokio::task::yield_now().await;
            }
            process.kill().await;
        };
        let (written, acknowledged, ()) = timeout(PATIENCE, async { tokio::join!(writer, reporter, killer) })
            .await
            .unwrap();
        events.push((1_000 + round, acknowledged));

        process = Process::start(folder.path()).await;
        let stored = stored_words(&process.api).await;
        let lost = words
            .union(&written)
            .filter(|word| !stored.contains(*word))
            .collect::<Vec<_>>();
        assert!(lost.is_empty(), "round {round} lost {lost:?}");
        // The write that was cut off may be there or not; both are right.
        assert!(stored.len() <= words.len() + written.len() + 1);
        words = stored;
        for (instance, acknowledged) in &events {
            let found = stored_events(&process.api, *instance).await;
            let expected = (1..=*acknowledged).collect::<Vec<_>>();
            assert!(
                found.starts_with(&expected),
                "round {round}: {acknowledged} acknowledged, {} found",
                found.len()
            );
            assert!(found.len() <= expected.len() + 7);
        }
    }
    assert!(words.len() > 20, "the test wrote nothing");
    assert!(
        events.iter().map(|(_, acknowledged)| acknowledged).sum::<u64>() > 100,
        "the test reported nothing"
    );
}

/// Every pattern of the API; checks that none is there twice.
async fn stored_words(api: &process::Api) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    let mut after = Value::from(0);
    while !after.is_null() {
        let page = api
            .get(&format!(
                "/api/v1/waf/patterns?source=api&limit=1000&after={after}"
            ))
            .await;
        for pattern in page["patterns"].as_array().unwrap() {
            assert!(
                words.insert(pattern["pattern"].as_str().unwrap().to_owned()),
                "{pattern} is there twice"
            );
        }
        after = page["next"].clone();
    }
    words
}

/// The sequence numbers of an instance's events, in the order of the store.
async fn stored_events(api: &process::Api, instance: u64) -> Vec<u64> {
    let mut found = Vec::new();
    let mut after = Value::from(0);
    while !after.is_null() {
        let page = api
            .get(&format!(
                "/api/v1/events?order=asc&limit=1000&node=node-{instance}&after={after}"
            ))
            .await;
        found.extend(
            page["events"]
                .as_array()
                .unwrap()
                .iter()
                .map(|event| event["seq"].as_u64().unwrap()),
        );
        after = page["next"].clone();
    }
    found
}

#[tokio::test]
async fn a_store_serves_one_process_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = Process::start(folder.path()).await;
    let second = secbeat(folder.path(), &["serve", "--config", "config.toml"]).await;
    assert_eq!(second.status.code(), Some(1));
    let error = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(
        error.contains("secbeat.redb is in use by another process"),
        "{error}"
    );
    first.kill().await;
}

#[tokio::test]
async fn sigterm_ends_it_well_and_the_state_is_there_again() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path()).await;
    process
        .api
        .send("POST", "/api/v1/waf/patterns", Some(&json!({"pattern": "kept"})))
        .await
        .unwrap();
    let (status, log) = process.terminate().await;
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("\"stopped\""), "{log}");
    let process = Process::start(folder.path()).await;
    assert!(stored_words(&process.api).await.contains("kept"));
    // The token is never logged.
    let token = fs::read_to_string(folder.path().join("data/admin-token")).unwrap();
    let (_, later) = process.terminate().await;
    assert!(!log.contains(token.trim()) && !later.contains(token.trim()));
}

#[tokio::test]
async fn wrong_settings_are_told_all_at_once_and_nothing_starts() {
    let folder = tempfile::tempdir().unwrap();
    let settings = "[storage]\nmax_event = 1\n[waf]\nmode = \"loud\"\n";
    fs::write(folder.path().join("config.toml"), settings).unwrap();
    for command in [&["serve"][..], &["config", "validate"]] {
        let output = secbeat(folder.path(), &[command, &["--config", "config.toml"]].concat()).await;
        assert_eq!(output.status.code(), Some(1));
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            error.contains("config.toml:2: storage.max_event: unknown key"),
            "{error}"
        );
        assert!(
            error.contains("config.toml:4: waf.mode: expected one of off, detect, block, found \"loud\""),
            "{error}"
        );
    }
    let settings = "[xds]\nbootstrap_templates = [\"missing.yaml\", \"config.toml\"]\n";
    fs::write(folder.path().join("config.toml"), settings).unwrap();
    let output = secbeat(folder.path(), &["serve", "--config", "config.toml"]).await;
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        error.contains("missing.yaml: xds.bootstrap_templates: No such file"),
        "{error}"
    );
    assert!(
        error.contains("config.toml: xds.bootstrap_templates: "),
        "{error}"
    );
    assert!(!folder.path().join("secbeat-data").exists());
}

#[tokio::test]
async fn valid_settings_are_told_valid() {
    let folder = tempfile::tempdir().unwrap();
    let output = secbeat(folder.path(), &["config", "validate"]).await;
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.stdout.starts_with(b"built-in defaults: valid, "));
    let version = secbeat(folder.path(), &["--version"]).await;
    assert_eq!(
        String::from_utf8_lossy(&version.stdout).trim(),
        format!("secbeat {}", env!("CARGO_PKG_VERSION"))
    );
}

#[tokio::test]
async fn stored_patterns_that_do_not_fit_the_settings_refuse_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path()).await;
    let pattern = json!({"pattern": "kept", "id": 7});
    process
        .api
        .send("POST", "/api/v1/waf/patterns", Some(&pattern))
        .await
        .unwrap();
    process.terminate().await;
    let rules = folder.path().join("rules");
    fs::create_dir(&rules).unwrap();
    let pack = "[pack]\nname = \"mine\"\nversion = 1\n[[pattern]]\nid = 7\nname = \"n\"\npattern = \"(\"\n";
    fs::write(rules.join("mine.toml"), pack).unwrap();
    let settings = fs::read_to_string(folder.path().join("config.toml")).unwrap();
    let settings = settings.replace("[waf]", "[waf]\nrules_dir = \"rules\"");
    fs::write(folder.path().join("config.toml"), settings).unwrap();
    let output = secbeat(folder.path(), &["serve", "--config", "config.toml"]).await;
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("rule pack mine, rule 7: pattern: "), "{error}");
    assert!(error.contains("pattern 7: id: "), "{error}");
}

/// Runs `secbeat test` with some arguments; the exit code, and what it printed.
async fn tested(folder: &std::path::Path, arguments: &[&str]) -> (i32, String, String) {
    let output = secbeat(folder, &[&["test"], arguments].concat()).await;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code().unwrap(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

#[tokio::test]
async fn test_tells_by_its_exit_code_what_becomes_of_a_request() {
    let folder = tempfile::tempdir().unwrap();
    let policy = r#"{"patterns": [{"id": 5, "name": "word", "pattern": "evil-word"}]}"#;
    fs::write(folder.path().join("policy.json"), policy).unwrap();
    let raw = "POST /form HTTP/1.1\nHost: a\nContent-Type: application/json\n\n{\"b\": \"evil-word\"}\n";
    fs::write(folder.path().join("request.txt"), raw).unwrap();
    for (arguments, code, expected) in [
        (&["/?q=hello"][..], 0, "allow: nothing matched\n"),
        (&["/?q=evil-word"], 3, "deny 403: rule 5 refuses (word)\n"),
        (
            &["http://shop.example/", "-H", "X-A: evil-word"],
            3,
            "headers:x-a  evil-word\n",
        ),
        (&["/", "-d", "a=evil-word"], 3, "body_values:a  evil-word\n"),
        (
            &[
                "/",
                "-X",
                "PUT",
                "-d",
                "@request.txt",
                "-H",
                "content-type: text/plain",
            ],
            3,
            "body  evil-word\n",
        ),
        (&["--raw", "request.txt"], 3, "body_values:b  evil-word\n"),
        (&["/?q=evil-word", "--json"], 3, "\"verdict\": \"deny\""),
        (&["/?password=evil-word"], 3, "query_values:password  (masked)\n"),
    ] {
        let all = [arguments, &["--policy", "policy.json"]].concat();
        let (found, out, err) = tested(folder.path(), &all).await;
        assert_eq!(found, code, "{arguments:?}: {out}{err}");
        assert!(out.contains(expected), "{arguments:?}: {out}");
    }
    // Without a policy it is the rule pack core.
    let (code, out, _) = tested(folder.path(), &["/?q=1%27%20OR%20%271%27=%271"]).await;
    assert_eq!(code, 3, "{out}");
}

#[tokio::test]
async fn test_tells_wrong_usage_from_failure() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("broken.json"),
        r#"{"patterns": [{"id": 1, "pattern": "("}]}"#,
    )
    .unwrap();
    fs::write(folder.path().join("broken.txt"), "nonsense").unwrap();
    for (arguments, code, expected) in [
        (&[][..], 2, "required"),
        (&["no-slash"], 2, "path: expected path and query"),
        (
            &["/", "-H", "nonsense"],
            2,
            "expected 'Name: value', found \"nonsense\"",
        ),
        (&["/", "--raw", "broken.txt"], 2, "cannot be used with"),
        (&["--raw", "broken.txt"], 2, "--raw: "),
        (&["/", "--policy", "none.json"], 1, "none.json: "),
        (
            &["/", "--policy", "broken.json"],
            1,
            "the policy does not compile\npatterns[0]",
        ),
        (
            &["/", "--server", "https://a"],
            1,
            "--server: expected a URL such as",
        ),
        (&["/", "--server", "http://a"], 1, "admin-token: "),
    ] {
        let (found, out, err) = tested(folder.path(), arguments).await;
        assert_eq!(found, code, "{arguments:?}: {out}{err}");
        assert!(err.contains(expected) && out.is_empty(), "{arguments:?}: {err}");
    }
}

#[tokio::test]
async fn test_asks_a_running_control_plane() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::start(folder.path()).await;
    let body = json!({"pattern": "new-word", "id": 17});
    process
        .api
        .send("POST", "/api/v1/waf/patterns", Some(&body))
        .await
        .unwrap();
    let server = format!("http://{}", process.api.address);
    let base = ["--server", &server, "--token-file", "data/admin-token"];
    for (arguments, code, expected) in [
        (&["/?q=new-word"][..], 3, "deny 403: rule 17 refuses"),
        (&["/?q=new-word", "--revision", "1"], 0, "allow: nothing matched"),
        (
            &["/", "-d", "a=new-word", "--client", "192.0.2.1"],
            3,
            "body_values:a  new-word",
        ),
        (&["/", "--revision", "99"], 1, "404: there is no such revision"),
    ] {
        let (found, out, err) = tested(folder.path(), &[arguments, &base].concat()).await;
        assert_eq!(found, code, "{arguments:?}: {out}{err}");
        assert!(
            out.contains(expected) || err.contains(expected),
            "{arguments:?}: {out}{err}"
        );
    }
    fs::write(folder.path().join("token"), "0123456789abcdef0123456789abcdef").unwrap();
    let (code, _, err) = tested(
        folder.path(),
        &["/", "--server", &server, "--token-file", "token"],
    )
    .await;
    assert_eq!(code, 1);
    assert!(err.contains("401: the token is not valid"), "{err}");
    process.kill().await;
}

/// A line without the numbers that depend on how many rules the packs have.
fn without_counts(line: &str) -> String {
    let line = line.trim();
    if line.starts_with("rules: ") {
        line.replace(|digit: char| digit.is_ascii_digit(), "")
    } else {
        line.to_owned()
    }
}

/// Every `$ secbeat test` of the document does what stands behind it: the exit code, and the first line. The lines of
/// the text block behind the first are among those that it prints, in this order.
#[tokio::test]
async fn the_examples_of_explain_md_do_what_they_say() {
    let folder = tempfile::tempdir().unwrap();
    let document = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/explain.md")).unwrap();
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_secbeat"));
    let mut lines = document.lines();
    let mut count = 0;
    while let Some(line) = lines.next() {
        let Some((command, says)) = line
            .strip_prefix("$ secbeat ")
            .and_then(|line| line.split_once('#'))
        else {
            continue;
        };
        let run = tokio::process::Command::new("sh")
            .args(["-c", &format!("\"{}\" {command}", binary.display())])
            .current_dir(folder.path())
            .output();
        let output = timeout(PATIENCE, run).await.unwrap().unwrap();
        let code = says.trim().strip_prefix("exit code ").unwrap();
        assert_eq!(output.status.code(), code.parse().ok(), "{line}");
        let out = String::from_utf8_lossy(&output.stdout);
        assert_eq!(out.lines().next(), lines.next(), "{line}");
        if count == 0 {
            let block = document
                .split("```text\n")
                .nth(1)
                .and_then(|rest| rest.split("```").next());
            let mut printed = out.lines().map(without_counts);
            for shown in block.unwrap().lines().map(without_counts) {
                assert!(printed.any(|line| line == shown), "{shown:?} is not in\n{out}");
            }
        }
        count += 1;
    }
    assert_eq!(count, 3);
}
