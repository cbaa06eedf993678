//! Posts of pages: accepted only where they lead to something.
//!
//! What belongs here: the way of a post to its receipt. What doesn't: from where, and how many, posts
//! are accepted (`http`), and how many for one participant (`mapping`).
//!
//! Nobody may learn from an answer which participants there are. So what leads to nothing isn't stored,
//! but is refused as well while the store takes no write. That storing takes longer than not storing is
//! hidden where it is answered (`http`).

use strum::IntoStaticStr;

use super::reading::{Decoded, decode};
use super::{Incoming, Ingest, IngestError};
use crate::domain::{Class, Dropped, Link, ReadKey, Source, Status};
use crate::sources::page::{Kind, Post};
use crate::store::StoreError;

/// What pages may tell of one campaign.
#[derive(Clone, Debug)]
pub struct Pages {
    /// The campaign's id.
    pub campaign: String,
    /// What pages name it by.
    pub key: String,
    /// Whether they may tell shares.
    pub shares: bool,
}

/// The outcome of a post that was read, labelled as in metrics.
#[derive(Clone, Copy, PartialEq, Eq, Debug, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum PagePostOutcome {
    /// It was stored, and leads to something.
    Accepted,
    /// It leads to nothing and wasn't stored.
    Dropped(Dropped),
    /// All clients together posted more than the settings allow; the store wasn't asked.
    Total,
    /// It isn't of the script's form.
    Malformed,
    /// No campaign has its key.
    Key,
    /// The campaign's shares are told by somebody else.
    SharesOff,
}

impl Ingest {
    /// Whether there is a campaign that pages may tell of.
    pub fn accepts_posts(&self) -> bool {
        !self.trust.pages.is_empty()
    }

    /// Accepts what a page posted, see [`Ingest::receive`], if `admits` says that the store may be asked
    /// for one more.
    ///
    /// # Errors
    /// [`IngestError::Store`] and [`IngestError::Slow`] only; then nothing of it was kept.
    pub async fn page_post(
        &self,
        kind: Kind,
        body: &[u8],
        share: impl Send + 'static,
        admits: impl FnOnce() -> bool,
    ) -> Result<PagePostOutcome, IngestError> {
        let received_at = self.clock.now();
        let Some(post) = Post::read(kind, body, &self.trust.page_origins) else {
            return Ok(PagePostOutcome::Malformed);
        };
        let Some(pages) = self.trust.pages.iter().find(|pages| pages.key == post.key) else {
            return Ok(PagePostOutcome::Key);
        };
        if kind == Kind::Share && !pages.shares {
            return Ok(PagePostOutcome::SharesOff);
        }
        if !admits() {
            return Ok(PagePostOutcome::Total);
        }
        let looking = async {
            let id = self.named(&post.link(&pages.campaign)).await?;
            let kept = post.kept(&pages.campaign, id.as_deref()).to_string().into_bytes();
            let read = |body: Vec<u8>| {
                let Decoded { event, reading, .. } =
                    decode(Source::Page, None, None, &body, received_at);
                let reading = reading.map_err(|why| why.to_string());
                Ok(Incoming { source: Source::Page, owner: None, event, reading, body })
            };
            let (class, patience) = (Class::Page, self.patience);
            let receipt = self.accept(kept, read, share, received_at, class, patience).await?;
            let seen = match receipt.status {
                Status::Accepted => return Ok(PagePostOutcome::Accepted),
                Status::Dropped(why) => why,
                // Pages' posts are dropped where others are parked.
                Status::Duplicate | Status::Parked { .. } => Dropped::Nothing,
            };
            self.store.probe(received_at).await?;
            Ok::<_, IngestError>(PagePostOutcome::Dropped(seen))
        };
        let looked = tokio::time::timeout(self.patience, looking).await;
        looked.unwrap_or(Err(IngestError::Slow(self.patience)))
    }

    /// GrowSurf's id of the participant whose link it is, if the link doesn't carry it. What is kept
    /// names them by that alone, since a code may be somebody else's later, and may be a name.
    async fn named(&self, link: &Link) -> Result<Option<String>, StoreError> {
        if self.store.person(&ReadKey::Participant(link.as_id())).await?.is_some() {
            return Ok(None);
        }
        let owner = self.store.person(&ReadKey::Link(link.clone())).await?;
        let participants = owner.iter().flat_map(|person| &person.participants);
        let mut theirs = participants.filter(|it| it.links().any(|own| own == *link));
        Ok(theirs.next().and_then(|it| it.growsurf_id.clone()))
    }
}
