//! The data of server-sent events, found in frames as they come.

use memchr::memchr;

/// The rest of a line whose end has not come yet.
#[derive(Debug, Default)]
pub(super) struct Lines {
    rest: Vec<u8>,
}

impl Lines {
    /// Gives the payload of each `data:` line that ends in this frame. Events of more than one such
    /// line are not put together: no provider writes them.
    pub(super) fn feed<E>(
        &mut self,
        mut frame: &[u8],
        mut each: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        while let Some(end) = memchr(b'\n', frame) {
            let line = &frame[..end];
            frame = &frame[end + 1..];
            if self.rest.is_empty() {
                if let Some(data) = data(line) {
                    each(data)?;
                }
            } else {
                self.rest.extend_from_slice(line);
                let told = data(&self.rest).map_or(Ok(()), &mut each);
                self.rest.clear();
                told?;
            }
        }
        self.rest.extend_from_slice(frame);
        Ok(())
    }
}

/// What a line says, where it is one of data.
fn data(line: &[u8]) -> Option<&[u8]> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let data = line.strip_prefix(b"data:")?;
    Some(data.strip_prefix(b" ").unwrap_or(data))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    #[test]
    fn payloads_are_found_however_the_bytes_are_split() {
        let stream =
            ": hello\nevent: x\ndata: one\n\ndata:two\r\n\r\ndata: \n\nid: 3\ndata: three\n\n";
        for size in 1..=stream.len() {
            let (mut lines, mut found) = (Lines::default(), Vec::new());
            for frame in stream.as_bytes().chunks(size) {
                let result = lines.feed(frame, |data| {
                    found.push(String::from_utf8(data.to_vec()).unwrap());
                    Ok::<_, Infallible>(())
                });
                result.unwrap();
            }
            assert_eq!(found, ["one", "two", "", "three"], "frames of {size} bytes");
        }
    }

    #[test]
    fn a_line_without_its_end_is_not_given() {
        let mut lines = Lines::default();
        let result = lines.feed(b"data: half", |_| Err("given"));
        assert_eq!(result, Ok(()));
    }
}
