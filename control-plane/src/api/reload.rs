//! Reads the rule packs again; what came by API stays.

use axum::{extract::State, response::Response};

use super::{
    Api,
    body::NoBody,
    params::Params,
    problem::Problem,
    write::{Show, Wait, answer},
};

pub(super) async fn reload(
    State(api): State<Api>,
    mut params: Params,
    _: NoBody,
) -> Result<Response, Problem> {
    let wait = Wait::take(&mut params);
    params.finish()?;
    let reloaded = api.parts.state.reload().await;
    let outcome = reloaded.map_err(|error| Problem::from_change(error, |error| error.field.clone()))?;
    Ok(answer(&api, outcome, wait, Show::Packs).await)
}
