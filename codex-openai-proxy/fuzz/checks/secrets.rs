//! What the log keeps: a secret is put into the input, and must not be in what comes out. The first byte
//! says which secret, the second and third where.

use codex_openai_proxy::{
    config::KeptBodies,
    traffic::{
        BodyKind,
        redact::{self, body},
    },
};
use serde::de::IgnoredAny;

/// What may not be kept, and the part of it that would give it away.
const SECRETS: [(&str, &str); 18] = [
    (
        "sk-proj-Ab1-cd_Ef2gh3Ij4kl5Mn6op7Qr8st9Uv0wx1Yz2",
        "9Uv0wx1Yz2",
    ),
    ("sk-ant-api03-Ab1cdEf2gh3Ij4kl5-Mn6op7Qr8_AA", "op7Qr8_AA"),
    ("ghp_0123456789abcdefghijABCDEFGHIJ012345", "FGHIJ012345"),
    ("AKIAIOSFODNN7EXAMPLE", "DNN7EXAMPLE"),
    ("AIzaSyA0123456789abcdefghijABCDEFGHIJ01", "EFGHIJ01"),
    ("hf_0123456789abcdefghijABCDEFGHIJ0123", "FGHIJ0123"),
    (
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9",
        "_XgL0n3I9",
    ),
    (
        "cop_Ab1cdEf2gh3Ij4kl5Mn6op7Qr8st9Uv0wx1Yz2Ab3cd",
        "1Yz2Ab3cd",
    ),
    ("API_KEY=q7Zr8Kd2mW4pX9sT1vB6", "X9sT1vB6"),
    ("export OPENAI_API_KEY=\"q7Zr8Kd2mW4pX9sT1vB6\"", "X9sT1vB6"),
    ("password: q7Zr8Kd2mW4pX9sT1vB6", "X9sT1vB6"),
    ("{\"access_token\":\"q7Zr8Kd2mW4pX9sT1vB6\"}", "X9sT1vB6"),
    ("Authorization: Bearer q7Zr8Kd2mW4pX9sT1vB6", "X9sT1vB6"),
    ("Cookie: session=q7Zr8Kd2mW4pX9sT1vB6", "X9sT1vB6"),
    (
        "https://h.example/?api_key=q7Zr8Kd2mW4pX9sT1vB6&x=1",
        "X9sT1vB6",
    ),
    ("postgres://user:q7Zr8Kd2mW4pX9sT1vB6@host/db", "X9sT1vB6"),
    ("--token q7Zr8Kd2mW4pX9sT1vB6", "X9sT1vB6"),
    ("<secret>q7Zr8Kd2mW4pX9sT1vB6</secret>", "X9sT1vB6"),
];

/// Redacts a text, a body, and both with a secret in them.
///
/// # Panics
///
/// The secret is there still, or JSON is none any more.
pub fn check(data: &[u8]) {
    let Some(([which, high, low], rest)) = data.split_first_chunk() else {
        return;
    };
    for kind in [
        BodyKind::Headers,
        BodyKind::Request,
        BodyKind::Reply,
        BodyKind::Stream,
    ] {
        keep(kind, rest);
    }
    let text = String::from_utf8_lossy(rest);
    let (secret, telling) = SECRETS[usize::from(*which) % SECRETS.len()];
    if text.contains(telling) {
        return;
    }
    let at = usize::from(u16::from_be_bytes([*high, *low])) % (text.len() + 1);
    let (before, after) = text.split_at(text.floor_char_boundary(at));
    // Blanks around it, so that it does not go on as something else.
    let planted = format!("{before}\n{secret}\n{after}");
    let shown = redact::text(&planted);
    assert!(!shown.contains(telling), "{planted:?} is kept as {shown:?}");
    let kept = keep(BodyKind::Request, planted.as_bytes());
    assert!(!kept.contains(telling), "{planted:?} is kept as {kept:?}");
    let wrapped = serde_json::json!({ "x": [planted] }).to_string();
    let kept = keep(BodyKind::Reply, wrapped.as_bytes());
    assert!(!kept.contains(telling), "{wrapped:?} is kept as {kept:?}");
}

/// A body as it is kept.
fn keep(kind: BodyKind, bytes: &[u8]) -> String {
    let kept = body(kind, bytes, KeptBodies::Redacted);
    assert!(!kept.truncated);
    let is_json = |text: &[u8]| serde_json::from_slice::<IgnoredAny>(text).is_ok();
    let is_stream = kind == BodyKind::Stream;
    assert!(
        is_stream || !is_json(bytes) || is_json(kept.text.as_bytes()),
        "{}",
        kept.text
    );
    let full = body(kind, bytes, KeptBodies::Full);
    assert!(kind == BodyKind::Headers || full.text == String::from_utf8_lossy(bytes));
    kept.text
}
