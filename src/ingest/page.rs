//! Posts of pages: taken in only where they lead to something.
//!
//! What belongs here: the way of a post to its receipt. What doesn't: from where, and how many, posts
//! are taken (`http`).
//!
//! Nobody may learn from an answer which participants there are. So what leads to nothing isn't kept,
//! but is refused as well while the store takes nothing. That storing takes longer than not storing is
//! hidden where it is answered (`http`).

use super::{Ingest, Refusal, kept};
use crate::domain::{Link, Plan, Status};
use crate::page::{Kind, Post};
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

/// What became of a post that reached the store, or would have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Seen {
    /// It was kept, and leads to something.
    Accepted,
    /// It was told before, or its event is off.
    Nothing,
    /// It isn't of the script's form.
    Malformed,
    /// No campaign has its key.
    Key,
    /// The campaign's shares are told by somebody else.
    SharesOff,
    /// The link is no known participant's.
    Unknown,
}

impl Ingest {
    /// Whether there is a campaign that pages may tell of.
    pub fn takes_posts(&self) -> bool {
        !self.trust.pages.is_empty()
    }

    /// Takes in what a page posted, see [`Ingest::receive`].
    ///
    /// # Errors
    /// [`Refusal::Store`] and [`Refusal::Slow`] only; then nothing of it was kept.
    pub async fn seen(
        &self,
        kind: Kind,
        body: &[u8],
        share: impl Send + 'static,
    ) -> Result<Seen, Refusal> {
        let received_at = self.clock.now();
        let Some(post) = Post::read(kind, body, &self.trust.page_origins) else {
            return Ok(Seen::Malformed);
        };
        let Some(pages) = self.trust.pages.iter().find(|pages| pages.key == post.key) else {
            return Ok(Seen::Key);
        };
        if kind == Kind::Share && !pages.shares {
            return Ok(Seen::SharesOff);
        }
        let looking = async {
            let id = self.named(&post.link(&pages.campaign)).await?;
            let kept = post.kept(&pages.campaign, id.as_deref()).to_string().into_bytes();
            let read = kept::seen(kind, &kept, received_at)?;
            let Ok(news) = &read.reading else { return Ok((read, kept, Some(Seen::Malformed))) };
            let plan = self.store.preview(vec![news.clone()], received_at).await?;
            let nothing = match plan.first() {
                Some(Ok(Plan { is_news: true, .. })) => return Ok((read, kept, None)),
                Some(Ok(_)) => Seen::Nothing,
                _ => Seen::Unknown,
            };
            self.store.probe(received_at).await?;
            Ok::<_, Refusal>((read, kept, Some(nothing)))
        };
        let looked = tokio::time::timeout(self.patience, looking).await;
        let (read, kept, nothing) = looked.map_err(|_| Refusal::Slow(self.patience))??;
        match nothing {
            Some(nothing) => Ok(nothing),
            None => {
                let receipt =
                    self.take_in(kept, |_| Ok(read), share, received_at, self.patience).await?;
                let is_new = matches!(receipt.status, Status::Accepted);
                Ok(if is_new { Seen::Accepted } else { Seen::Nothing })
            }
        }
    }

    /// GrowSurf's id of the participant whose link it is, if the link doesn't carry it. What is kept
    /// names them by that alone, since a code may be somebody else's later, and may be a name.
    async fn named(&self, link: &Link) -> Result<Option<String>, StoreError> {
        if self.store.person(&link.as_id()).await?.is_some() {
            return Ok(None);
        }
        let owner = self.store.owner(link).await?;
        let participants = owner.iter().flat_map(|person| &person.participants);
        let mut theirs = participants.filter(|it| it.links().any(|own| own == *link));
        Ok(theirs.next().and_then(|it| it.growsurf_id.clone()))
    }
}
