//! What a setting was set to, from whichever layer, and what that means.

use super::{
    Origin, Setting,
    document::{Item, Value},
    error::Place,
    settings::{Kind, NOT_SET},
    units,
};
use std::{
    fmt::{self, Write as _},
    time::Duration,
};

/// A setting as it was written. It may be a key, so that nothing shows it.
#[derive(Clone)]
pub(super) struct Written {
    /// The key, variable or flag.
    pub(super) name: String,
    pub(super) value: Value,
    pub(super) origin: Origin,
    pub(super) at: Option<Place>,
}

/// A setting as it was understood: of the kind that it takes, and in its range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Parsed {
    Text(String),
    Switch(bool),
    Number(u64),
    Time(Duration),
    List(Vec<String>),
}

impl Written {
    /// Whether this is what stands for "not set" where there is no default: nothing between quotes.
    pub(super) fn is_blank(&self, setting: &Setting) -> bool {
        setting.default == NOT_SET
            && matches!(&self.value, Value::Text(text) if text.trim().is_empty())
    }

    /// Its text, if it is any.
    pub(super) fn into_text(self) -> Option<String> {
        match self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The items of a list of the file, each with its place.
    pub(super) fn items(&self) -> Option<Vec<Self>> {
        let Value::List(items) = &self.value else {
            return None;
        };
        let item = |(index, item): (usize, &Item)| Self {
            name: format!("{}[{index}]", self.name),
            value: item.value.clone(),
            origin: self.origin.clone(),
            at: self.at.as_ref().map(|list| item.at.of(&list.file)),
        };
        Some(items.iter().enumerate().map(item).collect())
    }

    /// What it means.
    ///
    /// # Errors
    ///
    /// What is wrong with it. Tells the value where it has the right type, so that no setting which is a
    /// secret is read by this.
    pub(super) fn parse(&self, setting: &Setting) -> Result<Parsed, String> {
        match (&self.value, &self.origin) {
            (Value::Text(text), Origin::Environment(_) | Origin::Flag(_)) => {
                self.parse_text(setting.kind, text)
            }
            (value, _) => parse_toml(setting.kind, value),
        }
    }

    /// What a variable counts, where its name says so.
    fn unit_of_bare_numbers(&self) -> Option<&'static str> {
        if self.name.ends_with("_MS") {
            Some("ms")
        } else {
            (self.name.ends_with("_SECONDS") || self.name == "CODEX_TIMEOUT").then_some("s")
        }
    }

    /// What text means that came without a type.
    fn parse_text(&self, kind: Kind, text: &str) -> Result<Parsed, String> {
        let unit = self.unit_of_bare_numbers();
        let duration = || {
            let is_bare = text.bytes().all(|byte| byte.is_ascii_digit());
            match unit.filter(|_| is_bare) {
                Some(unit) => units::duration(&format!("{text}{unit}")),
                None => units::duration(text),
            }
        };
        match kind {
            Kind::Switch => switch(text)
                .map(Parsed::Switch)
                .ok_or_else(|| no_switch(text)),
            Kind::Number(least, most) => match text.parse() {
                Ok(number) => in_range(number, least, most).map(Parsed::Number),
                Err(_) => Err(format!("{text:?} is no whole number")),
            },
            Kind::Seconds(least, most) => {
                let time = duration()?;
                // Half a second is not none.
                let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
                in_range(seconds.cast_signed(), least, most).map(Parsed::Number)
            }
            Kind::Duration(least, most) => time_in_range(duration()?, least, most),
            Kind::List => {
                let items = text.split(',').map(str::trim);
                let items = items.filter(|item| !item.is_empty()).map(str::to_owned);
                Ok(Parsed::List(items.collect()))
            }
            _ => parse_toml(kind, &Value::Text(text.to_owned())),
        }
    }
}

impl Parsed {
    pub(super) fn into_text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn into_list(self) -> Option<Vec<String>> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    pub(super) fn as_switch(&self) -> Option<bool> {
        match self {
            Self::Switch(switch) => Some(*switch),
            _ => None,
        }
    }

    pub(super) fn as_number(&self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// It as TOML, as the file would have it.
    pub(super) fn to_toml(&self, kind: Kind) -> String {
        match (self, kind) {
            (Self::Number(bytes), Kind::Size(..)) => quoted(&units::write_size(*bytes)),
            (Self::Number(number), _) => number.to_string(),
            (Self::Switch(switch), _) => switch.to_string(),
            (Self::Time(time), _) => quoted(&units::write_duration(*time)),
            (Self::Text(text), _) => quoted(text),
            (Self::List(items), _) => {
                let items: Vec<String> = items.iter().map(|item| quoted(item)).collect();
                format!("[{}]", items.join(", "))
            }
        }
    }
}

/// What a value of the file means.
fn parse_toml(kind: Kind, value: &Value) -> Result<Parsed, String> {
    match (kind, value) {
        (Kind::Text | Kind::Folder, Value::Text(text)) => Ok(Parsed::Text(text.clone())),
        (Kind::Switch, Value::Switch(switch)) => Ok(Parsed::Switch(*switch)),
        (
            Kind::Number(least, most) | Kind::Seconds(least, most) | Kind::Size(least, most),
            Value::Number(number),
        ) => in_range(*number, least, most).map(Parsed::Number),
        (Kind::Duration(least, most), Value::Number(number)) => {
            let time = units::duration(&number.to_string())?;
            time_in_range(time, least, most)
        }
        (Kind::Duration(least, most), Value::Text(text)) => {
            time_in_range(units::duration(text)?, least, most)
        }
        (Kind::Size(least, most), Value::Text(text)) => {
            let bytes = units::size(text)?;
            if (least..=most).contains(&bytes) {
                Ok(Parsed::Number(bytes))
            } else {
                Err(outside(
                    text,
                    units::write_size(least),
                    units::write_size(most),
                ))
            }
        }
        (Kind::Word(words), Value::Text(text)) => words
            .iter()
            .find(|word| word.eq_ignore_ascii_case(text.trim()))
            .map(|word| Parsed::Text((*word).to_owned()))
            .ok_or_else(|| match words {
                [word] => format!("{text:?} is not {word}, which is all there is"),
                _ => format!("{text:?} is none of {}", words.join(", ")),
            }),
        (Kind::List, Value::Text(text)) => Ok(Parsed::List(vec![text.clone()])),
        (Kind::List, Value::List(items)) => {
            let texts = items.iter().map(|item| match &item.value {
                Value::Text(text) => Ok(text.clone()),
                other => Err(format!(
                    "has a {} in the list: strings are wanted",
                    other.kind()
                )),
            });
            texts.collect::<Result<_, _>>().map(Parsed::List)
        }
        (kind, value) => Err(wrong_type(value, kind)),
    }
}

/// Says that a value is of another kind. Does not tell the value, which may be a secret in the wrong
/// place.
pub(super) fn wrong_type(value: &Value, wanted: impl fmt::Display) -> String {
    format!("is a {}: {wanted} is wanted", value.kind())
}

fn in_range(number: i64, least: u64, most: u64) -> Result<u64, String> {
    u64::try_from(number)
        .ok()
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| outside(number, least, most))
}

fn time_in_range(time: Duration, least: u64, most: u64) -> Result<Parsed, String> {
    let (least, most) = (Duration::from_secs(least), Duration::from_secs(most));
    if (least..=most).contains(&time) {
        return Ok(Parsed::Time(time));
    }
    let [time, least, most] = [time, least, most].map(units::write_duration);
    Err(outside(time, least, most))
}

fn outside(value: impl fmt::Display, least: impl fmt::Display, most: impl fmt::Display) -> String {
    format!("{value} is not between {least} and {most}")
}

/// A yes or no, as variables have it.
pub(super) fn switch(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Some(true),
        "0" | "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// Says that text is no [`switch`].
pub(super) fn no_switch(text: &str) -> String {
    format!("{text:?} is neither 1 nor 0, true nor false")
}

/// Text as a string of TOML.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for char in text.chars() {
        match char {
            '"' | '\\' => quoted.extend(['\\', char]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            char if char.is_control() => {
                // Writing to a string does not fail.
                let _ = write!(quoted, "\\u{:04X}", u32::from(char));
            }
            char => quoted.push(char),
        }
    }
    quoted.push('"');
    quoted
}

/// A key of TOML: bare where it can be.
pub(super) fn key(name: &str) -> String {
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !name.is_empty() && name.bytes().all(is_bare) {
        name.to_owned()
    } else {
        quoted(name)
    }
}
