//! Members that may be missing, or of a type that nobody expects.

use serde::{
    Deserialize, Deserializer,
    de::{
        DeserializeSeed, Error, IgnoredAny, IntoDeserializer, MapAccess, SeqAccess, Visitor,
        value::BorrowedStrDeserializer,
    },
};
use std::{borrow::Cow, fmt, marker::PhantomData};

/// A member of an object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Field<T> {
    /// Missing, or `null`.
    #[default]
    Absent,
    /// Of a type that it cannot have.
    Wrong,
    /// There.
    Is(T),
}

/// What a [`Field`] can hold. Each method reads one type of JSON; `None` says that it is the wrong
/// one, and what is not overridden is wrong.
pub trait Leaf<'de>: Sized {
    /// Reads whatever comes.
    ///
    /// # Errors
    ///
    /// When it is not JSON, or an object in it names a member twice.
    fn read<D: Deserializer<'de>>(deserializer: D) -> Result<Field<Self>, D::Error> {
        deserializer.deserialize_any(Reader(PhantomData))
    }

    /// Reads a string, which is borrowed unless it has escapes.
    #[must_use]
    fn from_text(text: Cow<'de, str>) -> Option<Self> {
        drop(text);
        None
    }

    /// Reads a list.
    ///
    /// # Errors
    ///
    /// When it is not JSON.
    fn from_list<A: SeqAccess<'de>>(mut list: A) -> Result<Option<Self>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    /// Reads an object.
    ///
    /// # Errors
    ///
    /// When it is not JSON, or names a member twice.
    fn from_map<A: MapAccess<'de>>(mut map: A) -> Result<Option<Self>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

/// A list of those of its elements that could be read. One element may stand there without a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List<T>(pub Vec<T>);

impl<T> Field<T> {
    /// What it holds.
    #[must_use]
    pub fn get(self) -> Option<T> {
        match self {
            Self::Is(value) => Some(value),
            Self::Absent | Self::Wrong => None,
        }
    }

    /// Whether it is there, and of the wrong type.
    #[must_use]
    pub fn is_wrong(&self) -> bool {
        matches!(self, Self::Wrong)
    }

    /// What it holds, by reference.
    #[must_use]
    pub fn as_ref(&self) -> Field<&T> {
        match self {
            Self::Is(value) => Field::Is(value),
            Self::Absent => Field::Absent,
            Self::Wrong => Field::Wrong,
        }
    }
}

impl<T: Default> Field<T> {
    /// What it holds, and its default where that cannot be read: something is there.
    #[must_use]
    pub fn or_default(self) -> Option<T> {
        match self {
            Self::Is(value) => Some(value),
            Self::Wrong => Some(T::default()),
            Self::Absent => None,
        }
    }
}

impl Field<Cow<'_, str>> {
    /// The text that it holds.
    #[must_use]
    pub fn as_deref(&self) -> Option<&str> {
        self.as_ref().get().map(|text| &**text)
    }
}

impl<'de, T: Leaf<'de>> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::read(deserializer)
    }
}

impl<'de: 'a, 'a> Leaf<'de> for Cow<'a, str> {
    fn from_text(text: Cow<'de, str>) -> Option<Self> {
        Some(text)
    }
}

impl<'de, T: Leaf<'de>> Leaf<'de> for List<T> {
    fn from_list<A: SeqAccess<'de>>(mut list: A) -> Result<Option<Self>, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = list.next_element::<Field<T>>()? {
            elements.extend(element.get());
        }
        Ok(Some(Self(elements)))
    }

    fn from_map<A: MapAccess<'de>>(map: A) -> Result<Option<Self>, A::Error> {
        Ok(T::from_map(map)?.map(|element| Self(vec![element])))
    }
}

/// Reads whatever comes.
struct Reader<T>(PhantomData<T>);

impl<T> Reader<T> {
    fn field(value: Option<T>) -> Field<T> {
        value.map_or(Field::Wrong, Field::Is)
    }
}

impl<'de, T: Leaf<'de>> Visitor<'de> for Reader<T> {
    type Value = Field<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Self::field(T::from_text(Cow::Borrowed(text))))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        self.visit_string(text.to_owned())
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Self::Value, E> {
        Ok(Self::field(T::from_text(Cow::Owned(text))))
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Field::Wrong)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Field::Wrong)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Field::Wrong)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Field::Wrong)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Field::Absent)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
        T::from_list(list).map(Self::field)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let first = map.next_key::<Field<Cow<'de, str>>>()?.and_then(Field::get);
        if first.as_deref() == Some(NUMBER) {
            map.next_value::<IgnoredAny>()?;
            return Ok(Field::Wrong);
        }
        T::from_map(Members { first, rest: map }).map(Self::field)
    }
}

/// The only member of a number. Where some crate of the build wants `serde_json` to keep all digits
/// of numbers (`arbitrary_precision`), it shows them as objects, which would be taken for empty ones.
const NUMBER: &str = "$serde_json::private::Number";

/// The members of an object whose first name has been read.
struct Members<'de, A> {
    first: Option<Cow<'de, str>>,
    rest: A,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Members<'de, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        match self.first.take() {
            Some(Cow::Borrowed(name)) => seed.deserialize(BorrowedStrDeserializer::new(name)),
            Some(Cow::Owned(name)) => seed.deserialize(name.into_deserializer()),
            None => return self.rest.next_key_seed(seed),
        }
        .map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.rest.next_value_seed(seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{chat::upstream::Chunk, responses::upstream::StreamEvent};

    #[test]
    fn a_number_in_the_place_of_an_object_is_wrong_and_no_empty_object() {
        for number in ["0", "7", "-1", "1.50", "123456789012345678901234567890"] {
            let chunk = format!(r#"{{"choices":[{number},{{"index":1}}],"usage":{number}}}"#);
            let chunk = Chunk::parse(&chunk).unwrap();
            assert!(chunk.usage.is_wrong(), "{number}");
            let Field::Is(List(choices)) = chunk.choices else {
                panic!("{number}");
            };
            assert_eq!(choices.len(), 1, "{number}");

            let event = format!(r#"{{"type":"x","response":{number},"item":{{"id":{number}}}}}"#);
            let event = StreamEvent::parse(&event).unwrap();
            assert!(event.response.is_wrong(), "{number}");
            assert!(event.item.get().unwrap().id.is_wrong(), "{number}");
            assert!(StreamEvent::parse(number).is_err(), "{number}");
        }
    }

    #[test]
    fn the_first_member_of_an_object_is_read_like_the_others() {
        let event = r#"{"i\u0074em":{"id":"a","na\u006de":"f"},"type":"x"}"#;
        let event = StreamEvent::parse(event).unwrap();
        let item = event.item.get().unwrap();
        assert_eq!(item.id.as_deref(), Some("a"));
        assert_eq!(item.name.as_deref(), Some("f"));
        assert_eq!(event.kind.as_deref(), Some("x"));
        assert!(StreamEvent::parse("{}").is_ok());
    }
}
