//! The one table of all settings. Reading, unknown names, the example and what is in force come from it.

pub(super) mod of;
pub(super) mod provider;

pub use of::SETTINGS;
pub use provider::PROVIDER_SETTINGS;

use super::Reload;
use std::{borrow::Cow, fmt};

/// What every variable of our own begins with.
pub const PREFIX: &str = "CODEX_OPENAI_PROXY_";

/// The default of what has none, and what the file says for it: nothing between quotes.
pub(super) const NOT_SET: &str = "\"\"";

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Its key in the file, such as `server.addr`; of a provider's without the table.
    pub key: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// Its default as TOML; `""` in quotes where it has none.
    pub default: &'static str,
    /// What it is, in a few words.
    pub about: &'static str,
    /// What the annotated example says in place of the default.
    pub example: Option<&'static str>,
    /// Variables of other names that mean the same, the first that is set wins.
    pub aliases: &'static [&'static str],
    /// Variables that set a part of it, or that mean it in words of their own.
    pub related: &'static [&'static str],
    /// The flag.
    pub flag: Option<&'static str>,
    /// Whether a running process takes up another value.
    pub reload: Reload,
    /// Whether its value is shown to nobody.
    pub secret: bool,
    /// Whether it can stand in the file.
    pub in_file: bool,
}

/// What a setting takes. Ranges include both ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// `true` or `false`; in variables also 1, 0, yes, no, on, off.
    Switch,
    /// A whole number from one to the other.
    Number(u64, u64),
    /// A whole number of seconds; variables can say a unit.
    Seconds(u64, u64),
    /// A time with a unit, or seconds. The range is in seconds.
    Duration(u64, u64),
    /// Bytes, or a number with a unit.
    Size(u64, u64),
    /// One of these words.
    Word(&'static [&'static str]),
    /// Texts; in variables with commas between them.
    List,
    /// A folder.
    Folder,
    /// A table with names of the user's own.
    Table,
}

impl Setting {
    const fn new(
        key: &'static str,
        kind: Kind,
        default: &'static str,
        about: &'static str,
    ) -> Self {
        Self {
            key,
            kind,
            default,
            about,
            example: None,
            aliases: &[],
            related: &[],
            flag: None,
            reload: Reload::Live,
            secret: false,
            in_file: true,
        }
    }

    const fn example(mut self, example: &'static str) -> Self {
        self.example = Some(example);
        self
    }

    const fn aliases(mut self, names: &'static [&'static str]) -> Self {
        self.aliases = names;
        self
    }

    const fn related(mut self, names: &'static [&'static str]) -> Self {
        self.related = names;
        self
    }

    const fn flag(mut self, flag: &'static str) -> Self {
        self.flag = Some(flag);
        self
    }

    const fn restart(mut self) -> Self {
        self.reload = Reload::Restart;
        self
    }

    const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    const fn outside_the_file(mut self) -> Self {
        self.in_file = false;
        self
    }

    /// The variables that hold it, the strongest first: our own, then its other names. Tables have none. Not
    /// for what a provider is made of.
    pub fn variables(&self) -> impl Iterator<Item = Cow<'static, str>> + use<> {
        let names = self.aliases;
        let own = (self.kind != Kind::Table).then(|| {
            let name = self.key.replace('.', "_").to_ascii_uppercase();
            Cow::Owned(format!("{PREFIX}{name}"))
        });
        own.into_iter()
            .chain(names.iter().copied().map(Cow::Borrowed))
    }

    /// The section that it stands in; empty for what stands before all sections.
    #[must_use]
    pub fn section(&self) -> &'static str {
        self.key.rsplit_once('.').map_or("", |(section, _)| section)
    }

    /// Its name in its section.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.key.rsplit_once('.').map_or(self.key, |(_, name)| name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("a string"),
            Self::Switch => f.write_str("true or false"),
            Self::Number(..) => f.write_str("a whole number"),
            Self::Seconds(..) => f.write_str("a whole number of seconds"),
            Self::Duration(..) => f.write_str("a time, such as \"15m\""),
            Self::Size(..) => f.write_str("a size, such as \"64mb\""),
            Self::Word(words) => write!(f, "one of {}", words.join(", ")),
            Self::List => f.write_str("a list of strings"),
            Self::Folder => f.write_str("a folder"),
            Self::Table => f.write_str("a table"),
        }
    }
}
