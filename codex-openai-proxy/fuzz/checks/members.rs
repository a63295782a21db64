//! JSON objects member by member, as they are written.

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;
use std::fmt;

/// A name, and a value as it stands in the text.
pub type Member = (String, Box<RawValue>);

/// The members of an object in their order, names that come twice among them. `None` where the text is
/// no object.
pub fn of(object: &[u8]) -> Option<Vec<Member>> {
    let Members(members) = serde_json::from_slice(object).ok()?;
    Some(members)
}

/// The members without those of one name, as texts.
pub fn without<'a>(members: &'a [Member], name: &str) -> Vec<(&'a str, &'a str)> {
    let kept = members.iter().filter(|(own, _)| own != name);
    kept.map(|(name, value)| (name.as_str(), value.get()))
        .collect()
}

/// The values of the members of one name.
pub fn named<'a>(members: &'a [Member], name: &str) -> Vec<&'a str> {
    let named = members.iter().filter(|(own, _)| own == name);
    named.map(|(_, value)| value.get()).collect()
}

struct Members(Vec<Member>);

struct Pairs;

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Pairs)
    }
}

impl<'de> Visitor<'de> for Pairs {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}
