//! Cookies that are good, and those that are not.

use super::*;

const NOW: u64 = 1_790_000_000;
const WEEK: u64 = 7 * 24 * 60 * 60;

fn sessions() -> Sessions {
    Sessions::new([7; 32])
}

fn keys(keys: &[&str]) -> Vec<ApiKey> {
    keys.iter()
        .map(|key| ApiKey::new(key, key).unwrap())
        .collect()
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap()))
        .collect()
}

/// The cookie as a browser sends it back.
fn cookie(set: &HeaderValue) -> String {
    set.to_str().unwrap().split(';').next().unwrap().to_owned()
}

/// The headers of a browser that has logged in with the key `a`.
fn logged_in(sessions: &Sessions) -> HeaderMap {
    let set = sessions.open(&keys(&["a"])[0], &HeaderMap::new(), NOW);
    headers(&[("cookie", &format!("x=1; {}; y=2", cookie(&set)))])
}

#[test]
fn a_cookie_is_good_for_a_week_and_for_its_key() {
    let shown = logged_in(&sessions());
    for (with, now, good) in [
        (&["a"][..], NOW, true),
        (&["b", "a"], NOW, true),
        (&["a"], NOW + WEEK - 1, true),
        (&["a"], NOW + WEEK, false),
        (&["b"], NOW, false),
        (&[], NOW, false),
    ] {
        let keys = keys(with);
        let key = sessions().key_of(&shown, &keys, now);
        assert_eq!(
            key.map(|key| &**key.name()),
            good.then_some("a"),
            "{with:?} {now}"
        );
    }
}

#[test]
fn a_cookie_is_good_only_where_the_secret_of_the_installation_is_the_same() {
    let (shown, keys) = (logged_in(&sessions()), keys(&["a"]));
    for elsewhere in [
        Sessions::new([8; 32]),
        Sessions::of_this_process(),
        Sessions::of_this_process(),
    ] {
        assert_eq!(elsewhere.key_of(&shown, &keys, NOW), None);
        let shown = logged_in(&elsewhere);
        assert!(elsewhere.key_of(&shown, &keys, NOW).is_some());
        assert_eq!(sessions().key_of(&shown, &keys, NOW), None);
    }
}

#[test]
fn a_cookie_cannot_be_made_up_or_prolonged() {
    let (sessions, keys) = (sessions(), keys(&["a"]));
    let good = cookie(&sessions.open(&keys[0], &HeaderMap::new(), NOW));
    let (_, value) = good.split_once('=').unwrap();
    let [expiry, id, signature] = value.split('.').collect::<Vec<_>>()[..] else {
        panic!("{good}");
    };
    let name = "codex_openai_proxy_logs";
    let (other, nothing) = (Uuid::new_v4().simple(), "0".repeat(64));
    for bad in [
        format!("{name}={}.{id}.{signature}", u64::MAX),
        format!("{name}={expiry}.{other}.{signature}"),
        format!("{name}={expiry}.{id}.{nothing}"),
        format!("{name}={expiry}.{id}"),
        format!("{name}={expiry}.{signature}"),
        format!("{name}=.{id}.{signature}"),
        format!("{name}={good}"),
        format!("{name}="),
        format!("x{good}"),
        good[..good.len() - 1].to_owned(),
    ] {
        let shown = headers(&[("cookie", &bad)]);
        assert_eq!(sessions.key_of(&shown, &keys, NOW), None, "{bad}");
    }
    // One good one among several of the name is enough.
    let both = format!("{name}=1.2; {good}");
    let shown = headers(&[("cookie", &both)]);
    assert!(sessions.key_of(&shown, &keys, NOW).is_some());
}

#[test]
fn whoever_logs_out_takes_the_cookie_along_and_no_other() {
    let (sessions, keys) = (sessions(), keys(&["a"]));
    let (mine, other) = (logged_in(&sessions), logged_in(&sessions));
    let _ = sessions.close(&mine, &keys, NOW);
    assert_eq!(sessions.key_of(&mine, &keys, NOW), None);
    assert!(sessions.key_of(&other, &keys, NOW).is_some());
    // Nothing is left of it when it is over anyway.
    let _ = sessions.close(&HeaderMap::new(), &keys, NOW + WEEK);
    assert_eq!(sessions.closed().len(), 0);
}

#[test]
fn who_logs_out_without_a_good_cookie_takes_no_room() {
    let sessions = sessions();
    let shown = logged_in(&sessions);
    let _ = sessions.close(&shown, &keys(&["b"]), NOW);
    let _ = sessions.close(&shown, &keys(&["a"]), NOW + WEEK);
    let _ = sessions.close(&logged_in(&Sessions::new([8; 32])), &keys(&["a"]), NOW);
    assert_eq!(sessions.closed().len(), 0);
}

#[test]
fn so_many_logouts_are_remembered_and_no_more() {
    let (sessions, keys) = (sessions(), keys(&["a"]));
    for _ in 0..closed::MOST + 10 {
        let shown = logged_in(&sessions);
        let _ = sessions.close(&shown, &keys, NOW);
    }
    assert_eq!(sessions.closed().len(), closed::MOST);
}

#[test]
fn a_logout_outlives_the_process_and_nothing_else_is_kept() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("session.closed");
    let keys = keys(&["a"]);
    let before = Sessions::kept([7; 32], &file, NOW);
    let (mine, other) = (logged_in(&before), logged_in(&before));
    let _ = before.close(&mine, &keys, NOW);
    assert!(!before.is_kept());
    before.keep();
    assert!(before.is_kept());
    let after = Sessions::kept([7; 32], &file, NOW);
    assert_eq!(after.key_of(&mine, &keys, NOW), None);
    assert!(after.key_of(&other, &keys, NOW).is_some());
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let later = Sessions::kept([7; 32], &file, NOW + WEEK);
    assert_eq!(later.closed().len(), 0);
    // What is none of ours counts for nothing.
    std::fs::write(&file, "x\n1 2\n\u{0}").unwrap();
    let damaged = Sessions::kept([7; 32], &file, NOW);
    assert_eq!(damaged.closed().len(), 0);
}

#[test]
fn the_cookie_keeps_to_the_log_and_to_https_where_that_is_spoken() {
    let (sessions, key) = (sessions(), &keys(&["a"])[0]);
    let ending = "; Path=/logs; Max-Age=604800; HttpOnly; SameSite=Strict";
    for (name, value, secure) in [
        ("x-forwarded-proto", "https", true),
        ("x-forwarded-proto", "HTTPS, http", true),
        ("x-forwarded-proto", "http, https", false),
        ("cf-visitor", r#"{"scheme":"https"}"#, true),
        ("forwarded", "for=192.0.2.7;Proto=https, for=::1", true),
        ("forwarded", r#"proto="https""#, true),
        ("forwarded", "for=192.0.2.7, proto=https", false),
        ("origin", "https://proxy.example", true),
        ("origin", "http://localhost:11435", false),
        ("accept", "*/*", false),
    ] {
        let set = sessions.open(key, &headers(&[(name, value)]), NOW);
        let ending = format!("{ending}{}", if secure { "; Secure" } else { "" });
        let set = set.to_str().unwrap();
        assert!(set.ends_with(&ending), "{name}: {value}: {set}");
    }
    let gone = sessions.close(&HeaderMap::new(), &[], NOW);
    let gone = gone.to_str().unwrap();
    assert!(gone.contains("logs=; Path=/logs; Max-Age=0;"), "{gone}");
}

#[test]
fn nothing_shows_the_secret() {
    assert_eq!(format!("{:?}", sessions()), "Sessions { .. }");
}
