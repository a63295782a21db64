//! Pictures and other files inside text, by their size and digest.

use super::shapes::run;
use base64::{
    Engine,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use std::ops::Range;

/// Base64 that is no `data:` URL becomes a digest from this length on, in bytes.
const LONG: usize = 8192;

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);

/// A `data:` URL (RFC 2397) with base64 that begins at `start`: where it ends, and what to show for
/// it.
pub(super) fn data_url(text: &str, start: usize) -> Option<(Range<usize>, String)> {
    const LONGEST_TYPE: usize = 128;
    let bytes = text.as_bytes();
    let from = start + "data:".len();
    let window = &bytes[..bytes.len().min(from + LONGEST_TYPE)];
    let comma = run(window, from, |byte| {
        byte.is_ascii_alphanumeric() || b"/+-.;=_".contains(&byte)
    });
    if window.get(comma) != Some(&b',') {
        return None;
    }
    let (head, base64) = text[from..comma].rsplit_once(';')?;
    if !base64.eq_ignore_ascii_case("base64") {
        return None;
    }
    let media_type = head.split(';').next().filter(|name| !name.is_empty());
    let end = run(bytes, comma + 1, is_base64);
    let shown = digest(media_type.unwrap_or("text/plain"), &text[comma + 1..end]);
    Some((start..end, shown))
}

/// What to show for a string that is nothing but base64 and too long to be read.
pub(super) fn long_base64(text: &str) -> Option<String> {
    (text.len() >= LONG && text.bytes().all(is_base64)).then(|| digest("base64", text))
}

fn digest(what: &str, base64: &str) -> String {
    let alphabet = if base64.contains(['-', '_']) {
        &URL_SAFE
    } else {
        &STANDARD
    };
    let decoded = GeneralPurpose::new(alphabet, LENIENT).decode(base64);
    // What cannot be decoded is told by its text.
    let bytes = decoded.as_deref().unwrap_or(base64.as_bytes());
    let hash = blake3::hash(bytes).to_hex();
    format!("[{what}, {} bytes, blake3:{}]", bytes.len(), &hash[..16])
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/=-_".contains(&byte)
}
