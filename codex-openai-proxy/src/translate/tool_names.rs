//! Names of tools that stand in a namespace, for engines that know no namespaces.

use std::collections::{HashMap, HashSet};

/// What stands between the two parts of a flat name.
const BETWEEN: &str = "__";

/// The longest name that upstreams take.
const LONGEST: usize = 64;

/// The namespace that a tool stands in which has none: its tools go by their own names.
const DEFAULT: &str = "functions";

/// The tools of a request that stand in a namespace: under which flat name each is offered to an
/// engine, and what the client calls it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolNames {
    /// Namespaces, and names in them, by the flat names.
    known: HashMap<String, (String, String)>,
    /// The flat names by the namespaces, and the names in them. Of tools that share both, the first.
    flat: HashMap<String, HashMap<String, String>>,
    /// Flat names by the names alone, where only one tool has that name.
    bare: HashMap<String, String>,
}

/// Gives the tools of a request their flat names.
#[derive(Debug)]
pub(super) struct Flattener {
    taken: HashSet<String>,
    /// The number that the next tool gets whose name would be taken, by that name.
    next: HashMap<String, usize>,
    names: ToolNames,
}

impl ToolNames {
    /// The namespace, and the name in it, of the tool that is offered as `flat`. `None` for a tool
    /// without a namespace, whose name is the client's.
    #[must_use]
    pub fn get(&self, flat: &str) -> Option<(&str, &str)> {
        let (namespace, name) = self.known.get(flat)?;
        Some((namespace, name))
    }

    /// The flat name of the tool that has this name in its namespace. `None` where a tool is offered
    /// by that name, or where not exactly one has it.
    #[must_use]
    pub fn of_bare(&self, name: &str) -> Option<&str> {
        self.bare.get(name).map(String::as_str)
    }

    /// The flat name of a tool, offered or not: past calls name tools that are not offered any more.
    #[must_use]
    pub fn flat(&self, namespace: &str, name: &str) -> String {
        let offered = self.offered(namespace, name);
        offered.map_or_else(|| join(namespace, name), str::to_owned)
    }

    /// The flat name of a tool that is offered, and stands in a namespace.
    pub(super) fn offered(&self, namespace: &str, name: &str) -> Option<&str> {
        let names = self.flat.get(namespace)?;
        names.get(name).map(String::as_str)
    }
}

impl Flattener {
    /// Begins with the names of the tools that stand in no namespace, which stay as they are.
    pub(super) fn new(plain: HashSet<String>) -> Self {
        Self {
            taken: plain,
            next: HashMap::new(),
            names: ToolNames::default(),
        }
    }

    /// The flat name of the next tool: one that no other tool has.
    pub(super) fn assign(&mut self, namespace: String, name: String) -> String {
        let stem = join(&namespace, &name);
        let mut flat = stem.clone();
        while !self.taken.insert(flat.clone()) {
            let number = self.next.entry(stem.clone()).or_insert(2);
            let suffix = format!("_{number}");
            let length = stem.len().min(LONGEST - suffix.len());
            flat = format!("{}{suffix}", &stem[..length]);
            *number += 1;
        }
        if !(is_default(&namespace) && flat == name) {
            let names = self.names.flat.entry(namespace.clone()).or_default();
            names.entry(name.clone()).or_insert_with(|| flat.clone());
            self.names.known.insert(flat.clone(), (namespace, name));
        }
        flat
    }

    /// The names that were given so far.
    pub(super) fn names(&self) -> &ToolNames {
        &self.names
    }

    /// All names that were given.
    pub(super) fn into_names(self) -> ToolNames {
        let Self {
            taken, mut names, ..
        } = self;
        let mut shared = HashSet::new();
        for (flat, (_, name)) in &names.known {
            if taken.contains(name) {
                continue;
            }
            if names.bare.insert(name.clone(), flat.clone()).is_some() {
                shared.insert(name.clone());
            }
        }
        names.bare.retain(|name, _| !shared.contains(name));
        names
    }
}

/// Whether tools of that namespace go by their own names.
pub(super) fn is_default(namespace: &str) -> bool {
    namespace == DEFAULT
}

/// The usual flat name: letters, digits, `_` and `-`, not too long.
fn join(namespace: &str, name: &str) -> String {
    let namespace = namespace.strip_suffix(BETWEEN).unwrap_or(namespace);
    let (namespace, between) = if is_default(namespace) {
        ("", "")
    } else {
        (namespace, BETWEEN)
    };
    let letters = [namespace, between, name].into_iter().flat_map(str::chars);
    letters
        .map(|letter| match letter {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-' => letter,
            _ => '_',
        })
        .take(LONGEST)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The flat names of these tools, one after the other, and what is known of them then.
    fn flatten(plain: &[&str], tools: &[(&str, &str)]) -> (Vec<String>, ToolNames) {
        let plain = plain.iter().map(|&name| name.to_owned()).collect();
        let mut flattener = Flattener::new(plain);
        let flat = tools
            .iter()
            .map(|&(namespace, name)| flattener.assign(namespace.to_owned(), name.to_owned()))
            .collect();
        (flat, flattener.into_names())
    }

    #[test]
    fn a_flat_name_leads_back_to_the_tool_and_the_tool_to_its_name() {
        let tools = [
            ("mcp__files__", "read"),
            ("mcp__files", "write"),
            ("mcp__files", "read"),
            ("größe", "a.b"),
        ];
        let (flat, names) = flatten(&["mcp__files__write"], &tools);
        let expected = [
            "mcp__files__read",
            "mcp__files__write_2",
            "mcp__files__read_2",
            "gr__e__a_b",
        ];
        assert_eq!(flat, expected);
        for (flat, (namespace, name)) in flat.iter().zip(tools) {
            assert_eq!(names.get(flat), Some((namespace, name)));
            assert_eq!(names.flat(namespace, name), *flat);
        }
        assert_eq!(names.get("mcp__files__write"), None);
    }

    #[test]
    fn a_tool_that_is_not_offered_has_its_usual_name() {
        assert_eq!(ToolNames::default().flat("mcp__a__", "b"), "mcp__a__b");
    }

    #[test]
    fn long_names_stay_apart_and_within_what_upstreams_take() {
        let long = "x".repeat(100);
        let (flat, names) = flatten(&[], &[(&long, "a"), (&long, "b")]);
        assert_eq!(flat[0], "x".repeat(LONGEST));
        assert_eq!(flat[1], format!("{}_2", "x".repeat(LONGEST - 2)));
        assert_eq!(names.get(&flat[1]), Some((long.as_str(), "b")));
    }
}
