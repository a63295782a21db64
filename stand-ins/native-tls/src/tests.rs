//! Against a server with a certificate that nobody has signed.

use super::*;
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
};

/// The settings of a connector that is built here and nowhere else, so that tests can run at once.
fn settings_of(builder: &TlsConnectorBuilder) -> Settings {
    builder.settings.clone().expect("these can be kept")
}

fn built_at(builder: &TlsConnectorBuilder) -> Instant {
    BUILT.lock().unwrap()[&settings_of(builder)].at
}

/// A server that says "hello" on each connection, and its certificate.
fn server() -> (SocketAddr, Certificate) {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (pem, key) = (own.cert.pem(), own.signing_key.serialize_pem());
    let identity = Identity::from_pkcs8(pem.as_bytes(), key.as_bytes()).unwrap();
    let acceptor = TlsAcceptor::new(identity).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            // A client that does not trust the certificate goes away.
            if let Ok(mut stream) = acceptor.accept(stream.unwrap()) {
                stream.write_all(b"hello").unwrap();
                stream.shutdown().unwrap();
            }
        }
    });
    (address, Certificate::from_pem(pem.as_bytes()).unwrap())
}

/// What the server says, if its certificate is trusted.
fn said(connector: &TlsConnector, address: SocketAddr) -> Option<String> {
    let stream = TcpStream::connect(address).unwrap();
    let mut stream = connector.connect("localhost", stream).ok()?;
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    Some(said)
}

#[test]
fn a_connector_is_handed_out_again_and_connects_each_time() {
    let (address, _) = server();
    let mut builder = TlsConnector::builder();
    builder
        .danger_accept_invalid_certs(true)
        .max_protocol_version(Some(Protocol::Tlsv12));
    let first = builder.build().unwrap();
    let at = built_at(&builder);
    let second = builder.build().unwrap();
    assert_eq!(built_at(&builder), at, "it was built once");
    for connector in [&first, &second, &first] {
        assert_eq!(said(connector, address).as_deref(), Some("hello"));
    }
}

#[test]
fn trust_is_given_to_none_that_did_not_ask_for_it() {
    let (address, certificate) = server();
    let trusting_all = TlsConnector::builder()
        .danger_accept_invalid_certs(true)
        .build()
        .unwrap();
    let trusting_one = TlsConnector::builder()
        .add_root_certificate(certificate)
        .build()
        .unwrap();
    let ordinary = TlsConnector::new().unwrap();
    assert_eq!(said(&trusting_all, address).as_deref(), Some("hello"));
    assert_eq!(said(&trusting_one, address).as_deref(), Some("hello"));
    assert_eq!(said(&ordinary, address), None);
}

#[test]
fn each_setting_counts() {
    let mut all = vec![settings_of(&TlsConnector::builder())];
    let mut with = |change: fn(&mut TlsConnectorBuilder) -> &mut TlsConnectorBuilder| {
        let mut builder = TlsConnector::builder();
        change(&mut builder);
        all.push(settings_of(&builder));
    };
    with(|builder| builder.min_protocol_version(None));
    with(|builder| builder.min_protocol_version(Some(Protocol::Tlsv11)));
    with(|builder| builder.max_protocol_version(Some(Protocol::Tlsv12)));
    with(|builder| builder.danger_accept_invalid_certs(true));
    with(|builder| builder.danger_accept_invalid_hostnames(true));
    with(|builder| builder.use_sni(false));
    with(|builder| builder.disable_built_in_roots(true));
    #[cfg(feature = "alpn")]
    with(|builder| builder.request_alpns(&["h2", "http/1.1"]));
    for (number, settings) in all.iter().enumerate() {
        assert!(!all[..number].contains(settings), "number {number}");
    }
}

#[test]
fn an_old_connector_is_built_anew() {
    let mut builder = TlsConnector::builder();
    builder.use_sni(false);
    builder.build().unwrap();
    let old = Instant::now().checked_sub(KEPT).unwrap();
    let set = |at| {
        let mut built = BUILT.lock().unwrap();
        built.get_mut(&settings_of(&builder)).unwrap().at = at;
    };
    set(old);
    builder.build().unwrap();
    assert!(built_at(&builder) > old);
}
