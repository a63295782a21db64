//! Names for the client's tools that the backend and core accept.

use std::collections::HashSet;

/// Names that core registers for itself, offered or not.
const CORE_NAMES: [&str; 12] = [
    "apply_patch",
    "exec",
    "exec_command",
    "list_mcp_resource_templates",
    "list_mcp_resources",
    "read_mcp_resource",
    "request_user_input",
    "shell_command",
    "update_plan",
    "view_image",
    "wait",
    "write_stdin",
];

/// The longest name that the backend takes.
pub const LONGEST_NAME: usize = 64;

/// Gives each tool of a request a name that the backend and core accept and no other tool has: the
/// client's own wherever that is possible.
pub struct WireNames {
    /// The client's names that can stay and were not given out yet.
    reserved: HashSet<String>,
    given: HashSet<String>,
}

impl WireNames {
    /// Prepares for the tools of these names.
    pub fn reserving<'a>(client_names: impl Iterator<Item = &'a str>) -> Self {
        Self {
            reserved: client_names
                .filter(|name| accepted(name) == **name)
                .map(str::to_owned)
                .collect(),
            given: HashSet::new(),
        }
    }

    /// The name on the wire for the next of them.
    pub fn assign(&mut self, client_name: &str) -> String {
        let stem = accepted(client_name);
        let mut name = stem.clone();
        if !self.reserved.remove(client_name) {
            let mut number = 2;
            while self.reserved.contains(&name) || self.given.contains(&name) {
                let suffix = format!("_{number}");
                let length = stem.len().min(LONGEST_NAME - suffix.len());
                name = format!("{}{suffix}", &stem[..length]);
                number += 1;
            }
        }
        self.given.insert(name.clone());
        name
    }
}

/// `name` with what the backend and core do not accept replaced. Plain ASCII, never too long.
pub fn accepted(name: &str) -> String {
    let mut accepted: String = name
        .chars()
        .map(|letter| match letter {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-' => letter,
            _ => '_',
        })
        .collect();
    if CORE_NAMES.contains(&accepted.as_str()) {
        accepted.insert_str(0, "client_");
    }
    accepted.truncate(LONGEST_NAME);
    accepted
}
