//! Logins that were taken back before their time.

use super::Login;
use crate::files::write_private;
use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs::File,
    io::{self, Read as _},
    path::Path,
};
use uuid::Uuid;

/// How many are remembered. Each of them had the key.
pub(super) const MOST: usize = 4096;

/// The longest file that is read, in bytes: a line has 20 digits and 32 of the id at most.
const MAX_FILE: u64 = 64 * MOST as u64;

/// Them, the one that ends first in front.
#[derive(Debug, Default, Clone)]
pub(super) struct Closed(BTreeSet<Login>);

impl Closed {
    /// What an earlier process has left in this file, but for what is over `now`. None where it is missing.
    pub(super) fn read(file: &Path, now: u64) -> io::Result<Self> {
        let mut text = String::new();
        match File::open(file) {
            Ok(file) => file.take(MAX_FILE).read_to_string(&mut text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error),
        };
        let mut closed = Self::default();
        closed.add(text.lines().filter_map(parse), now);
        Ok(closed)
    }

    /// Makes this what the file holds: a line `EXPIRY ID` for each.
    pub(super) fn write(&self, file: &Path) -> io::Result<()> {
        let mut text = String::new();
        for Login { expiry, id } in &self.0 {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{expiry} {}", id.simple());
        }
        write_private(file, text.as_bytes())
    }

    /// Remembers these, and forgets what is over `now`.
    pub(super) fn add(&mut self, logins: impl IntoIterator<Item = Login>, now: u64) {
        self.0.extend(logins);
        while self
            .0
            .first()
            .is_some_and(|login| login.expiry <= now || self.0.len() > MOST)
        {
            self.0.pop_first();
        }
    }

    pub(super) fn contains(&self, login: &Login) -> bool {
        self.0.contains(login)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

fn parse(line: &str) -> Option<Login> {
    let (expiry, id) = line.split_once(' ')?;
    Some(Login {
        expiry: expiry.parse().ok()?,
        id: Uuid::try_parse(id).ok()?,
    })
}
