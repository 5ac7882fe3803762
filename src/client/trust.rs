//! How a connection is protected, and how a server proves to be the one that is meant: by those whom the system trusts, by
//! the file of known servers, or by a fingerprint that was told. Asks nobody: what is not known is refused, and the error
//! says what it takes.

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, OtherError, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::{Connect, TlsConnector};

use crate::base::Fingerprint;
use crate::base::tongue::say;
use crate::client::known::{KnownHosts, KnownHostsError, server};
use crate::wire::ALPN;

/// How a connection is protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// By TLS. The server's certificate is one that the system trusts, or one in the file of known servers. A server on
    /// this machine, by its name `localhost` or its address, is talked to in the clear.
    Usual(Option<KnownHosts>),
    /// By TLS, also on this machine, with the certificate that has this fingerprint.
    Exactly(Fingerprint),
    /// Not at all.
    Plaintext,
}

/// Why the server is not trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// Nobody vouches for it, and it was never seen before.
    #[error("{}", say!(
        "'{server}' is not known here: {why}. Its certificate has the fingerprint {shown}; if that is what `chatctl status` \
         shows there, say --fingerprint {shown}, or connect once from a terminal",
        "сервер «{server}» здесь неизвестен: {why}. Отпечаток его сертификата {shown}; если `chatctl status` показывает там \
         такой же, добавьте --fingerprint {shown} или подключитесь один раз из терминала"
    ))]
    Unknown {
        /// Which server.
        server: String,
        /// The fingerprint of what it shows.
        shown: Fingerprint,
        /// Why the system does not trust it.
        why: String,
    },
    /// It was another one before.
    #[error("{}", say!(
        "'{server}' shows another certificate than before. Either somebody stands between you and the server, who could \
         read all you say and your password, or the server has a new one\n  \
         known here:  {known}, line {line} of '{file}'\n  \
         shown now:   {shown}\n\
         ask its admin which one `chatctl status` shows. If it is the new one, delete that line: sed -i {line}d '{file}'",
        "сервер «{server}» показывает не тот сертификат, что раньше. Или кто-то стоит между вами и сервером и мог бы \
         прочитать всё, что вы пишете, и ваш пароль, или у сервера новый сертификат\n  \
         известен здесь:  {known}, строка {line} в «{file}»\n  \
         показан сейчас:  {shown}\n\
         спросите администратора, какой из них показывает `chatctl status`. Если новый, удалите эту строку: \
         sed -i {line}d '{file}'",
        file = file.display()
    ))]
    Changed {
        /// Which server.
        server: String,
        /// The fingerprint of what it shows.
        shown: Fingerprint,
        /// What it should be.
        known: Fingerprint,
        /// Where that stands.
        file: PathBuf,
        /// On which line.
        line: usize,
    },
    /// It is not the one that was told.
    #[error("{}", say!(
        "'{server}' shows a certificate with the fingerprint {shown}, not {wanted} as --fingerprint says; either somebody \
         stands between you and the server, or it has a new one: ask its admin what `chatctl status` shows",
        "сервер «{server}» показывает сертификат с отпечатком {shown}, а не {wanted}, как указано в --fingerprint; или кто-то \
         стоит между вами и сервером, или сертификат новый: спросите администратора, что показывает `chatctl status`"
    ))]
    Other {
        /// Which server.
        server: String,
        /// The fingerprint of what it shows.
        shown: Fingerprint,
        /// What it should be.
        wanted: Fingerprint,
    },
    /// The file of known servers is no use.
    #[error("{0}")]
    File(#[from] KnownHostsError),
}

/// Makes connections to one server safe. Holds what is needed to come back quickly.
pub(super) struct Protector {
    host: String,
    trust: Trust,
    /// None for a host whose name no certificate could be for.
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

/// What a connection runs over.
pub(super) enum Protected {
    Clear(TcpStream),
    Tls(Box<Connect<TcpStream>>),
}

impl Protector {
    pub fn new(host: &str, port: u16, trust: Trust) -> Result<Self, rustls::Error> {
        let provider = Arc::new(default_provider());
        let judge = Judge {
            host: host.to_owned(),
            port,
            trust: trust.clone(),
            provider: provider.clone(),
        };
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(judge))
            .with_no_client_auth();
        config.alpn_protocols = vec![ALPN.to_vec()];
        // The zone of an address (`%eth0`) says something on this machine only.
        let plain = host.split_once('%').map_or(host, |(address, _)| address);
        let name = ServerName::try_from(plain.to_owned()).ok();
        Ok(Self {
            host: host.to_owned(),
            trust,
            tls: name.map(|name| (TlsConnector::from(Arc::new(config)), name)),
        })
    }

    /// Begins to protect a connection, where it has to be.
    ///
    /// # Errors
    /// When the name of the host is none that a certificate could be for.
    pub fn protect(&self, stream: TcpStream, peer: IpAddr) -> Result<Protected, String> {
        match &self.tls {
            _ if is_clear(&self.trust, &self.host, peer) => Ok(Protected::Clear(stream)),
            Some((connector, name)) => {
                let connect = connector.connect(name.clone(), stream);
                Ok(Protected::Tls(Box::new(connect)))
            }
            None => Err(say!(
                "no certificate can be for a host of the name '{}'; say its address, or another of its names",
                "для узла с именем «{}» не может быть сертификата; укажите его адрес или другое имя",
                self.host
            )),
        }
    }
}

/// A name may lead anywhere, also to this machine: what is not called local is not spoken to in the clear, wherever it
/// leads. And what is called local may be redirected.
fn is_clear(trust: &Trust, host: &str, peer: IpAddr) -> bool {
    match trust {
        Trust::Plaintext => true,
        Trust::Exactly(_) => false,
        Trust::Usual(_) => is_local(host) && peer.is_loopback(),
    }
}

/// Whether the host is this machine, by what it is called.
#[must_use]
pub fn is_local(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let address = host
        .parse()
        .is_ok_and(|address: IpAddr| address.is_loopback());
    address || host == "localhost" || host.ends_with(".localhost")
}

/// Why the handshake has failed, where that is because the server is not trusted.
pub(super) fn trust_error(error: &io::Error) -> Option<&TrustError> {
    match tls_error(error)? {
        rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(cause))) => {
            cause.downcast_ref()
        }
        _ => None,
    }
}

/// What TLS has to say about the failure of a connection.
pub(super) fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

/// Decides about certificates in the handshake.
#[derive(Debug)]
struct Judge {
    host: String,
    port: u16,
    trust: Trust,
    provider: Arc<CryptoProvider>,
}

impl Judge {
    fn judge(
        &self,
        shown: Fingerprint,
        vouched_for: impl FnOnce() -> Result<(), String>,
    ) -> Result<(), TrustError> {
        let server = server(&self.host, self.port);
        let known = match &self.trust {
            Trust::Exactly(wanted) if *wanted == shown => return Ok(()),
            Trust::Exactly(wanted) => {
                let wanted = *wanted;
                return Err(TrustError::Other {
                    server,
                    shown,
                    wanted,
                });
            }
            Trust::Usual(known) => known.as_ref(),
            Trust::Plaintext => None,
        };
        let lines = known.map(|known| known.find(&self.host, self.port));
        let lines = lines.transpose()?.unwrap_or_default();
        if lines.iter().any(|line| line.fingerprint == shown) {
            return Ok(());
        }
        let Err(why) = vouched_for() else {
            return Ok(());
        };
        match (known, lines.last()) {
            (Some(known), Some(line)) => Err(TrustError::Changed {
                server,
                shown,
                known: line.fingerprint,
                file: known.file().to_owned(),
                line: line.number,
            }),
            _ => Err(TrustError::Unknown { server, shown, why }),
        }
    }

    fn algorithms(&self) -> &rustls::crypto::WebPkiSupportedAlgorithms {
        &self.provider.signature_verification_algorithms
    }
}

impl ServerCertVerifier for Judge {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let vouched_for = || {
            let system = rustls_platform_verifier::Verifier::new(self.provider.clone())
                .map_err(|_| {
                    say!(
                        "this system knows no authority that could vouch for it",
                        "эта система не знает ни одного центра сертификации, который мог бы за него поручиться"
                    )
                })?;
            let verified = system.verify_server_cert(certificate, others, name, ocsp, now);
            verified.map(drop).map_err(|error| why(&error))
        };
        self.judge(Fingerprint::of(certificate), vouched_for)
            .map(|()| ServerCertVerified::assertion())
            .map_err(|error| CertificateError::Other(OtherError(Arc::new(error))).into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, self.algorithms())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, self.algorithms())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms().supported_schemes()
    }
}

/// Why the system does not vouch for a certificate.
fn why(error: &rustls::Error) -> String {
    use CertificateError as Error;
    match error {
        rustls::Error::InvalidCertificate(Error::UnknownIssuer) => {
            say!(
                "no authority that this system knows vouches for it",
                "за него не ручается ни один центр сертификации, известный этой системе"
            )
        }
        rustls::Error::InvalidCertificate(Error::Expired | Error::ExpiredContext { .. }) => {
            say!("its certificate has ended", "срок его сертификата истёк")
        }
        rustls::Error::InvalidCertificate(
            Error::NotValidForName | Error::NotValidForNameContext { .. },
        ) => say!(
            "its certificate is for another name",
            "его сертификат выдан на другое имя"
        ),
        error => say!(
            "its certificate cannot be verified ({error})",
            "его сертификат не удаётся проверить ({error})"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOWN: &[u8] = b"shown";

    fn judge(trust: Trust) -> Judge {
        Judge {
            host: "chat.example".into(),
            port: 2428,
            trust,
            provider: Arc::new(default_provider()),
        }
    }

    fn nobody() -> Result<(), String> {
        Err("nobody vouches for it".to_owned())
    }

    #[test]
    fn in_the_clear_only_to_what_is_this_machine_by_name_and_address() {
        let (near, far): (IpAddr, IpAddr) =
            ("127.0.0.1".parse().unwrap(), "192.0.2.7".parse().unwrap());
        let usual = Trust::Usual(None);
        for host in [
            "localhost",
            "LocalHost",
            "a.localhost",
            "127.0.0.1",
            "127.9.9.9",
            "::1",
        ] {
            assert!(is_clear(&usual, host, near), "{host}");
            assert!(!is_clear(&usual, host, far), "{host}");
            assert!(!is_clear(&Trust::Exactly(Fingerprint::of(b"")), host, near));
        }
        for host in [
            "chat.example",
            "notlocalhost",
            "192.0.2.7",
            "127.0.0.1.example",
            "",
        ] {
            assert!(!is_clear(&usual, host, near), "{host}");
            assert!(is_clear(&Trust::Plaintext, host, far), "{host}");
        }
    }

    #[test]
    fn a_fingerprint_that_was_told_counts_alone() {
        let shown = Fingerprint::of(SHOWN);
        assert_eq!(judge(Trust::Exactly(shown)).judge(shown, nobody), Ok(()));
        let other = judge(Trust::Exactly(Fingerprint::of(b"other")));
        let error = other.judge(shown, || Ok(())).unwrap_err();
        assert!(matches!(error, TrustError::Other { .. }), "{error}");
    }

    #[test]
    fn who_is_not_vouched_for_is_known_by_the_file_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let known = KnownHosts::in_file(folder.path().join("known_hosts"));
        let judge = judge(Trust::Usual(Some(known.clone())));
        let shown = Fingerprint::of(SHOWN);
        assert_eq!(judge.judge(shown, || Ok(())), Ok(()));
        let error = judge.judge(shown, nobody).unwrap_err();
        assert!(matches!(&error, TrustError::Unknown { shown: it, .. } if *it == shown));

        known
            .keep("chat.example", 2428, Fingerprint::of(b"before"))
            .unwrap();
        let error = judge.judge(shown, nobody).unwrap_err();
        let sentence = error
            .to_string()
            .replace(&*known.file().to_string_lossy(), "FILE");
        insta::assert_snapshot!(sentence, @"
        'chat.example:2428' shows another certificate than before. Either somebody stands between you and the server, who could read all you say and your password, or the server has a new one
          known here:  SHA256:bbfYA+dPH/p9j1rcC/lbPhW/TINz//rfVGInzGxnQss, line 1 of 'FILE'
          shown now:   SHA256:uq9TYipR2XUjXydih73BtkqkZAx3FCy8oHaHfZ6saBU
        ask its admin which one `chatctl status` shows. If it is the new one, delete that line: sed -i 1d 'FILE'
        ");
        // Whoever moves to a certificate that is vouched for disturbs nobody.
        assert_eq!(judge.judge(shown, || Ok(())), Ok(()));
        known.keep("chat.example", 2428, shown).unwrap();
        assert_eq!(judge.judge(shown, nobody), Ok(()));
    }
}
