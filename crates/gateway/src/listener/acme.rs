//! Certificates from an authority that speaks ACME (RFC 8555), kept good without anybody's doing.
//!
//! Here live: the account, the orders, when the next one is due. The authority's question, whether the name leads to us,
//! is answered where the gateway listens anyway, by tls-alpn-01 (RFC 8737): no other port, no other server. What comes
//! out is a file with key and chain, which [`Tls`] takes into use as it would one that somebody else put there.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use anser_types::{Clock, Timestamp};
use instant_acme::{
    Account, AccountBuilder, AccountCredentials, AuthorizationStatus, ChallengeType, Identifier, NewAccount, NewOrder,
    Order, RetryPolicy,
};
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject};
use tokio::time::{sleep, timeout};
use x509_parser::{extensions::GeneralName, prelude::FromDer};

use super::tls::{Tls, TlsFiles};

/// TLS's name for the protocol of the authority's question.
pub(super) const QUESTION: &[u8] = b"acme-tls/1";

/// How long one order may take, from the account to the chain.
const ORDER_WITHIN: Duration = Duration::from_secs(300);
/// Polls of an order: authorities need seconds to ask.
const POLLS: RetryPolicy = RetryPolicy::new().timeout(Duration::from_secs(120));
/// After an order that failed; doubled each time. Authorities count failures, by the hour.
const AGAIN_AFTER: Duration = Duration::from_secs(60);
const AGAIN_AT_MOST: Duration = Duration::from_secs(3_600);
/// How often to look whether a certificate is due.
const LOOK: Duration = Duration::from_secs(3_600);

/// Whose certificate, and from whom.
#[derive(Clone, Debug)]
pub struct Acme {
    /// The names that the certificate is for; they lead to this gateway, port 443.
    pub domains: Vec<String>,
    /// The authority's directory, an https URL.
    pub directory: String,
    /// Whom the authority may write to, as an e-mail address.
    pub contact: Option<String>,
    /// PEM file with the certificate that the directory's own is checked against; `None`: as the system trusts.
    pub roots: Option<PathBuf>,
    /// Where account, key and chain are kept. Made if it is not there, for its owner only.
    pub folder: PathBuf,
}

#[derive(Debug, thiserror::Error)]
enum AcmeError {
    #[error("the authority: {0}")]
    Authority(#[from] instant_acme::Error),
    #[error("the authority does not offer tls-alpn-01 for {0}")]
    NoChallenge(String),
    #[error("the order took longer than {} s", ORDER_WITHIN.as_secs())]
    Late,
    #[error("making a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    #[error("{0}")]
    File(#[from] io::Error),
    #[error("the account's file cannot be read: {0}")]
    Account(#[from] serde_json::Error),
}

impl Acme {
    /// Where key and chain are. Until the first order is done a certificate that nobody trusts stands there, so that the
    /// authority finds somebody to ask.
    pub fn files(&self, look: Duration) -> io::Result<TlsFiles> {
        make_folder(&self.folder)?;
        let pair = self.pair();
        if !pair.exists() {
            let own = rcgen::generate_simple_self_signed(self.domains.clone()).map_err(io::Error::other)?;
            replace(&pair, &(own.signing_key.serialize_pem() + &own.cert.pem()))?;
        }
        Ok(TlsFiles { certificate: pair.clone(), key: pair, look })
    }

    /// Keeps the certificate good for ever.
    pub(super) async fn keep(self, tls: Arc<Tls>, clock: Clock) {
        let mut again = AGAIN_AFTER;
        loop {
            let due = self.due_at();
            if due > clock.now() {
                sleep(LOOK).await;
                continue;
            }
            let ordered = timeout(ORDER_WITHIN, self.order(&tls)).await.unwrap_or(Err(AcmeError::Late));
            tls.forget_questions();
            let outcome = if ordered.is_ok() { "issued" } else { "failed" };
            metrics::counter!("anser_acme_orders_total", "outcome" => outcome).increment(1);
            match ordered {
                Ok(()) => {
                    tracing::info!(domains = ?self.domains, "a certificate was issued");
                    again = AGAIN_AFTER;
                }
                Err(error) => {
                    tracing::error!(%error, "no certificate was issued; the old one stays in use");
                    sleep(again).await;
                    again = (again * 2).min(AGAIN_AT_MOST);
                }
            }
        }
    }

    /// When the next certificate is due: at two thirds of the present one's time; at once where it is not for these
    /// names, or nobody vouches for it.
    fn due_at(&self) -> Timestamp {
        let present = std::fs::read(self.pair()).ok();
        present.and_then(|pem| CertificateDer::from_pem_slice(&pem).ok()).and_then(|der| self.due_of(&der)).unwrap_or(0)
    }

    fn due_of(&self, der: &[u8]) -> Option<Timestamp> {
        let (_, certificate) = x509_parser::certificate::X509Certificate::from_der(der).ok()?;
        let names = certificate.subject_alternative_name().ok()??;
        let is_named =
            |domain: &String| names.value.general_names.iter().any(|name| *name == GeneralName::DNSName(domain));
        if certificate.issuer() == certificate.subject() || !self.domains.iter().all(is_named) {
            return None;
        }
        let (from, until) =
            (certificate.validity().not_before.timestamp(), certificate.validity().not_after.timestamp());
        Some((from + (until - from) / 3 * 2) * 1_000)
    }

    async fn order(&self, tls: &Tls) -> Result<(), AcmeError> {
        let account = self.account().await?;
        let names: Vec<Identifier> = self.domains.iter().cloned().map(Identifier::Dns).collect();
        let mut order = account.new_order(&NewOrder::new(&names)).await?;
        answer(&mut order, tls).await?;
        order.poll_ready(&POLLS).await?;

        let key = KeyPair::generate()?;
        let mut wanted = CertificateParams::new(self.domains.clone())?;
        wanted.distinguished_name = DistinguishedName::new();
        order.finalize_csr(wanted.serialize_request(&key)?.der()).await?;
        let chain = order.poll_certificate(&POLLS).await?;
        replace(&self.pair(), &(key.serialize_pem() + &chain))?;
        tls.look();
        Ok(())
    }

    /// The account with the authority: the one that is remembered, or a new one.
    async fn account(&self) -> Result<Account, AcmeError> {
        let path = self.folder.join("account.json");
        match std::fs::read(&path) {
            Ok(known) => {
                let credentials: AccountCredentials = serde_json::from_slice(&known)?;
                return Ok(self.client()?.from_credentials(credentials).await?);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
        let contact = self.contact.as_ref().map(|address| format!("mailto:{address}"));
        let contact: Vec<&str> = contact.as_deref().into_iter().collect();
        let account = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
        let (account, credentials) = self.client()?.create(&account, self.directory.clone(), None).await?;
        replace(&path, &serde_json::to_string(&credentials)?)?;
        Ok(account)
    }

    fn client(&self) -> Result<AccountBuilder, AcmeError> {
        Ok(match &self.roots {
            Some(roots) => Account::builder_with_root(roots)?,
            None => Account::builder()?,
        })
    }

    fn pair(&self) -> PathBuf {
        self.folder.join("pair.pem")
    }
}

/// Prepares the answers to the authority's questions, and tells it to ask.
async fn answer(order: &mut Order, tls: &Tls) -> Result<(), AcmeError> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let name = authorization.identifier().to_string();
        let mut challenge =
            authorization.challenge(ChallengeType::TlsAlpn01).ok_or_else(|| AcmeError::NoChallenge(name.clone()))?;
        let (key, certificate) = proof(&name, challenge.key_authorization().digest().as_ref())?;
        tls.expect_question(name, vec![certificate], key)?;
        challenge.set_ready().await?;
    }
    Ok(())
}

/// The certificate that answers for `name` (RFC 8737, section 3).
fn proof(name: &str, digest: &[u8]) -> Result<(PrivateKeyDer<'static>, CertificateDer<'static>), rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(vec![name.to_owned()])?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let certificate = params.self_signed(&key)?.der().clone();
    Ok((PrivatePkcs8KeyDer::from(key.serialize_der()).into(), certificate))
}

/// Puts a secret file in the place of another, as a whole or not at all.
fn replace(path: &std::path::Path, content: &str) -> io::Result<()> {
    use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
    let new = path.with_extension("new");
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(content.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(new, path)
}

fn make_folder(folder: &std::path::Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}
