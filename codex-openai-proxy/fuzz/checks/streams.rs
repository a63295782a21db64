//! Event streams: the first line is where the rest is cut, and how long an event may be.

use codex_openai_proxy::wire::sse::{Decoder, Event};

/// Decodes a stream whole, cut, and the way that the standard describes it.
///
/// # Panics
///
/// They differ.
pub fn check(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n');
    let (plan, stream) = data.split_at(end.map_or(0, |end| end + 1));
    let whole = decode(stream, &[], usize::MAX);
    assert_eq!(whole, Ok(reference(stream)));
    assert_eq!(decode(stream, plan, usize::MAX), whole, "cut at {plan:?}");

    let limit = 4 * plan.len();
    let bounded = decode(stream, &[], limit);
    assert_eq!(
        decode(stream, plan, limit),
        bounded,
        "cut, of {limit} bytes"
    );
    let (Ok(events) | Err(events)) = &bounded;
    let (Ok(all) | Err(all)) = &whole;
    assert_eq!(events[..], all[..events.len()], "another event");
    assert!(
        bounded.is_err() || events.len() == all.len(),
        "an event is lost"
    );
    for event in events {
        // A byte that is not UTF-8 turns into three.
        assert!(event.data.len() <= 3 * limit, "a longer event than {limit}");
    }

    // What comes out can be sent again.
    let mut again = Vec::new();
    for event in all {
        if let Some(event) = &event.event {
            again.extend([b"event: ", event.as_bytes(), b"\n"].concat());
        }
        for line in event.data.split('\n') {
            again.extend([b"data: ", line.as_bytes(), b"\n"].concat());
        }
        again.push(b'\n');
    }
    assert_eq!(decode(&again, &[], usize::MAX).as_ref(), Ok(all));
}

/// The events before the error, if there is one. Each byte of `plan` is the length of a piece, again and
/// again.
fn decode(mut stream: &[u8], plan: &[u8], limit: usize) -> Result<Vec<Event>, Vec<Event>> {
    let mut decoder = Decoder::new(limit);
    let mut events = Vec::new();
    let mut lengths = plan.iter().cycle();
    while !stream.is_empty() {
        let length = lengths
            .next()
            .map_or(stream.len(), |length| usize::from(*length));
        let (piece, rest) = stream.split_at(length.clamp(1, stream.len()));
        stream = rest;
        if decoder.feed(piece, &mut events).is_err() {
            return Err(events);
        }
    }
    Ok(events)
}

/// The standard's words, as code: <https://html.spec.whatwg.org/multipage/server-sent-events.html>. What
/// it says of `id` and `retry` is left out.
fn reference(stream: &[u8]) -> Vec<Event> {
    let text = String::from_utf8_lossy(stream)
        .replace("\r\n", "\n")
        .replace('\r', "\n");
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let (mut events, mut name, mut data) = (Vec::new(), None, None::<String>);
    // The last line has no end, and so is none.
    let lines = text.rsplit_once('\n').map_or("", |(lines, _)| lines);
    for line in lines
        .split('\n')
        .take(usize::MAX * usize::from(text.contains('\n')))
    {
        if line.is_empty() {
            let event = name.take();
            events.extend(data.take().map(|data| Event { event, data }));
            continue;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => name = Some(value.to_owned()).filter(|name| !name.is_empty()),
            "data" => {
                data = Some(match data {
                    Some(data) => data + "\n" + value,
                    None => value.to_owned(),
                });
            }
            _ => {}
        }
    }
    events
}
