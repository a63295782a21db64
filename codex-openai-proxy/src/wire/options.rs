//! Settings that both APIs have, under different names or in different places.

use super::{
    dropped::Dropped,
    invalid,
    object::{Field, Object},
};
use crate::turn::TurnError;
use serde_json::Value;

/// `reasoning`, see <https://platform.openai.com/docs/api-reference/responses/create>.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReasoningOptions {
    /// How hard to think.
    pub effort: Option<String>,
    /// How much of it to tell.
    pub summary: Option<String>,
}

/// `response_format` of Chat Completions, `text.format` of Responses.
#[derive(Debug, Clone, PartialEq)]
pub enum ResponseFormat {
    /// `text`.
    Text,
    /// `json_object`.
    JsonObject,
    /// `json_schema`.
    JsonSchema {
        /// What the client calls it.
        name: Option<String>,
        /// The schema.
        schema: Value,
        /// Whether the model must be held to it.
        strict: bool,
    },
}

impl ReasoningOptions {
    /// Reads the field.
    pub(super) fn read(field: Field, dropped: &mut Dropped) -> Result<Self, TurnError> {
        let mut object = field.object()?;
        let options = Self {
            effort: object.string("effort")?,
            summary: object.string("summary")?,
        };
        object.finish(dropped);
        Ok(options)
    }
}

impl ResponseFormat {
    /// Reads the field. A schema stands in `json_schema` (Chat Completions) or in the format itself
    /// (Responses).
    pub(super) fn read(field: Field, dropped: &mut Dropped) -> Result<Self, TurnError> {
        let mut object = field.object()?;
        let kind = object.required_string("type")?;
        let format = match kind.as_str() {
            "text" => Self::Text,
            "json_object" => Self::JsonObject,
            "json_schema" => match object.object("json_schema")? {
                Some(mut inner) => {
                    let format = Self::read_schema(&mut inner)?;
                    inner.finish(dropped);
                    format
                }
                None => Self::read_schema(&mut object)?,
            },
            other => {
                return Err(invalid::word(
                    object.path_to("type"),
                    other,
                    &["text", "json_object", "json_schema"],
                ));
            }
        };
        object.finish(dropped);
        Ok(format)
    }

    fn read_schema(object: &mut Object) -> Result<Self, TurnError> {
        let name = object.string("name")?;
        let schema = object.required("schema")?;
        if !schema.value.is_object() {
            return Err(invalid::wrong_type(schema.path, "an object", &schema.value));
        }
        Ok(Self::JsonSchema {
            name,
            schema: schema.value,
            strict: object.boolean("strict")?.unwrap_or(false),
        })
    }
}
