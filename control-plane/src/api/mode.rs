//! The mode: off, detect, block. What the API sets wins over the settings until it is set again or reset.

use axum::{Json, extract::State, http::StatusCode, response::Response};
use secbeat_engine::config::Mode;
use serde::Serialize;
use serde_json::Value;

use super::{
    Api,
    body::{Body, NoBody},
    params::Params,
    problem::{Error, Problem},
    write::{Show, Wait, answer},
};
use crate::{change::bounded, json};

/// The answer of `GET /api/v1/waf/mode`.
#[derive(Serialize)]
pub(super) struct Shown {
    mode: Mode,
    source: &'static str,
    settings: Mode,
}

pub(super) async fn show(State(api): State<Api>, params: Params) -> Result<Json<Shown>, Problem> {
    params.finish()?;
    let mode = api.parts.state.mode();
    let source = if mode.api.is_some() { "api" } else { "settings" };
    Ok(Json(Shown {
        mode: mode.api.unwrap_or(mode.settings),
        source,
        settings: mode.settings,
    }))
}

pub(super) async fn put(
    State(api): State<Api>,
    mut params: Params,
    Body(body): Body,
) -> Result<Response, Problem> {
    let wait = Wait::take(&mut params);
    params.finish()?;
    set(&api, Some(read(&body)?), wait).await
}

pub(super) async fn reset(
    State(api): State<Api>,
    mut params: Params,
    _: NoBody,
) -> Result<Response, Problem> {
    let wait = Wait::take(&mut params);
    params.finish()?;
    set(&api, None, wait).await
}

async fn set(api: &Api, mode: Option<Mode>, wait: Wait) -> Result<Response, Problem> {
    let changed = api.parts.state.set_mode(mode).await;
    let outcome = changed.map_err(|error| Problem::from_change(error, |error| error.field.clone()))?;
    Ok(answer(api, outcome, wait, Show::Nothing).await)
}

fn read(body: &Value) -> Result<Mode, Problem> {
    const EXPECTED: &str = "expected an object with the field mode: off, detect or block";
    let mut errors = Vec::new();
    let mut mode = None;
    for (name, value) in body.as_object().into_iter().flatten() {
        let value_text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let reason = match (name.as_str(), value.as_str()) {
            ("mode", Some("off")) => Ok(Mode::Off),
            ("mode", Some("detect")) => Ok(Mode::Detect),
            ("mode", Some("block")) => Ok(Mode::Block),
            ("mode", _) => Err("expected off, detect or block"),
            _ => Err("unknown field; expected mode"),
        };
        match reason {
            Ok(found) => mode = Some(found),
            Err(reason) => errors.push(Error {
                field: format!("/{}", bounded(&json::escape(name))),
                value: Some(bounded(&value_text)),
                reason: reason.to_owned(),
            }),
        }
    }
    match mode {
        Some(mode) if errors.is_empty() => return Ok(mode),
        None if errors.is_empty() => {
            errors.push(Error {
                field: String::new(),
                value: None,
                reason: EXPECTED.to_owned(),
            });
        }
        _ => {}
    }
    Err(Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "the request is not valid; nothing was changed",
    )
    .with_errors(errors))
}
