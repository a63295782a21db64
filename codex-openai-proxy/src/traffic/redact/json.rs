//! Takes secrets out of JSON, and leaves everything else of it as it was written.

use super::{
    MASK, media,
    names::{self, Hint},
    shapes::run,
    text, values,
};
use serde::de::IgnoredAny;
use serde_json::{Map, Value};
use std::borrow::Cow;

/// How often JSON may stand in a string of JSON; what is deeper is searched as text.
const DEEPEST: usize = 8;

/// Maps from the names of properties to their schemas.
const SCHEMA_MAPS: [&str; 4] = ["properties", "patternProperties", "$defs", "definitions"];

/// Where a schema shows values.
const SCHEMA_VALUES: [&str; 5] = ["default", "const", "enum", "example", "examples"];

/// One of these is in every schema.
const SCHEMA_WORDS: [&str; 7] = [
    "type",
    "$ref",
    "anyOf",
    "oneOf",
    "allOf",
    "enum",
    "description",
];

/// What is inside of an object or array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    Array,
    Object,
    /// An object of schemas by name.
    Schemas,
    /// The schema of a secret.
    SecretSchema,
}

/// An object or array that is open.
struct Level {
    within: Within,
    /// Whether the next string is a key.
    expects_key: bool,
    /// What the last key says about its value.
    hint: Option<Hint>,
    /// Whether the value is a map of schemas.
    opens_schemas: bool,
    /// Whether the value of `name` is the name of a secret, so that `value` is one.
    names_secret: bool,
    /// What the last key has to do with that.
    pair: Option<Pair>,
}

/// The members of `{"name": "…", "value": "…"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pair {
    Name,
    Value,
}

struct Walk<'a> {
    json: &'a str,
    depth: usize,
    levels: Vec<Level>,
    out: String,
    /// Up to where `json` is in `out`, in one form or the other.
    copied: usize,
}

/// The JSON with its secrets masked; `None` where it is no JSON. `depth` counts the strings around
/// it.
pub(super) fn redact(json: &str, depth: usize) -> Option<Cow<'_, str>> {
    if depth > DEEPEST {
        return None;
    }
    serde_json::from_str::<IgnoredAny>(json).ok()?;
    let mut walk = Walk {
        json,
        depth,
        levels: Vec::new(),
        out: String::new(),
        copied: 0,
    };
    walk.run();
    Some(if walk.copied == 0 {
        Cow::Borrowed(json)
    } else {
        walk.out.push_str(&json[walk.copied..]);
        Cow::Owned(walk.out)
    })
}

impl Level {
    fn new(within: Within) -> Self {
        Self {
            within,
            expects_key: within != Within::Array,
            hint: None,
            opens_schemas: false,
            names_secret: false,
            pair: None,
        }
    }

    fn on_key(&mut self, key: &str) {
        self.expects_key = false;
        self.hint = match self.within {
            Within::SecretSchema if SCHEMA_VALUES.contains(&key) => Some(Hint::Secret),
            _ => names::hint(key),
        };
        self.opens_schemas = SCHEMA_MAPS.contains(&key);
        self.pair = match key {
            "name" | "key" | "header" => Some(Pair::Name),
            "value" | "values" => Some(Pair::Value),
            _ => None,
        };
        if self.names_secret && self.pair == Some(Pair::Value) {
            self.hint = Some(Hint::Secret);
        }
    }
}

impl Walk<'_> {
    /// Goes over JSON that is known to be well-formed.
    fn run(&mut self) {
        let bytes = self.json.as_bytes();
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            at = match byte {
                b'"' => self.on_string(at),
                b'{' | b'[' => self.on_open(at),
                b'}' | b']' => {
                    self.levels.pop();
                    at + 1
                }
                b',' => {
                    if let Some(level) = self.levels.last_mut() {
                        level.expects_key = level.within != Within::Array;
                    }
                    at + 1
                }
                _ => at + 1,
            };
        }
    }

    /// An object or array begins at `start`.
    fn on_open(&mut self, start: usize) -> usize {
        let parent = self.levels.last();
        let hint = parent.and_then(|level| level.hint);
        let in_schemas = parent.is_some_and(|level| level.within == Within::Schemas);
        let opens_schemas = parent.is_some_and(|level| level.opens_schemas);
        let is_object = self.json.as_bytes()[start] == b'{';
        let within = if hint == Some(Hint::Secret) {
            let end = end_of_value(self.json.as_bytes(), start);
            if !(in_schemas && is_schema(&self.json[start..end])) {
                self.replace(start, end, &format!("\"{MASK}\""));
                return end;
            }
            Within::SecretSchema
        } else if !is_object {
            Within::Array
        } else if opens_schemas {
            Within::Schemas
        } else {
            Within::Object
        };
        self.levels.push(Level::new(within));
        start + 1
    }

    /// A string begins at `start`: a key or a value.
    fn on_string(&mut self, start: usize) -> usize {
        let end = end_of_string(self.json.as_bytes(), start);
        let json = self.json;
        let raw = &json[start..end];
        let Some(decoded) = decode(raw) else {
            // Halves of surrogate pairs, which are no text.
            let masked = text::redact(raw);
            if matches!(masked, Cow::Owned(_)) {
                let fits = serde_json::from_str::<IgnoredAny>(&masked).is_ok();
                let mask = format!("\"{MASK}\"");
                self.replace(start, end, if fits { &masked } else { &mask });
            }
            return end;
        };
        let hint = match self.levels.last_mut() {
            Some(level) if level.expects_key => {
                level.on_key(&decoded);
                None
            }
            Some(level) => {
                if level.pair == Some(Pair::Name) {
                    level.names_secret = names::hint(&decoded) == Some(Hint::Secret);
                }
                level.hint
            }
            None => None,
        };
        let masked = match hint {
            Some(hint) if values::is_secret(&decoded, hint) => Cow::Borrowed(MASK),
            _ => self.masked(&decoded),
        };
        if *masked != *decoded {
            let literal = Value::from(&*masked).to_string();
            self.replace(start, end, &literal);
        }
        end
    }

    /// A string that is not secret as a whole.
    fn masked<'s>(&self, string: &'s str) -> Cow<'s, str> {
        if let Some(shown) = media::long_base64(string) {
            return Cow::Owned(shown);
        }
        let nested = if string.trim_start().starts_with(['{', '[']) {
            redact(string, self.depth + 1)
        } else {
            None
        };
        nested.unwrap_or_else(|| text::redact(string))
    }

    fn replace(&mut self, start: usize, end: usize, with: &str) {
        self.out.push_str(&self.json[self.copied..start]);
        self.out.push_str(with);
        self.copied = end;
    }
}

fn decode(raw: &str) -> Option<Cow<'_, str>> {
    if raw.contains('\\') {
        serde_json::from_str(raw).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(&raw[1..raw.len() - 1]))
    }
}

/// The end of the string that begins at `start`.
fn end_of_string(json: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    loop {
        at = run(json, at, |byte| byte != b'"' && byte != b'\\');
        match json.get(at) {
            Some(b'\\') => at += 2,
            Some(_) => return at + 1,
            None => return json.len(),
        }
    }
}

/// The end of the object or array that begins at `start`.
fn end_of_value(json: &[u8], start: usize) -> usize {
    let mut open = 0_usize;
    let mut at = start;
    while let Some(byte) = json.get(at) {
        match byte {
            b'"' => {
                at = end_of_string(json, at);
                continue;
            }
            b'{' | b'[' => open += 1,
            b'}' | b']' => open -= 1,
            _ => {}
        }
        at += 1;
        if open == 0 {
            break;
        }
    }
    at
}

/// Whether this object is the schema of something and not the thing.
fn is_schema(json: &str) -> bool {
    serde_json::from_str::<Map<String, Value>>(json)
        .is_ok_and(|object| SCHEMA_WORDS.iter().any(|word| object.contains_key(*word)))
}
