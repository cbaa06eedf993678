//! Posts of pages: taken in only where they lead to something.
//!
//! What belongs here: the way of a post to its receipt. What doesn't: from where, and how many, posts
//! are taken (`http`).
//!
//! Nobody may learn from an answer which participants there are. So what leads to nothing isn't kept,
//! but is refused as well while the store takes nothing. That storing takes longer than not storing is
//! hidden where it is answered (`http`).

use super::{Ingest, Refusal, kept};
use crate::domain::{Link, Person, Plan, Status};
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
        let link = post.link(&pages.campaign);
        let naming = async {
            // Asked of every post, so that no answer takes longer because there is such a link.
            let is_id = self.store.person(&link.as_id()).await?.is_some();
            let owner = self.store.owner(&link).await?.filter(|_| !is_id);
            let id = owner.as_ref().and_then(|person| named(person, &link));
            let body = post.kept(&pages.campaign, id).to_string().into_bytes();
            Ok::<_, Refusal>((kept::seen(kind, &body, received_at)?, body))
        };
        let slow = |_| Refusal::Slow(self.patience);
        let (read, kept) = tokio::time::timeout(self.patience, naming).await.map_err(slow)??;
        let previewing = async {
            let Ok(news) = &read.reading else { return Ok(Some(Seen::Malformed)) };
            let plan = self.store.preview(vec![news.clone()], received_at).await?;
            let nothing = match plan.first() {
                Some(Ok(Plan { is_news: true, .. })) => return Ok(None),
                Some(Ok(_)) => Seen::Nothing,
                _ => Seen::Unknown,
            };
            self.store.probe(received_at).await?;
            Ok::<_, StoreError>(Some(nothing))
        };
        let previewed = tokio::time::timeout(self.patience, previewing).await;
        match previewed.map_err(slow)?? {
            Some(nothing) => Ok(nothing),
            None => {
                let receipt =
                    self.take_in(kept, |_| Ok(read), share, received_at, self.patience).await?;
                let is_new = matches!(receipt.status, Status::Accepted);
                Ok(if is_new { Seen::Accepted } else { Seen::Nothing })
            }
        }
    }
}

/// GrowSurf's id of the participant whose link it is. What is kept names them by that alone, since a
/// code may be somebody else's later, and may be a name.
fn named<'a>(person: &'a Person, link: &Link) -> Option<&'a str> {
    let mut participants = person.participants.iter();
    participants.find(|it| it.links().any(|own| own == *link))?.growsurf_id.as_deref()
}
