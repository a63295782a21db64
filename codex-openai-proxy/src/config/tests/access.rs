//! The keys that open the API.

use super::Setup;
use crate::config::keys::{digest, line};

/// Of `secret`.
const DIGEST: &str = "sha256:2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";

#[test]
fn a_key_matches_itself_and_is_never_shown() {
    let loaded = Setup::new().var("PROXY_API_KEY", " s3cret\n").loaded();
    let [key] = loaded.config.api_keys.as_slice() else {
        panic!("{} keys", loaded.config.api_keys.len());
    };
    assert!(bool::from(key.matches(&digest(b"s3cret"))));
    assert!(!bool::from(key.matches(&digest(b"s3cre"))));
    assert!(!bool::from(key.matches(&digest(b"s3crat"))));
    assert!(!format!("{loaded:?}").contains("s3cret"));
}

#[test]
fn keys_of_all_places_add_up_and_have_names() {
    let setup = Setup::file(&format!(
        "[auth.keys]\nlaptop = \"{DIGEST}\"\nphone = {{ env = \"PHONE_KEY\" }}\n{}",
        line("work.pc", "w").unwrap(),
    ))
    .var("PHONE_KEY", "p")
    .var("PROXY_API_KEY", "a, b,,")
    .var("API_KEYS", "c");
    let config = setup.config();
    let find = |key: &[u8]| {
        let digest = digest(key);
        let found = config
            .api_keys
            .iter()
            .find(|known| known.matches(&digest).into());
        found.map(|key| key.name().to_string())
    };
    for (key, name) in [
        ("secret", Some("laptop")),
        ("p", Some("phone")),
        ("w", Some("work.pc")),
        ("a", Some("PROXY_API_KEY")),
        ("b", Some("PROXY_API_KEY-2")),
        ("c", Some("API_KEYS")),
        ("a, b", None),
        ("", None),
    ] {
        assert_eq!(find(key.as_bytes()).as_deref(), name, "{key}");
    }
    assert_eq!(config.api_keys.len(), 6);
}

#[test]
fn keys_that_cannot_be_are_refused_with_advice() {
    for (entry, told) in [
        (
            "a = \"secret\"",
            "auth.keys.a: keys do not stand in the file: write its digest, which `codex-openai-proxy key new NAME` prints",
        ),
        (
            "a = \"sha256:abc\"",
            "auth.keys.a: is no digest: sha256: and 64 hexadecimal digits are one",
        ),
        (
            "a = 5",
            "auth.keys.a: is a number: a digest or { env = \"VARIABLE\" } is wanted",
        ),
        (
            "a = { env = \"MISSING\" }",
            "auth.keys.a: the variable MISSING is not set",
        ),
        (
            "a = { env = \"EVIL\" }",
            "auth.keys.a: the variable EVIL holds no key",
        ),
        (
            "a = { env = \"sk-secret\" }",
            "auth.keys.a: is no name of a variable: it takes the name of one that holds the key",
        ),
        (
            "a = { variable = \"EVIL\" }",
            "auth.keys.a: takes { env = \"VARIABLE\" }",
        ),
        (
            "\"two words\" = \"secret\"",
            "auth.keys: a key's name is made of at most 64 letters",
        ),
    ] {
        let setup = Setup::file(&format!("[auth.keys]\n{entry}")).var("EVIL", "two words");
        let mistake = setup.mistake();
        assert!(mistake.starts_with("config.toml:2:"), "{mistake}");
        assert!(mistake.contains(told), "{mistake}");
        assert!(
            !mistake.contains("\"secret\"") && !mistake.contains("two words"),
            "{mistake}"
        );
    }
    let long = "x".repeat(1025);
    for value in ["two words", "ünsendbar", &long, "good,two words"] {
        let mistake = Setup::new().var("API_KEYS", value).mistake();
        assert!(
            mistake.starts_with("API_KEYS: a key is made of visible ASCII"),
            "{mistake}"
        );
        assert!(!mistake.contains(value), "{mistake}");
    }
}

#[test]
fn a_key_that_can_be_guessed_is_told_and_not_repeated() {
    let setup = Setup::file(&format!(
        "[auth.keys]\nlaptop = \"{DIGEST}\"\nphone = {{ env = \"PHONE_KEY\" }}\n"
    ))
    .var("PHONE_KEY", "fifteen-letters")
    .var("PROXY_API_KEY", "sixteen--letters,s3cret")
    .var("API_KEYS", "s4cret");
    let told: Vec<_> = setup.loaded().warnings;
    let told: Vec<String> = told.iter().map(ToString::to_string).collect();
    let [phone, second, other] = told.as_slice() else {
        panic!("{told:#?}");
    };
    for (warning, place, name) in [
        (phone, "config.toml:3:9: auth.keys.phone: ", "\"phone\""),
        (second, "PROXY_API_KEY: ", "\"PROXY_API_KEY-2\""),
        (other, "API_KEYS: ", "\"API_KEYS\""),
    ] {
        assert!(warning.contains(place), "{warning}");
        let fault = format!("the key {name} has fewer than 16 characters and can be guessed");
        assert!(warning.contains(&fault), "{warning}");
        for key in ["fifteen", "s3cret", "s4cret"] {
            assert!(!warning.contains(key), "{warning}");
        }
    }
}

#[test]
fn one_key_has_one_name_and_one_name_one_key() {
    let twice = Setup::file(&format!("[auth.keys]\na = \"{DIGEST}\"\nb = \"{DIGEST}\""));
    assert_eq!(
        twice.mistake(),
        "config.toml:3:5: auth.keys.b: is the same key as \"a\""
    );
    let both = Setup::vars(&[("PROXY_API_KEY", "secret"), ("API_KEYS", "other,secret")]);
    assert_eq!(
        both.mistake(),
        "API_KEYS: is the same key as \"PROXY_API_KEY\""
    );
    let name =
        Setup::file(&format!("[auth.keys]\nAPI_KEYS = \"{DIGEST}\"")).var("API_KEYS", "other");
    assert_eq!(
        name.mistake(),
        "API_KEYS: gives a second key the name \"API_KEYS\""
    );
}
