//! How clients name a conversation, and the reply to its deletion.

use super::{
    dropped::Dropped,
    invalid,
    object::{Field, Object},
};
use crate::turn::{ConversationId, TurnError, conversation::MAX_CONVERSATION_ID};
use serde::Serialize;
use serde_json::Value;

/// The field of `metadata` in which Cursor names its chats.
const CURSOR: &str = "cursorConversationId";

/// The names that a request's body has for its conversation. At most one of them is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConversationNames {
    /// `conversation_id`, an extension of ours which replies carry too, or `conversation` of Responses.
    pub id: Option<ConversationId>,
    /// `metadata.cursorConversationId`.
    pub cursor: Option<ConversationId>,
}

/// The reply to `DELETE /v1/conversations/{id}`, see
/// <https://platform.openai.com/docs/api-reference/conversations/delete>.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConversationDeleted {
    /// What was deleted.
    pub id: String,
    /// Always `conversation.deleted`.
    pub object: &'static str,
    /// Always true.
    pub deleted: bool,
}

impl ConversationNames {
    /// Reads `conversation_id`.
    pub(super) fn read_id(&mut self, field: Field) -> Result<(), TurnError> {
        self.id = Some(read_name(field)?);
        Ok(())
    }

    /// Reads `metadata`, which is the client's own: nothing in it is refused.
    pub(super) fn read_metadata(&mut self, field: Field, dropped: &mut Dropped) {
        let path = field.path.clone();
        let Ok(mut metadata) = field.object() else {
            return dropped.note(path);
        };
        self.read_cursor(&mut metadata, dropped);
        metadata.finish(dropped);
    }

    fn read_cursor(&mut self, metadata: &mut Object, dropped: &mut Dropped) {
        let Some(field) = metadata.field(CURSOR) else {
            return;
        };
        self.cursor = field.value.as_str().and_then(ConversationId::new);
        if self.cursor.is_none() {
            dropped.note(field.path);
        }
    }

    /// Whether the body names no conversation, or none but this.
    #[must_use]
    pub fn is_nothing_but(&self, id: &ConversationId) -> bool {
        let mut named = self.id.iter().chain(&self.cursor);
        named.all(|named| named == id)
    }

    /// Drops the weaker of two names.
    pub(super) fn keep_one(&mut self, dropped: &mut Dropped) {
        if self.id.is_some() && self.cursor.take().is_some() {
            dropped.note(format!("metadata.{CURSOR}"));
        }
    }
}

impl ConversationDeleted {
    /// The conversation `id` is gone.
    #[must_use]
    pub fn new(id: &ConversationId) -> Self {
        Self {
            id: id.as_str().to_owned(),
            object: "conversation.deleted",
            deleted: true,
        }
    }
}

/// Reads `conversation` of Responses: a name, or an object that has it as `id`.
pub(super) fn read_conversation(field: Field) -> Result<ConversationId, TurnError> {
    match field.value {
        Value::Object(_) => read_name(field.object()?.required("id")?),
        _ => read_name(field),
    }
}

fn read_name(field: Field) -> Result<ConversationId, TurnError> {
    let path = field.path.clone();
    ConversationId::new(&field.string()?).ok_or_else(|| unusable(path))
}

/// A name of a conversation that cannot be one; `param` is the field or header that holds it.
#[must_use]
pub fn unusable(param: String) -> TurnError {
    invalid::value(
        param,
        &format!("expected 1 to {MAX_CONVERSATION_ID} visible ASCII characters without spaces."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::request::RequestBody;
    use serde_json::json;

    /// Parses a request with these fields besides.
    fn parse(extra: Value) -> Result<RequestBody, TurnError> {
        let mut body = extra;
        body["model"] = json!("m");
        body["messages"] = json!([{"role": "user", "content": "Hi"}]);
        RequestBody::parse(body.to_string().as_bytes(), None)
    }

    /// The two names of the conversation, and what is dropped.
    fn names(extra: Value) -> (Option<String>, Option<String>, Vec<String>) {
        let request = parse(extra).unwrap();
        let common = request.common().clone();
        let text = |id: ConversationId| id.as_str().to_owned();
        let names = common.conversation;
        (names.id.map(text), names.cursor.map(text), common.dropped)
    }

    #[test]
    fn a_conversation_is_named_in_two_fields_and_one_of_them_counts() {
        let some = |name: &str| Some(name.to_owned());
        let own = json!({"conversation_id": "mine", "metadata": {"a": 1, "b": null}});
        assert_eq!(
            names(own),
            (some("mine"), None, vec!["metadata.a".to_owned()])
        );
        let cursor = json!({"metadata": {"cursorConversationId": "theirs"}});
        assert_eq!(names(cursor), (None, some("theirs"), vec![]));
        let both =
            json!({"metadata": {"cursorConversationId": "theirs"}, "conversation_id": "mine"});
        let dropped = vec!["metadata.cursorConversationId".to_owned()];
        assert_eq!(names(both), (some("mine"), None, dropped.clone()));

        for unusable in [json!("two words"), json!(""), json!(7)] {
            let body = json!({"metadata": {"cursorConversationId": unusable}});
            assert_eq!(names(body), (None, None, dropped.clone()));
        }
        let strange = json!({"metadata": "cursorConversationId"});
        assert_eq!(names(strange), (None, None, vec!["metadata".to_owned()]));
    }

    #[test]
    fn a_conversation_id_that_cannot_be_one_is_refused() {
        let long = "x".repeat(257);
        for (id, expected) in [
            (json!(""), "invalid_value"),
            (json!("a b"), "invalid_value"),
            (json!("é"), "invalid_value"),
            (json!(long), "invalid_value"),
            (json!(7), "invalid_type"),
        ] {
            let refused = parse(json!({"conversation_id": id}));
            let Err(TurnError::InvalidRequest { param, code, .. }) = refused else {
                panic!("{refused:?}");
            };
            assert_eq!(param.as_deref(), Some("conversation_id"), "{id}");
            assert_eq!(code, Some(expected), "{id}");
        }
    }
}
