//! What is known of requests, in forms that other programs read.

pub mod curl;
pub mod har;

/// Records as JSON lines, the oldest first, from a page that has the newest first.
#[must_use]
pub fn json_lines(newest_first: &[String]) -> String {
    let length = newest_first.iter().map(|record| record.len() + 1).sum();
    let mut lines = String::with_capacity(length);
    for record in newest_first.iter().rev() {
        lines.push_str(record);
        lines.push('\n');
    }
    lines
}

#[cfg(test)]
mod tests;
