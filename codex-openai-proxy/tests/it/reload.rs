//! Changes of the configuration while the program serves.

mod files;
mod load;
mod refused;

use crate::{
    harness::{
        Client, Homes,
        logs::text,
        process::{Program, command, log},
    },
    provider::{ChatReply, Provider, chat},
};
use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

/// How long the program may take to see a change, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(20);

/// Time enough for a change to be seen, and to be found to be none.
const A_WHILE: Duration = Duration::from_secs(2);

/// A program whose configuration is a file of its state folder.
struct Served {
    homes: Homes,
    program: Program,
    client: Client,
}

impl Served {
    /// Starts the program with this file.
    async fn with(file: &str) -> Self {
        let homes = Homes::new();
        fs::create_dir_all(homes.state()).unwrap();
        fs::write(homes.state().join("config.toml"), file).unwrap();
        Self::of(homes, &["serve"]).await
    }

    /// Starts the program by this command.
    async fn of(homes: Homes, arguments: &[&str]) -> Self {
        let mut program = Program::start(command(arguments, &homes));
        let client = program.client(&homes).await;
        Self {
            homes,
            program,
            client,
        }
    }

    fn file(&self) -> PathBuf {
        self.homes.state().join("config.toml")
    }

    /// Puts another file in the place of the one that is there, as editors do.
    fn replace(&self, text: &str) {
        replace(&self.file(), text);
    }

    /// What the program has logged so far of changes of its configuration, newest last.
    fn told(&self) -> Vec<String> {
        let log = log(&self.homes);
        let lines = log.lines().filter(|line| line.contains("config_"));
        lines.map(str::to_owned).collect()
    }

    /// Asks for a reply where no provider is set, and the engine has no login or is not there at all.
    async fn finds_nobody_to_ask(&self) {
        let status = if cfg!(feature = "codex") { 401 } else { 503 };
        self.client.chat(&chat("llama3", "Hi")).await.error(status);
    }

    /// Waits until the program has logged so many lines of changes that have `word` in them.
    async fn tells(&self, word: &str, times: usize) -> Vec<String> {
        let told = async {
            loop {
                let mut told = self.told();
                told.retain(|line| line.contains(word));
                if told.len() >= times {
                    return told;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, told)
            .await
            .unwrap_or_else(|_| panic!("no {word}: {}", log(&self.homes)))
    }

    /// The lists in the log channel's records of this type, oldest first.
    async fn recorded(&self, kind: &str, list: &str) -> Vec<Vec<String>> {
        let query = format!("type={kind}");
        let records = self.client.records_with(&query, kind).await;
        let lists = records.iter().map(|record| {
            let items = record[list].as_array().unwrap().iter();
            items.map(|item| text(item).to_owned()).collect()
        });
        lists.collect()
    }

    /// The text of a reply to a request for any model.
    async fn text(&self) -> String {
        let reply = self.client.chat(&chat("llama3", "Hi")).await.ok();
        let text = &reply["choices"][0]["message"]["content"];
        text.as_str().unwrap().to_owned()
    }
}

fn replace(file: &Path, text: &str) {
    let new = file.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::rename(new, file).unwrap();
}

/// A file that names this provider for every model.
fn file_of(provider: &Provider) -> String {
    format!(
        "[[upstreams]]\nname = \"near\"\nbase_url = \"{}\"\nmodels = [\"*\"]\nretries = 0\n",
        provider.base_url()
    )
}

/// A provider that answers everybody with `text`.
async fn provider(text: &'static str) -> Provider {
    let provider = Provider::chat().await;
    provider.otherwise(move |seen| {
        if seen.body["stream"] == true {
            ChatReply::text(&[text]).into()
        } else {
            ChatReply::whole(serde_json::json!({ "content": text }), "stop")
        }
    });
    provider
}
