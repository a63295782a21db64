//! What the payloads of providers are read with, whichever API they speak.
//!
//! A member of the wrong type is read as [`Field::Wrong`] and costs nothing but itself; members that
//! are not listed are passed over.

mod field;
mod leaf;

pub use field::{Field, Leaf, List};
pub use leaf::{Arguments, Code, Content, Count, Piece};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, value::MapAccessDeserializer},
};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// An error that is told in the stream, or in the body of a reply whose status is a success.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Failure<'a> {
    /// For a person.
    #[serde(borrow)]
    pub message: Field<Cow<'a, str>>,
    /// The class of error.
    #[serde(borrow, rename = "type")]
    pub kind: Field<Cow<'a, str>>,
    /// For a program: a word, or a status.
    #[serde(borrow)]
    pub code: Field<Code<'a>>,
}

impl Failure<'_> {
    /// Whether it tells anything of an error: an empty object, `false` and the like do not.
    #[must_use]
    pub fn says_something(&self) -> bool {
        let is_told = |field: &Field<Cow<'_, str>>| match field {
            Field::Is(text) => !text.is_empty(),
            Field::Wrong => true,
            Field::Absent => false,
        };
        let has_code = match &self.code {
            Field::Is(Code::Word(word)) => !word.is_empty(),
            Field::Is(Code::Status(status)) => *status != 0,
            Field::Wrong => true,
            Field::Absent => false,
        };
        is_told(&self.message) || is_told(&self.kind) || has_code
    }
}

impl<'de: 'a, 'a> Leaf<'de> for Failure<'a> {
    /// Some servers tell no more than a message.
    fn from_text(text: Cow<'de, str>) -> Option<Self> {
        Some(Self {
            message: Field::Is(text),
            ..Self::default()
        })
    }

    fn from_map<A: MapAccess<'de>>(map: A) -> Result<Option<Self>, A::Error> {
        Self::deserialize(MapAccessDeserializer::new(map)).map(Some)
    }
}

/// Makes leaves of types that are objects and nothing else.
macro_rules! objects {
    ($($object:ty),* $(,)?) => {$(
        impl<'de: 'a, 'a> $crate::wire::upstream::Leaf<'de> for $object {
            fn from_map<A: serde::de::MapAccess<'de>>(map: A) -> Result<Option<Self>, A::Error> {
                let object = serde::de::value::MapAccessDeserializer::new(map);
                serde::Deserialize::deserialize(object).map(Some)
            }
        }
    )*};
}
pub(super) use objects;

/// What a payload is that has to be an object. (An array would do for serde.)
pub(super) fn object<T>(payload: Field<T>) -> serde_json::Result<T> {
    let expected = || serde_json::Error::custom("expected an object");
    payload.get().ok_or_else(expected)
}

/// Reads a value that is there, `null` or not.
pub(super) fn raw<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}
