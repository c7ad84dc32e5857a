//! Letters with links: written to a durable outbox together with a change of the catalog, and sent later by a
//! background task.
//!
//! `accounts` and operations call `enqueue` in the transaction of the change, and `background` calls
//! `Mailer::send_due`. A crash loses no letter: a letter that was claimed but not settled is sent again. The token of a
//! link is generated when its letter is sent, and only its hash is stored.

mod files;
mod letter;
mod list;
mod outbox;
mod texts;
mod transport;
mod verbs;

pub(crate) use files::sweep;
pub(crate) use list::list;
pub use list::{Filter, Letter, LetterState};
pub(crate) use outbox::{Draft, Kind, Link, ask_to_confirm, enqueue, link, use_link, void_links};
pub use verbs::Outbox;

use crate::{
    Error, Result,
    access::ratelimit::Letters,
    config::Config,
    control::{
        Control,
        clock::{DAY_US, SECOND_US},
    },
    locale::Locale,
    tenants, users,
};
use lettre::{
    Address, Message,
    message::{Body, Mailbox, header::ContentTransferEncoding},
};
use outbox::{Claimed, Lifetimes, Next};
use tenantry_engine::Tx;
use tokio::sync::Notify;
use transport::Transport;

/// Largest number of letters sent in one pass.
const PER_PASS: usize = 200;

/// Sends the letters in the outbox.
pub(crate) struct Mailer {
    control: Control,
    transport: Transport,
    from: Mailbox,
    platform: String,
    base_url: String,
    lifetimes: Lifetimes,
    rate: Letters,
    wake: Notify,
}

impl Mailer {
    /// Creates the mailer from the configuration. Reads the password of the mail server, but does not connect to it.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] for a sender or a server that cannot be used.
    pub(crate) fn open(control: Control, config: &Config) -> Result<Self> {
        let mail = &config.mail;
        Ok(Self {
            control,
            transport: Transport::open(mail)?,
            from: sender(config)?,
            platform: config.platform.name.clone(),
            base_url: mail.base_url.clone().unwrap_or_else(|| base_url(config)),
            lifetimes: Lifetimes {
                invitation_us: i64::from(mail.invitation_days) * DAY_US,
                verify_us: i64::from(mail.verify_days) * DAY_US,
                reset_us: i64::from(mail.reset_minutes) * 60 * SECOND_US,
            },
            rate: Letters::new(mail.per_address_per_hour),
            wake: Notify::new(),
        })
    }

    /// Checks that the password of the mail server could be read. A server needs it; commands do not.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] if the password could not be read.
    pub(crate) fn check_secrets(&self) -> Result<()> {
        match &self.transport {
            Transport::NoPassword(reason) => Err(Error::invalid("mail.password", reason.clone())),
            Transport::Smtp(_) | Transport::Folder(_) => Ok(()),
        }
    }

    /// Wakes the background task of this process because a letter is waiting.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Waits until [`Mailer::wake`] is called.
    pub(crate) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Sends the letters that are due. Returns the number of letters sent. A letter that cannot be sent is retried
    /// later, and given up after ten attempts.
    pub(crate) async fn send_due(&self) -> Result<usize> {
        let mut sent = 0;
        for _ in 0..PER_PASS {
            match outbox::claim(&self.control, &self.lifetimes, &self.rate).await? {
                Next::Letter(claimed) => sent += usize::from(self.send(&claimed).await?),
                Next::PutOff => {}
                Next::Nothing => break,
            }
        }
        if let (true, Transport::Folder(folder)) = (outbox::prune(&self.control).await?, &self.transport) {
            files::sweep(&self.control, folder).await?;
        }
        Ok(sent)
    }

    async fn send(&self, claimed: &Claimed) -> Result<bool> {
        let Some(message) = self.compose(claimed).await? else {
            outbox::drop_letter(&self.control, claimed.id).await?;
            return Ok(false);
        };
        match self.transport.deliver(claimed.id, message).await {
            Ok(()) => {
                outbox::sent(&self.control, claimed.id).await?;
                Ok(true)
            }
            Err(reason) => {
                let last = outbox::failed(&self.control, claimed, &reason).await?;
                match last {
                    true => tracing::error!(mail = claimed.id, %reason, "a letter was given up"),
                    false => {
                        tracing::warn!(mail = claimed.id, %reason, "a letter could not be sent, it is tried again")
                    }
                }
                Ok(false)
            }
        }
    }

    /// Composes a claimed letter. Returns `None` if its subject no longer exists.
    async fn compose(&self, claimed: &Claimed) -> Result<Option<Message>> {
        let mut tx = self.control.snapshot().await?;
        let tenant = match claimed.tenant {
            Some(id) => tenants::by_id(&mut tx, id).await.ok().map(|tenant| tenant.name),
            None => None,
        };
        if claimed.kind == Kind::Invitation && tenant.is_none() {
            return Ok(None);
        }
        let language = language(&mut tx, claimed).await?;
        let token = claimed.token.reveal();
        let letter = letter::write(
            language.as_deref(),
            claimed.kind,
            (&self.platform, tenant.as_deref()),
            (&self.base_url, &token),
        );
        let to: Address =
            claimed.address.parse().map_err(|_| Error::Internal("an address in the outbox".into()))?;
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(letter.subject)
            .header(lettre::message::header::ContentType::TEXT_PLAIN)
            .body(quoted_printable(letter.text)?);
        message.map(Some).map_err(|e| Error::Internal(format!("a letter: {e}")))
    }
}

/// Returns the text of a letter in an encoding that people can read in a file, in every language.
fn quoted_printable(text: String) -> Result<Body> {
    let body = Body::new_with_encoding(text, ContentTransferEncoding::QuotedPrintable);
    body.map_err(|_| Error::Internal("the text of a letter".into()))
}

/// Returns the language of a letter: that of its recipient, else that of the tenant. `None`: neither has chosen one.
async fn language(tx: &mut Tx, claimed: &Claimed) -> Result<Option<String>> {
    let recipient = match claimed.user {
        Some(id) => users::by_id(tx, id).await.ok(),
        None => users::by_email(tx, &claimed.address).await?,
    };
    if let Some(language) = recipient.and_then(|user| user.locale.language) {
        return Ok(Some(language));
    }
    let Some(tenant) = claimed.tenant else { return Ok(None) };
    let settings = tenants::settings(tx, tenant).await.ok();
    Ok(settings.and_then(|settings| Locale::of_settings(&settings).language))
}

fn sender(config: &Config) -> Result<Mailbox> {
    if let Some(from) = &config.mail.from {
        return from.parse().map_err(|_| Error::invalid("mail.from", "must be an address"));
    }
    let address = Address::new("no-reply", config.platform.base_domain.as_str());
    let address = address
        .map_err(|_| Error::invalid("mail.from", "is needed: no sender can be made of base_domain"))?;
    Ok(Mailbox::new(Some(config.platform.name.clone()), address))
}

fn base_url(config: &Config) -> String {
    let platform = &config.platform;
    match platform.https {
        true => format!("https://{}", platform.base_domain),
        false => format!("http://{}:{}", platform.base_domain, platform.listen.port()),
    }
}
