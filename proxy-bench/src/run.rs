//! `proxy-bench run`: everything on one machine, by turns, and a table of what it costs.

mod figures;
mod machine;
mod measure;
mod memory;
mod plan;
mod stage;
mod table;
mod tally;
mod targets;

use self::{
    figures::{Footprint, Report},
    machine::Machine,
    measure::Row,
    plan::Plan,
    stage::Stage,
    tally::Tally,
};
use crate::{
    proxy::{self, Engine},
    subject::{Kind, Subject},
};
use anyhow::{Result, ensure};
use serde_json::{Map, Value, json};
use std::{
    io::{self, Write},
    net::SocketAddr,
    path::PathBuf,
    time::{Duration, Instant},
};

/// What a look at memory takes beside its streams, in a quick run.
const LOOK: Duration = Duration::from_secs(8);

/// Measures the product, a bare relay and others beside the upstream itself.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Less of everything: ends within 45 seconds
    #[arg(long)]
    quick: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// The product's binary; by default the one beside this program
    #[arg(long, value_name = "PATH")]
    proxy: Option<PathBuf>,
    /// Another server in front of the upstream: NAME=URL, with #model=… and #api=chat|responses
    #[arg(long = "peer", value_name = "NAME=URL", value_parser = Subject::peer)]
    peers: Vec<Subject>,
    /// Where the upstream listens, so that peers can be pointed at it beforehand
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    upstream: SocketAddr,
    /// Streams at a time, such as 1,64,256,1000
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    concurrency: Option<Vec<usize>>,
    /// Of our own subjects only these, and what they and the peers are compared to
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    only: Vec<String>,
    /// Fail where a target is not met
    #[arg(long)]
    enforce: bool,
}

impl Options {
    fn plan(&self) -> Plan {
        let concurrency = self.concurrency.as_deref();
        if self.quick {
            Plan::quick(concurrency)
        } else {
            Plan::full(concurrency)
        }
    }

    /// Our own subjects that take part.
    fn kinds(&self) -> Result<Vec<Kind>> {
        for name in &self.only {
            let names = Kind::OWN.map(Kind::name);
            ensure!(
                names.contains(&name.as_str()),
                "there is no {name:?}, only {}",
                names.join(", ")
            );
        }
        let wanted = |kind: &Kind| match kind {
            Kind::Direct => true,
            // The only one of ours that speaks Responses.
            Kind::DirectResponses => {
                self.takes(kind.name())
                    || self.takes(Kind::BridgeResponses.name())
                    || self.peers.iter().any(|peer| peer.base() == *kind)
            }
            _ => self.takes(kind.name()),
        };
        Ok(Kind::OWN.into_iter().filter(wanted).collect())
    }

    fn takes(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == name)
    }

    /// The options as the JSON tells them.
    fn json(&self) -> Value {
        let peers: Vec<_> = self.peers.iter().map(|peer| &peer.name).collect();
        let levels: Vec<_> = self
            .plan()
            .levels
            .iter()
            .map(|level| level.concurrency)
            .collect();
        json!({
            "quick": self.quick,
            "concurrency": levels,
            "only": self.only,
            "peers": peers,
        })
    }
}

/// Runs it all and prints the results.
///
/// # Errors
/// Where something that takes part cannot be started and, once the results are printed, where a
/// reply was not what was ordered or, with `--enforce`, a target is not met.
pub async fn run(options: &Options) -> Result<()> {
    let begin = Instant::now();
    // Each stream is two descriptors in a proxy; those of the children are as many as ours.
    rlimit::increase_nofile_limit(u64::MAX)?;
    let plan = options.plan();
    let kinds = options.kinds()?;
    let binary = match &options.proxy {
        Some(path) => path.clone(),
        None => proxy::beside_us()?,
    };
    say(begin, "starting")?;
    let stage = Stage::start(&plan, binary, options.upstream, &kinds).await?;
    let own = kinds.iter().filter_map(|&kind| stage.subject(kind));
    let mut rows: Vec<Row> = own
        .chain(options.peers.iter().cloned())
        .map(|subject| Row {
            subject,
            tally: Tally::default(),
        })
        .collect();
    say(begin, "short replies, one at a time")?;
    measure::alone(&plan, &mut rows).await;
    for &level in &plan.levels {
        say(begin, &format!("{} streams at a time", level.concurrency))?;
        measure::paced(&plan, level, &mut rows).await;
    }
    say(begin, "whole replies at full speed")?;
    measure::full_speed(&plan, &stage, &mut rows).await;
    let mut report = Report::of(&rows);
    footprints(&plan, &stage, begin, &mut report).await?;
    print(options, &report, begin.elapsed())
}

/// Fills in what is known of the product's processes, their memory as far as there is time for it.
async fn footprints(plan: &Plan, stage: &Stage, begin: Instant, report: &mut Report) -> Result<()> {
    let mut tally = Tally::default();
    for engine in [Engine::Bridge, Engine::Codex] {
        let Some(product) = stage.product(engine) else {
            continue;
        };
        let memory = if plan.end.is_none_or(|end| begin.elapsed() + LOOK < end) {
            say(begin, &format!("memory of {} streams", plan::MANY))?;
            Some(memory::look(plan, stage, engine, &mut tally).await?)
        } else {
            None
        };
        let footprint = Footprint::of(product, memory);
        match engine {
            Engine::Bridge => report.bridge = footprint,
            Engine::Codex => report.codex = footprint,
        }
    }
    report.failed = tally.failed();
    Ok(())
}

fn print(options: &Options, report: &Report, elapsed: Duration) -> Result<()> {
    let machine = Machine::this();
    let targets = targets::targets(report);
    let text = if options.json {
        let mut all = Map::new();
        all.insert("machine".to_owned(), json!(machine));
        all.insert("options".to_owned(), options.json());
        all.insert("seconds".to_owned(), json!(elapsed.as_secs()));
        all.extend(report.json());
        all.insert("targets".to_owned(), json!(targets));
        serde_json::to_string_pretty(&all)? + "\n"
    } else {
        table::table(&machine, report, &targets)
    };
    io::stdout().lock().write_all(text.as_bytes())?;
    let failed = report.all_failed();
    ensure!(failed == 0, "{failed} replies were not what was ordered");
    let unmet = targets.iter().filter(|target| target.met == Some(false));
    let unmet = unmet.count();
    ensure!(
        !options.enforce || unmet == 0,
        "{unmet} targets are not met"
    );
    Ok(())
}

/// What is going on, for whoever waits.
fn say(begin: Instant, what: &str) -> Result<()> {
    let seconds = begin.elapsed().as_secs();
    Ok(writeln!(io::stderr().lock(), "{seconds:>4} s  {what}")?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Arguments {
        #[command(flatten)]
        options: Options,
    }

    fn options(arguments: &str) -> Options {
        let words = ["run"].into_iter().chain(arguments.split(' '));
        Arguments::try_parse_from(words).unwrap().options
    }

    #[test]
    fn a_subject_brings_what_it_is_compared_to() {
        let kinds = options("--only bridge-responses,codex").kinds().unwrap();
        let wanted = [
            Kind::Direct,
            Kind::DirectResponses,
            Kind::BridgeResponses,
            Kind::Codex,
        ];
        assert_eq!(kinds, wanted);
        let kinds = options("--only direct --peer x=http://127.0.0.1:1#api=responses").kinds();
        assert_eq!(kinds.unwrap(), [Kind::Direct, Kind::DirectResponses]);
        assert_eq!(options("--quick").kinds().unwrap(), Kind::OWN);
        assert!(options("--only bridges").kinds().is_err());
    }

    #[test]
    fn the_levels_are_those_that_were_asked_for() {
        let levels = &options("--quick --concurrency 2,3").json()["concurrency"];
        assert_eq!(*levels, json!([2, 3]));
        assert_eq!(options("--quick").json()["concurrency"], json!([64]));
        assert_eq!(
            options("--json").json()["concurrency"],
            json!([1, 64, 256, 1000])
        );
    }
}
