//! Conversation items: messages, tool calls and tool results, in the order the model sees them.

/// One entry of a conversation.
///
/// Mirrors the input items of the Responses API, which is what every engine sends upstream.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// Something said by the user, the assistant or the developer.
    Message {
        /// Who said it.
        role: Role,
        /// What was said, in order. Never empty.
        content: Vec<Part>,
    },
    /// What the assistant thought before what follows, in plain words. Upstreams that keep nothing
    /// want it back; an engine that keeps the reasoning itself has no use for it.
    Reasoning(String),
    /// A call that the assistant made to one of the client's tools.
    ToolCall(super::ToolCall),
    /// What the client's tool answered.
    ToolResult {
        /// The id of the call that this answers.
        call_id: String,
        /// The answer, in order.
        output: Vec<Part>,
        /// The request field that names the call, for error messages.
        param: String,
    },
}

/// The speaker of a [`Item::Message`].
///
/// `system` of Chat Completions is `Developer` here: the ChatGPT backend refuses system messages
/// in its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The person, or the program that speaks for them.
    User,
    /// The model.
    Assistant,
    /// The author of the application.
    Developer,
}

/// A piece of content.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// Plain text.
    Text(String),
    /// An image.
    Image {
        /// A `data:` URL, or an `http(s)` URL that the engine has to fetch.
        url: String,
        /// How closely the model should look; `None` leaves it to the backend.
        detail: Option<ImageDetail>,
        /// The request field that it came from, for error messages.
        param: String,
    },
}

/// `detail` of an image part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageDetail {
    /// Let the backend choose.
    Auto,
    /// Cheap and coarse.
    Low,
    /// Fine.
    High,
    /// Unscaled.
    Original,
}

impl ImageDetail {
    /// The word used on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Low => "low",
            Self::High => "high",
            Self::Original => "original",
        }
    }
}
