//! What a conversation that lasts must hold, whatever became of the proxy in between.

use crate::{
    account::{Account, Entry},
    client::Message,
};

/// One turn whose reply was read to its end.
#[derive(Debug, Clone)]
pub struct Turn {
    /// What an account tells of it.
    pub entry: Entry,
    /// What was said, from the user's message to the reply's text.
    pub said: Vec<Message>,
}

/// A conversation as its client knows it.
///
/// A reply that was not read to its end may have been kept or not, so there are several states that
/// the conversation may be in. A turn that was acknowledged is in all of them.
#[derive(Debug)]
pub struct Ledger {
    /// The name that requests tell.
    pub name: String,
    turns: Vec<Turn>,
    possible: Vec<Vec<Entry>>,
}

impl Ledger {
    /// More states than this are settled by an account before anything else is said.
    const MANY: usize = 8;

    /// A conversation that nobody has said anything in.
    pub fn new(name: String) -> Self {
        Self {
            name,
            turns: Vec::new(),
            possible: vec![Vec::new()],
        }
    }

    /// How many turns were acknowledged and not taken back.
    pub fn len(&self) -> usize {
        self.turns.len()
    }

    /// What was said in the first `keep` turns.
    pub fn said(&self, keep: usize) -> impl Iterator<Item = Message> {
        let turns = self.turns.iter().take(keep);
        turns.flat_map(|turn| turn.said.iter().cloned())
    }

    /// Whether there is so much doubt that an account should be asked for.
    pub fn is_doubtful(&self) -> bool {
        self.possible.len() > Self::MANY
    }

    /// A turn of which only the new message was sent, and whose reply was complete.
    pub fn acknowledge(&mut self, turn: Turn) {
        for state in &mut self.possible {
            state.push(turn.entry);
        }
        self.turns.push(turn);
    }

    /// The same, where the reply was not read to its end: each of these may stand there now, or
    /// nothing of it.
    pub fn doubt(&mut self, entries: &[Entry]) {
        let before = self.possible.clone();
        for entry in entries {
            for mut state in before.iter().cloned() {
                state.push(*entry);
                self.may_be(state);
            }
        }
    }

    /// A turn behind the first `keep`, sent with the history before it, whose reply was complete.
    pub fn acknowledge_edit(&mut self, keep: usize, turn: Turn) {
        self.turns.truncate(keep);
        self.turns.push(turn);
        self.possible = vec![self.turns.iter().map(|turn| turn.entry).collect()];
    }

    /// The same, where the reply was not read to its end.
    pub fn doubt_edit(&mut self, keep: usize, entry: Entry) {
        let kept = self.turns.iter().take(keep).map(|turn| turn.entry);
        self.may_be(kept.chain([entry]).collect());
    }

    /// Holds an account against what must be there, and settles what was in doubt.
    ///
    /// # Errors
    /// What was told, and what it should have been.
    pub fn check(&mut self, account: &Account) -> Result<(), String> {
        if !self.possible.contains(&account.entries) {
            let possible = self.possible.iter().map(|state| {
                let entries = state.clone();
                Account { entries }.to_string()
            });
            let possible: Vec<_> = possible.collect();
            return Err(format!(
                "conversation {} holds {account}, and not {}",
                self.name,
                possible.join(" or ")
            ));
        }
        self.possible = vec![account.entries.clone()];
        Ok(())
    }

    fn may_be(&mut self, state: Vec<Entry>) {
        if !self.possible.contains(&state) {
            self.possible.push(state);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(stream: u64, deltas: u32) -> Entry {
        Entry { stream, deltas }
    }

    fn turn(stream: u64) -> Turn {
        Turn {
            entry: entry(stream, 4),
            said: vec![Message::User(stream.to_string())],
        }
    }

    fn account(entries: &[(u64, u32)]) -> Account {
        let entries = entries
            .iter()
            .map(|(stream, deltas)| entry(*stream, *deltas));
        Account {
            entries: entries.collect(),
        }
    }

    fn ledger(streams: &[u64]) -> Ledger {
        let mut ledger = Ledger::new("chat".to_owned());
        for stream in streams {
            ledger.acknowledge(turn(*stream));
        }
        ledger
    }

    #[test]
    fn an_acknowledged_turn_must_be_there_whole_in_its_place_and_once() {
        let mut ledger = ledger(&[1, 2]);
        for wrong in [
            &[(1, 4)][..],
            &[(2, 4), (1, 4)],
            &[(1, 4), (2, 3)],
            &[(1, 4), (2, 4), (2, 4)],
            &[],
        ] {
            let error = ledger.check(&account(wrong)).unwrap_err();
            assert!(
                error.contains("chat") && error.contains("[1=4 2=4]"),
                "{error}"
            );
        }
        assert_eq!(ledger.check(&account(&[(1, 4), (2, 4)])), Ok(()));
    }

    #[test]
    fn a_turn_in_doubt_is_whole_or_absent_and_an_account_settles_it() {
        let mut ledger = ledger(&[1]);
        ledger.doubt(&[entry(2, 4)]);
        ledger.acknowledge(turn(3));
        assert!(ledger.check(&account(&[(1, 4), (2, 2), (3, 4)])).is_err());
        assert!(ledger.check(&account(&[(1, 4), (2, 4)])).is_err());
        assert_eq!(ledger.check(&account(&[(1, 4), (3, 4)])), Ok(()));
        assert!(ledger.check(&account(&[(1, 4), (2, 4), (3, 4)])).is_err());
    }

    #[test]
    fn an_edit_takes_back_what_came_after_and_one_in_doubt_may_have_changed_nothing() {
        let mut ledger = ledger(&[1, 2, 3]);
        ledger.doubt_edit(1, entry(4, 4));
        let mut settled = Ledger::new(String::new());
        settled.possible.clone_from(&ledger.possible);
        assert_eq!(settled.check(&account(&[(1, 4), (4, 4)])), Ok(()));
        assert!(ledger.check(&account(&[(1, 4), (2, 4), (4, 4)])).is_err());
        assert_eq!(ledger.check(&account(&[(1, 4), (2, 4), (3, 4)])), Ok(()));
        ledger.acknowledge_edit(2, turn(5));
        assert_eq!(ledger.check(&account(&[(1, 4), (2, 4), (5, 4)])), Ok(()));
        assert_eq!(ledger.said(9).count(), 3);
    }

    #[test]
    fn doubt_grows_until_an_account_is_due() {
        let mut ledger = ledger(&[]);
        for stream in 0..4 {
            assert!(!ledger.is_doubtful());
            ledger.doubt(&[entry(stream, 1)]);
        }
        assert!(ledger.is_doubtful());
    }
}
