//! Everything under `/logs`: the page, and the API that it and scripts read the log by.

mod assets;
mod export;
mod live;
mod login;
mod query;
mod socket;
mod visitor;

use crate::{
    http::{
        AppState,
        body::{self, Bounds, ReplyBody},
        error::ErrorReply,
        reply,
        routes::LogView,
        session,
    },
    traffic::{Detail, export::curl},
};
use http::{Response, StatusCode, header, request::Parts, uri::Authority};
use hyper::body::Incoming;
use query::Query;
use serde::Serialize;

/// The longest body that anything here needs, in bytes.
const MAX_BODY: usize = 4096;

/// Answers a request for the log. `id` is what the path names.
///
/// # Errors
///
/// A parameter that means nothing, a request that is not known, a log that cannot be read, or a page
/// of another origin that asks for what only ours may.
pub async fn show(
    state: &AppState,
    view: LogView,
    id: &str,
    head: &Parts,
    body: Incoming,
) -> Result<Response<ReplyBody>, ErrorReply> {
    let bounds = Bounds::from(&state.config.limits).at_most(MAX_BODY);
    let body = body::read(&head.headers, body, bounds).await?;
    match view {
        LogView::Page => assets::page(state, head).await,
        LogView::Asset => assets::asset(state, id, head).await,
        LogView::Login => login::login(state, head, &body),
        LogView::Logout => login::logout(state, head).await,
        LogView::Records => records(state, head).await,
        LogView::Clear => clear(state, head).await,
        LogView::Requests => requests(state, head).await,
        LogView::Request => request(state, id, head).await,
        LogView::Curl => command(state, id, head).await,
        LogView::Export => export::get(state, head).await,
        LogView::Socket => socket::open(state, head),
        LogView::Stream => live::stream(state, head),
    }
}

/// `GET /logs/api/records`
async fn records(state: &AppState, head: &Parts) -> Result<Response<ReplyBody>, ErrorReply> {
    let mut query = Query::of(&head.uri)?;
    let filter = query.records(query::MAX_PAGE)?;
    query.finish()?;
    let page = state.traffic.records(&filter).await?;
    Ok(reply::whole(reply::JSON, page.to_json("records").into()))
}

/// `DELETE /logs/api/records`
async fn clear(state: &AppState, head: &Parts) -> Result<Response<ReplyBody>, ErrorReply> {
    #[derive(Serialize)]
    struct Cleared {
        deleted: u64,
    }
    Query::of(&head.uri)?.finish()?;
    let deleted = state.traffic.clear().await?;
    Ok(reply::json(StatusCode::OK, &Cleared { deleted }))
}

/// `GET /logs/api/requests`
async fn requests(state: &AppState, head: &Parts) -> Result<Response<ReplyBody>, ErrorReply> {
    let mut query = Query::of(&head.uri)?;
    let filter = query.requests()?;
    query.finish()?;
    let page = state.traffic.requests(&filter).await?;
    Ok(reply::whole(reply::JSON, page.to_json("requests").into()))
}

/// `GET /logs/api/requests/{id}`
async fn request(
    state: &AppState,
    id: &str,
    head: &Parts,
) -> Result<Response<ReplyBody>, ErrorReply> {
    Query::of(&head.uri)?.finish()?;
    let detail = detail(state, id).await?;
    let json = detail
        .to_json()
        .map_err(|error| ErrorReply::unwritable(&error))?;
    Ok(reply::whole(reply::JSON, json.into()))
}

/// `GET /logs/api/requests/{id}/curl`
async fn command(
    state: &AppState,
    id: &str,
    head: &Parts,
) -> Result<Response<ReplyBody>, ErrorReply> {
    Query::of(&head.uri)?.finish()?;
    let detail = detail(state, id).await?;
    let command = curl::command(&detail, &base(head));
    Ok(reply::whole("text/plain; charset=utf-8", command.into()))
}

async fn detail(state: &AppState, id: &str) -> Result<Detail, ErrorReply> {
    let detail = state.traffic.request(id).await?;
    detail.ok_or_else(|| ErrorReply::unknown_log_request(id))
}

/// Where this proxy is, as whoever asks sees it: `https://proxy.example`.
fn base(head: &Parts) -> String {
    let scheme = if session::is_https(&head.headers) {
        "https"
    } else {
        "http"
    };
    let host = head.headers.get(header::HOST);
    let host = host
        .and_then(|host| host.to_str().ok())
        .or_else(|| head.uri.authority().map(Authority::as_str));
    format!("{scheme}://{}", host.unwrap_or("localhost"))
}
