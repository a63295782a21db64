//! A day in a few minutes: how much there is to do at which time, and what.

use crate::{
    client::{Api, Delivery},
    dice::{dice, one_of},
    proxy::Engine,
};
use rand::RngExt;
use std::{f64::consts::PI, time::Duration};

/// The share of the workers that work at the quietest time.
const QUIET: f64 = 0.15;

/// One piece of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// One question in a chat of its own.
    Question(Engine, Api, Delivery),
    /// The next turn of the worker's conversation with a name.
    Turn(Api),
    /// The next turn of its chat without a name, all of which is sent.
    Chat(Api),
    /// A turn with so many tool calls, whose results come at once, in a chat of its own.
    Tools(Api, u32),
    /// The list of models.
    Models,
    /// A page of the log.
    Log(Page),
    /// Somebody watches the log for this long.
    Watch(Duration),
}

/// What is looked at in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// The newest requests.
    Requests,
    /// Those that failed.
    Failed,
    /// Records that hold a word.
    Search,
}

impl Page {
    /// The path and the query.
    pub fn path(self) -> &'static str {
        match self {
            Self::Requests => "/logs/api/requests?limit=100",
            Self::Failed => "/logs/api/requests?status=error&limit=100",
            Self::Search => "/logs/api/records?q=bench&limit=100",
        }
    }
}

/// Which share of the workers works at a time of the day. Each quarter is quiet, then busy, then
/// quiet again, so that quarters can be compared.
pub fn share(at: Duration, day: Duration) -> f64 {
    let quarter = at.as_secs_f64() / day.as_secs_f64() * 4.0;
    QUIET + (1.0 - QUIET) * (quarter.fract() * PI).sin().powi(2)
}

/// What `worker` does at `step`, how many deltas its reply has, and how long it rests before.
pub fn work(seed: u64, worker: u64, step: u64) -> (Work, u32, Duration) {
    let mut dice = dice(seed, worker, step);
    let rest = Duration::from_millis(dice.random_range(20..400));
    let deltas = dice.random_range(4..48);
    let api = one_of(&mut dice, [Api::Chat, Api::Responses]);
    let delivery = one_of(
        &mut dice,
        [Delivery::Stream, Delivery::Stream, Delivery::Whole],
    );
    let work = match dice.random_range(0..100) {
        0..25 => Work::Question(Engine::Bridge, api, delivery),
        25..40 => Work::Question(Engine::Codex, api, delivery),
        40..65 => Work::Turn(api),
        65..77 => Work::Chat(api),
        77..90 => Work::Tools(api, dice.random_range(1..=3)),
        90..93 => Work::Models,
        93..98 => {
            let pages = [Page::Requests, Page::Failed, Page::Search];
            Work::Log(one_of(&mut dice, pages))
        }
        _ => Work::Watch(Duration::from_millis(dice.random_range(200..2_000))),
    };
    (work, deltas, rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::HashSet, mem};

    #[test]
    fn each_quarter_is_quiet_then_busy_then_quiet_and_like_the_others() {
        let day = Duration::from_mins(40);
        let at = |minute| share(Duration::from_mins(minute), day);
        assert!((at(0) - QUIET).abs() < 1e-9);
        assert!((at(5) - 1.0).abs() < 1e-9);
        assert!(at(9) < 0.3);
        for minute in 0..30 {
            assert!(
                (at(minute) - at(minute + 10)).abs() < 1e-9,
                "minute {minute}"
            );
        }
    }

    #[test]
    fn the_work_is_the_same_for_the_same_seed_and_of_all_kinds() {
        let works = |seed| -> Vec<_> { (0..300).map(|step| work(seed, 1, step)).collect() };
        assert_eq!(works(1), works(1));
        assert_ne!(works(1), works(2));
        let kinds = works(1)
            .into_iter()
            .map(|(work, ..)| mem::discriminant(&work));
        assert_eq!(kinds.collect::<HashSet<_>>().len(), 7);
    }
}
