//! Posts of pages: accepted only where they lead to something.
//!
//! What belongs here: the way of a post to its receipt. What doesn't: the origins and the number of posts
//! (`http`), and the number for one participant (`mapping`).
//!
//! No answer shows which participants exist. So a post that leads to nothing isn't stored, but is
//! refused as well while the store takes no write. `http` hides the time that storing takes.

use strum::IntoStaticStr;

use super::reading::{Decoded, decode};
use super::{Incoming, Ingest, IngestError};
use crate::domain::{Class, Dropped, Link, ReadKey, Source, Status};
use crate::sources::page::{Kind, Post};
use crate::store::StoreError;

/// The rules for the pages of one campaign.
#[derive(Clone, Debug)]
pub struct PageRules {
    /// The campaign's id.
    pub campaign: String,
    /// The campaign's name in posts.
    pub key: String,
    /// True if they may post shares.
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
    /// All clients together posted more than the settings allow; nothing was read from the store.
    Total,
    /// It isn't of the script's form.
    Malformed,
    /// No campaign has its key.
    Key,
    /// The campaign's shares come from another source.
    SharesOff,
}

impl Ingest {
    /// True if any campaign's pages may post.
    pub fn accepts_posts(&self) -> bool {
        !self.auth.pages.is_empty()
    }

    /// Accepts a page's post, see [`Ingest::receive`], if `admits` has room for one more.
    ///
    /// # Errors
    /// [`IngestError::Store`] and [`IngestError::Slow`] only; then nothing of it was kept.
    pub async fn page_post(
        &self,
        kind: Kind,
        body: &[u8],
        memory: impl Send + 'static,
        admits: impl FnOnce() -> bool,
    ) -> Result<PagePostOutcome, IngestError> {
        let received_at = self.clock.now();
        let Some(post) = Post::read(kind, body, &self.auth.page_origins) else {
            return Ok(PagePostOutcome::Malformed);
        };
        let Some(pages) = self.auth.pages.iter().find(|pages| pages.key == post.key) else {
            return Ok(PagePostOutcome::Key);
        };
        if kind == Kind::Share && !pages.shares {
            return Ok(PagePostOutcome::SharesOff);
        }
        if !admits() {
            return Ok(PagePostOutcome::Total);
        }
        let accepting = async {
            let id = self.named(&post.link(&pages.campaign)).await?;
            let kept = post.kept(&pages.campaign, id.as_deref()).to_string().into_bytes();
            let read = |body: Vec<u8>| {
                let Decoded { event, reading, .. } =
                    decode(Source::Page, None, None, &body, received_at);
                let reading = reading.map_err(|why| why.to_string());
                Ok(Incoming { source: Source::Page, owner: None, event, reading, body })
            };
            let (class, timeout) = (Class::Page, self.timeout);
            let receipt = self.accept(kept, read, memory, received_at, class, timeout).await?;
            let dropped = match receipt.status {
                Status::Accepted => return Ok(PagePostOutcome::Accepted),
                Status::Dropped(why) => why,
                // Pages' posts are dropped where others are parked.
                Status::Duplicate | Status::Parked { .. } => Dropped::Nothing,
            };
            self.store.probe(received_at).await?;
            Ok::<_, IngestError>(PagePostOutcome::Dropped(dropped))
        };
        let accepted = tokio::time::timeout(self.timeout, accepting).await;
        accepted.unwrap_or(Err(IngestError::Slow(self.timeout)))
    }

    /// Returns GrowSurf's id of the link's participant, if the link doesn't carry it. The kept post names
    /// them by that alone, since a code may be another person's later, and may be a name.
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
