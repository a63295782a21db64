//! The proxy as it comes and goes: always in the same folder, always on the same port.

use super::{plan::Way, verdict::Outage};
use crate::{
    chaos::outages::Outages,
    client::Target,
    proxy::{Engine, Proxy, Setup},
};
use anyhow::{Context, Result, ensure};
use std::{collections::HashMap, net::SocketAddr};

/// The provider that chaos asks in place of the usual one, since it waits less long.
const MODEL: &str = "chaos";

/// Short times, so that what is left alone goes soon, and what stalls is seen to.
const SETTINGS: &str = r#"
[server]
head_seconds = 4
body_seconds = 6
idle_seconds = 5
request_seconds = 75
drain_seconds = 6

[conversations]
idle_seconds = 4
parked_seconds = 3
wait_seconds = 20

[logs]
max_mib = 16

[[upstreams]]
name = "chaos"
models = ["chaos"]
timeout_seconds = 4
idle_timeout_seconds = 3
retries = 0
"#;

/// A running proxy, and how the next one is started.
#[derive(Debug)]
pub struct Fleet {
    setup: Setup,
    /// The one that runs.
    pub proxy: Proxy,
}

impl Fleet {
    /// Starts the first one.
    ///
    /// # Errors
    /// Where it does not come up.
    pub async fn launch(setup: Setup, upstream: SocketAddr) -> Result<Self> {
        let mut setup = setup.settings(&format!("{SETTINGS}base_url = \"http://{upstream}/v1\"\n"));
        setup.provider.push_str("stream_idle_timeout_ms = 3000\n");
        let proxy = Proxy::start(&setup).await?;
        setup.listen = proxy.address();
        Ok(Self { setup, proxy })
    }

    /// How each way is asked, by this proxy and those after it.
    pub fn targets(&self) -> HashMap<Way, Target> {
        let target = |way: Way| {
            let mut target = self.proxy.target(way.engine, way.api);
            if way.engine == Engine::Bridge {
                MODEL.clone_into(&mut target.model);
            }
            (way, target)
        };
        Way::ALL.map(target).into()
    }

    /// Ends the proxy and starts the next one.
    ///
    /// # Errors
    /// Where it does not end when it is asked, or the next one does not come up.
    pub async fn replace(self, kind: Outage, outages: &Outages) -> Result<Self> {
        let Self { setup, proxy } = self;
        outages.begin(kind);
        let process = proxy.into_process();
        match kind {
            Outage::Killed => process.kill().await?,
            Outage::Stopped => {
                let status = process.terminate().await?;
                ensure!(status.success(), "it ended with {status}");
            }
        }
        let proxy = Proxy::start(&setup)
            .await
            .context("after an end, the next start")?;
        outages.end();
        Ok(Self { setup, proxy })
    }
}
