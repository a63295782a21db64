//! Tells TLS libraries where the system keeps its root certificates.
//!
//! codex-core builds an HTTP client for each model call, and each of them makes OpenSSL parse
//! whatever file the published crate of this name reports: on most systems a bundle of all 150
//! roots, ten milliseconds a time. A directory that is hashed by subject name needs no parsing:
//! OpenSSL looks up the one certificate that a handshake asks for. So where such a directory
//! exists, this stand-in reports it and leaves the bundle out. Both are written by the same system
//! tool from the same certificates, so trust is the same.
//!
//! `SSL_CERT_FILE` and `SSL_CERT_DIR` keep their meaning: what the user names is used.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

const DIRECTORIES: [&str; 5] = [
    "/etc/ssl/certs",
    "/etc/pki/tls/certs",
    "/usr/local/share/certs",
    "/etc/openssl/certs",
    "/etc/certs/CA",
];

const BUNDLES: [&str; 9] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/ssl/cert.pem",
    "/usr/local/etc/ssl/cert.pem",
    "/usr/local/share/certs/ca-root-nss.crt",
    "/etc/openssl/certs/ca-certificates.crt",
];

/// Where root certificates are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProbeResult {
    /// One file with all of them.
    pub cert_file: Option<PathBuf>,
    /// Directories with one file for each.
    pub cert_dir: Vec<PathBuf>,
}

/// Looks for the system's root certificates.
#[must_use]
pub fn probe() -> ProbeResult {
    let named = |variable| {
        env::var_os(variable)
            .map(PathBuf::from)
            .filter(|path| path.exists())
    };
    choose(
        named("SSL_CERT_FILE"),
        named("SSL_CERT_DIR"),
        existing(&DIRECTORIES),
        existing(&BUNDLES).into_iter().next(),
    )
}

fn existing(paths: &[&str]) -> Vec<PathBuf> {
    paths
        .iter()
        .map(PathBuf::from)
        .filter(|path| path.exists())
        .collect()
}

fn choose(
    named_file: Option<PathBuf>,
    named_dir: Option<PathBuf>,
    directories: Vec<PathBuf>,
    bundle: Option<PathBuf>,
) -> ProbeResult {
    let hashed = directories.iter().any(|directory| is_hashed(directory));
    let cert_file = named_file.or(if hashed { None } else { bundle });
    let mut cert_dir: Vec<PathBuf> = named_dir.into_iter().collect();
    cert_dir.extend(directories);
    ProbeResult {
        cert_file,
        cert_dir,
    }
}

/// Fewer links than this are a user's own additions, not the system's roots.
const ROOTS_AT_LEAST: usize = 50;

/// Whether the system's roots can be looked up in `directory` by name: it holds links such as
/// `4042bcee.0`, named by the hash of a certificate's subject.
fn is_hashed(directory: &Path) -> bool {
    let Ok(entries) = fs::read_dir(directory) else {
        return false;
    };
    entries
        .flatten()
        .filter(|entry| entry.file_name().to_str().is_some_and(is_hash_link))
        .nth(ROOTS_AT_LEAST - 1)
        .is_some()
}

fn is_hash_link(name: &str) -> bool {
    name.split_once('.').is_some_and(|(hash, number)| {
        hash.len() == 8
            && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
            && !number.is_empty()
            && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::{ProbeResult, choose, is_hash_link};
    use std::{fs, path::PathBuf};

    fn directory(name: &str, links: usize) -> PathBuf {
        let unique = format!("openssl-probe-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(unique);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        for number in 0..links {
            fs::write(path.join(format!("{number:08x}.0")), "").unwrap();
        }
        path
    }

    #[test]
    fn links_are_eight_hex_digits_and_a_number() {
        assert!(is_hash_link("4042bcee.0"));
        assert!(!is_hash_link("ca-certificates.crt"));
        assert!(!is_hash_link("4042bcee.pem"));
        assert!(!is_hash_link("4042bce.0"));
    }

    #[test]
    fn a_hashed_directory_makes_the_bundle_superfluous() {
        let hashed = directory("hashed", 60);
        let found = choose(None, None, vec![hashed.clone()], Some("/bundle".into()));
        assert_eq!(
            found,
            ProbeResult {
                cert_file: None,
                cert_dir: vec![hashed]
            }
        );
    }

    #[test]
    fn without_a_hashed_directory_the_bundle_is_used() {
        let sparse = directory("sparse", 3);
        let found = choose(None, None, vec![sparse], Some("/bundle".into()));
        assert_eq!(found.cert_file, Some("/bundle".into()));
    }

    #[test]
    fn what_the_user_names_is_used() {
        let hashed = directory("named", 60);
        let found = choose(
            Some("/mine".into()),
            Some("/own".into()),
            vec![hashed.clone()],
            None,
        );
        assert_eq!(found.cert_file, Some("/mine".into()));
        assert_eq!(found.cert_dir, vec![PathBuf::from("/own"), hashed]);
    }
}
