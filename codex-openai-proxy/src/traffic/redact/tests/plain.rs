//! Secrets in text.

use super::{super::text, SHAPED, tells};
use std::time::{Duration, Instant};

/// Text with a secret, and the same as it is shown.
#[track_caller]
pub(super) fn shows(cases: &[(&str, &str)]) {
    for (given, shown) in cases {
        assert_eq!(text(given), *shown, "{given}");
        // What was masked once is not masked any further.
        assert_eq!(text(shown), *shown, "{given}, twice");
    }
}

/// Text that stays as it is.
#[track_caller]
pub(super) fn stays(texts: &[&str]) {
    for given in texts {
        assert_eq!(text(given), *given);
    }
}

#[test]
fn every_shape_is_masked() {
    for secret in SHAPED {
        let shown = text(secret);
        assert!(shown.contains("[redacted]"), "{secret}: {shown}");
        assert!(!tells(&shown, secret), "{secret}: {shown}");
        for (before, after) in [
            ("the key is ", " as you see"),
            ("(", ")"),
            ("x=\\n", "\\n"),
            ("https://h.example/?next=%3D", "&x=1"),
            ("\u{1b}[31m", "\u{1b}[0m"),
            ("schlüssel„", "“"),
        ] {
            let given = format!("{before}{secret}{after}");
            let shown = text(&given);
            assert!(!tells(&shown, secret), "{given}: {shown}");
            assert!(shown.starts_with(before), "{given}: {shown}");
        }
    }
}

#[test]
fn what_is_assigned_to_a_secret_name_is_masked() {
    shows(&[
        // Environment files and shells.
        ("API_KEY=abc", "API_KEY=[redacted]"),
        (
            "export DB_PASSWORD=hunter2 # x",
            "export DB_PASSWORD=[redacted] # x",
        ),
        ("A=1\nTOKEN=p(ss)w0rd;&x\nB=2", "A=1\nTOKEN=[redacted]\nB=2"),
        ("GITHUB_TOKEN='a b'", "GITHUB_TOKEN='[redacted]'"),
        (
            "AZURE_OPENAI_KEY=0123456789abcdef0123",
            "AZURE_OPENAI_KEY=[redacted]",
        ),
        (
            "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "AWS_SECRET_ACCESS_KEY=[redacted]",
        ),
        (
            "mysql --password=hunter2 db",
            "mysql --password=[redacted] db",
        ),
        ("tool --api-key abc123 -v", "tool --api-key [redacted] -v"),
        // YAML, TOML, INI, properties.
        (
            "db:\n  password: correcthorse\n",
            "db:\n  password: [redacted]\n",
        ),
        ("  - token: abc123def # x", "  - token: [redacted] # x"),
        ("secret = \"x y\"", "secret = \"[redacted]\""),
        (
            "spring.datasource.password=hunter2",
            "spring.datasource.password=[redacted]",
        ),
        // Code.
        ("let api_key = \"abc\";", "let api_key = \"[redacted]\";"),
        (
            "const apiKey: string = 'abc'",
            "const apiKey: string = '[redacted]'",
        ),
        (
            "os.environ[\"API_KEY\"] = \"abc\"",
            "os.environ[\"API_KEY\"] = \"[redacted]\"",
        ),
        (
            "set('password', 'hunter2')",
            "set('password', '[redacted]')",
        ),
        ("password=f\"x{y}\"", "password=f\"[redacted]\""),
        (":password => 'it\\'s'", ":password => '[redacted]'"),
        (
            "key := Client{apiKey: `abc`}",
            "key := Client{apiKey: `[redacted]`}",
        ),
        // JSON in strings, however deep.
        (
            r#"{"api_key": "abc", "n": 1"#,
            r#"{"api_key": "[redacted]", "n": 1"#,
        ),
        (
            r#"{\"password\":\"a\\\"b\",\"n\":1}"#,
            r#"{\"password\":\"[redacted]\",\"n\":1}"#,
        ),
        (
            r#"\\\"token\\\": \\\"abc\\\", \\\"n\\\""#,
            r#"\\\"token\\\": \\\"[redacted]\\\", \\\"n\\\""#,
        ),
        (r"x\ntoken=abc123def\ny", r"x\ntoken=[redacted]\ny"),
        // XML, connection strings.
        (
            "<password>hunter2</password>",
            "<password>[redacted]</password>",
        ),
        (
            "Endpoint=sb://x/;SharedAccessKey=abc123DEF456=",
            "Endpoint=sb://x/;SharedAccessKey=[redacted]",
        ),
        (
            "Server=h;Uid=sa;Pwd=hunter2;",
            "Server=h;Uid=sa;Pwd=[redacted];",
        ),
    ]);
}

#[test]
fn headers_in_text_are_masked() {
    shows(&[
        (
            "Authorization: Bearer abc",
            "Authorization: Bearer [redacted]",
        ),
        (
            "authorization: Basic dXNlcjpwYXNz\r\nHost: x",
            "authorization: Basic [redacted]\r\nHost: x",
        ),
        (
            "-H 'Authorization: token abc def' x",
            "-H 'Authorization: token [redacted]' x",
        ),
        ("-H \"X-Api-Key: abc1\" x", "-H \"X-Api-Key: [redacted]\" x"),
        ("use Bearer abcDEF123456 here", "use Bearer [redacted] here"),
        (
            "Cookie: sid=abc; theme=dark\nHost: x",
            "Cookie: [redacted]\nHost: x",
        ),
        ("Set-Cookie: sid=abc; Path=/", "Set-Cookie: [redacted]"),
        (
            "\"Authorization\": \"Bearer abc\"",
            "\"Authorization\": \"[redacted]\"",
        ),
    ]);
}

#[test]
fn urls_lose_passwords_and_secret_parameters() {
    shows(&[
        (
            "postgres://user:p@ss@host:5432/db",
            "postgres://user:[redacted]@host:5432/db",
        ),
        (
            "https://0123456789abcdef0123@github.com/a/b.git",
            "https://[redacted]@github.com/a/b.git",
        ),
        (
            "https://h.example/x?api_key=abc&q=rust#top",
            "https://h.example/x?api_key=[redacted]&q=rust#top",
        ),
        ("/cb?code=4/0AbCdEf&state=1", "/cb?code=[redacted]&state=1"),
        (
            "?sv=2024&sig=ab12%2Fcd34%3D&se=1",
            "?sv=2024&sig=[redacted]&se=1",
        ),
        (
            "?key=ab12cd34&token=abcdef",
            "?key=[redacted]&token=[redacted]",
        ),
        ("next=%3Ftoken%3Dabc123", "next=%3Ftoken%3D[redacted]"),
    ]);
}

#[test]
fn data_urls_are_told_by_size_and_digest() {
    let digest = blake3::hash(b"hello").to_hex();
    let shown = format!("see [image/png, 5 bytes, blake3:{}]) there", &digest[..16]);
    assert_eq!(text("see data:image/png;base64,aGVsbG8=) there"), shown);
    // Without padding, with parameters, in the other alphabet.
    let shown = format!("[text/plain, 5 bytes, blake3:{}]", &digest[..16]);
    assert_eq!(text("data:text/plain;charset=utf-8;base64,aGVsbG8"), shown);
    let shown = text("DATA:;base64,-_-_");
    assert!(
        shown.starts_with("[text/plain, 3 bytes, blake3:"),
        "{shown}"
    );
    stays(&[
        "data: {\"id\": 1}",
        "data:image/svg+xml,%3Csvg%3E",
        "the data: base64, or not",
    ]);
}

#[test]
fn code_prose_and_ids_stay() {
    stays(&[
        "",
        "call_0123456789abcdefABCDEF",
        "chatcmpl-0123456789abcdef0123456789abcdef",
        "123e4567-e89b-12d3-a456-426614174000",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "commit 9fceb02d0ae598e95dc970b74767f19372d61af8",
        "SGVsbG8gd29ybGQsIHRoaXMgaXMganVzdCB0ZXh0IGluIGJhc2U2NC4=",
        "max_tokens: 4096, \"max_tokens\": 4096, maxTokens=4096",
        "input_tokens=12345 cached_tokens=12000",
        "prompt_cache_key: conv_0123456789abcdef",
        "The password must have 8 characters. Password: required.",
        "a token: the smallest unit of text; secrets: none",
        "fn token(&self) -> Token { self.token.clone() }",
        "let token = next_token(); token == other.token && password != null",
        "password: string; token?: string | undefined, secret: SecretString::new(x)",
        "api_key=os.environ[\"OPENAI\"], api_key = config.api_key, token=token",
        "API_KEY=$OPENAI_API_KEY, TOKEN=${TOKEN}, password: {{ password }}",
        "Authorization: Bearer ${token}, Authorization: Bearer <token>",
        "Bearer authentication, basic understanding, BASIC PROGRAMMING",
        "credentials: 'same-origin', credentials: \"include\"",
        "risk-assessment-0123456789-plan, task-0123456789abcdefghij, sk-learn",
        "author: Jane, authority: me, keyboard: qwerty, tokenizer: cl100k_base",
        "for key, value in items: cache[key] = value1234567890",
        "primary_key=id1234567890123456, key=\"user:1234567890\"",
        "https://user@host/path, ssh://git@github.com/a/b, a@b.example, http://h/a:b@c",
        "PWD=/home/user/project, cwd: /srv/x",
        "x ? key : code; switch (code) { case 1: }",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----",
        "eyJhbGciOiJIUzI1NiJ9",
        "[redacted]",
        "API_KEY=",
        "token:",
        // Versions, messages, colours, paths and types.
        "\"cookie\": \"^1.0.2\", \"jwt\": \"~9.0.2\", cookie = \"0.18.1\", auth = \"npm:a@1.0\"",
        "\"password\": \"Password is required\", password: 'Password must be 8 characters'",
        "$secondary-token: #ff0011;",
        "S3_OBJECT_KEY=uploads/2024/01/file123456.png NEXT_PUBLIC_AUTH=/api/auth2",
        "token: string1; self.token = token1 + x",
        "sk-learn-is-a-library-2, sk-estimator-html-doc-link-2",
        "API_KEY=%API_KEY%, token=$this->token, password: @password, secret: !Ref MySecret",
        "`--token` is a flag, user -u name:x, the name: token\n  type: string",
        "https://$USER:$PASSWORD@h.example/",
    ]);
}

#[test]
fn it_takes_linear_time() {
    // Each of these is a way to have something looked at again and again.
    for piece in [
        "sk-",
        "_sk-",
        "eyJ-",
        "eyJ",
        "token:",
        "token:$",
        "token=\"$",
        "cookie:",
        "cookie: ",
        "authorization: bearer ",
        "authorization: bearer $",
        "bearer ",
        "bearer",
        "://",
        "://a:",
        "-----BEGIN PRIVATE KEY-----",
        "data:",
        "data:;base64,",
        "a",
        "_",
        "\\",
        "\\\"",
        "token=\\",
        "?key=",
        "\"token\",",
        "<token>",
        "é",
        "token:\"",
        "--token ",
        "FOO_KEY=a",
        "{",
        "\"token\":{",
        "<token: |\n ",
        "-----BEGIN PRIVATE KEY-----\nab ",
        "-----BEGIN PRIVATE KEY-----\nVersion: ",
        "curl -u ",
        " -u ",
        "name: token\nvalue: ",
        "API key: ",
        "rt_",
        "$6$",
        ":5432:",
        "1:AA",
        "Private-Lines: 1",
    ] {
        assert_is_quick(&piece.repeat(200_000 / piece.len()));
    }
    // Quotes that are escaped ever deeper do not end those before.
    for value in ["$", "{{"] {
        let quotes = (0..2000).map(|depth| ["token=", &"\\".repeat(depth), "\"", value].concat());
        assert_is_quick(&quotes.collect::<String>());
    }
}

#[track_caller]
fn assert_is_quick(given: &str) {
    // Four times as much takes four times as long, or sixteen times where it is looked at again and
    // again. So quick a look as the first is lost in what else the machine does.
    let quarter = &given[..given.floor_char_boundary(given.len() / 4)];
    let (whole, quarter) = (time_of(given), time_of(quarter));
    let is_linear = whole < Duration::from_millis(300) || whole < 9 * quarter;
    assert!(is_linear, "{:?}: {quarter:?}, then {whole:?}", &given[..20]);
    assert!(text(given).len() < 5 * given.len());
}

/// How long a look takes, at best.
fn time_of(given: &str) -> Duration {
    let times = (0..2).map(|_| {
        let begun = Instant::now();
        std::hint::black_box(text(given));
        begun.elapsed()
    });
    times.min().unwrap()
}
