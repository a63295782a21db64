//! How clients name a conversation in headers, and how replies name it there.

use crate::{
    turn::{ConversationId, NamedConversation, Sends, TurnError},
    wire::conversation::unusable,
};
use http::{HeaderMap, HeaderName, HeaderValue};

/// The header that names the conversation, in requests and in replies. An extension of ours.
pub const CONVERSATION_ID: HeaderName = HeaderName::from_static("x-conversation-id");

/// Headers in which other programs, the Codex CLI among them, name their chats for themselves, the
/// closest first: several threads may share one session.
const FOREIGN: [&str; 2] = ["thread-id", "session-id"];

/// The conversation that the headers name: [`CONVERSATION_ID`], then `thread-id`, then `session-id`.
/// Of the last two, what cannot be a name is noted in `dropped`.
///
/// # Errors
///
/// [`CONVERSATION_ID`] is there and cannot be a name.
pub fn from_headers(
    headers: &HeaderMap,
    dropped: &mut Vec<String>,
) -> Result<Option<NamedConversation>, TurnError> {
    if let Some(value) = headers.get(CONVERSATION_ID) {
        let id = read(value).ok_or_else(|| unusable(CONVERSATION_ID.as_str().to_owned()))?;
        let sends = Sends::Either;
        return Ok(Some(NamedConversation { id, sends }));
    }
    for name in FOREIGN {
        let Some(value) = headers.get(name) else {
            continue;
        };
        if let Some(id) = read(value) {
            let sends = Sends::Whole;
            return Ok(Some(NamedConversation { id, sends }));
        }
        dropped.push(name.to_owned());
    }
    Ok(None)
}

/// Names the conversation of a reply in its headers.
pub fn tell(headers: &mut HeaderMap, id: &ConversationId) {
    // Such names are visible ASCII, which every header value may be.
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        headers.insert(CONVERSATION_ID, value);
    }
}

fn read(value: &HeaderValue) -> Option<ConversationId> {
    ConversationId::new(value.to_str().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What these headers name, and what of them is dropped.
    fn named(headers: &[(&'static str, &str)]) -> (Option<(String, Sends)>, Vec<String>) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let mut dropped = Vec::new();
        let named = from_headers(&map, &mut dropped).unwrap();
        let named = named.map(|named| (named.id.as_str().to_owned(), named.sends));
        (named, dropped)
    }

    #[test]
    fn ours_wins_then_the_thread_then_the_session() {
        let ours = ("x-conversation-id", "ours");
        let thread = ("thread-id", "thread");
        let session = ("session-id", "session");
        for (headers, id, sends) in [
            (&[session, thread, ours][..], "ours", Sends::Either),
            (&[session, thread], "thread", Sends::Whole),
            (&[session], "session", Sends::Whole),
        ] {
            let expected = (Some((id.to_owned(), sends)), vec![]);
            assert_eq!(named(headers), expected, "{headers:?}");
        }
        assert_eq!(named(&[("user", "u")]), (None, vec![]));
    }

    #[test]
    fn names_of_others_that_cannot_be_one_are_dropped() {
        let headers = [("thread-id", "two words"), ("session-id", "s")];
        let session = ("s".to_owned(), Sends::Whole);
        assert_eq!(
            named(&headers),
            (Some(session), vec!["thread-id".to_owned()])
        );
        let dropped = vec!["session-id".to_owned()];
        assert_eq!(named(&[("session-id", "é")]), (None, dropped));
    }

    #[test]
    fn a_name_of_ours_that_cannot_be_one_is_refused() {
        let long = "x".repeat(257);
        for bad in ["", "two words", "é", long.as_str()] {
            let mut headers = HeaderMap::new();
            let value = HeaderValue::from_bytes(bad.as_bytes()).unwrap();
            headers.insert(CONVERSATION_ID, value);
            headers.insert("thread-id", HeaderValue::from_static("thread"));
            let refused = from_headers(&headers, &mut Vec::new());
            let Err(TurnError::InvalidRequest { param, .. }) = refused else {
                panic!("{bad:?}: {refused:?}");
            };
            assert_eq!(param.as_deref(), Some("x-conversation-id"));
        }
    }
}
