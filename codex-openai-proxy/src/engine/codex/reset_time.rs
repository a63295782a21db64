//! The time at which a usage limit resets, read from core's sentence about it.
//!
//! core keeps the reset time of a spent limit in an error that does not leave it, and writes it
//! into a text: `try again at 3:05 PM.` for today, `try again at Jul 23rd, 2026 3:05 PM.` else, in
//! local time.

use chrono::{Local, NaiveDate, NaiveDateTime, NaiveTime, TimeZone};
use std::time::{Duration, SystemTime};

/// The time that `message` names, if it names one. The sentence has minutes only, so the result is
/// the end of that minute: a client that waits until then does not come too early.
pub fn parse(message: &str, now: SystemTime) -> Option<SystemTime> {
    let lowercase = message.to_ascii_lowercase();
    let start = lowercase.find("try again at ")? + "try again at ".len();
    let text = message.get(start..)?.trim_end().trim_end_matches('.');
    let today = chrono::DateTime::<Local>::from(now).date_naive();
    let local = NaiveTime::parse_from_str(text, "%I:%M %p")
        .map(|time| today.and_time(time))
        .ok()
        .or_else(|| dated(text))?;
    let seconds = Local.from_local_datetime(&local).latest()?.timestamp();
    let end_of_minute = u64::try_from(seconds).ok()? + 59;
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs(end_of_minute))
}

/// `Jul 23rd, 2026 3:05 PM`.
fn dated(text: &str) -> Option<NaiveDateTime> {
    let (day, rest) = text.split_once(", ")?;
    let (year, time) = rest.split_once(' ')?;
    let day = day.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let date = NaiveDate::parse_from_str(&format!("{day} {year}"), "%b %d %Y").ok()?;
    let time = NaiveTime::parse_from_str(time, "%I:%M %p").ok()?;
    Some(date.and_time(time))
}

#[cfg(test)]
mod tests {
    use super::parse;
    use codex_protocol::error::{CodexErr, UsageLimitReachedError};
    use std::time::{Duration, SystemTime};

    fn sentence(resets_at: SystemTime) -> String {
        CodexErr::UsageLimitReached(UsageLimitReachedError {
            plan_type: None,
            resets_at: Some(resets_at.into()),
            rate_limits: None,
            promo_message: None,
            rate_limit_reached_type: None,
        })
        .to_string()
    }

    #[test]
    fn reads_what_core_writes() {
        let now = SystemTime::now();
        for wait in [90, 3_600, 86_400, 40 * 86_400] {
            let resets_at = now + Duration::from_secs(wait);
            let parsed = parse(&sentence(resets_at), now).unwrap();
            assert!(parsed >= resets_at - Duration::from_secs(1), "{wait}");
            assert!(parsed < resets_at + Duration::from_secs(61), "{wait}");
        }
    }

    #[test]
    fn a_text_without_a_time_gives_none() {
        assert_eq!(
            parse(
                "You've hit your usage limit. Try again later.",
                SystemTime::now()
            ),
            None
        );
        assert_eq!(parse("try again at the office.", SystemTime::now()), None);
    }
}
