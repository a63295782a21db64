//! The list of request fields that were accepted and not honoured.

/// Names kept; a request with more unknown fields than that is not read by a person anyway.
const MAX_NAMES: usize = 64;

/// Characters of a name that are kept.
const MAX_NAME_CHARS: usize = 96;

/// Stands for all that did not fit.
const MORE: &str = "…";

/// Names of fields that have no effect, each once, in the order in which they were met.
///
/// Bounded in number and length, since the names are the client's and go to the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dropped(Vec<String>);

impl Dropped {
    /// Notes a field.
    pub fn note(&mut self, mut name: String) {
        if let Some((end, _)) = name.char_indices().nth(MAX_NAME_CHARS) {
            name.truncate(end);
            name.push_str(MORE);
        }
        if self.0.len() > MAX_NAMES || self.0.contains(&name) {
            return;
        }
        if self.0.len() == MAX_NAMES {
            MORE.clone_into(&mut name);
        }
        self.0.push(name);
    }

    /// The names.
    #[must_use]
    pub fn into_names(self) -> Vec<String> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_once_and_in_bounds() {
        let mut dropped = Dropped::default();
        dropped.note("user".to_owned());
        dropped.note("é".repeat(1000));
        dropped.note("user".to_owned());
        for at in 0..1000 {
            dropped.note(format!("field{at}"));
        }
        let names = dropped.into_names();
        assert_eq!(names.len(), MAX_NAMES + 1);
        assert_eq!(names[0], "user");
        assert_eq!(names[1].chars().count(), MAX_NAME_CHARS + 1);
        assert_eq!(names[2], "field0");
        assert_eq!(names[MAX_NAMES], MORE);
    }
}
