//! How the fields of records are written as JSON.

use super::as_millis;
use crate::turn::{ConversationId, TraceId};
use serde::{Serialize, Serializer};
use std::{sync::Arc, time::Duration};

pub(super) fn millis<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(as_millis(*duration))
}

#[expect(clippy::ref_option, reason = "the signature that serde asks for")]
pub(super) fn some_millis<S: Serializer>(
    duration: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    duration.map(as_millis).serialize(serializer)
}

#[expect(clippy::ref_option, reason = "the signature that serde asks for")]
pub(super) fn id<S: Serializer>(id: &Option<Arc<str>>, serializer: S) -> Result<S::Ok, S::Error> {
    id.as_deref().serialize(serializer)
}

#[expect(clippy::ref_option, reason = "the signature that serde asks for")]
pub(super) fn name<S: Serializer>(
    id: &Option<ConversationId>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    id.as_ref()
        .map(ConversationId::as_str)
        .serialize(serializer)
}

pub(super) fn name_of<S: Serializer>(
    id: &ConversationId,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(id.as_str())
}

#[expect(clippy::ref_option, reason = "the signature that serde asks for")]
pub(super) fn digits<S: Serializer>(
    trace: &Option<TraceId>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match trace {
        Some(trace) => serializer.collect_str(trace),
        None => serializer.serialize_none(),
    }
}
