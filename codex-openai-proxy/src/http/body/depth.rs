//! How deep JSON is.

/// Whether JSON is nested in more levels than `most`. Text that is no JSON may seem deeper than it is.
#[must_use]
pub fn is_beyond(json: &[u8], most: usize) -> bool {
    let mut depth = 0_usize;
    let mut bytes = json.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'[' | b'{' => {
                depth += 1;
                if depth > most {
                    return true;
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'"' => skip_string(&mut bytes),
            _ => {}
        }
    }
    false
}

/// Skips the rest of a string, its closing quote included.
fn skip_string<'a>(bytes: &mut impl Iterator<Item = &'a u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => {
                bytes.next();
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_counted_and_strings_are_not() {
        for (json, depth) in [
            ("1", 0),
            ("{}", 1),
            (r#"{"a":[{}],"b":[]}"#, 3),
            (r#"{"a":"[[[[","b":"\\\"[[[["}"#, 1),
            (r#"{"a":"\\\\","b":[[]]}"#, 3),
            (r#""unclosed [[["#, 0),
        ] {
            assert!(!is_beyond(json.as_bytes(), depth), "{json}");
            assert!(
                depth == 0 || is_beyond(json.as_bytes(), depth - 1),
                "{json}"
            );
        }
        assert!(is_beyond("[".repeat(100_000).as_bytes(), 128));
    }
}
