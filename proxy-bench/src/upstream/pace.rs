//! When the parts of a reply go out, and where it goes wrong.

use crate::pattern::{Fault, Order};
use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::{Instant, Sleep, sleep_until};

/// How long before a break nothing is written, so that what was written before is on its way: a
/// reset throws away what is not.
const FLUSH: Duration = Duration::from_millis(10);

/// How long a reply that stalls waits for its client to go.
const STALL: Duration = Duration::from_mins(10);

/// A part of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// What comes before the first delta.
    Begin,
    /// The next delta.
    Delta,
    /// Half of the next delta's bytes, and then the end of the body.
    Half,
    /// The connection breaks.
    Break,
    /// What comes behind the last delta.
    End,
}

/// The parts of a reply in order, each at its own time from the start: a late one delays no other.
#[derive(Debug)]
pub(super) struct Pace {
    start: Instant,
    gap: Duration,
    deltas: u32,
    sent: u32,
    /// What comes in place of the second half.
    fault: Option<Fault>,
    next: Option<Step>,
}

/// A timer that is made when it is needed first.
#[derive(Debug, Default)]
pub(super) struct Timer(Option<Pin<Box<Sleep>>>);

impl Pace {
    /// The parts of a reply that begins now.
    pub fn new(order: &Order) -> Self {
        let fault = order
            .fault
            .filter(|fault| matches!(fault, Fault::Reset | Fault::Half | Fault::Stall));
        Self {
            start: Instant::now(),
            gap: order.gap,
            deltas: fault.map_or(order.deltas, |_| order.deltas / 2),
            sent: 0,
            fault,
            next: Some(Step::Begin),
        }
    }

    /// The next part and when it is due; `None` behind the last.
    pub fn next(&self) -> Option<(Step, Instant)> {
        let step = self.next?;
        let due = match (step, self.fault) {
            (Step::Begin, _) => self.start,
            (Step::Delta, _) => self.start + self.gap * self.sent,
            (_, None) => self.last(),
            (_, Some(Fault::Stall)) => self.last() + STALL,
            (_, Some(_)) => self.last() + self.gap.max(FLUSH),
        };
        Some((step, due))
    }

    /// The next part went out.
    pub fn advance(&mut self) {
        self.next = match self.next {
            Some(Step::Begin) => Some(self.behind_a_delta()),
            Some(Step::Delta) => {
                self.sent += 1;
                Some(self.behind_a_delta())
            }
            Some(Step::Half | Step::Break | Step::End) | None => None,
        };
    }

    /// When a reply in one piece is due: with its last delta.
    pub fn whole(&self) -> Instant {
        let stall = match self.fault {
            Some(Fault::Stall) => STALL,
            _ => Duration::ZERO,
        };
        self.start + self.gap * self.deltas.saturating_sub(1) + stall
    }

    fn behind_a_delta(&self) -> Step {
        match self.fault {
            _ if self.sent < self.deltas => Step::Delta,
            None => Step::End,
            Some(Fault::Half) => Step::Half,
            Some(_) => Step::Break,
        }
    }

    /// When the last delta went out.
    fn last(&self) -> Instant {
        self.start + self.gap * self.sent.saturating_sub(1)
    }
}

impl Timer {
    /// Ready at `due`, or at once where that is past.
    pub fn poll_until(&mut self, due: Instant, context: &mut Context<'_>) -> Poll<()> {
        if due <= Instant::now() {
            return Poll::Ready(());
        }
        let sleep = self.0.get_or_insert_with(|| Box::pin(sleep_until(due)));
        if sleep.deadline() != due {
            sleep.as_mut().reset(due);
        }
        sleep.as_mut().poll(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(order: &Order) -> Vec<(Step, Duration)> {
        let mut pace = Pace::new(order);
        let mut steps = Vec::new();
        while let Some((step, due)) = pace.next() {
            steps.push((step, due - pace.start));
            pace.advance();
        }
        steps
    }

    #[test]
    fn deltas_keep_their_distance_from_the_start() {
        let ms = Duration::from_millis;
        let mut order = Order::paced(1);
        order.deltas = 3;
        let expected = [
            (Step::Begin, ms(0)),
            (Step::Delta, ms(0)),
            (Step::Delta, ms(20)),
            (Step::Delta, ms(40)),
            (Step::End, ms(40)),
        ];
        assert_eq!(steps(&order), expected);
        let pace = Pace::new(&order);
        assert_eq!(pace.whole() - pace.start, ms(40));
    }

    #[test]
    fn a_fault_takes_the_place_of_the_second_half() {
        let mut order = Order::paced(1);
        order.deltas = 4;
        for (fault, last) in [
            (Fault::Half, (Step::Half, Duration::from_millis(40))),
            (Fault::Reset, (Step::Break, Duration::from_millis(40))),
            (
                Fault::Stall,
                (Step::Break, STALL + Duration::from_millis(20)),
            ),
        ] {
            order.fault = Some(fault);
            let steps = steps(&order);
            assert_eq!(steps.len(), 4, "{fault:?}");
            assert_eq!(steps[3], last, "{fault:?}");
        }
    }
}
