//! Another model's name in a JSON text, and all else as it was, to the byte.

use super::members::{Members, place};
use serde_json::Value;
use std::ops::Range;

/// A JSON text, and where in it a model is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Splice<'a> {
    text: &'a str,
    /// In the order of the text; they do not overlap.
    edits: Vec<(Range<usize>, Edit)>,
}

/// A model's name, as JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(String);

/// What takes the place of a part of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edit {
    /// The name.
    Name,
    /// A member with the name, in an object that has no other.
    OnlyMember,
    /// A member with the name, before others.
    Member,
    /// Nothing.
    Cut,
}

impl Name {
    /// This name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(Value::from(name).to_string())
    }
}

impl<'a> Splice<'a> {
    /// A text in which no model is known to be named.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        Self {
            text,
            edits: Vec::new(),
        }
    }

    /// The model is named, or should be, by `object`: a part of the text. Where it names several, each
    /// is replaced, since which of them counts is up to whoever reads it.
    ///
    /// # Errors
    ///
    /// It is no JSON object.
    pub fn search(&mut self, object: &str) -> Result<(), serde_json::Error> {
        let models = Members::find(object, &["model"])?.found;
        if models.is_empty() {
            self.insert(object);
        }
        for model in models {
            self.rename(model.value);
        }
        Ok(())
    }

    /// The model is named by `value`, a part of the text.
    pub fn rename(&mut self, value: &str) {
        self.edits
            .extend(place(self.text, value).map(|place| (place, Edit::Name)));
    }

    /// The model is not named, but should be, in `object`: a part of the text.
    pub fn insert(&mut self, object: &str) {
        let members = object.split_once('{').map_or("", |(_, rest)| rest);
        let is_empty = members.trim_start().starts_with('}');
        let edit = if is_empty {
            Edit::OnlyMember
        } else {
            Edit::Member
        };
        self.insert_as(edit, object);
    }

    /// The model is not named in the text, and no other member of it stays.
    pub(super) fn insert_alone(&mut self) {
        self.insert_as(Edit::OnlyMember, self.text);
    }

    fn insert_as(&mut self, edit: Edit, object: &str) {
        if let Some(place) = place(self.text, object)
            && let Some(brace) = object.find('{')
        {
            let at = place.start + brace + 1;
            self.edits.push((at..at, edit));
        }
    }

    /// A part of the text has to go.
    pub(super) fn cut(&mut self, place: Range<usize>) {
        self.edits.push((place, Edit::Cut));
    }

    /// Whether one name is all that would change.
    #[must_use]
    pub(super) fn only_renames(&self) -> bool {
        matches!(self.edits[..], [(_, Edit::Name)])
    }

    /// Hands out the text piece by piece, with `name` where a model is named.
    pub fn write(&self, name: &Name, mut put: impl FnMut(&str)) {
        let mut from = 0;
        for (place, edit) in &self.edits {
            put(&self.text[from..place.start]);
            from = place.end;
            if matches!(edit, Edit::Member | Edit::OnlyMember) {
                put(r#""model":"#);
            }
            if *edit != Edit::Cut {
                put(&name.0);
            }
            if *edit == Edit::Member {
                put(",");
            }
        }
        put(&self.text[from..]);
    }

    /// The whole text with that name.
    #[must_use]
    pub fn with(&self, name: &Name) -> Vec<u8> {
        let more = name.0.len() + br#""model":,"#.len();
        let mut out = Vec::with_capacity(self.text.len() + more);
        self.write(name, |piece| out.extend_from_slice(piece.as_bytes()));
        out
    }
}
