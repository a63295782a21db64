//! Members that may be missing, or of a type that nobody expects.

use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
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

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::from_map(map).map(Self::field)
    }
}
