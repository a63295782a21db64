//! Where members of a JSON object stand in its text, found without building the object.

use serde::{
    Deserialize, Deserializer,
    de::{
        DeserializeSeed, IgnoredAny, IntoDeserializer, MapAccess, Visitor,
        value::MapAccessDeserializer,
    },
};
use serde_json::value::RawValue;
use std::{borrow::Cow, fmt, marker::PhantomData, ops::Range};

/// A member of an object whose name was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member<'a> {
    /// Its name.
    pub name: &'static str,
    /// The text of its value, cut out of the object's.
    pub value: &'a str,
    /// Whether a member that was not asked for stands before it.
    pub after_others: bool,
}

/// What was found in an object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Members<'a> {
    /// The members that were asked for, in the order of the text. Names may come twice.
    pub found: Vec<Member<'a>>,
    /// Whether it has other members too.
    pub has_others: bool,
}

impl<'a> Members<'a> {
    /// Finds the members of `object` that have one of `names`. Everything else is passed over, and
    /// of the values no more is checked than their syntax.
    ///
    /// # Errors
    ///
    /// `object` is not JSON, or no object.
    pub fn find(object: &'a str, names: &[&'static str]) -> Result<Self, serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_str(object);
        let members = Finder(names).deserialize(&mut deserializer)?;
        deserializer.end()?;
        Ok(members)
    }

    /// The last member of that name, which is the one that counts, unless it is `null`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a str> {
        let mut named = self.found.iter().rev();
        let member = named.find(|member| member.name == name)?;
        (member.value != "null").then_some(member.value)
    }
}

/// Where `part` stands in `whole`; `None` where it was not cut out of it.
#[must_use]
pub fn place(whole: &str, part: &str) -> Option<Range<usize>> {
    let start = part.as_ptr().addr().checked_sub(whole.as_ptr().addr())?;
    let place = start..start.checked_add(part.len())?;
    whole.get(place.clone()).map(|_| place)
}

/// Reads `object` as a `T`, and finds the text of its member `name` on the way. That is `None` where
/// there is no such member, or where its name or the next one is written with escapes.
///
/// # Errors
///
/// `object` is not JSON, no object, or no `T`.
pub fn read_with<'a, T: Deserialize<'a>>(
    object: &'a str,
    name: &'static str,
) -> Result<(T, Option<&'a str>), serde_json::Error> {
    let mut found = Found {
        name,
        begins: None,
        value: None,
    };
    let mut deserializer = serde_json::Deserializer::from_str(object);
    let value = deserializer.deserialize_map(Noting {
        object,
        found: &mut found,
        value: PhantomData,
    })?;
    deserializer.end()?;
    let place = found.value.filter(|place| !place.is_empty());
    Ok((value, place.and_then(|place| object.get(place))))
}

/// What is known of a member that is looked for.
struct Found {
    name: &'static str,
    /// Where its value begins, from when its name was read to when the next one was.
    begins: Option<usize>,
    /// Where its value stands.
    value: Option<Range<usize>>,
}

impl Found {
    /// A name was read, which stands at `place` if it is written as it is.
    fn on_name(&mut self, object: &str, name: &str, place: Option<Range<usize>>) {
        if let Some(begins) = self.begins.take() {
            self.value = place.as_ref().map(|next| {
                let before = object[begins..next.start].trim_ascii_end();
                let before = before.strip_suffix('"').unwrap_or(before).trim_ascii_end();
                let before = before.strip_suffix(',').unwrap_or(before).trim_ascii_end();
                begins..begins + before.len()
            });
        }
        if name == self.name {
            self.begins = place.map(|place| {
                let after = object[place.end..].trim_ascii_start();
                let after = after.strip_prefix('"').unwrap_or(after).trim_ascii_start();
                let after = after.strip_prefix(':').unwrap_or(after).trim_ascii_start();
                object.len() - after.len()
            });
        }
    }

    /// The object has ended.
    fn on_end(&mut self, object: &str) {
        if let Some(begins) = self.begins.take() {
            let before = object[begins..].trim_ascii_end();
            let before = before.strip_suffix('}').unwrap_or(before).trim_ascii_end();
            self.value = Some(begins..begins + before.len());
        }
    }
}

/// Reads an object as a `T`, and notes where names stand.
struct Noting<'f, 'de, T> {
    object: &'de str,
    found: &'f mut Found,
    value: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Noting<'_, 'de, T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(Noted {
            map,
            object: self.object,
            found: self.found,
        }))
    }
}

/// The members of an object, whose names are looked at as they pass.
struct Noted<'f, 'de, A> {
    map: A,
    object: &'de str,
    found: &'f mut Found,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Noted<'_, 'de, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        let Some(Text(name)) = self.map.next_key()? else {
            self.found.on_end(self.object);
            return Ok(None);
        };
        let place = match &name {
            Cow::Borrowed(name) => place(self.object, name),
            Cow::Owned(_) => None,
        };
        self.found.on_name(self.object, &name, place);
        seed.deserialize(name.into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

/// A string that is copied only where it has escapes.
#[derive(Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// Finds members with these names.
struct Finder<'n>(&'n [&'static str]);

impl<'de> DeserializeSeed<'de> for Finder<'_> {
    type Value = Members<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Finder<'_> {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Members::default();
        while let Some(name) = map.next_key_seed(Name(self.0))? {
            if let Some(name) = name {
                let value: &RawValue = map.next_value()?;
                members.found.push(Member {
                    name,
                    value: value.get(),
                    after_others: members.has_others,
                });
            } else {
                map.next_value::<IgnoredAny>()?;
                members.has_others = true;
            }
        }
        Ok(members)
    }
}

/// Reads a name as one of these, or as none of them.
struct Name<'n>(&'n [&'static str]);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = Option<&'static str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = Option<&'static str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, sent: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().copied().find(|name| *name == sent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_by_the_name_that_they_mean_and_with_their_exact_text() {
        let text = r#" { "a" : [1, {"b":2}] ,"x":0, "\u0062":"say \"b\"","a": null } "#;
        let members = Members::find(text, &["a", "b"]).unwrap();
        let found = members.found.iter();
        let found: Vec<_> = found
            .map(|member| (member.name, member.value, member.after_others))
            .collect();
        let expected = [
            ("a", r#"[1, {"b":2}]"#, false),
            ("b", r#""say \"b\"""#, true),
            ("a", "null", true),
        ];
        assert_eq!(found, expected);
        assert_eq!(members.get("a"), None);
        let b = members.get("b").unwrap();
        assert_eq!(&text[place(text, b).unwrap()], b);
    }

    #[test]
    fn a_text_that_was_not_cut_out_of_another_has_no_place_in_it() {
        let whole = String::from("model");
        assert_eq!(place(&whole[..3], &whole), None);
        assert_eq!(place(&whole[3..], &whole[..2]), None);
        assert_eq!(place(&whole, &whole[1..3]), Some(1..3));
    }

    #[test]
    fn a_member_is_found_while_its_object_is_read() {
        #[derive(Debug, Default, PartialEq, Deserialize)]
        #[serde(default)]
        struct Pair {
            a: u8,
            b: Vec<u8>,
        }

        let found = |object| read_with::<Pair>(object, "b").unwrap();
        let pair = |a, b: &[u8]| Pair { a, b: b.to_vec() };
        for (object, value) in [
            (r#" { "a" : 1 , "b" : [2, 3 ] , "c":"}" } "#, "[2, 3 ]"),
            (r#"{"c":{"b":0},"a":1,"b":[2,3]}"#, "[2,3]"),
            ("{\"b\":[2,3]\n,\n\"a\":1}\n", "[2,3]"),
            (r#"{"a":1, "b" :[2,3] }"#, "[2,3]"),
        ] {
            assert_eq!(found(object), (pair(1, &[2, 3]), Some(value)), "{object}");
        }
        assert_eq!(found(r#"{"a":1}"#), (pair(1, &[]), None));
        // Escapes move names away from the text: nothing is found rather than the wrong thing.
        for object in [
            r#"{"\u0062":[2],"a":1}"#,
            r#"{"b":[2],"\u0061":1}"#,
            r#"{"a":1,"b":[2],"\u0063":{}}"#,
        ] {
            assert_eq!(found(object), (pair(1, &[2]), None), "{object}");
        }
        for object in ["[1,[2]]", r#"{"a":1} {}"#, r#"{"a":1"#, "1", ""] {
            assert!(read_with::<Pair>(object, "b").is_err(), "{object}");
        }
    }

    #[test]
    fn what_is_no_whole_object_is_refused() {
        for text in ["", "[]", "1", "null", r#"{"a":1"#, r#"{"a":1} {}"#, "{a:1}"] {
            assert!(Members::find(text, &["a"]).is_err(), "{text}");
        }
    }
}
