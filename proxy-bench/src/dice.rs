//! Chance that can be had again: each step of each client has dice of its own, so that what it does
//! depends on no other step.

use rand::{RngExt, SeedableRng, rngs::StdRng};

/// The dice of a client's step.
pub fn dice(seed: u64, client: u64, step: u64) -> StdRng {
    let mut bytes = [0; 32];
    for (part, number) in bytes.chunks_exact_mut(8).zip([seed, client, step]) {
        part.copy_from_slice(&number.to_le_bytes());
    }
    StdRng::from_seed(bytes)
}

/// One of several, each as likely as the others.
pub fn one_of<T: Copy, const N: usize>(dice: &mut StdRng, choices: [T; N]) -> T {
    choices[dice.random_range(0..N)]
}
