//! Reading a JSON body field by field, with errors that name the field.

use super::{dropped::Dropped, invalid};
use crate::turn::TurnError;
use serde_json::{Map, Value};

/// A JSON object that is being read.
///
/// Fields are moved out, never copied. `null` counts as absent, as OpenAI has it for every
/// optional field. What nobody took is told by [`Object::finish`].
#[derive(Debug, Default)]
pub struct Object {
    path: String,
    fields: Map<String, Value>,
}

/// A value and where in the body it stands.
#[derive(Debug)]
pub struct Field {
    /// Its path, such as `messages[2].content`.
    pub path: String,
    /// What it holds.
    pub value: Value,
}

impl Object {
    /// The object that a request body is.
    ///
    /// # Errors
    ///
    /// [`TurnError::InvalidRequest`] where the body is not JSON, is nested too deeply (128 levels),
    /// or is no object.
    pub fn parse(body: &[u8]) -> Result<Self, TurnError> {
        match serde_json::from_slice(body).map_err(|error| invalid::json(&error))? {
            Value::Object(fields) => Ok(Self {
                path: String::new(),
                fields,
            }),
            _ => Err(TurnError::InvalidRequest {
                message: "Invalid request body: expected a JSON object.".to_owned(),
                param: None,
                code: Some("invalid_type"),
            }),
        }
    }

    /// The path of one of this object's fields.
    #[must_use]
    pub fn path_to(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        }
    }

    /// Whether the field is there and not `null`.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.fields.get(name).is_some_and(|value| !value.is_null())
    }

    /// Looks at a field, and leaves it where it is.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.fields.get(name).filter(|value| !value.is_null())
    }

    /// The same, to change it.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        let value = self.fields.get_mut(name);
        value.filter(|value| !value.is_null())
    }

    /// Takes a field out.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        // Leaving `null` behind keeps the order of the others, and costs nothing.
        let value = self.fields.get_mut(name)?.take();
        (!value.is_null()).then_some(value)
    }

    /// Takes a field out, with its path.
    pub fn field(&mut self, name: &str) -> Option<Field> {
        let value = self.take(name)?;
        Some(Field {
            path: self.path_to(name),
            value,
        })
    }

    /// Takes a field out that must be there.
    ///
    /// # Errors
    ///
    /// It is absent.
    pub fn required(&mut self, name: &str) -> Result<Field, TurnError> {
        self.field(name)
            .ok_or_else(|| invalid::missing(self.path_to(name)))
    }

    /// Takes a string out.
    ///
    /// # Errors
    ///
    /// It is no string.
    pub fn string(&mut self, name: &str) -> Result<Option<String>, TurnError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(invalid::wrong_type(self.path_to(name), "a string", &other)),
        }
    }

    /// Takes a string out that must be there.
    ///
    /// # Errors
    ///
    /// It is absent or no string.
    pub fn required_string(&mut self, name: &str) -> Result<String, TurnError> {
        self.string(name)?
            .ok_or_else(|| invalid::missing(self.path_to(name)))
    }

    /// Takes a string out that must be there and say something.
    ///
    /// # Errors
    ///
    /// It is absent, no string, or empty.
    pub fn filled_string(&mut self, name: &str) -> Result<String, TurnError> {
        let text = self.required_string(name)?;
        if text.is_empty() {
            return Err(invalid::empty_string(self.path_to(name)));
        }
        Ok(text)
    }

    /// Takes a boolean out.
    ///
    /// # Errors
    ///
    /// It is no boolean.
    pub fn boolean(&mut self, name: &str) -> Result<Option<bool>, TurnError> {
        self.field(name).map(Field::boolean).transpose()
    }

    /// Takes an object out.
    ///
    /// # Errors
    ///
    /// It is no object.
    pub fn object(&mut self, name: &str) -> Result<Option<Object>, TurnError> {
        self.field(name).map(Field::object).transpose()
    }

    /// Every field that was not taken, in the order of the body.
    pub fn into_fields(self) -> impl Iterator<Item = Field> {
        let Self { path, fields } = self;
        fields
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(move |(name, value)| Field {
                path: if path.is_empty() {
                    name
                } else {
                    format!("{path}.{name}")
                },
                value,
            })
    }

    /// Ends the reading: what was not taken has no effect.
    ///
    /// Positions are left out of the names (`messages[].name`), so that a long history does not
    /// name the same field a hundred times.
    pub fn finish(self, dropped: &mut Dropped) {
        for field in self.into_fields() {
            dropped.note(without_positions(&field.path));
        }
    }
}

impl Field {
    /// A string.
    ///
    /// # Errors
    ///
    /// It is something else.
    pub fn string(self) -> Result<String, TurnError> {
        match self.value {
            Value::String(text) => Ok(text),
            other => Err(invalid::wrong_type(self.path, "a string", &other)),
        }
    }

    /// A string that says something.
    ///
    /// # Errors
    ///
    /// It is something else, or empty.
    pub fn filled_string(self) -> Result<String, TurnError> {
        match self.value {
            Value::String(text) if text.is_empty() => Err(invalid::empty_string(self.path)),
            Value::String(text) => Ok(text),
            other => Err(invalid::wrong_type(self.path, "a string", &other)),
        }
    }

    /// A boolean.
    ///
    /// # Errors
    ///
    /// It is something else.
    pub fn boolean(self) -> Result<bool, TurnError> {
        match self.value {
            Value::Bool(flag) => Ok(flag),
            other => Err(invalid::wrong_type(self.path, "a boolean", &other)),
        }
    }

    /// An object.
    ///
    /// # Errors
    ///
    /// It is something else.
    pub fn object(self) -> Result<Object, TurnError> {
        match self.value {
            Value::Object(fields) => Ok(Object {
                path: self.path,
                fields,
            }),
            other => Err(invalid::wrong_type(self.path, "an object", &other)),
        }
    }

    /// The elements of an array, each with its own path. `null` elements are elements.
    ///
    /// # Errors
    ///
    /// It is something else.
    pub fn array(self) -> Result<impl ExactSizeIterator<Item = Field>, TurnError> {
        let Self { path, value } = self;
        match value {
            Value::Array(values) => {
                Ok(values
                    .into_iter()
                    .enumerate()
                    .map(move |(at, value)| Field {
                        path: format!("{path}[{at}]"),
                        value,
                    }))
            }
            other => Err(invalid::wrong_type(path, "an array", &other)),
        }
    }
}

/// `messages[3].content[0].x` → `messages[].content[].x`.
pub(super) fn without_positions(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('[') {
        out.push_str(before);
        out.push('[');
        rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_named_in_order_and_without_positions() {
        let body = br#"{"list":[{"b":1,"known":"x","gone":null,"a":{}},{"a":1}]}"#;
        let mut dropped = Dropped::default();
        let mut root = Object::parse(body).unwrap();
        for element in root.required("list").unwrap().array().unwrap() {
            let mut element = element.object().unwrap();
            element.string("known").unwrap();
            element.finish(&mut dropped);
        }
        root.finish(&mut dropped);
        assert_eq!(dropped.into_names(), ["list[].b", "list[].a"]);
    }
}
