//! Who may come how often.

use super::*;
use std::{
    net::{IpAddr, Ipv4Addr},
    num::NonZeroU32,
    thread,
};

fn limiter(requests: u32, window: Duration) -> RateLimiter {
    let requests = NonZeroU32::new(requests).unwrap();
    RateLimiter::new(RateLimit { requests, window })
}

fn address(last: u8) -> ClientAddress {
    IpAddr::from([192, 0, 2, last]).into()
}

#[test]
fn all_of_a_limit_may_be_spent_at_once_and_comes_back_bit_by_bit() {
    let limiter = limiter(4, Duration::from_millis(400));
    for remaining in [3, 2, 1, 0] {
        let standing = limiter.check(None, address(1)).unwrap();
        assert_eq!((standing.limit, standing.remaining), (4, remaining));
        assert_eq!(standing.reset, Duration::from_millis(100) * (4 - remaining));
    }
    let exceeded = limiter.check(None, address(1)).unwrap_err();
    assert_eq!(exceeded.standing.remaining, 0);
    assert!(exceeded.retry_after > Duration::ZERO);
    assert!(exceeded.retry_after <= Duration::from_millis(100));
    thread::sleep(exceeded.retry_after + Duration::from_millis(5));
    assert!(limiter.check(None, address(1)).is_ok());
}

#[test]
fn each_key_has_its_own_and_so_has_each_address_without_one() {
    let limiter = limiter(1, Duration::from_mins(1));
    for key in ["a", "b"] {
        let key = Some(Arc::from(key));
        assert!(limiter.check(key.as_ref(), address(1)).is_ok());
        for last in [1, 2] {
            assert!(limiter.check(key.as_ref(), address(last)).is_err());
        }
    }
    for last in [1, 2] {
        assert!(limiter.check(None, address(last)).is_ok());
        assert!(limiter.check(None, address(last)).is_err());
    }
}

#[test]
fn limits_beyond_the_clock_are_kept_as_well_as_can_be() {
    for (requests, window) in [
        (u32::MAX, Duration::from_secs(1)),
        (u32::MAX, Duration::from_hours(24 * 365)),
        (1, Duration::from_hours(24 * 365)),
    ] {
        let standing = limiter(requests, window).check(None, address(1)).unwrap();
        assert_eq!(standing.limit, requests);
    }
}

#[test]
fn clients_are_forgotten_when_they_have_everything_back() {
    let limiter = limiter(1, Duration::from_millis(1));
    for number in 0..20 * TIDY_EVERY {
        let address = IpAddr::from(Ipv4Addr::from_bits(number));
        let _ = limiter.check(None, address.into());
        if number % TIDY_EVERY == 0 {
            thread::sleep(Duration::from_millis(3));
        }
    }
    assert!(limiter.clients.len() < 3 * TIDY_EVERY as usize);
}

#[test]
fn a_crowd_is_counted_together_and_does_not_grow() {
    let limiter = limiter(1000, Duration::from_hours(1));
    let key: Option<Arc<str>> = Some("a".into());
    let most = u32::try_from(MOST_CLIENTS).unwrap();
    for number in 0..2 * most {
        let address = IpAddr::from(Ipv4Addr::from_bits(number));
        let _ = limiter.check(None, address.into());
    }
    assert!(limiter.clients.len() <= MOST_CLIENTS + TIDY_EVERY as usize + 1);
    // One of them has spent what all have together.
    assert!(limiter.check(None, address(1)).is_err());
    // Whoever shows a key has nothing to do with it.
    assert!(limiter.check(key.as_ref(), address(1)).is_ok());
}

#[test]
fn headers_tell_what_is_left_but_not_over_a_providers() {
    let limiter = limiter(60, Duration::from_mins(1));
    let standing = limiter.check(None, address(1)).unwrap();
    let mut headers = HeaderMap::new();
    standing.tell(&mut headers);
    assert_eq!(headers[&LIMIT], "60");
    assert_eq!(headers[&REMAINING], "59");
    assert_eq!(headers[&RESET], "1s");

    let mut headers = HeaderMap::from_iter([(REMAINING, HeaderValue::from_static("7"))]);
    standing.tell(&mut headers);
    assert_eq!(headers.len(), 1);
    assert_eq!(headers[&REMAINING], "7");
}

#[test]
fn durations_are_written_as_openai_writes_them() {
    for (ms, text) in [
        (0, "0ms"),
        (20, "20ms"),
        (999, "999ms"),
        (1000, "1s"),
        (1500, "1.5s"),
        (59_070, "59.07s"),
        (360_000, "6m0s"),
        (3_600_000, "1h0m0s"),
        (5_403_500, "1h30m3.5s"),
    ] {
        assert_eq!(duration(Duration::from_millis(ms)), text);
    }
    assert_eq!(duration(Duration::from_nanos(1)), "1ms");
}
