//! The distributed trace that a request belongs to: W3C Trace Context,
//! <https://www.w3.org/TR/trace-context/>.

use std::{fmt, sync::Arc};

/// The longest `tracestate` that is passed on, in bytes. Shorter ones must be; what is longer may be
/// left out.
const LONGEST_STATE: usize = 4096;

/// The length of version 00 of a `traceparent`: those of later versions are at least as long.
const LENGTH: usize = 55;

/// The flags that are known: `sampled`, and `random` of level 2. Others must not be passed on.
const KNOWN_FLAGS: u8 = 0b11;

/// Where in a trace a request stands. A cheap handle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    trace: u128,
    parent: u64,
    flags: u8,
    state: Option<Arc<str>>,
}

/// The id of a trace. Shows as 32 lowercase hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceId(u128);

impl TraceContext {
    /// Reads a `traceparent`. `None` where it is none: the standard wants it ignored then.
    #[must_use]
    pub fn parse(traceparent: &str) -> Option<Self> {
        let (known, rest) = traceparent.split_at_checked(LENGTH)?;
        let mut fields = known.split('-');
        let version = hex(fields.next()?, 2)?;
        let trace = hex(fields.next()?, 32)?;
        let parent = hex(fields.next()?, 16)?;
        let flags = hex(fields.next()?, 2)?;
        // Later versions may say more behind another dash.
        let is_whole = match version {
            0 => rest.is_empty(),
            0xff => false,
            _ => rest.is_empty() || rest.starts_with('-'),
        };
        (is_whole && fields.next().is_none() && trace != 0 && parent != 0).then_some(Self {
            trace,
            parent: u64::try_from(parent).ok()?,
            flags: u8::try_from(flags).ok()? & KNOWN_FLAGS,
            state: None,
        })
    }

    /// Reads the values of the headers `traceparent` and `tracestate`. Several of the former make none; of
    /// the latter, the parts are joined.
    pub fn from_headers<'a>(
        mut traceparent: impl Iterator<Item = &'a [u8]>,
        tracestate: impl Iterator<Item = &'a [u8]>,
    ) -> Option<Self> {
        let (Some(parent), None) = (traceparent.next(), traceparent.next()) else {
            return None;
        };
        let context = Self::parse(str::from_utf8(parent).ok()?.trim_ascii())?;
        let state = tracestate.collect::<Vec<_>>().join(&b',');
        Some(match str::from_utf8(&state) {
            Ok(state) => context.with_state(state),
            Err(_) => context,
        })
    }

    /// The same with this `tracestate`, unless it is empty or too long.
    #[must_use]
    pub fn with_state(mut self, tracestate: &str) -> Self {
        let state = tracestate.trim_ascii();
        let is_usable = !state.is_empty() && state.len() <= LONGEST_STATE;
        self.state = is_usable.then(|| state.into());
        self
    }

    /// The trace's id.
    #[must_use]
    pub fn id(&self) -> TraceId {
        TraceId(self.trace)
    }

    /// What somebody is told whom we ask in the course of the request: the same trace, with our `span` in
    /// the caller's place. `span` must not be zero.
    #[must_use]
    pub fn child(&self, span: u64) -> Self {
        Self {
            parent: span,
            ..self.clone()
        }
    }

    /// The `traceparent`.
    #[must_use]
    pub fn parent(&self) -> String {
        format!("00-{}-{:016x}-{:02x}", self.id(), self.parent, self.flags)
    }

    /// The `tracestate`, where there is one.
    #[must_use]
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// A number of so many lowercase digits.
fn hex(text: &str, digits: usize) -> Option<u128> {
    let is_hex = text.len() == digits
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_hex.then(|| u128::from_str_radix(text, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn parent(version: &str, flags: &str, rest: &str) -> String {
        format!("{version}-{TRACE}-00f067aa0ba902b7-{flags}{rest}")
    }

    #[test]
    fn what_the_standard_allows_is_read() {
        for (text, flags) in [
            (parent("00", "01", ""), "01"),
            (parent("00", "00", ""), "00"),
            (parent("00", "03", ""), "03"),
            // Flags that nobody knows yet, and versions to come.
            (parent("00", "ff", ""), "03"),
            (parent("01", "01", ""), "01"),
            (parent("cc", "01", "-what-the-future-brings"), "01"),
        ] {
            let context = TraceContext::parse(&text).unwrap();
            assert_eq!(context.id().to_string(), TRACE, "{text}");
            assert_eq!(context.parent(), parent("00", flags, ""), "{text}");
        }
    }

    #[test]
    fn anything_else_is_ignored() {
        let zero_trace = format!("00-{:032}-00f067aa0ba902b7-01", 0);
        let zero_parent = format!("00-{TRACE}-{:016}-01", 0);
        for text in [
            "",
            "00",
            "nonsense",
            &parent("ff", "01", ""),
            &parent("00", "01", "-more"),
            &parent("01", "01", "more"),
            &parent("0", "01", "-"),
            &parent("00", "0g", ""),
            &parent("00", "01", "").to_uppercase(),
            &parent("00", "01", "").replace('-', "_"),
            &parent("00", "+1", ""),
            &zero_trace,
            &zero_parent,
            &"é".repeat(LENGTH),
            &format!("00-{}é-00f067aa0ba902b7-01", &TRACE[2..]),
        ] {
            assert_eq!(TraceContext::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn headers_are_read_as_the_standard_says() {
        let read = |parents: &[&str], states: &[&str]| {
            let bytes =
                |texts: &[&str]| texts.iter().map(|text| text.as_bytes().to_vec()).collect();
            let (parents, states): (Vec<_>, Vec<_>) = (bytes(parents), bytes(states));
            TraceContext::from_headers(
                parents.iter().map(Vec::as_slice),
                states.iter().map(Vec::as_slice),
            )
        };
        let one = parent("00", "01", "");
        let context = read(&[&one], &["a=1", "b=2"]).unwrap();
        assert_eq!(context.state(), Some("a=1,b=2"));
        assert_eq!(context.id().to_string(), TRACE);
        assert_eq!(read(&[&one], &[]).unwrap().state(), None);
        assert_eq!(read(&[&one], &[""]).unwrap().state(), None);
        assert_eq!(read(&[&one, &one], &["a=1"]), None);
        assert_eq!(read(&[], &["a=1"]), None);
        assert_eq!(read(&["nonsense"], &["a=1"]), None);
    }

    #[test]
    fn a_child_stays_in_the_trace_with_a_parent_of_its_own() {
        let context = TraceContext::parse(&parent("00", "01", "")).unwrap();
        let child = context.with_state(" vendor=1,other=2 ").child(0xabc);
        assert_eq!(child.parent(), format!("00-{TRACE}-0000000000000abc-01"));
        assert_eq!(child.state(), Some("vendor=1,other=2"));
        assert_eq!(child.clone().with_state(" ").state(), None);
        let long = "x".repeat(LONGEST_STATE + 1);
        assert_eq!(child.with_state(&long).state(), None);
    }
}
