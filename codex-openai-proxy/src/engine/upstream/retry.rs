//! Which failures are worth another call, and when.

use super::breaker::Outcome;
use crate::turn::TurnError;
use backon::ExponentialBuilder;
use chrono::{DateTime, Utc};
use http::{HeaderMap, StatusCode, header};
use std::{error::Error, io, iter, time::Duration};

/// The pause before the first repetition, where the provider names none; each further one is twice as
/// long. Up to as much again is added at random.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// The longest of these pauses, before what is added.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// The longest that a client is kept waiting because a provider asks for it. What takes longer is the
/// client's to decide.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// Says for Azure and OpenAI what `Retry-After` says, more finely.
const RETRY_AFTER_MS: &str = "retry-after-ms";

/// Says for OpenAI and others whether a call should be repeated.
const X_SHOULD_RETRY: &str = "x-should-retry";

/// Anthropic's and others' status of a provider that has too much to do.
const OVERLOADED: u16 = 529;

/// A call that failed before anything of its reply came.
#[derive(Debug)]
pub(super) struct Failure {
    /// What the client is told if that was the last try.
    pub(super) error: TurnError,
    /// Whether it was.
    pub(super) again: Again,
    /// What it tells about the provider.
    pub(super) outcome: Outcome,
}

/// Whether a failed call is worth repeating.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// It would fail again, or the provider does not want it.
    Never,
    /// After the usual pause.
    Soon,
    /// After as long as the provider says.
    After(Duration),
}

impl Failure {
    /// A failure that another call would not mend.
    pub(super) fn last(error: TurnError, outcome: Outcome) -> Self {
        Self {
            error,
            again: Again::Never,
            outcome,
        }
    }
}

impl Outcome {
    /// What a status tells. That of a gateway before the provider, and of a provider that has too much
    /// to do, tells of all of it. A failure inside of it (500) may be that of one model or request.
    pub(super) fn of(status: StatusCode) -> Self {
        match status.as_u16() {
            502..=504 | OVERLOADED => Self::Failed,
            500.. => Self::Unclear,
            _ => Self::Alive,
        }
    }
}

impl Again {
    /// What a refusal says for itself. `now` is what a date is counted from.
    pub(super) fn of(status: StatusCode, headers: &HeaderMap, now: DateTime<Utc>) -> Self {
        let is_passing = match status {
            // It will never be able to.
            StatusCode::NOT_IMPLEMENTED | StatusCode::HTTP_VERSION_NOT_SUPPORTED => false,
            status => status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error(),
        };
        let is_unwanted = headers
            .get(X_SHOULD_RETRY)
            .is_some_and(|value| value == "false");
        if !is_passing || is_unwanted {
            return Self::Never;
        }
        match retry_after(headers, now) {
            Some(wait) if wait > LONGEST_WAIT => Self::Never,
            Some(wait) => Self::After(wait),
            None => Self::Soon,
        }
    }

    /// The pause before the next try, given the usual one; `None` where there are no more tries. To
    /// what the provider says, a part of the usual one is added, which is random: all whom it told the
    /// same would come at once.
    pub(super) fn pause(self, usual: Option<Duration>) -> Option<Duration> {
        match self {
            Self::Never => None,
            Self::Soon => usual,
            Self::After(wait) => usual.map(|usual| wait + usual / 4),
        }
    }
}

/// Growing pauses with a random part, so many.
pub(super) fn pauses(retries: u32) -> ExponentialBuilder {
    ExponentialBuilder::new()
        .with_min_delay(FIRST_PAUSE)
        .with_max_delay(LONGEST_PAUSE)
        .with_max_times(usize::try_from(retries).unwrap_or(usize::MAX))
        .with_jitter()
}

/// Whether a call failed because its connection ended before anything of a reply came.
pub(super) fn has_hung_up(error: &reqwest::Error) -> bool {
    let is_end = |cause: &(dyn Error + 'static)| {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
        let is_cut = |kind| matches!(kind, BrokenPipe | ConnectionAborted | ConnectionReset);
        cause
            .downcast_ref::<hyper::Error>()
            .is_some_and(hyper::Error::is_incomplete_message)
            || cause
                .downcast_ref::<io::Error>()
                .is_some_and(|error| is_cut(error.kind()))
    };
    !error.is_connect() && iter::successors(error.source(), |&cause| cause.source()).any(is_end)
}

/// How long a provider asks to be left alone: seconds or a date, as RFC 9110 has it.
fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let seconds = |name: &str, unit: f64| {
        let number = text(name)?.parse::<f64>().ok()? * unit;
        // More than a duration holds is for ever.
        (number >= 0.0).then(|| Duration::try_from_secs_f64(number).unwrap_or(Duration::MAX))
    };
    let name = header::RETRY_AFTER.as_str();
    if let Some(wait) = seconds(RETRY_AFTER_MS, 0.001).or_else(|| seconds(name, 1.0)) {
        return Some(wait);
    }
    // The three forms of HTTP dates end in GMT; those that anybody still sends are RFC 2822's.
    let date = DateTime::parse_from_rfc2822(text(name)?).ok()?;
    Some((date.to_utc() - now).to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    fn again(status: u16, headers: &[(&'static str, &'static str)]) -> Again {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).parse().unwrap(), (*value).parse().unwrap()))
            .collect();
        let now = Utc.with_ymd_and_hms(2026, 11, 21, 8, 0, 0).unwrap();
        Again::of(StatusCode::from_u16(status).unwrap(), &headers, now)
    }

    #[test]
    fn limits_and_failures_of_the_provider_are_worth_another_try() {
        for status in [429, 500, 502, 503, 504, 529] {
            assert_eq!(again(status, &[]), Again::Soon, "{status}");
        }
        for status in [301, 400, 401, 403, 404, 408, 413, 422, 501, 505] {
            assert_eq!(again(status, &[]), Again::Never, "{status}");
        }
        assert_eq!(again(500, &[("x-should-retry", "false")]), Again::Never);
        assert_eq!(again(500, &[("x-should-retry", "true")]), Again::Soon);
    }

    #[test]
    fn the_provider_says_how_long_to_wait() {
        let cases = [
            ("3", Again::After(Duration::from_secs(3))),
            (" 0.5 ", Again::After(Duration::from_millis(500))),
            ("0", Again::After(Duration::ZERO)),
            ("60", Again::After(Duration::from_mins(1))),
            ("61", Again::Never),
            (
                "Sat, 21 Nov 2026 08:00:30 GMT",
                Again::After(Duration::from_secs(30)),
            ),
            (
                "Sat, 21 Nov 2026 07:00:00 GMT",
                Again::After(Duration::ZERO),
            ),
            ("Sat, 21 Nov 2026 09:00:00 GMT", Again::Never),
            ("1e300", Again::Never),
            ("-1", Again::Soon),
            ("NaN", Again::Soon),
            ("soon", Again::Soon),
        ];
        for (value, expected) in cases {
            assert_eq!(again(429, &[("retry-after", value)]), expected, "{value}");
        }
        let both = [("retry-after", "2"), ("retry-after-ms", "1500")];
        assert_eq!(again(503, &both), Again::After(Duration::from_millis(1500)));
        for unusable in ["", "-1", "soon", "NaN"] {
            let both = [("retry-after", "2"), ("retry-after-ms", unusable)];
            let expected = Again::After(Duration::from_secs(2));
            assert_eq!(again(503, &both), expected, "{unusable}");
        }
    }

    #[test]
    fn only_what_concerns_the_whole_provider_tells_of_it() {
        let outcome = |status| Outcome::of(StatusCode::from_u16(status).unwrap());
        for status in [502, 503, 504, 529] {
            assert_eq!(outcome(status), Outcome::Failed, "{status}");
        }
        for status in [500, 501, 505, 524] {
            assert_eq!(outcome(status), Outcome::Unclear, "{status}");
        }
        for status in [307, 400, 401, 404, 429] {
            assert_eq!(outcome(status), Outcome::Alive, "{status}");
        }
    }

    #[test]
    fn the_usual_pauses_grow_and_end() {
        use backon::BackoffBuilder;
        let pauses: Vec<Duration> = pauses(6).build().collect();
        assert_eq!(pauses.len(), 6);
        for (pause, least) in pauses.iter().zip([500, 1000, 2000, 4000, 8000, 8000]) {
            let least = Duration::from_millis(least);
            assert!((least..=2 * least).contains(pause), "{pauses:?}");
        }
        let wait = Duration::from_secs(9);
        let pause = Again::After(wait).pause(Some(FIRST_PAUSE)).unwrap();
        assert_eq!(pause, Duration::from_millis(9125));
        assert_eq!(Again::After(wait).pause(None), None);
        assert_eq!(Again::Never.pause(Some(FIRST_PAUSE)), None);
    }
}
