//! What members hold, of types that servers do not agree on.

use super::field::{Field, Leaf};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, value::MapAccessDeserializer, value::SeqAccessDeserializer},
};
use serde_json::{Value, value::RawValue};
use std::borrow::Cow;

/// `content` of a message: a string, or a list of parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content<'a> {
    /// A string.
    Text(Cow<'a, str>),
    /// Parts, without those that say nothing.
    Parts(Vec<Piece<'a>>),
}

/// A part of a message's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece<'a> {
    /// A part of the answer.
    Text(Cow<'a, str>),
    /// A part of the reasoning: Mistral's models put it among the parts.
    Thinking(Cow<'a, str>),
}

/// `arguments` of a function: JSON text. Some servers (Ollama's own API, and those behind it) write
/// the JSON itself, which is put back into text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arguments<'a>(pub Cow<'a, str>);

/// A number that counts something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count(pub u64);

/// `code` of an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Code<'a> {
    /// A word.
    Word(Cow<'a, str>),
    /// A status of HTTP.
    Status(u64),
}

impl<'a> Content<'a> {
    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::Parts(parts) => parts.is_empty(),
        }
    }

    /// Its parts.
    pub fn pieces(self) -> impl Iterator<Item = Piece<'a>> {
        let (text, parts) = match self {
            Self::Text(text) => (Some(Piece::Text(text)), Vec::new()),
            Self::Parts(parts) => (None, parts),
        };
        text.into_iter().chain(parts)
    }
}

/// A part as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Part<'a> {
    /// Of parts of text (`text`, `output_text`), whatever they call themselves.
    #[serde(borrow)]
    text: Field<Cow<'a, str>>,
    #[serde(borrow)]
    refusal: Field<Cow<'a, str>>,
    /// A string, or parts of text.
    #[serde(borrow)]
    thinking: Field<Thinking<'a>>,
}

#[derive(Debug)]
struct Thinking<'a>(Vec<Cow<'a, str>>);

impl<'a> Part<'a> {
    fn read_into(self, pieces: &mut Vec<Piece<'a>>) {
        let thoughts = self.thinking.get().into_iter().flat_map(|it| it.0);
        pieces.extend(thoughts.map(Piece::Thinking));
        let texts = [self.text.get(), self.refusal.get()].into_iter().flatten();
        pieces.extend(texts.map(Piece::Text));
    }
}

impl<'de: 'a, 'a> Leaf<'de> for Part<'a> {
    fn from_text(text: Cow<'de, str>) -> Option<Self> {
        Some(Self {
            text: Field::Is(text),
            ..Self::default()
        })
    }

    fn from_map<A: MapAccess<'de>>(map: A) -> Result<Option<Self>, A::Error> {
        Self::deserialize(MapAccessDeserializer::new(map)).map(Some)
    }
}

impl<'de: 'a, 'a> Leaf<'de> for Thinking<'a> {
    fn from_text(text: Cow<'de, str>) -> Option<Self> {
        Some(Self(vec![text]))
    }

    fn from_list<A: SeqAccess<'de>>(mut list: A) -> Result<Option<Self>, A::Error> {
        let mut texts = Vec::new();
        while let Some(part) = list.next_element::<Field<Part<'a>>>()? {
            texts.extend(part.get().and_then(|part| part.text.get()));
        }
        Ok(Some(Self(texts)))
    }
}

impl<'de: 'a, 'a> Leaf<'de> for Content<'a> {
    fn from_text(text: Cow<'de, str>) -> Option<Self> {
        Some(Self::Text(text))
    }

    fn from_list<A: SeqAccess<'de>>(mut list: A) -> Result<Option<Self>, A::Error> {
        let mut pieces = Vec::new();
        while let Some(part) = list.next_element::<Field<Part<'a>>>()? {
            if let Some(part) = part.get() {
                part.read_into(&mut pieces);
            }
        }
        Ok(Some(Self::Parts(pieces)))
    }

    fn from_map<A: MapAccess<'de>>(map: A) -> Result<Option<Self>, A::Error> {
        let mut pieces = Vec::new();
        Part::deserialize(MapAccessDeserializer::new(map))?.read_into(&mut pieces);
        Ok(Some(Self::Parts(pieces)))
    }
}

impl<'de: 'a, 'a> Leaf<'de> for Arguments<'a> {
    fn from_text(text: Cow<'de, str>) -> Option<Self> {
        Some(Self(text))
    }

    fn from_list<A: SeqAccess<'de>>(list: A) -> Result<Option<Self>, A::Error> {
        let value = Value::deserialize(SeqAccessDeserializer::new(list))?;
        Ok(Some(Self(Cow::Owned(value.to_string()))))
    }

    fn from_map<A: MapAccess<'de>>(map: A) -> Result<Option<Self>, A::Error> {
        let value = Value::deserialize(MapAccessDeserializer::new(map))?;
        Ok(value
            .is_object()
            .then(|| Self(Cow::Owned(value.to_string()))))
    }
}

// Numbers are read from their text. A visitor would be shown them as objects where some crate of the
// build wants serde_json to keep all of their digits.
impl<'de> Leaf<'de> for Count {
    fn read<D: Deserializer<'de>>(deserializer: D) -> Result<Field<Self>, D::Error> {
        let text = <&'de RawValue>::deserialize(deserializer)?.get();
        Ok(match count(text) {
            _ if text == "null" => Field::Absent,
            Some(count) => Field::Is(Self(count)),
            None => Field::Wrong,
        })
    }
}

impl<'de: 'a, 'a> Leaf<'de> for Code<'a> {
    fn read<D: Deserializer<'de>>(deserializer: D) -> Result<Field<Self>, D::Error> {
        #[derive(Deserialize)]
        struct Word<'a>(#[serde(borrow)] Cow<'a, str>);

        let text = <&'de RawValue>::deserialize(deserializer)?.get();
        Ok(match count(text) {
            _ if text == "null" => Field::Absent,
            Some(status) => Field::Is(Self::Status(status)),
            None => match serde_json::from_str(text) {
                Ok(Word(word)) => Field::Is(Self::Word(word)),
                Err(_) => Field::Wrong,
            },
        })
    }
}

/// A count, which may be written as a fraction (`12.0`).
fn count(text: &str) -> Option<u64> {
    text.parse().ok().or_else(|| whole(text.parse().ok()?))
}

fn whole(number: f64) -> Option<u64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the bounds are checked, and doubles hold all whole numbers in them"
    )]
    let count = (0.0..9e15).contains(&number).then_some(number as u64);
    count.filter(|_| number.fract() == 0.0)
}
