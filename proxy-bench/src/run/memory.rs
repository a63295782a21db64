//! What the product's memory does under a thousand streams, and after them.

use super::{
    measure,
    plan::{DELTAS, Level, MANY, Plan},
    stage::Stage,
    tally::Tally,
};
use crate::proxy::Engine;
use anyhow::Result;
use std::{pin::pin, time::Duration};
use tokio::time::sleep;

/// Between two looks at a process.
const LOOK: Duration = Duration::from_millis(100);

/// Resident memory in bytes.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    /// The most that was seen while the streams ran.
    pub many: u64,
    /// When it had rested; `None` where nobody waited.
    pub after: Option<u64>,
}

/// Lets a thousand streams run at a time on a product that has answered nothing before.
///
/// # Errors
/// Where it does not come up, or ends.
pub async fn look(plan: &Plan, stage: &Stage, engine: Engine, tally: &mut Tally) -> Result<Memory> {
    let (proxy, subject) = stage.fresh(engine).await?;
    let level = Level {
        concurrency: MANY,
        rounds: 1,
        replies: 1,
    };
    // Twice as long as they take to begin, so that for a while they all run.
    let mut streams = pin!(measure::streams(&subject, level, DELTAS * 2, tally));
    let mut many = 0;
    loop {
        many = many.max(proxy.process().usage()?.resident_bytes);
        tokio::select! {
            _ = &mut streams => break,
            () = sleep(LOOK) => {}
        }
    }
    let after = match plan.rest {
        Some(rest) => {
            sleep(rest).await;
            Some(proxy.process().usage()?.resident_bytes)
        }
        None => None,
    };
    Ok(Memory { many, after })
}
