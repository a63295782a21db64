//! Records as lines of the program's own log.

use super::record::Record;
use serde::de::{Deserializer as _, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;
use tracing::Level;

/// The `tracing` target of records. Their events have two fields, either of which is a whole line:
/// `json`, and `text` for people.
pub const TARGET: &str = concat!(env!("CARGO_CRATE_NAME"), "::log_channel");

/// Tells a record to the program's own log. `json` is the record.
pub(super) fn tell(record: &Record, json: &str) {
    let level = record.event.level();
    let text = Text(record, json);
    // Which level it is has to be known where the event is compiled in.
    match level {
        Level::ERROR => tracing::error!(target: TARGET, json, text = %text),
        Level::WARN => tracing::warn!(target: TARGET, json, text = %text),
        _ => tracing::info!(target: TARGET, json, text = %text),
    }
}

/// A record as its time, its type and `name=value` pairs, the values as in its JSON.
struct Text<'a>(&'a Record, &'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(record, json) = self;
        let (time, level) = (record.time.to_rfc3339(), record.event.level());
        write!(f, "{time} {level:>5} {}", record.event.kind())?;
        let mut json = serde_json::Deserializer::from_str(json);
        json.deserialize_map(Pairs(f)).map_err(|_| fmt::Error)
    }
}

/// Writes the members of an object, but for those that a line begins with.
struct Pairs<'a, 'f>(&'a mut fmt::Formatter<'f>);

impl<'de> Visitor<'de> for Pairs<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some((name, value)) = map.next_entry::<&str, &RawValue>()? {
            if value.get() != "null" && !matches!(name, "seq" | "time" | "type") {
                write!(self.0, " {name}=")
                    .and_then(|()| write_visibly(self.0, value.get()))
                    .map_err(A::Error::custom)?;
            }
        }
        Ok(())
    }
}

/// JSON leaves some characters as they are that are no letters to a terminal.
fn write_visibly(f: &mut fmt::Formatter<'_>, json: &str) -> fmt::Result {
    if json.bytes().all(|byte| byte < 0x7f) {
        return f.write_str(json);
    }
    for part in json.split_inclusive(is_invisible) {
        match part.char_indices().next_back() {
            Some((at, last)) if is_invisible(last) => {
                write!(f, "{}\\u{{{:04x}}}", &part[..at], u32::from(last))?;
            }
            _ => f.write_str(part)?,
        }
    }
    Ok(())
}

fn is_invisible(char: char) -> bool {
    let is_of_direction = matches!(char, '\u{200e}' | '\u{200f}' | '\u{61c}')
        || ('\u{202a}'..='\u{202e}').contains(&char)
        || ('\u{2066}'..='\u{2069}').contains(&char);
    char.is_control() || is_of_direction || matches!(char, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traffic::record::{Event, Timestamp};

    #[test]
    fn lines_of_text_leave_out_what_is_not_there() {
        let record = Record {
            seq: 1,
            time: Timestamp(0),
            request: Some("r1".into()),
            conversation: None,
            trace: None,
            event: Event::Warning {
                what: "x",
                detail: "two\nlines \u{1b}[31m \u{9b}31m \u{202e}é".into(),
            },
        };
        let json = serde_json::to_string(&record).unwrap();
        assert_eq!(
            Text(&record, &json).to_string(),
            "1970-01-01T00:00:00.000000Z  WARN warning request=\"r1\" what=\"x\" \
             detail=\"two\\nlines \\u001b[31m \\u{009b}31m \\u{202e}é\""
        );
    }
}
