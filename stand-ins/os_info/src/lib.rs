//! Names the operating system without starting a process.
//!
//! codex-core asks `os_info::get()` for its User-Agent each time it builds an HTTP client, which is
//! on each model call, and the published crate answers by running `lsb_release` and `getconf`. This
//! stand-in has the part of that interface that codex-core's crates use, reads files instead, and
//! reads them once.

use std::{fmt, fs, sync::LazyLock};

static INFO: LazyLock<Info> = LazyLock::new(Info::read);

/// What this process runs on.
#[must_use]
pub fn get() -> Info {
    INFO.clone()
}

/// An operating system, its version, and the machine's architecture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Info {
    os_type: Type,
    version: Version,
}

impl Info {
    /// The system's name.
    #[must_use]
    pub fn os_type(&self) -> &Type {
        &self.os_type
    }

    /// The system's version.
    #[must_use]
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// The machine's architecture, in Rust's words.
    #[must_use]
    pub fn architecture(&self) -> Option<&str> {
        Some(std::env::consts::ARCH)
    }

    fn read() -> Self {
        if cfg!(target_os = "linux") {
            fs::read_to_string("/etc/os-release")
                .or_else(|_| fs::read_to_string("/usr/lib/os-release"))
                .map_or_else(
                    |_| Self::unknown("Linux"),
                    |text| Self::from_os_release(&text),
                )
        } else if cfg!(target_os = "macos") {
            let version = fs::read_to_string("/System/Library/CoreServices/SystemVersion.plist")
                .ok()
                .and_then(|plist| product_version(&plist));
            Self {
                os_type: Type("Mac OS".to_owned()),
                version: version.map_or(Version::Unknown, Version::Custom),
            }
        } else if cfg!(windows) {
            Self::unknown("Windows")
        } else {
            Self::unknown(std::env::consts::OS)
        }
    }

    fn unknown(name: &str) -> Self {
        Self {
            os_type: Type(name.to_owned()),
            version: Version::Unknown,
        }
    }

    /// Reads the format of `os-release(5)`.
    fn from_os_release(text: &str) -> Self {
        let field = |key: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
                .map(|value| value.trim().trim_matches(['"', '\'']).to_owned())
                .filter(|value| !value.is_empty())
        };
        Self {
            os_type: Type(field("NAME").unwrap_or_else(|| "Linux".to_owned())),
            version: field("VERSION_ID").map_or(Version::Unknown, Version::Custom),
        }
    }
}

/// The string after `ProductVersion` in a property list.
fn product_version(plist: &str) -> Option<String> {
    let (_, rest) = plist.split_once("<key>ProductVersion</key>")?;
    let (_, rest) = rest.split_once("<string>")?;
    let (version, _) = rest.split_once("</string>")?;
    Some(version.trim().to_owned())
}

/// The name of an operating system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Type(String);

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The version of an operating system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Version {
    /// Nobody told.
    Unknown,
    /// Three numbers.
    Semantic(u64, u64, u64),
    /// As the system writes it.
    Custom(String),
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("Unknown"),
            Self::Semantic(major, minor, patch) => write!(f, "{major}.{minor}.{patch}"),
            Self::Custom(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Info, Version, product_version};

    #[test]
    fn os_release_gives_name_and_version() {
        let info = Info::from_os_release(
            "PRETTY_NAME=\"Debian 12\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID='12'\n",
        );
        assert_eq!(info.os_type().to_string(), "Debian GNU/Linux");
        assert_eq!(info.version().to_string(), "12");
    }

    #[test]
    fn a_rolling_release_has_no_version() {
        let info = Info::from_os_release("NAME=Arch\n");
        assert_eq!(info.version(), &Version::Unknown);
    }

    #[test]
    fn property_list_gives_the_version() {
        let plist = "<dict><key>ProductVersion</key>\n\t<string>15.1</string></dict>";
        assert_eq!(product_version(plist).as_deref(), Some("15.1"));
    }
}
