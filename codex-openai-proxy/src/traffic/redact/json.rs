//! Takes secrets out of JSON, and leaves everything else of it as it was written.

use super::{
    MASK, media,
    names::{self, Hint},
    pairs,
    shapes::run,
    text, values,
};
use serde::de::IgnoredAny;
use serde_json::Value;
use std::{borrow::Cow, collections::HashSet};

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

/// Names of secrets, and of settings about them: an object under these is looked into.
const SOFT: [&str; 5] = ["auth", "authentication", "token", "secrets", "cookies"];

/// What is inside of an object or array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    Array,
    Object,
    /// An object of schemas by name.
    Schemas,
    /// The schema of a secret.
    SecretSchema,
    /// An object or array that is stored under one of [`SOFT`]: words stay, the rest goes.
    Soft,
    SoftArray,
}

impl Within {
    fn is_array(self) -> bool {
        matches!(self, Self::Array | Self::SoftArray)
    }

    fn is_soft(self) -> bool {
        matches!(self, Self::Soft | Self::SoftArray)
    }
}

/// An object or array that is open.
struct Level {
    within: Within,
    /// Whether the next string is a key.
    expects_key: bool,
    /// What the last key says about its value.
    hint: Option<Hint>,
    /// What the last key says about an object that is its value: [`Within::Schemas`] or
    /// [`Within::Soft`].
    opens: Option<Within>,
    /// Whether the value of `name` is the name of a secret, so that `value` is one.
    names_secret: bool,
    /// What the last key has to do with that.
    pair: Option<Pair>,
    /// Whether the last string of an array says that the next is a secret: it is a flag or a header.
    announced: Option<Announced>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Announced {
    Flag,
    Header,
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
    /// Where the schemas begin that are in the part up to `judged`.
    schemas: HashSet<usize>,
    /// Up to where it is known what is a schema.
    judged: usize,
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
        schemas: HashSet::new(),
        judged: 0,
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
            expects_key: !within.is_array(),
            hint: None,
            opens: None,
            names_secret: false,
            pair: None,
            announced: None,
        }
    }

    fn on_key(&mut self, key: &str) {
        self.expects_key = false;
        self.hint = match self.within {
            Within::SecretSchema if SCHEMA_VALUES.contains(&key) => Some(Hint::Secret),
            _ => names::hint(key),
        };
        self.opens = if SCHEMA_MAPS.contains(&key) {
            Some(Within::Schemas)
        } else if SOFT.contains(&key) && self.within != Within::Schemas {
            Some(Within::Soft)
        } else {
            None
        };
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
                        level.expects_key = !level.within.is_array();
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
        let opens = parent.and_then(|level| level.opens);
        let is_soft = opens == Some(Within::Soft);
        let is_soft_part = parent.is_some_and(|level| level.within.is_soft());
        let is_object = self.json.as_bytes()[start] == b'{';
        let within = if hint == Some(Hint::Secret) && !is_soft {
            if !(in_schemas && is_object && self.is_schema(start)) {
                let end = end_of_value(self.json.as_bytes(), start);
                self.replace(start, end, &format!("\"{MASK}\""));
                return end;
            }
            Within::SecretSchema
        } else if is_soft || is_soft_part {
            if is_object {
                Within::Soft
            } else {
                Within::SoftArray
            }
        } else if !is_object {
            Within::Array
        } else if opens == Some(Within::Schemas) {
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
        let mut was_key = false;
        let mut announced = None;
        let hint = match self.levels.last_mut() {
            Some(level) if level.expects_key => {
                was_key = true;
                level.on_key(&decoded);
                None
            }
            Some(level) => {
                if level.pair == Some(Pair::Name) {
                    level.names_secret = names::hint(&decoded) == Some(Hint::Secret);
                }
                if level.within.is_array() {
                    announced = level.announced.take();
                    level.announced = pairs::announces(&decoded).then(|| {
                        if decoded.starts_with("--") {
                            Announced::Flag
                        } else {
                            Announced::Header
                        }
                    });
                }
                level.hint
            }
            None => None,
        };
        let level = self.levels.last();
        let is_soft = level.is_some_and(|level| level.within.is_soft() && !was_key);
        let is_word = decoded.len() < 8 && decoded.bytes().all(|byte| byte.is_ascii_alphabetic());
        let is_announced = announced.is_some_and(|announced| match announced {
            Announced::Flag => !decoded.is_empty() && !decoded.starts_with('-'),
            Announced::Header => decoded.len() >= 8 && values::is_likely(&decoded),
        });
        let masked = match hint {
            // The text of a token, with its probability.
            Some(_) if self.is_probability(end) => self.masked(&decoded),
            _ if is_announced
                || (is_soft && !is_word && values::is_secret(&decoded, Hint::Secret)) =>
            {
                Cow::Borrowed(MASK)
            }
            Some(hint) if values::is_secret(&decoded, hint) => Cow::Borrowed(MASK),
            _ => self.masked(&decoded),
        };
        if *masked != *decoded {
            let literal = Value::from(&*masked).to_string();
            self.replace(start, end, &literal);
        }
        end
    }

    /// Whether `logprob` follows the string that ends at `end`.
    fn is_probability(&self, end: usize) -> bool {
        const WINDOW: usize = 64;
        let bytes = self.json.as_bytes();
        let window = &bytes[..bytes.len().min(end + WINDOW)];
        let next = run(window, end, |byte| {
            byte == b',' || byte.is_ascii_whitespace()
        });
        window[next..].starts_with(b"\"logprob\"")
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

    /// Whether the object at `start` is the schema of something and not the thing. Each byte is
    /// judged once, however deep objects are in each other.
    fn is_schema(&mut self, start: usize) -> bool {
        if start >= self.judged {
            self.judged = find_schemas(self.json, start, &mut self.schemas);
        }
        self.schemas.contains(&start)
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

/// Finds the objects with a word of schemas among their keys, in the object that begins at `start`,
/// and where that ends.
fn find_schemas(json: &str, start: usize, schemas: &mut HashSet<usize>) -> usize {
    let bytes = json.as_bytes();
    let mut open = Vec::new();
    let mut at = start;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                let end = end_of_string(bytes, at);
                let is_key = json[end..].trim_start().starts_with(':');
                if is_key && SCHEMA_WORDS.contains(&&json[at + 1..end - 1]) {
                    schemas.extend(open.last());
                }
                at = end;
                continue;
            }
            b'{' | b'[' => open.push(at),
            b'}' | b']' => drop(open.pop()),
            _ => {}
        }
        at += 1;
        if open.is_empty() {
            break;
        }
    }
    at
}
