//! Receiving: verify, decode, accept.
//!
//! What belongs here: the way of a webhook from its bytes to its receipt, the same for HTTP and
//! for a replay. What doesn't: HTTP itself (`http`), reading the dialects (`growsurf`), what it
//! leads to (`mapping`).

mod headers;
mod lookup;
mod owner;
mod page;
mod reading;
mod replay;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::customerio::signature::SignatureError as ReportError;
use crate::domain::{
    Class, Clock, Notification, PathSegment, Random, Receipt, ReceivedWebhook, Source, Time,
    Webhook, WebhookId,
};
use crate::sources::growsurf::DecodeError;
use crate::sources::growsurf::signature::{Owner, SignatureError};
pub use crate::sources::server::is_server_event;
use crate::store::{Store, StoreError};
use headers::SIGNATURE;
pub use lookup::ParticipantLookup;
use owner::{check_campaign, sole_campaign};
pub use page::{PagePostOutcome, PageRules};
pub use reading::{Decoded, UnreadableBody, decode};
pub use replay::{Replayed, replay, replay_page, replay_these};

/// The proofs of webhooks.
#[derive(Debug)]
pub struct WebhookAuth {
    /// Every secret that may have signed, and whose it is.
    pub secrets: Vec<(Owner, SecretString)>,
    /// The greatest age of a signature.
    pub max_age: Duration,
    /// Every key that may have signed a report of Customer.io's.
    pub reporting_keys: Vec<SecretString>,
    /// Every key that may have signed a webhook action.
    pub action_keys: Vec<SecretString>,
    /// The greatest age of such signatures.
    pub report_max_age: Duration,
    /// The campaigns whose pages may post. Anybody can pretend to be one.
    pub pages: Vec<PageRules>,
    /// The origins of the pages that clicks may name, as browsers write them.
    pub page_origins: Vec<String>,
    /// The ids of the campaigns that the settings name. If there are any, there are no others.
    pub campaigns: Vec<String>,
}

/// Reasons why a webhook isn't accepted; nothing of it is kept.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// It isn't signed by a secret that the settings know.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// It isn't signed by a key of Customer.io's that the settings know.
    #[error("{fault}; see {keys}")]
    Report {
        /// The signature's fault.
        fault: ReportError,
        /// The setting that holds the keys of such webhooks.
        keys: &'static str,
    },
    /// A campaign's own secret signed it, but it names another campaign.
    #[error(
        "the signature is of campaign {signed_by}, but the body names {named:?}; \
         check growsurf.campaigns"
    )]
    WrongCampaign {
        /// The campaigns whose secrets fit.
        signed_by: String,
        /// The campaign in the body.
        named: String,
    },
    /// It isn't a JSON object.
    #[error(transparent)]
    Unreadable(#[from] DecodeError),
    /// It isn't a JSON object, and was made by a template.
    #[error(
        "{0}; put each Liquid text in quotes, keep quotes and line breaks out of it, and try it with a \
         person: \"Test response\" sends the template unrendered"
    )]
    Template(DecodeError),
    /// A field of it is wrong.
    #[error("{0}")]
    Invalid(String),
    /// It can't be stored now; the sender must try again.
    #[error("the webhook can't be stored now; try again")]
    Store(#[from] StoreError),
    /// The store took too long. It may still accept the webhook; then the next try is a duplicate.
    #[error("the webhook wasn't stored within {0:?}; try again")]
    Slow(Duration),
}

/// The most bytes of bodies that are decoded and stored at one time: thousands of usual ones. A larger
/// body goes alone.
const AT_ONCE: usize = 8 * 1024 * 1024;

/// The most bytes of a usual body. Larger ones have permits of their own, so that no usual one waits for
/// them.
const USUAL: usize = 64 * 1024;

/// The store's time for a webhook of Customer.io's, which gives up after 4 s
/// (<https://docs.customer.io/journeys/webhooks/>).
const CUSTOMERIO_TIMEOUT: Duration = Duration::from_secs(3);

/// The reason to refuse an event of the own backend or an action that could be of any campaign.
const UNNAMED: &str = "campaign is missing: GrowSurf's id of the campaign; it may be left out only \
    where growsurf.campaigns names exactly one";

/// The reason to refuse a campaign that isn't in `growsurf.campaigns`. Refused, not parked: sent again
/// with the right id, it would create a second effect.
const UNKNOWN: &str = "campaign is none of those that growsurf.campaigns names: fix GrowSurf's id of \
    the campaign, or add it there";

/// The reason to refuse a campaign whose id would be another path at GrowSurf.
const IMPOSSIBLE: &str = "campaign can't be an id of GrowSurf's";

/// Bodies are counted in units of this many bytes.
const UNIT: usize = 1024;

/// A decoded body and its row of the inbox.
struct Incoming {
    source: Source,
    owner: Option<String>,
    event: Option<String>,
    reading: Result<Notification, String>,
    body: Vec<u8>,
}

/// The use case: a webhook is verified, decoded and accepted.
pub struct Ingest {
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    auth: WebhookAuth,
    lookup: Option<ParticipantLookup>,
    timeout: Duration,
    /// The bounds of the bodies that are decoded at one time: of usual ones, and of large ones. A
    /// decoded body takes many times its memory.
    parse_permits: [Arc<Semaphore>; 2],
    wake: Arc<Notify>,
}

impl Ingest {
    /// Returns the store has `timeout` to accept a webhook. `wake` is notified when there is
    /// something new to deliver.
    pub fn new(
        store: Arc<Store>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        auth: WebhookAuth,
        timeout: Duration,
        wake: Arc<Notify>,
    ) -> Self {
        let parse_permits = [(); 2].map(|()| Arc::new(Semaphore::new(AT_ONCE / UNIT)));
        Self { store, clock, random, auth, lookup: None, timeout, parse_permits, wake }
    }

    /// Returns the lookup of participants, if there is one.
    pub fn lookup(&self) -> Option<&ParticipantLookup> {
        self.lookup.as_ref()
    }

    /// Adds the lookup of participants that a webhook action names and the store doesn't know.
    pub fn with_lookup(self, lookup: Option<ParticipantLookup>) -> Self {
        Self { lookup, ..self }
    }

    /// True if there is a key that reports can be signed with.
    pub fn accepts_reports(&self) -> bool {
        !self.auth.reporting_keys.is_empty()
    }

    /// True if there is a key that actions can be signed with.
    pub fn accepts_actions(&self) -> bool {
        !self.auth.action_keys.is_empty()
    }

    /// Accepts one webhook of `source`; the receipt comes once it is on disk. `header` returns a header of
    /// the request. The caller has checked the token of the user's own backend. `memory` is dropped with
    /// the body, which the store may hold after the timeout.
    ///
    /// # Errors
    /// See [`IngestError`]; then nothing of it was kept.
    pub async fn receive<'h>(
        &self,
        source: Source,
        header: impl Fn(&'static str) -> Option<&'h str>,
        body: Vec<u8>,
        memory: impl Send + 'static,
    ) -> Result<Receipt, IngestError> {
        let received_at = self.clock.now();
        let (mut owners, mut timeout) = (None, self.timeout);
        match source {
            Source::Growsurf => owners = self.owners(header(SIGNATURE), &body, received_at)?,
            Source::CustomerioReport | Source::CustomerioAction => {
                self.check_customerio(source, header, &body, received_at)?;
                timeout = timeout.min(CUSTOMERIO_TIMEOUT);
            }
            _ => {}
        }
        let read = |body: Vec<u8>| match source {
            Source::Growsurf => read_growsurf(owners.as_deref(), body, received_at),
            Source::CustomerioReport => {
                let Decoded { event, reading, .. } = decode(source, None, None, &body, received_at);
                // A refusal would block all that Customer.io has to send behind it.
                let reading = reading.map_err(|why| why.to_string());
                Ok(Incoming { source, owner: None, event, reading, body })
            }
            _ => self.read_strictly(source, body, received_at),
        };
        self.accept(body, read, memory, received_at, Class::Live, timeout).await
    }

    /// Reads a body of a contract of the relay's own. Its sender can fix what is wrong with it at
    /// once, which is better than to park it.
    fn read_strictly(
        &self,
        source: Source,
        body: Vec<u8>,
        received_at: Time,
    ) -> Result<Incoming, IngestError> {
        let Decoded { event, reading, .. } = decode(source, None, None, &body, received_at);
        let notification = reading.map_err(|why| match why {
            UnreadableBody::Bytes(error) if source == Source::CustomerioAction => {
                IngestError::Template(error)
            }
            UnreadableBody::Bytes(error) => IngestError::Unreadable(error),
            UnreadableBody::Content(reason) => IngestError::Invalid(reason),
        })?;
        self.check_campaign_is_known(&notification)?;
        Ok(Incoming { source, owner: None, event, reading: Ok(notification), body })
    }

    /// Refuses what names no campaign and could be of any, or names one that isn't known.
    fn check_campaign_is_known(&self, notification: &Notification) -> Result<(), IngestError> {
        let known = &self.auth.campaigns;
        let fault = match notification.named_campaign() {
            Some(id) if PathSegment::new(id).is_err() => IMPOSSIBLE,
            Some(id) if known.is_empty() || known.iter().any(|it| it == id) => return Ok(()),
            Some(_) => UNKNOWN,
            None if known.len() == 1 => return Ok(()),
            None => UNNAMED,
        };
        Err(IngestError::Invalid(fault.to_owned()))
    }

    /// Reads a body and stores it, within `timeout`.
    async fn accept(
        &self,
        body: Vec<u8>,
        read: impl FnOnce(Vec<u8>) -> Result<Incoming, IngestError>,
        memory: impl Send + 'static,
        received_at: Time,
        class: Class,
        timeout: Duration,
    ) -> Result<Receipt, IngestError> {
        let accepting = tokio::time::timeout(timeout, async {
            let permit = self.acquire_permit(body.len()).await;
            let Incoming { source, owner, event, mut reading, body } = read(body)?;
            if let (Source::CustomerioAction, Ok(notification), Some(lookup)) =
                (source, &mut reading, &self.lookup)
            {
                lookup.look_up(notification).await?;
            }
            let id = WebhookId::new(received_at, self.random.next());
            let webhook = Webhook { id, received_at, source, owner, event, body };
            let arrival = ReceivedWebhook { webhook, decoded: reading, class };
            let store = Arc::clone(&self.store);
            let accepting = tokio::spawn(async move {
                let receipt = store.accept(arrival, received_at).await;
                drop((permit, memory));
                receipt
            });
            Ok(accepting.await.map_err(|_| StoreError::Closed)??)
        });
        let receipt = accepting.await.unwrap_or(Err(IngestError::Slow(timeout)))?;
        if receipt.calls > 0 {
            self.wake.notify_one();
        }
        Ok(receipt)
    }

    /// Waits until a body of this many bytes may be parsed.
    async fn acquire_permit(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let units = bytes.div_ceil(UNIT).min(AT_ONCE / UNIT);
        let units = u32::try_from(units).expect("no more than all units");
        let permits = &self.parse_permits[usize::from(bytes > USUAL)];
        // Nobody closes it.
        Arc::clone(permits).acquire_many_owned(units).await.ok()
    }
}

/// Reads a webhook of GrowSurf's. `owners` are those of the secrets that signed it; `None` where
/// signatures aren't required.
fn read_growsurf(
    owners: Option<&[Owner]>,
    body: Vec<u8>,
    received_at: Time,
) -> Result<Incoming, IngestError> {
    let source = Source::Growsurf;
    let signer = owners.and_then(sole_campaign);
    let Decoded { event, campaign, reading, .. } = decode(source, signer, None, &body, received_at);
    let reading = match reading {
        // Anybody could fill the inbox with bytes that can't be read.
        Err(UnreadableBody::Bytes(error)) if owners.is_none() => return Err(error.into()),
        // GrowSurf would send it again for days, and then switch the webhook off.
        reading => reading.map_err(|why| why.to_string()),
    };
    let owner = check_campaign(owners, signer, campaign.as_deref())?;
    Ok(Incoming { source, owner, event, reading, body })
}
