//! Times and sizes with their units.

use std::time::Duration;

/// The largest bare number that is read as seconds where a variable does not say what it counts.
/// Proxies that count milliseconds under the same name have larger ones.
const MOST_BARE_SECONDS: u64 = 9_999;

const KIB: u64 = 1024;

/// A time: a number with the unit `ms`, `s`, `m` or `h`. A bare number is seconds, if it is too small to
/// be milliseconds.
///
/// # Errors
///
/// What is wrong with it.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split(text)?;
    let seconds = match unit.as_str() {
        "ms" => return Ok(Duration::from_millis(number)),
        "" if number > MOST_BARE_SECONDS => {
            return Err(format!("write the unit: {number}ms or {number}s"));
        }
        "" | "s" => Some(number),
        "m" => number.checked_mul(60),
        "h" => number.checked_mul(3600),
        _ => return Err(format!("{text:?} is no time, such as 90, 90s, 15m or 1h")),
    };
    let seconds = seconds.ok_or_else(|| format!("{text:?} is too long"))?;
    Ok(Duration::from_secs(seconds))
}

/// A number of bytes, or one with the unit `kb`, `mb` or `gb`, each 1024 times the one before.
///
/// # Errors
///
/// What is wrong with it.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text)?;
    let factor = match unit.as_str() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => KIB,
        "m" | "mb" | "mib" => KIB * KIB,
        "g" | "gb" | "gib" => KIB * KIB * KIB,
        _ => {
            return Err(format!(
                "{text:?} is no size, such as 1000000, 512kb or 64mb"
            ));
        }
    };
    number
        .checked_mul(factor)
        .ok_or_else(|| format!("{text:?} is too large"))
}

/// As [`duration`] reads it.
pub(super) fn write_duration(time: Duration) -> String {
    let seconds = time.as_secs();
    if time.subsec_millis() != 0 {
        format!("{}ms", time.as_millis())
    } else if seconds != 0 && seconds.is_multiple_of(3600) {
        format!("{}h", seconds / 3600)
    } else if seconds != 0 && seconds.is_multiple_of(60) {
        format!("{}m", seconds / 60)
    } else {
        format!("{seconds}s")
    }
}

/// As [`size`] reads it.
pub(super) fn write_size(bytes: u64) -> String {
    let units = [("gb", KIB * KIB * KIB), ("mb", KIB * KIB), ("kb", KIB)];
    let fits = |unit: &&(&str, u64)| bytes != 0 && bytes.is_multiple_of(unit.1);
    units.iter().find(fits).map_or_else(
        || bytes.to_string(),
        |(unit, factor)| format!("{}{unit}", bytes / factor),
    )
}

/// A whole number, and the unit behind it in lower case.
fn split(text: &str) -> Result<(u64, String), String> {
    let text = text.trim();
    let end = text
        .find(|char: char| !char.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    match number.parse() {
        Ok(number) => Ok((number, unit.trim().to_ascii_lowercase())),
        Err(_) => Err(format!("{text:?} does not begin with a whole number")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units_and_bare_numbers_are_seconds() {
        for (text, seconds) in [
            ("0", 0),
            ("90", 90),
            ("9999", 9999),
            ("90s", 90),
            ("15m", 900),
            ("15 M", 900),
            ("1h", 3600),
            ("60000ms", 60),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(duration("1500ms"), Ok(Duration::from_millis(1500)));
        for text in [
            "",
            "m",
            "-1",
            "1.5h",
            "1d",
            "10000",
            "900000",
            "1m30s",
            "9999999999999999999h",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
        let told = duration("60000").unwrap_err();
        assert!(
            told.contains("60000ms") && told.contains("60000s"),
            "{told}"
        );
    }

    #[test]
    fn sizes_have_units_and_bare_numbers_are_bytes() {
        for (text, bytes) in [
            ("1", 1),
            ("10b", 10),
            ("512kb", 512 << 10),
            ("64mb", 64 << 20),
            ("64 MB", 64 << 20),
            ("64MiB", 64 << 20),
            ("2g", 2 << 30),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "mb", "-1", "1.5mb", "1tb", "99999999999999999gb"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        for seconds in [0, 1, 59, 60, 90, 3600, 3601, 86_400] {
            let time = Duration::from_secs(seconds);
            assert_eq!(duration(&write_duration(time)), Ok(time));
        }
        assert_eq!(write_duration(Duration::from_millis(1500)), "1500ms");
        for bytes in [0, 1, 1000, 1024, 64 << 20, (64 << 20) + 1, 3 << 30] {
            assert_eq!(size(&write_size(bytes)), Ok(bytes));
        }
        assert_eq!(write_size(64 << 20), "64mb");
    }
}
