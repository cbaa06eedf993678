//! Redelivering all dead letters, or all of a cause: one first, and the rest if it is accepted.

use std::time::Duration;

use anyhow::anyhow;

use crate::cli::output::note;
use crate::cli::serve::stop_signal;
use crate::clock::SystemClock;
use crate::domain::{Clock, Time, plural};
use crate::inspect::LetterFilter;
use crate::operate::{self, BeginError, First, LOOK_EVERY, Redelivery, RedeliveryState};
use crate::store::Store;

/// The operator's name in a redelivery that a command begins.
const NAME: &str = "the command line";

/// Returns the present time.
pub fn now() -> Time {
    SystemClock.now()
}

/// Puts all letters back that meet a condition, and returns their number. While a relay runs, one goes first, and its outcome decides
/// whether the others follow. A redelivery of the same cause that isn't over goes on.
pub async fn redeliver_all(
    store: &Store,
    filter: &LetterFilter,
    wait: Duration,
) -> anyhow::Result<u64> {
    let stop = stop_signal()?;
    tokio::pin!(stop);
    let first = match store.is_attended(now()).await? {
        true => First::DecidesBy(now().plus(wait)),
        false => First::IsNoTest,
    };
    let mut known = match operate::begin(store, filter, NAME, first, now()).await {
        Ok(begun) => begun,
        Err(BeginError::NoLetter) => return Ok(0),
        Err(BeginError::UnderWay(known)) if known.cause == filter.cause => *known,
        Err(error) => return Err(anyhow::Error::from(error)),
    };
    if first != First::IsNoTest {
        note(format!(
            "one letter goes first; waiting up to {wait:?} for its outcome, Ctrl-C stops"
        ));
    }
    loop {
        let step = async {
            let next = operate::advance(store, now()).await?;
            let next = next.unwrap_or_else(|| known.clone());
            if next == known && !next.state.is_over() {
                tokio::time::sleep(LOOK_EVERY).await;
            }
            anyhow::Ok(next)
        };
        known = tokio::select! {
            biased;
            () = &mut stop => return Err(stopped(store).await?),
            next = step => next?,
        };
        if known.state.is_over() {
            return ended(known);
        }
    }
}

/// Stops the redelivery; returns the reason that the command ends with.
async fn stopped(store: &Store) -> anyhow::Result<anyhow::Error> {
    let known = operate::stop(store, now()).await?;
    let done = plural(known.map_or(0, |known| known.put_back), "dead letter");
    Ok(anyhow!("stopped after {done} were put back; run the same command again to continue"))
}

/// Returns the result of a redelivery that is over.
fn ended(known: Redelivery) -> anyhow::Result<u64> {
    let reason = known.reason.unwrap_or_default();
    match known.state {
        RedeliveryState::Refused => {
            Err(anyhow!("the first was refused again, so the others stay dead letters: {reason}"))
        }
        RedeliveryState::Unknown => Err(anyhow!(
            "the first wasn't delivered, so the others stay dead letters: {reason}; \
             `referral-relay status` shows what calls wait for"
        )),
        RedeliveryState::Stopped => {
            let done = plural(known.put_back, "dead letter");
            Err(anyhow!("an operator stopped it; {done} put back"))
        }
        _ => Ok(known.put_back),
    }
}
