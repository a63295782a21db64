//! Secrets that stand apart from their names, and keys of which a part is missing.

use super::{
    super::text,
    plain::{shows, stays},
    tells,
};

#[test]
fn words_are_masked_where_a_line_says_nothing_else() {
    for (before, after) in [
        ("password: ", ""),
        ("     2|password: ", "\n"),
        ("     2\tpassword: ", "\n"),
        ("L1:password: ", ""),
        ("+password: ", ""),
        ("-  password: ", "\\n"),
        ("> password: ", ""),
        ("password: ", " # prod"),
        ("db.password=", ""),
        ("a=1\nspring.datasource.password=", "\nb=2"),
        ("host=x password=", " dbname=y"),
        ("passcode: ", ""),
        ("requirepass ", ""),
        ("**Password**: ", ""),
    ] {
        let given = format!("{before}correcthorse{after}");
        assert_eq!(text(&given), format!("{before}[redacted]{after}"));
    }
}

#[test]
fn values_that_begin_with_signs_are_masked() {
    shows(&[
        ("DB_PASSWORD=@hunter2", "DB_PASSWORD=[redacted]"),
        ("DB_PASSWORD=$ecreT1x", "DB_PASSWORD=[redacted]"),
        ("password = \"!hunter2\"", "password = \"[redacted]\""),
        ("password = \"%hunter2\"", "password = \"[redacted]\""),
        (
            "mongodb+srv://u:pa$word1@h/db",
            "mongodb+srv://u:[redacted]@h/db",
        ),
    ]);
}

#[test]
fn names_and_values_in_different_places_are_joined() {
    shows(&[
        (
            "  password: |\n    hun ter2\n    b\n  c: d",
            "  password: |\n    [redacted]\n  c: d",
        ),
        (
            "- name: DB_PASSWORD\n  value: hunter2\n",
            "- name: DB_PASSWORD\n  value: [redacted]\n",
        ),
        (
            "<add key=\"ApiKey\" value=\"word\"/>",
            "<add key=\"ApiKey\" value=\"[redacted]\"/>",
        ),
        (
            r#"{\"name\": \"API_KEY\", \"value\": \"word\"}"#,
            r#"{\"name\": \"API_KEY\", \"value\": \"[redacted]\"}"#,
        ),
        ("**Token**: `abc`", "**Token**: `[redacted]`"),
        ("**Token:** abc123", "**Token:** [redacted]"),
        ("| token | abc123 |", "| token | [redacted] |"),
        ("my API Key: 0123456789abcdef", "my API Key: [redacted]"),
        (
            "process.env.API_KEY || 'abc123'",
            "process.env.API_KEY || '[redacted]'",
        ),
        (
            "user.set_password('hunter2')",
            "user.set_password('[redacted]')",
        ),
        ("ENV API_KEY abc", "ENV API_KEY [redacted]"),
        ("setx API_KEY abc", "setx API_KEY [redacted]"),
    ]);
    stays(&[
        "- name: token\n  type: string\n",
        "token: |\n  {{ .Values.token }}\n",
        "a || token || other1, token || value1",
        "the API key: see above",
    ]);
}

#[test]
fn flags_of_commands_are_known() {
    shows(&[
        ("curl -u me:word h", "curl -u me:[redacted] h"),
        ("curl --user 'me:a b' h", "curl --user 'me:[redacted]' h"),
        (
            "curl -s -b 'sid=abc' -u a:b h",
            "curl -s -b '[redacted]' -u a:[redacted] h",
        ),
        ("mysql -u root -pword db", "mysql -u root -p[redacted] db"),
        ("sshpass -p word ssh h", "sshpass -p [redacted] ssh h"),
        (
            "docker login -u me -p word h",
            "docker login -u me -p [redacted] h",
        ),
        ("redis-cli -a word ping", "redis-cli -a [redacted] ping"),
        (
            "machine h login me password word",
            "machine h login me password [redacted]",
        ),
        (
            "localhost:5432:db:user:word",
            "localhost:5432:db:user:[redacted]",
        ),
        (
            "bot123456789:AAF0123456789abcdefghijABCDEFGHIJ/send",
            "bot123456789:[redacted]/send",
        ),
        (
            "?X-Amz-Signature=0123456789abcdef&a=b",
            "?X-Amz-Signature=[redacted]&a=b",
        ),
    ]);
    stays(&[
        "mkdir -p a/b; ls -a x; python -u main.py",
        "curl -u $USER:$PASSWORD h",
        "libcurl2 -u a:b",
        "mysql -p db:5432:",
    ]);
}

#[test]
fn a_key_without_its_last_line_is_masked_as_far_as_it_goes() {
    const A: &str = "b3BlbnNzaC1rZXktdjEA";
    const B: &str = "MIIEvQIBADANBgkqhkiG";
    for (given, shown) in [
        (
            "-----BEGIN EC PRIVATE KEY-----\\nMHcCAQEEIIGl0123456789\\n\" and more".to_owned(),
            "[redacted]\" and more",
        ),
        (
            format!(
                "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: A,0\n\n{A}\n{B}"
            ),
            "[redacted]",
        ),
        (
            format!("  1|-----BEGIN PRIVATE KEY-----\n  2|{A}\n  3|{B}\n  4|ab=="),
            "  1|[redacted]",
        ),
        (
            format!("-----BEGIN PRIVATE KEY-----\n-{A}\n-{B}\n------END PRIVATE KEY-----\n x"),
            "[redacted]\n x",
        ),
        (
            format!("+-----BEGIN PRIVATE KEY-----\n+{A}\n+{B}\n"),
            "+[redacted]",
        ),
        (
            format!("Private-Lines: 2\n{A}\n{B}\nPrivate-MAC: x"),
            "[redacted]Private-MAC: x",
        ),
        (
            "-----BEGIN PRIVATE KEY----- is how they begin".to_owned(),
            "[redacted] is how they begin",
        ),
    ] {
        assert!(text(&given).ends_with(shown), "{given}: {}", text(&given));
        assert!(![A, B].iter().any(|line| text(&given).contains(line)));
    }
}

#[test]
fn a_key_that_was_cut_off_leaves_nothing_of_a_token_behind_it() {
    for token in [
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9",
        "1//0gabcdefghijklmnopqrstuvwx-0123456789",
    ] {
        let given = format!("-----BEGIN RSA PRIVATE KEY-----\nMIIEvQIBADANBgkq\n{token}\n-\n");
        assert!(!tells(&text(&given), token), "{}", text(&given));
    }
}
