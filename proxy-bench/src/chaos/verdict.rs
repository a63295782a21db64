//! What a reply may come to.

use crate::{client::Failure, pattern::Fault};

/// How the proxy ended while a request was under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outage {
    /// By SIGTERM: who is served hears of it.
    Stopped,
    /// By SIGKILL: nobody hears anything.
    Killed,
}

/// What else there was to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Circumstances {
    /// How the upstream was told to fail.
    pub fault: Option<Fault>,
    /// The proxy ended, or was not there yet, between the request's beginning and its end.
    pub outage: Option<Outage>,
    /// The request may be refused with 400: it does not fit its conversation.
    pub unfit: bool,
}

/// What is to be thought of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It was complete.
    Complete,
    /// It failed, and said so as clearly as it could.
    Failed,
}

/// Judges a reply.
///
/// Nothing excuses a reply that lost something, was mixed up or came to no end. That a stream just
/// stops is excused where the proxy had no time to say anything, and then only.
///
/// # Errors
/// What is wrong with it.
pub fn judge<T>(reply: &Result<T, Failure>, about: Circumstances) -> Result<Verdict, String> {
    let wrong = |why: &str| match reply {
        Ok(_) => Err(why.to_owned()),
        Err(failure) => Err(format!("{failure} ({why})")),
    };
    let Err(failure) = reply else {
        return match about.fault {
            Some(_) => wrong("a success although the upstream failed"),
            None => Ok(Verdict::Complete),
        };
    };
    let excused = match failure {
        Failure::Lost { .. } | Failure::Mixed { .. } | Failure::Garbled(_) => {
            return wrong("nothing excuses that");
        }
        Failure::Timeout => return wrong("a request must come to an end"),
        Failure::Refused { status: 400, .. } if about.unfit => true,
        Failure::Refused { .. } | Failure::Told { .. } => {
            about.fault.is_some() || about.outage.is_some()
        }
        Failure::Broken { .. } => about.outage == Some(Outage::Killed),
        Failure::Io(_) => about.outage.is_some(),
    };
    if excused {
        Ok(Verdict::Failed)
    } else {
        wrong("without a reason")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16) -> Failure {
        Failure::Refused {
            status,
            code: None,
            message: String::new(),
            retry_after: None,
        }
    }

    fn told() -> Failure {
        Failure::Told {
            code: None,
            message: String::new(),
        }
    }

    #[test]
    fn each_reply_is_judged_by_what_happened_to_it() {
        let none = Circumstances::default();
        let fault = Circumstances {
            fault: Some(Fault::Reset),
            ..none
        };
        let stopped = Circumstances {
            outage: Some(Outage::Stopped),
            ..none
        };
        let killed = Circumstances {
            outage: Some(Outage::Killed),
            ..none
        };
        let unfit = Circumstances {
            unfit: true,
            ..none
        };
        let (io, broken) = (Failure::Io(String::new()), Failure::Broken { deltas: 1 });
        let lost = Failure::Lost {
            expected: 2,
            got: 1,
        };
        let mixed = Failure::Mixed {
            stream: 1,
            other: 2,
        };
        // Under: nothing special, a fault, a stop, a kill, an unfit request.
        let table = [
            (Some(refused(400)), [false, true, true, true, true]),
            (Some(refused(500)), [false, true, true, true, false]),
            (Some(told()), [false, true, true, true, false]),
            (Some(broken), [false, false, false, true, false]),
            (Some(io), [false, false, true, true, false]),
            (Some(lost), [false; 5]),
            (Some(mixed), [false; 5]),
            (Some(Failure::Garbled(String::new())), [false; 5]),
            (Some(Failure::Timeout), [false; 5]),
            (None, [true, false, true, true, true]),
        ];
        for (failure, allowed) in table {
            let reply = failure.map_or(Ok(()), Err);
            for (about, allowed) in [none, fault, stopped, killed, unfit]
                .into_iter()
                .zip(allowed)
            {
                let verdict = judge(&reply, about);
                assert_eq!(
                    verdict.is_ok(),
                    allowed,
                    "{reply:?} under {about:?}: {verdict:?}"
                );
                let complete = verdict == Ok(Verdict::Complete);
                assert_eq!(complete, allowed && reply.is_ok());
            }
        }
    }
}
