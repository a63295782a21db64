//! The middleware around [`dispatch`](super::dispatch), outermost first.

use super::{
    access::KEY_HEADERS, body::ReplyBody, conversation::CONVERSATION_ID, dispatch::dispatch,
    error::ErrorReply, panics, state::CurrentState,
};
use crate::{config::CorsOrigins, engine::upstream::trace_of, traffic::redact, turn::TraceContext};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, header};
use http_body::Body;
use hyper::body::Incoming;
use std::{any::Any, convert::Infallible, sync::Arc, time::Duration};
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt, layer::layer_fn, service_fn};
use tower_http::{
    catch_panic::CatchPanicLayer,
    cors::{AllowHeaders, AllowMethods, AllowOrigin, Any as AnyOrigin, CorsLayer},
    request_id::PropagateRequestIdLayer,
    sensitive_headers::SetSensitiveRequestHeadersLayer,
    trace::TraceLayer,
};
use tracing::{Span, field};
use uuid::Uuid;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Which pages may load a reply at all (Fetch Standard, 3.7).
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// What a browser needs to see before a page of another origin may read a reply.
const CORS_HEADERS: [HeaderName; 5] = [
    header::ACCESS_CONTROL_ALLOW_ORIGIN,
    header::ACCESS_CONTROL_ALLOW_METHODS,
    header::ACCESS_CONTROL_ALLOW_HEADERS,
    header::ACCESS_CONTROL_EXPOSE_HEADERS,
    header::ACCESS_CONTROL_MAX_AGE,
];

/// The headers of replies that pages of other origins may read.
const EXPOSED: [HeaderName; 9] = [
    REQUEST_ID,
    CONVERSATION_ID,
    header::RETRY_AFTER,
    HeaderName::from_static("x-ratelimit-limit-requests"),
    HeaderName::from_static("x-ratelimit-limit-tokens"),
    HeaderName::from_static("x-ratelimit-remaining-requests"),
    HeaderName::from_static("x-ratelimit-remaining-tokens"),
    HeaderName::from_static("x-ratelimit-reset-requests"),
    HeaderName::from_static("x-ratelimit-reset-tokens"),
];

/// The longest request id that is taken over from a client, in bytes.
const MAX_REQUEST_ID: usize = 128;

/// The longest path in a line of the log, in characters.
const MAX_PATH: usize = 512;

/// How long a browser may remember the answer to a preflight.
const PREFLIGHT_AGE: Duration = Duration::from_hours(24);

/// The whole service. Every reply of it, errors included, carries the request id and, unless it is
/// of the log, the CORS headers.
pub fn service(
    current: Arc<CurrentState>,
) -> impl Service<
    Request<Incoming>,
    Response = Response<impl Body<Data = Bytes, Error = BoxError> + Send + Unpin + 'static>,
    Error = Infallible,
    Future: Send,
> + Clone
+ Send
+ 'static {
    ServiceBuilder::new()
        .map_request(name_request)
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(SetSensitiveRequestHeadersLayer::new(sensitive_headers()))
        .layer(
            TraceLayer::new_for_http()
                .make_span_with(span)
                .on_request(())
                .on_response(log_response)
                .on_failure(()),
        )
        .layer(layer_fn(hardened))
        .service_fn(move |mut request: Request<Incoming>| {
            let state = current.load_full();
            // Those who watch the log do so for longer than a configuration may last.
            if is_log(request.uri().path()) {
                request.extensions_mut().insert(Arc::clone(&current));
            }
            let answer = service_fn({
                let state = Arc::clone(&state);
                move |request| {
                    let state = Arc::clone(&state);
                    // What is around it moves from layer to layer, and this is kilobytes.
                    Box::pin(async move { Ok(dispatch(&state, request).await) })
                }
            });
            let answer = CatchPanicLayer::custom(on_panic).layer(answer);
            state.cors.layer(answer).oneshot(request)
        })
}

/// What a request is called, kept among its extensions.
#[derive(Debug, Clone)]
pub struct RequestName {
    /// Its name in the log. Always made here: clients may give several requests one id.
    pub id: Arc<str>,
    /// The client's own `x-request-id`.
    pub client_id: Option<String>,
    /// The trace that it belongs to, where the client told.
    pub trace: Option<TraceContext>,
}

impl RequestName {
    /// A fresh one.
    fn new(client_id: Option<String>, trace: Option<TraceContext>) -> Self {
        Self {
            // By time: where the log finds a request by it, the newest lie together.
            id: Uuid::now_v7().to_string().into(),
            client_id,
            trace,
        }
    }
}

/// Names a request, and takes away an id of the client's that would spoil logs.
fn name_request<B>(mut request: Request<B>) -> Request<B> {
    let mut ids = request.headers().get_all(REQUEST_ID).iter();
    let usable = match (ids.next(), ids.next()) {
        (Some(id), None) => id.to_str().ok().filter(|id| {
            (1..=MAX_REQUEST_ID).contains(&id.len())
                && id.bytes().all(|byte| byte.is_ascii_graphic())
        }),
        _ => None,
    };
    let name = RequestName::new(usable.map(str::to_owned), trace_of(request.headers()));
    if name.client_id.is_none()
        && let Ok(id) = HeaderValue::from_str(&name.id)
    {
        request.headers_mut().insert(REQUEST_ID, id);
    }
    request.extensions_mut().insert(name);
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

/// What each line of the log tells of the request that it belongs to, be it only an error: hence the
/// level. Neither the query nor a header: keys stray into both.
fn span<B>(request: &Request<B>) -> Span {
    let name = request.extensions().get::<RequestName>();
    let trace = name.and_then(|name| name.trace.as_ref());
    tracing::error_span!(
        "request",
        method = %request.method(),
        path = &*redact::text(beginning(request.uri().path())),
        request = name.map(|name| &*name.id),
        trace = trace.map(|trace| field::display(trace.id())),
        conversation = field::Empty,
    )
}

/// As much of a path as each line of the log is to carry. What looks like a secret is sought in all of it,
/// and a path may be as long as a head; one that is cut ends with a whole segment, because the half of a
/// secret does not look like one.
fn beginning(path: &str) -> &str {
    let Some((end, _)) = path.char_indices().nth(MAX_PATH) else {
        return path;
    };
    let end = path[..end].rfind('/').map_or(0, |slash| slash + 1);
    &path[..end]
}

fn log_response<B>(response: &Response<B>, latency: Duration, _span: &Span) {
    let latency_ms = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
    tracing::debug!(status = response.status().as_u16(), latency_ms, "response");
}

/// Tells browsers to take replies for what they are called, and takes the allowance of [`cors`] away
/// from the log: no page but its own is to read it, or to change it, whatever the browser that shows it
/// knows.
fn hardened<S, B>(
    inner: S,
) -> impl Service<Request<Incoming>, Response = Response<B>, Error = S::Error, Future: Send> + Clone
where
    S: Service<Request<Incoming>, Response = Response<B>, Error: Send, Future: Send>
        + Clone
        + Send
        + 'static,
    B: Send,
{
    service_fn(move |request: Request<Incoming>| {
        let is_log = is_log(request.uri().path());
        let reply = inner.clone().oneshot(request);
        async move {
            let mut response = reply.await?;
            let headers = response.headers_mut();
            headers.insert(
                header::X_CONTENT_TYPE_OPTIONS,
                HeaderValue::from_static("nosniff"),
            );
            if is_log {
                for name in CORS_HEADERS {
                    headers.remove(name);
                }
                // Not even where a page does not want to read but to run or to show it.
                headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
                // The page and the event stream have their own words for it.
                headers
                    .entry(header::CACHE_CONTROL)
                    .or_insert(HeaderValue::from_static("no-store"));
            }
            Ok(response)
        }
    })
}

/// Whether a path is one of the log viewer's.
#[must_use]
pub fn is_log(path: &str) -> bool {
    path.strip_prefix("/logs")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What pages of other origins may do with a reply. Whatever they may: who is let in is decided by key
/// or by [`access`](super::access), not by what a browser would let a page read. Headers are mirrored
/// because `*` does not cover `Authorization`.
pub fn cors(origins: &CorsOrigins) -> CorsLayer {
    let layer = CorsLayer::new()
        .allow_methods(AllowMethods::mirror_request())
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(EXPOSED)
        .max_age(PREFLIGHT_AGE);
    match origins {
        CorsOrigins::Any => layer.allow_origin(AnyOrigin),
        CorsOrigins::These(origins) => {
            let origins = origins.clone();
            layer.allow_origin(AllowOrigin::predicate(move |asking, _| {
                origins
                    .iter()
                    .any(|origin| asking.as_bytes().eq_ignore_ascii_case(origin.as_bytes()))
            }))
        }
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the signature that the layer asks for"
)]
fn on_panic(panic: Box<dyn Any + Send>) -> Response<ReplyBody> {
    panics::log(panic.as_ref());
    ErrorReply::panicked().into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_is_too_long_is_cut_between_segments() {
        let short = format!("/{}", "é".repeat(MAX_PATH - 1));
        assert_eq!(beginning(&short), short);
        assert_eq!(beginning(&format!("{short}x")), "/");
        let long = format!("/v1/models/key={}", "ab.".repeat(20_000));
        assert_eq!(beginning(&long), "/v1/models/");
    }
}
