//! TLS of the platform, whose connectors are kept.
//!
//! codex-core builds an HTTP client for each model call, and each client a connector. For each connector
//! OpenSSL parses the system's bundle of root certificates, twice, and looks all its algorithms up again:
//! 25 ms, whether TLS is used or not. A connector serves any number of connections, so this stand-in for the
//! published crate hands one out again that was built with the same settings. All else is the published
//! crate's own.
//!
//! Connectors with certificates or identities of their own are not kept. Those that are kept are built anew
//! after a while, so that a change of the system's root certificates is seen without a restart.

pub use published::{
    Certificate, Error, HandshakeError, Identity, MidHandshakeTlsStream, Protocol, Result,
    TlsAcceptor, TlsAcceptorBuilder, TlsStream,
};

use std::{
    collections::HashMap,
    fmt, io,
    mem::{Discriminant, discriminant},
    result,
    sync::{LazyLock, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How long a connector is handed out.
const KEPT: Duration = Duration::from_mins(10);

/// Connectors by what they were built with. There are as many as kinds of clients: a few.
static BUILT: LazyLock<Mutex<HashMap<Settings, Built>>> = LazyLock::new(Mutex::default);

/// A connector, and when it was built.
struct Built {
    connector: TlsConnector,
    at: Instant,
}

/// What a connector is built with, but for certificates.
#[derive(Clone, PartialEq, Eq, Hash)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "they are the published crate's"
)]
struct Settings {
    min_protocol: Option<Discriminant<Protocol>>,
    max_protocol: Option<Discriminant<Protocol>>,
    accept_invalid_certs: bool,
    accept_invalid_hostnames: bool,
    use_sni: bool,
    disable_built_in_roots: bool,
    alpn: Vec<Box<str>>,
}

/// A builder for [`TlsConnector`]s. Settings mean what they mean in the published crate.
pub struct TlsConnectorBuilder {
    builder: published::TlsConnectorBuilder,
    /// `None` once it has a certificate or an identity.
    settings: Option<Settings>,
}

/// A client's side of TLS connections.
#[derive(Clone)]
pub struct TlsConnector(published::TlsConnector);

impl TlsConnectorBuilder {
    /// Sets the identity that is shown to servers.
    pub fn identity(&mut self, identity: Identity) -> &mut Self {
        self.settings = None;
        self.builder.identity(identity);
        self
    }

    /// Sets the oldest protocol; TLS 1.2 unless set.
    pub fn min_protocol_version(&mut self, protocol: Option<Protocol>) -> &mut Self {
        self.builder.min_protocol_version(protocol);
        self.set(|settings| settings.min_protocol = protocol.as_ref().map(discriminant))
    }

    /// Sets the newest protocol; the newest there is unless set.
    pub fn max_protocol_version(&mut self, protocol: Option<Protocol>) -> &mut Self {
        self.builder.max_protocol_version(protocol);
        self.set(|settings| settings.max_protocol = protocol.as_ref().map(discriminant))
    }

    /// Trusts this root certificate too.
    pub fn add_root_certificate(&mut self, cert: Certificate) -> &mut Self {
        self.settings = None;
        self.builder.add_root_certificate(cert);
        self
    }

    /// Whether the system's root certificates are not trusted.
    pub fn disable_built_in_roots(&mut self, disable: bool) -> &mut Self {
        self.builder.disable_built_in_roots(disable);
        self.set(|settings| settings.disable_built_in_roots = disable)
    }

    /// Offers these protocols.
    #[cfg(feature = "alpn")]
    pub fn request_alpns(&mut self, protocols: &[&str]) -> &mut Self {
        self.builder.request_alpns(protocols);
        let alpn = protocols.iter().copied().map(Box::from).collect();
        self.set(|settings| settings.alpn = alpn)
    }

    /// Whether certificates are not looked at.
    pub fn danger_accept_invalid_certs(&mut self, accept: bool) -> &mut Self {
        self.builder.danger_accept_invalid_certs(accept);
        self.set(|settings| settings.accept_invalid_certs = accept)
    }

    /// Whether the server is told its name.
    pub fn use_sni(&mut self, use_sni: bool) -> &mut Self {
        self.builder.use_sni(use_sni);
        self.set(|settings| settings.use_sni = use_sni)
    }

    /// Whether the name in a certificate is not looked at.
    pub fn danger_accept_invalid_hostnames(&mut self, accept: bool) -> &mut Self {
        self.builder.danger_accept_invalid_hostnames(accept);
        self.set(|settings| settings.accept_invalid_hostnames = accept)
    }

    /// A connector with these settings: one that is there, or a new one.
    ///
    /// # Errors
    ///
    /// Those of the platform's TLS.
    pub fn build(&self) -> Result<TlsConnector> {
        let Some(settings) = &self.settings else {
            return self.builder.build().map(TlsConnector);
        };
        // Built under the lock: of many that come at once, one reads the root certificates.
        let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(built) = built.get(settings)
            && built.at.elapsed() < KEPT
        {
            return Ok(built.connector.clone());
        }
        let connector = self.builder.build().map(TlsConnector)?;
        built.insert(
            settings.clone(),
            Built {
                connector: connector.clone(),
                at: Instant::now(),
            },
        );
        Ok(connector)
    }

    fn set(&mut self, change: impl FnOnce(&mut Settings)) -> &mut Self {
        if let Some(settings) = &mut self.settings {
            change(settings);
        }
        self
    }
}

impl TlsConnector {
    /// A connector with the settings that go without saying.
    ///
    /// # Errors
    ///
    /// Those of the platform's TLS.
    pub fn new() -> Result<Self> {
        Self::builder().build()
    }

    /// A builder of connectors.
    #[must_use]
    pub fn builder() -> TlsConnectorBuilder {
        TlsConnectorBuilder {
            builder: published::TlsConnector::builder(),
            settings: Some(Settings {
                min_protocol: Some(discriminant(&Protocol::Tlsv12)),
                max_protocol: None,
                accept_invalid_certs: false,
                accept_invalid_hostnames: false,
                use_sni: true,
                disable_built_in_roots: false,
                alpn: Vec::new(),
            }),
        }
    }

    /// Begins TLS with the server of this name.
    ///
    /// # Errors
    ///
    /// Where it fails, and where the stream is not ready yet: then it can go on later.
    pub fn connect<S: io::Read + io::Write>(
        &self,
        domain: &str,
        stream: S,
    ) -> result::Result<TlsStream<S>, HandshakeError<S>> {
        self.0.connect(domain, stream)
    }
}

impl fmt::Debug for TlsConnectorBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsConnectorBuilder")
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for TlsConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests;
