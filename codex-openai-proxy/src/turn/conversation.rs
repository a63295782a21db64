//! Which conversation a request belongs to, as far as the request says.

use std::{fmt, sync::Arc};
use uuid::Uuid;

/// The longest name of a conversation, in bytes.
pub const MAX_CONVERSATION_ID: usize = 256;

/// The beginning of the names that this proxy makes up.
const OURS: &str = "conv_";

/// The name of a conversation: the client's own, or one that was made up for it.
///
/// Visible ASCII, so that it fits into a header.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConversationId(Arc<str>);

/// The conversation that a request names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedConversation {
    /// Its name.
    pub id: ConversationId,
    /// What the client sends of it.
    pub sends: Sends,
}

/// How much of a conversation a client sends with each request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sends {
    /// All of it, or only what is new: the items tell.
    Either,
    /// Always all of it. Such a client names its chats for itself, not for us.
    Whole,
}

impl ConversationId {
    /// The conversation of that name: 1 to [`MAX_CONVERSATION_ID`] visible ASCII characters.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        let usable = (1..=MAX_CONVERSATION_ID).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_graphic());
        usable.then(|| Self(name.into()))
    }

    /// A name for a conversation whose client gave it none.
    #[must_use]
    pub fn made_up(uuid: Uuid) -> Self {
        Self(format!("{OURS}{}", uuid.simple()).into())
    }

    /// Whether this proxy made the name up, so that no client can have begun a conversation with
    /// it.
    #[must_use]
    pub fn is_made_up(&self) -> bool {
        self.0
            .strip_prefix(OURS)
            .is_some_and(|rest| rest.len() == 32 && Uuid::try_parse(rest).is_ok())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ConversationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_into_a_header() {
        assert!(ConversationId::new("chat-1/αβ").is_none());
        assert!(ConversationId::new("").is_none());
        assert!(ConversationId::new("a b").is_none());
        assert!(ConversationId::new(&"x".repeat(MAX_CONVERSATION_ID + 1)).is_none());
        assert_eq!(ConversationId::new("chat-1").unwrap().as_str(), "chat-1");
    }

    #[test]
    fn names_of_ours_are_known_as_such() {
        let ours = ConversationId::made_up(Uuid::from_u128(7));
        assert_eq!(ours.as_str(), "conv_00000000000000000000000000000007");
        assert!(ours.is_made_up());
        assert!(!ConversationId::new("conv_mine").unwrap().is_made_up());
        assert!(!ConversationId::new("chat-1").unwrap().is_made_up());
    }
}
