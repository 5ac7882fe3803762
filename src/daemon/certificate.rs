//! The certificate that the daemon shows to those who connect over TLS: where it and its key lie, how they are made when
//! there are none, and until when it is good. What is done with them on a connection is the network's business.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, RootCertStore, ServerConfig};
use zeroize::Zeroize as _;

use super::config::{Config, host_name};
use super::exit::Exit;
use crate::base::{Fingerprint, Timestamp, catalog};
use crate::net::tls::server_config;
use crate::wire::control;

/// What the two files are called in the state folder.
const CERTIFICATE_FILE: &str = "tls-certificate.pem";
const KEY_FILE: &str = "tls-key.pem";
/// What they are called as credentials of the service manager.
const CERTIFICATE_CREDENTIAL: &str = "chatd.tls-certificate";
const KEY_CREDENTIAL: &str = "chatd.tls-key";
/// The longest file that is read as one of them: a chain is a few KiB.
const FILE_BYTES_MAX: u64 = 262_144;
const DAY: Duration = Duration::from_secs(86_400);
/// Its end is told from so long before on at most: most certificates are renewed by something that begins earlier.
const REMINDER_MAX: Duration = DAY.saturating_mul(30);
/// The last year there is, by which a certificate says that it has no end (RFC 5280, 4.1.2.5), and when it begins.
const LAST_YEAR: i32 = 9_999;
const LAST_YEAR_BEGINS: u64 = 253_370_764_800;

/// A certificate that connections are encrypted with.
#[derive(Debug)]
pub(super) struct Certificate {
    /// How.
    pub tls: Arc<ServerConfig>,
    /// What people compare.
    pub fingerprint: Fingerprint,
    /// Where it was read.
    file: PathBuf,
    /// All that is shown: the certificate itself first, then those that vouch for it.
    chain: Vec<CertificateDer<'static>>,
    /// Its end, and from when on that is told. None: it has no end.
    end: Option<(Timestamp, Timestamp)>,
}

/// Where certificate and key lie.
struct Files {
    certificate: PathBuf,
    key: PathBuf,
    /// Whether they are made when there are none.
    ours: bool,
}

/// Credentials of the service manager come first, then what the settings name, then the state folder.
fn tls_files(config: &Config) -> Files {
    let folder = env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let (certificate, key, ours) = match (folder, &config.tls) {
        (Some(folder), _)
            if folder.join(CERTIFICATE_CREDENTIAL).exists()
                || folder.join(KEY_CREDENTIAL).exists() =>
        {
            // Where one of the two is missing, reading it says so by its path.
            let credential = |name| folder.join(name);
            (
                credential(CERTIFICATE_CREDENTIAL),
                credential(KEY_CREDENTIAL),
                false,
            )
        }
        (_, Some(named)) => (named.certificate.clone(), named.key.clone(), false),
        (_, None) => {
            let own = |name| config.state_dir.join(name);
            (own(CERTIFICATE_FILE), own(KEY_FILE), true)
        }
    };
    Files {
        certificate,
        key,
        ours,
    }
}

impl Files {
    fn must_be_made(&self) -> bool {
        self.ours && !self.certificate.exists() && !self.key.exists()
    }
}

impl Certificate {
    /// Reads certificate and key. In the state folder they are made when there are none.
    ///
    /// # Errors
    /// With a text that names the file and what to do.
    pub fn load_or_make(config: &Config) -> Result<Self, Exit> {
        let files = tls_files(config);
        if files.must_be_made() {
            make(config, &files)?;
        }
        Self::read(files)
    }

    /// Reads certificate and key.
    ///
    /// # Errors
    /// The same.
    pub fn load(config: &Config) -> Result<Self, Exit> {
        Self::read(tls_files(config))
    }

    /// Looks whether the certificate can be used, where there is one already.
    ///
    /// # Errors
    /// The same.
    pub fn check(config: &Config) -> Result<(), Exit> {
        let files = tls_files(config);
        match files.must_be_made() {
            true => Ok(()),
            false => Self::read(files).map(drop),
        }
    }

    fn read(files: Files) -> Result<Self, Exit> {
        let Files {
            certificate,
            key,
            ours,
        } = files;
        let missing = |what: &str, other: &Path| match ours {
            true => format!(
                "; bring the {what} back, or delete '{}' and have both made anew at the next start",
                other.display()
            ),
            false => String::new(),
        };
        let text = read_file(&certificate, "certificate", &missing("certificate", &key))?;
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
        let chain = chain.unwrap_or_default();
        let shown = certificate.display();
        let Some(first) = chain.first() else {
            return Err(Exit::config(format!(
                "'{shown}' holds no certificate; it must be in PEM form, the server's own certificate first"
            )));
        };
        let (fingerprint, end) = (Fingerprint::of(first), end_of(first));
        let mut key_der = read_key(&key, &missing("key", &certificate))?;
        let tls = server_config(chain.clone(), &key_der);
        key_der.zeroize();
        let tls = tls.map_err(|error| {
            Exit::config(match error {
                rustls::Error::InconsistentKeys(_) => format!(
                    "'{}' is not the key of the certificate '{shown}'; name two that belong together",
                    key.display()
                ),
                error => format!("the certificate '{shown}' cannot be used: {error}"),
            })
        })?;
        Ok(Self {
            tls,
            fingerprint,
            end,
            chain,
            file: certificate,
        })
    }

    /// Whether the two show the same.
    pub fn is_same(&self, other: &Self) -> bool {
        self.chain == other.chain
    }

    /// What `chatctl status` tells of it.
    pub fn status(&self, now: Timestamp) -> control::Certificate {
        control::Certificate {
            fingerprint: self.fingerprint.to_string(),
            file: self.file.display().to_string(),
            expires_at: self.end.map(|(end, _)| end),
            expires_soon: self.end.is_some_and(|(_, from)| now >= from),
        }
    }

    /// Tells that it ends, when that is soon. Returns when to look again: after a day at most, because the clock on the
    /// wall may be set. None: there is no need to.
    pub fn remind(&self, now: Timestamp) -> Option<Duration> {
        let (end, from) = self.end?;
        if now < from {
            return Some(from.since(now).min(DAY));
        }
        let (file, left) = (
            self.file.display(),
            end.since(now).as_secs() / DAY.as_secs(),
        );
        match now < end {
            true => tracing::warn!(
                MESSAGE_ID = catalog::CERTIFICATE_EXPIRES,
                %file,
                expires = %end,
                "the certificate ends in {left} days; renew it, then `chatctl reload`"
            ),
            false => tracing::error!(
                MESSAGE_ID = catalog::CERTIFICATE_EXPIRES,
                %file,
                expires = %end,
                "the certificate has ended, and clients refuse it; renew it, then `chatctl reload`"
            ),
        }
        Some(DAY)
    }

    /// Tells which one is in use.
    pub fn say(&self) {
        let (file, fingerprint) = (self.file.display(), self.fingerprint);
        let expires = self
            .end
            .map_or("never".to_owned(), |(end, _)| end.to_string());
        tracing::info!(%file, %fingerprint, expires, "certificate");
    }
}

fn read_file(path: &Path, what: &str, hint: &str) -> Result<Vec<u8>, Exit> {
    let mut text = Vec::new();
    let read = File::open(path).and_then(|file| file.take(FILE_BYTES_MAX).read_to_end(&mut text));
    match read {
        Ok(_) => Ok(text),
        Err(error) => {
            let hint = match error.kind() {
                io::ErrorKind::NotFound => hint,
                _ => "",
            };
            let text = format!(
                "cannot read the {what} for TLS '{}': {error}{hint}",
                path.display()
            );
            Err(Exit::io(text, &error, Exit::CONFIG))
        }
    }
}

fn read_key(path: &Path, hint: &str) -> Result<PrivateKeyDer<'static>, Exit> {
    let text = read_file(path, "key", hint)?;
    let mode = fs::metadata(path).map_or(0, |file| file.permissions().mode());
    if mode & 0o007 != 0 {
        tracing::warn!(
            MESSAGE_ID = catalog::TLS_KEY_EXPOSED,
            file = %path.display(),
            "everybody may read the key of the certificate; chmod 600 it"
        );
    }
    PrivateKeyDer::from_pem_slice(&text).map_err(|_| {
        Exit::config(format!(
            "'{}' holds no key that can be used; it must be in PEM form and not encrypted",
            path.display()
        ))
    })
}

/// When a certificate ends, and from when on that is told: the last quarter of its time, or the last month.
///
/// rustls reads these times and tells them to those who ask about a time that lies beyond.
fn end_of(certificate: &CertificateDer<'_>) -> Option<(Timestamp, Timestamp)> {
    let parsed = ParsedCertificate::try_from(certificate).ok()?;
    let algorithms = default_provider().signature_verification_algorithms.all;
    let roots = RootCertStore::empty();
    let complaint = |at: Duration| {
        let now = UnixTime::since_unix_epoch(at);
        let seen = verify_server_cert_signed_by_trust_anchor(&parsed, &roots, &[], now, algorithms);
        match seen {
            Err(rustls::Error::InvalidCertificate(complaint)) => Some(complaint),
            _ => None,
        }
    };
    let moment = |time: UnixTime| Timestamp(time.as_secs() as i64 * 1_000);
    let end = match complaint(Duration::MAX)? {
        CertificateError::ExpiredContext { not_after, .. }
            if not_after.as_secs() < LAST_YEAR_BEGINS =>
        {
            moment(not_after)
        }
        _ => return None,
    };
    let begin = match complaint(Duration::ZERO) {
        Some(CertificateError::NotValidYetContext { not_before, .. }) => moment(not_before),
        _ => Timestamp(0),
    };
    let reminder = (end.since(begin) / 4).min(REMINDER_MAX);
    Some((end, Timestamp(end.0 - reminder.as_millis() as i64)))
}

/// Makes a certificate that vouches for itself. It has no end: what clients trust is its fingerprint, and one day on which
/// all of them would have to be told another one would come when nobody remembers why.
fn make(config: &Config, files: &Files) -> Result<(), Exit> {
    let failed = |error: String| Exit {
        code: Exit::SOFTWARE,
        text: format!("cannot make a certificate: {error}"),
    };
    let names = names(config);
    let mut params =
        rcgen::CertificateParams::new(names.clone()).map_err(|error| failed(error.to_string()))?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, names[0].as_str());
    params.is_ca = rcgen::IsCa::ExplicitNoCa;
    params.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    // The clock of this machine may be wrong, and so may be those of others.
    params.not_before = rcgen::date_time_ymd(2_020, 1, 1);
    params.not_after = rcgen::date_time_ymd(LAST_YEAR, 12, 31);
    let mut key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)
        .map_err(|error| failed(error.to_string()))?;
    let certificate = params
        .self_signed(&key)
        .map_err(|error| failed(error.to_string()))?;
    let pem = key.serialize_pem();
    key.zeroize();
    write(&files.key, pem.as_bytes())?;
    write(&files.certificate, certificate.pem().as_bytes())?;
    tracing::info!(
        MESSAGE_ID = catalog::CERTIFICATE_MADE,
        file = %files.certificate.display(),
        fingerprint = %Fingerprint::of(certificate.der()),
        "made a certificate"
    );
    Ok(())
}

/// What the machine is called, as far as that can be known without asking anybody.
fn names(config: &Config) -> Vec<String> {
    let is_dns = |name: &String| {
        name.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
    };
    let loopback: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    let addresses = config.listen.iter().map(|address| address.ip());
    let addresses = addresses.filter(|address| !address.is_unspecified());
    let addresses = loopback.into_iter().chain(addresses);
    let mut names: Vec<String> = Some(host_name()).filter(is_dns).into_iter().collect();
    for name in ["localhost".to_owned()]
        .into_iter()
        .chain(addresses.map(|address| address.to_string()))
    {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// It appears under its name as a whole or not at all.
fn write(path: &Path, text: &[u8]) -> Result<(), Exit> {
    let draft = path.with_extension("pem.new");
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&draft)?;
        file.write_all(text)?;
        file.sync_all()?;
        fs::rename(&draft, path)?;
        path.parent()
            .map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    };
    write().map_err(|error| {
        let text = format!("cannot write '{}': {error}", path.display());
        Exit::io(text, &error, Exit::CANT_CREATE)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(begin: [u16; 3], end: [u16; 3]) -> Option<(String, String)> {
        let day = |[year, month, day]: [u16; 3]| {
            rcgen::date_time_ymd(year.into(), month as u8, day as u8)
        };
        let mut params = rcgen::CertificateParams::default();
        (params.not_before, params.not_after) = (day(begin), day(end));
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        end_of(certificate.der()).map(|(end, from)| (end.to_string(), from.to_string()))
    }

    #[test]
    fn its_end_is_told_in_the_last_quarter_but_not_more_than_a_month_before() {
        let told = |end: &str, from: &str| {
            Some((
                format!("{end}T00:00:00.000Z"),
                format!("{from}T00:00:00.000Z"),
            ))
        };
        assert_eq!(
            end([2026, 1, 1], [2027, 1, 1]),
            told("2027-01-01", "2026-12-02")
        );
        assert_eq!(
            end([2026, 1, 1], [2026, 1, 9]),
            told("2026-01-09", "2026-01-07")
        );
        // Beyond what fits the shorter form of a time in a certificate.
        assert_eq!(
            end([1975, 1, 1], [2051, 1, 31]),
            told("2051-01-31", "2051-01-01")
        );
        assert_eq!(end([2020, 1, 1], [9999, 12, 31]), None);
    }
}
