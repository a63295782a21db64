//! What the clients do: a function of the seed, the client and its step, and of nothing else.

use crate::{
    client::{Api, Delivery},
    dice::{dice, one_of},
    pattern::Fault,
    proxy::Engine,
};
use rand::{RngExt, rngs::StdRng};
use std::time::Duration;

/// Whom a request goes to, and in which protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Way {
    /// Who answers.
    pub engine: Engine,
    /// The client's protocol.
    pub api: Api,
}

/// How much a reply is, and how fast it comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// How many deltas.
    pub deltas: u32,
    /// Between two of them.
    pub gap: Duration,
}

/// Where in the client's chats something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In its conversation with a name, which lasts.
    Named,
    /// In a chat without a name, which is sent whole each time.
    Unnamed,
}

/// What becomes of a reply's tool calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Results {
    /// They come after this pause.
    After(Duration),
    /// They never come.
    Never,
    /// The chat goes on without them, and then they come.
    Late,
}

/// What a client sends that is no request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Garbage {
    /// Bytes that are no HTTP.
    NoHttp,
    /// JSON that ends in the middle.
    Truncated,
    /// Fields of the wrong types.
    WrongTypes,
    /// Lists in lists, thousands deep.
    Deep,
    /// Strings much longer than what they stand for can be.
    Huge,
}

/// One step of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A request and its reply, each in a chat of its own.
    Reply(Way, Delivery, Shape),
    /// One more turn of a chat that goes on, with so many tool calls before its text.
    Turn(Place, Api, Delivery, Shape, u32),
    /// Asks the conversation with a name what it holds.
    Account,
    /// Sends a chat again from so many turns before its end, with another message there.
    Edit(Place, Api, Shape, usize),
    /// Leaves after so many deltas.
    Leave(Place, Way, Shape, u32),
    /// Reads nothing for this long after so many deltas, and then goes on.
    Stall(Way, Shape, u32, Duration),
    /// Sends what is no request.
    Garbage(Garbage, Api),
    /// Gets tool calls in a chat of its own.
    Calls(Place, Api, Results),
    /// The upstream fails.
    Fault(Place, Way, Delivery, Shape, Fault),
}

impl Way {
    /// All there are.
    pub const ALL: [Self; 4] = [
        Self::new(Engine::Bridge, Api::Chat),
        Self::new(Engine::Bridge, Api::Responses),
        Self::new(Engine::Codex, Api::Chat),
        Self::new(Engine::Codex, Api::Responses),
    ];

    /// One of them.
    pub const fn new(engine: Engine, api: Api) -> Self {
        Self { engine, api }
    }
}

/// What `client` does at `step`.
pub fn action(seed: u64, client: u64, step: u64) -> Action {
    let mut dice = dice(seed, client, step);
    let way = one_of(&mut dice, Way::ALL);
    let delivery = one_of(
        &mut dice,
        [Delivery::Stream, Delivery::Stream, Delivery::Whole],
    );
    let place = one_of(&mut dice, [Place::Named, Place::Unnamed]);
    let shape = Shape {
        deltas: dice.random_range(1..=48),
        gap: Duration::from_millis(dice.random_range(0..=20)),
    };
    let after = dice.random_range(0..shape.deltas);
    match dice.random_range(0..100) {
        0..20 => Action::Reply(way, delivery, shape),
        20..44 => {
            let calls = one_of(&mut dice, [0, 0, 1, 2]);
            Action::Turn(place, way.api, delivery, shape, calls)
        }
        44..50 => Action::Account,
        50..58 => Action::Edit(place, way.api, shape, dice.random_range(1..=3)),
        58..70 => Action::Leave(place, way, shape, after),
        70..74 => {
            // More than the buffers on the way hold, so that it is felt upstream.
            let shape = Shape {
                deltas: dice.random_range(1_000..3_000),
                gap: Duration::ZERO,
            };
            let pause = Duration::from_millis(dice.random_range(500..3_000));
            Action::Stall(way, shape, after, pause)
        }
        74..82 => Action::Garbage(garbage(&mut dice), way.api),
        82..90 => Action::Calls(place, way.api, results(&mut dice)),
        _ => {
            let faults = [
                Fault::Reset,
                Fault::Half,
                Fault::Stall,
                Fault::RateLimit,
                Fault::Server,
            ];
            Action::Fault(place, way, delivery, shape, one_of(&mut dice, faults))
        }
    }
}

fn garbage(dice: &mut StdRng) -> Garbage {
    let kinds = [
        Garbage::NoHttp,
        Garbage::Truncated,
        Garbage::WrongTypes,
        Garbage::Deep,
        Garbage::Huge,
    ];
    one_of(dice, kinds)
}

fn results(dice: &mut StdRng) -> Results {
    let pause = Duration::from_millis(dice.random_range(0..1_500));
    one_of(dice, [Results::After(pause), Results::Never, Results::Late])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::HashSet, mem};

    #[test]
    fn the_same_seed_gives_the_same_actions_and_another_gives_others() {
        let plan = |seed| -> Vec<_> {
            let steps = (0..40).flat_map(|client| (0..25).map(move |step| (client, step)));
            steps
                .map(|(client, step)| action(seed, client, step))
                .collect()
        };
        let plans = [plan(7), plan(7), plan(8)];
        assert_eq!(plans[0], plans[1]);
        let same = plans[0].iter().zip(&plans[2]).filter(|(a, b)| a == b);
        assert!(same.count() < 100);
    }

    #[test]
    fn a_step_does_not_depend_on_the_steps_before_it() {
        let late = action(3, 5, 1_000);
        for step in 0..1_000 {
            action(3, 5, step);
        }
        assert_eq!(action(3, 5, 1_000), late);
    }

    #[test]
    fn everything_happens_before_long_and_nothing_is_out_of_range() {
        let mut kinds = HashSet::new();
        let mut faults = Vec::new();
        for action in (0..400).map(|step| action(1, 0, step)) {
            kinds.insert(mem::discriminant(&action));
            match action {
                Action::Leave(_, _, shape, after) | Action::Stall(_, shape, after, _) => {
                    assert!(after < shape.deltas);
                }
                Action::Edit(_, _, _, back) => assert!(back > 0),
                Action::Fault(.., fault) if !faults.contains(&fault) => faults.push(fault),
                _ => {}
            }
        }
        assert_eq!(kinds.len(), 9);
        assert_eq!(faults.len(), 5);
    }
}
