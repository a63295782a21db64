//! The trace of a request, in the headers of W3C Trace Context.

use crate::turn::TraceContext;
use http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Tells whoever is asked what trace the call belongs to. Its parent is a span of our own.
pub(super) fn tell(context: &TraceContext, headers: &mut HeaderMap) {
    // The low half of a random UUID has two bits that are fixed, so that it is never zero.
    let (_, span) = Uuid::new_v4().as_u64_pair();
    let child = context.child(span);
    if let Ok(parent) = HeaderValue::try_from(child.parent()) {
        headers.insert(TRACEPARENT, parent);
    }
    if let Some(state) = child.state()
        && let Ok(state) = HeaderValue::from_str(state)
    {
        headers.insert(TRACESTATE, state);
    }
}

/// The trace that a client's headers tell of.
#[must_use]
pub fn of(headers: &HeaderMap) -> Option<TraceContext> {
    let values = |name| headers.get_all(name).iter().map(HeaderValue::as_bytes);
    TraceContext::from_headers(values(TRACEPARENT), values(TRACESTATE))
}
