//! The middleware around [`dispatch`](super::dispatch), outermost first.

use super::{
    AppState, access::KEY_HEADERS, body::ReplyBody, conversation::CONVERSATION_ID,
    dispatch::dispatch, error::ErrorReply,
};
use bytes::Bytes;
use http::{HeaderName, Request, Response, header};
use http_body::Body;
use hyper::body::Incoming;
use std::{any::Any, convert::Infallible, sync::Arc, time::Duration};
use tower::{BoxError, Service, ServiceBuilder};
use tower_http::{
    catch_panic::CatchPanicLayer,
    cors::{AllowHeaders, AllowMethods, Any as AnyOrigin, CorsLayer},
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
    sensitive_headers::SetSensitiveRequestHeadersLayer,
    trace::TraceLayer,
};
use tracing::Span;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest request id that is taken over from a client, in bytes.
const MAX_REQUEST_ID: usize = 128;

/// How long a browser may remember the answer to a preflight.
const PREFLIGHT_AGE: Duration = Duration::from_hours(24);

/// The whole service. Every reply of it, errors included, carries the request id and the CORS
/// headers.
pub fn service(
    state: Arc<AppState>,
) -> impl Service<
    Request<Incoming>,
    Response = Response<impl Body<Data = Bytes, Error = BoxError> + Send + 'static>,
    Error = Infallible,
    Future: Send,
> + Clone
+ Send
+ 'static {
    ServiceBuilder::new()
        .map_request(drop_bad_request_id)
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(SetSensitiveRequestHeadersLayer::new(sensitive_headers()))
        .layer(
            TraceLayer::new_for_http()
                .make_span_with(span)
                .on_request(())
                .on_response(log_response)
                .on_failure(()),
        )
        .layer(cors())
        .layer(CatchPanicLayer::custom(on_panic))
        .service_fn(move |request: Request<Incoming>| {
            let state = Arc::clone(&state);
            async move { Ok(dispatch(&state, request).await) }
        })
}

/// Takes away a request id that would spoil logs, so that the next layer makes a fresh one.
fn drop_bad_request_id<B>(mut request: Request<B>) -> Request<B> {
    let mut ids = request.headers().get_all(REQUEST_ID).iter();
    let usable = match (ids.next(), ids.next()) {
        (Some(id), None) => {
            let id = id.as_bytes();
            (1..=MAX_REQUEST_ID).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic)
        }
        _ => false,
    };
    if !usable {
        request.headers_mut().remove(REQUEST_ID);
    }
    request
}

fn sensitive_headers() -> impl Iterator<Item = HeaderName> {
    [
        header::AUTHORIZATION,
        header::PROXY_AUTHORIZATION,
        header::COOKIE,
    ]
    .into_iter()
    .chain(KEY_HEADERS.map(HeaderName::from_static))
}

/// Neither the query nor a header: keys stray into both.
fn span<B>(request: &Request<B>) -> Span {
    let id = request.headers().get(REQUEST_ID);
    tracing::info_span!(
        "request",
        method = %request.method(),
        path = request.uri().path(),
        request_id = id.and_then(|id| id.to_str().ok()),
    )
}

fn log_response<B>(response: &Response<B>, latency: Duration, _span: &Span) {
    let latency_ms = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
    tracing::debug!(status = response.status().as_u16(), latency_ms, "response");
}

/// Any origin may ask: who is let in is decided by key or by
/// [`access`](super::access), not by what a browser would let a page read. Headers are mirrored
/// because `*` does not cover `Authorization`.
fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(AnyOrigin)
        .allow_methods(AllowMethods::mirror_request())
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([REQUEST_ID, CONVERSATION_ID, header::RETRY_AFTER])
        .max_age(PREFLIGHT_AGE)
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the signature that the layer asks for"
)]
fn on_panic(panic: Box<dyn Any + Send>) -> Response<ReplyBody> {
    let message = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    tracing::error!(reason = message, "panicked");
    ErrorReply::panicked().into_response()
}
