//! Reads settings one by one, and gathers what is wrong with them.

use super::{
    ConfigError, Mistake,
    document::Value,
    layers::Layers,
    settings::Setting,
    value::{Parsed, Written, wrong_type},
};
use std::{fmt::Display, time::Duration};

/// The layers, and the mistakes so far. Each method reads one setting and gives nothing where it is
/// wrong or not set, so that the reading goes on.
pub(super) struct Reader<'a> {
    pub(super) layers: Layers<'a>,
    pub(super) mistakes: Vec<Mistake>,
    pub(super) warnings: Vec<Mistake>,
    /// Whether all of the file could be read. What seems to be missing may stand where it could not.
    pub(super) is_whole: bool,
}

/// One text of a list, and where it stands.
pub(super) struct Listed {
    pub(super) text: String,
    /// The item; the whole where a variable names all of them.
    pub(super) written: Written,
}

impl Reader<'_> {
    pub(super) fn add(&mut self, name: impl Into<String>, message: impl Display) {
        self.mistakes.push(Mistake::new(name, message));
    }

    /// Something is wrong with what was written.
    pub(super) fn wrong(&mut self, written: &Written, message: impl Display) {
        let mistake = Mistake::new(&*written.name, message);
        self.mistakes.push(mistake.at(written.at.clone()));
    }

    /// Something is wrong with a setting, wherever it was set.
    pub(super) fn wrong_setting(&mut self, setting: &Setting, message: impl Display) {
        match self.layers.find(setting) {
            Some(written) => self.wrong(&written, message),
            None => self.add(setting.key, message),
        }
    }

    /// Something is odd with a setting.
    pub(super) fn warn(&mut self, written: &Written, message: impl Display) {
        let warning = Mistake::new(&*written.name, message);
        self.warnings.push(warning.at(written.at.clone()));
    }

    /// What was written, understood.
    pub(super) fn parse(&mut self, setting: &Setting, written: Option<&Written>) -> Option<Parsed> {
        let written = written?;
        match written.parse(setting) {
            Ok(parsed) => Some(parsed),
            Err(fault) => {
                self.wrong(written, fault);
                None
            }
        }
    }

    /// A variable by its own name.
    pub(super) fn variable(&self, name: &str) -> Option<Written> {
        self.layers.written_variable(name)
    }

    fn get(&mut self, setting: &Setting) -> Option<Parsed> {
        let written = self.layers.find(setting);
        self.parse(setting, written.as_ref())
    }

    pub(super) fn text(&mut self, setting: &Setting) -> Option<String> {
        self.get(setting)?.into_text()
    }

    pub(super) fn switch(&mut self, setting: &Setting) -> Option<bool> {
        self.get(setting)?.as_switch()
    }

    pub(super) fn number(&mut self, setting: &Setting) -> Option<u64> {
        self.get(setting)?.as_number()
    }

    pub(super) fn count(&mut self, setting: &Setting) -> Option<usize> {
        self.number(setting)
            .and_then(|number| usize::try_from(number).ok())
    }

    pub(super) fn seconds(&mut self, setting: &Setting) -> Option<Duration> {
        self.number(setting).map(Duration::from_secs)
    }

    pub(super) fn time(&mut self, setting: &Setting) -> Option<Duration> {
        match self.get(setting)? {
            Parsed::Time(time) => Some(time),
            _ => None,
        }
    }

    pub(super) fn list(&mut self, setting: &Setting) -> Option<Vec<Listed>> {
        let written = self.layers.find(setting);
        self.items(setting, written.as_ref())
    }

    /// The items of a list, without those that are no text.
    pub(super) fn items(
        &mut self,
        setting: &Setting,
        written: Option<&Written>,
    ) -> Option<Vec<Listed>> {
        let written = written?;
        let Some(items) = written.items() else {
            let texts = self.parse(setting, Some(written))?.into_list()?;
            let whole = |text| Listed {
                text,
                written: written.clone(),
            };
            return Some(texts.into_iter().map(whole).collect());
        };
        let mut texts = Vec::with_capacity(items.len());
        for written in items {
            match &written.value {
                Value::Text(text) => texts.push(Listed {
                    text: text.clone(),
                    written,
                }),
                other => self.wrong(&written, wrong_type(other, "a string")),
            }
        }
        Some(texts)
    }

    /// What the word stands for.
    pub(super) fn one_of<T: Copy + Default>(
        &mut self,
        setting: &Setting,
        choices: &[(&str, T)],
    ) -> T {
        self.text(setting)
            .map_or_else(T::default, |word| choose(&word, choices))
    }

    /// Whatever is wrong, the mistakes of the file in its order before the others.
    pub(super) fn finish(self) -> Result<Vec<Mistake>, ConfigError> {
        if self.mistakes.is_empty() {
            return Ok(self.warnings);
        }
        let mut mistakes = self.mistakes;
        let line = |mistake: &Mistake| mistake.at.as_ref().map(|at| at.line);
        let broken: Vec<Option<usize>> = mistakes
            .iter()
            .filter(|mistake| mistake.is_of_syntax())
            .map(line)
            .collect();
        // What else seems to be wrong in such a line may come of the fault.
        mistakes.retain(|mistake| {
            mistake.is_of_syntax() || mistake.at.is_none() || !broken.contains(&line(mistake))
        });
        Err(ConfigError::new(mistakes))
    }
}

/// What a word that was found valid stands for.
pub(super) fn choose<T: Copy + Default>(word: &str, choices: &[(&str, T)]) -> T {
    let choice = choices.iter().find(|(known, _)| *known == word);
    choice.map_or_else(T::default, |(_, choice)| *choice)
}
