//! Content: a string, or a list of parts in the form of either API.

use super::{
    dropped::Dropped,
    invalid,
    object::{Field, Object, without_positions},
};
use crate::turn::TurnError;
use serde_json::Value;

/// A piece of content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContentPart {
    /// `text` of Chat Completions, `input_text` and `output_text` of Responses.
    Text(String),
    /// `image_url` of Chat Completions, `input_image` of Responses.
    Image {
        /// The address, as it came.
        url: String,
        /// `detail`, as it came.
        detail: Option<String>,
        /// The path of the field that holds the address.
        param: String,
    },
    /// `refusal`: what the assistant said in place of an answer.
    Refusal(String),
}

/// The kinds of parts that may stand in a place. Clients mix the names that the two APIs have for
/// them, so either name does everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PartKinds {
    /// What a developer says.
    Text,
    /// What a user says.
    TextImage,
    /// What a tool answers. What no engine can be told of it is named in its place: to refuse it would
    /// be to refuse every request of that conversation from here on.
    ToolOutput,
    /// What the assistant said.
    TextRefusal,
}

impl PartKinds {
    fn words(self) -> &'static [&'static str] {
        match self {
            Self::Text => &["text", "input_text"],
            Self::TextImage | Self::ToolOutput => {
                &["text", "image_url", "input_text", "input_image"]
            }
            Self::TextRefusal => &["text", "refusal", "output_text"],
        }
    }
}

/// Reads `content`: a string or a list of parts.
pub(super) fn read_content(
    field: Field,
    kinds: PartKinds,
    dropped: &mut Dropped,
) -> Result<Vec<ContentPart>, TurnError> {
    match field.value {
        Value::String(text) => Ok(vec![ContentPart::Text(text)]),
        Value::Array(_) => field
            .array()?
            .map(|part| read_part(part, kinds, dropped))
            .collect(),
        other => Err(invalid::wrong_type(
            field.path,
            "a string or an array of parts",
            &other,
        )),
    }
}

fn read_part(
    field: Field,
    kinds: PartKinds,
    dropped: &mut Dropped,
) -> Result<ContentPart, TurnError> {
    let path = field.path.clone();
    let mut object = field.object()?;
    let kind = object.required_string("type")?;
    let part = match (kind.as_str(), kinds) {
        ("text" | "input_text" | "output_text", _) => {
            ContentPart::Text(object.required_string("text")?)
        }
        ("image_url" | "input_image", PartKinds::TextImage | PartKinds::ToolOutput) => {
            read_image(&mut object, dropped)?
        }
        ("input_audio" | "encrypted_content", PartKinds::ToolOutput) => {
            let path = without_positions(&path);
            dropped.note(format!("{path} ({kind})"));
            let instead = if kind == "input_audio" {
                "[audio]"
            } else {
                "[encrypted content]"
            };
            return Ok(ContentPart::Text(instead.to_owned()));
        }
        ("refusal", PartKinds::TextRefusal) => {
            ContentPart::Refusal(object.required_string("refusal")?)
        }
        (other, _) => return Err(invalid::word(object.path_to("type"), other, kinds.words())),
    };
    object.finish(dropped);
    Ok(part)
}

/// Reads the address from `image_url: {url, detail}` (Chat Completions) or from `image_url: "…"`
/// with `detail` beside it (Responses).
fn read_image(object: &mut Object, dropped: &mut Dropped) -> Result<ContentPart, TurnError> {
    let field = object.required("image_url")?;
    if field.value.is_string() {
        return Ok(ContentPart::Image {
            param: field.path.clone(),
            url: field.string()?,
            detail: object.string("detail")?,
        });
    }
    let mut image = field.object()?;
    let part = ContentPart::Image {
        param: image.path_to("url"),
        url: image.required_string("url")?,
        detail: image.string("detail")?,
    };
    image.finish(dropped);
    Ok(part)
}
