//! What `POST /api/v1/waf/test` tells of a request is what becomes of it in a real Envoy, and what the event says.

use std::{collections::HashMap, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secbeat_e2e::{Api, Context, Failure, Result, Stack, corpus::Case, ensure, volley::fire, wait};
use serde_json::{Value, json};

/// A case as the API takes it; none if its headers are no text, or if Envoy appends to one of them.
fn document(case: &Case) -> Option<Value> {
    if case.header("x-forwarded-for").is_some() {
        return None;
    }
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
    let headers: Option<Vec<Value>> = case
        .headers
        .iter()
        .map(|(name, value)| Some(json!([text(name)?, text(value)?])))
        .collect();
    let mut document = json!({
        "method": case.method,
        "path": text(&case.target)?,
        "headers": headers?,
        "client": "127.0.0.1",
    });
    if let (Some(body), Some(fields)) = (&case.body, document.as_object_mut()) {
        fields.insert("body_base64".to_owned(), STANDARD.encode(body).into());
    }
    Some(document)
}

/// What was decided, and what it rests on.
fn essence(told: &Value) -> Value {
    let field = |from: &Value, name: &str| from.get(name).cloned().unwrap_or_default();
    let matches = told
        .get("matches")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let matches: Vec<Value> = matches
        .map(|found| {
            let names = ["rule", "target", "matched", "masked", "score", "action"];
            names.map(|name| field(found, name)).into_iter().collect()
        })
        .collect();
    let score = field(told, "score");
    json!({
        "status": field(told, "status"),
        "inbound": field(&score, "inbound"),
        "outbound": field(&score, "outbound"),
        "categories": field(&score, "categories"),
        "limit": field(told, "limit"),
        "matches": matches,
        "beyond": field(told, "matches_beyond"),
    })
}

fn events(api: &Api, expected: usize) -> Result<HashMap<String, Value>> {
    let events = wait::until("the events", Duration::from_secs(20), || {
        let events = api.events()?;
        ensure!(events.len() >= expected, "{} of {expected} events", events.len());
        Ok(events)
    })?;
    let id = |event: &Value| Some(event.get("request_id")?.as_str()?.to_owned());
    let by_id = events.into_iter().map(|event| Some((id(&event)?, event)));
    by_id
        .collect::<Option<_>>()
        .context("an event without request id")
}

#[test]
fn the_corpus_has_the_same_verdicts_scores_and_matches_in_a_trace_and_in_envoy() -> Result<()> {
    let stack = Stack::start()?;
    let cases = Case::load_all().map_err(|errors| Failure::new(errors.to_string()))?;
    let mut wrong = Vec::new();
    let mut refused = Vec::new();
    let mut compared = 0;
    for case in &cases {
        let Some(document) = document(case) else { continue };
        let name = format!("{} [{}]", case.file.display(), case.id);
        let trace = stack.api().post("/api/v1/waf/test", &document).context(&name)?;
        let outcome = fire(case, stack.envoy.address())?;
        let is_blocked = outcome.is_blocked();
        let id = outcome.request_id();
        if is_blocked && id.is_none() {
            // Envoy's own refusal of what is no HTTP; no filter saw it.
            continue;
        }
        let is_denied = trace.get("verdict") == Some(&json!("deny"));
        if is_denied != is_blocked {
            wrong.push(format!(
                "{name}: Envoy answered {}, {trace}",
                outcome.response.status
            ));
        }
        if let Some(id) = id.filter(|_| is_blocked) {
            refused.push((name, id, trace));
        }
        compared += 1;
    }
    ensure!(
        compared * 100 >= cases.len() * 95,
        "only {compared} of {} cases were compared",
        cases.len()
    );
    let events = events(&stack.api(), refused.len())?;
    for (name, id, trace) in refused {
        let event = events.get(&id).context(format!("{name}: no event"))?;
        let (told, happened) = (essence(&trace), essence(event));
        if told != happened {
            wrong.push(format!("{name}:\n  trace {told}\n  event {happened}"));
        }
    }
    ensure!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    Ok(())
}
