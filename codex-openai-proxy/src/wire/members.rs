//! Where members of a JSON object stand in its text, found without building the object.

use serde::{
    Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;
use std::{fmt, ops::Range};

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
    fn what_is_no_whole_object_is_refused() {
        for text in ["", "[]", "1", "null", r#"{"a":1"#, r#"{"a":1} {}"#, "{a:1}"] {
            assert!(Members::find(text, &["a"]).is_err(), "{text}");
        }
    }
}
