//! Posts of pages, which anybody can send: nothing is kept of one but what is plain.

use referral_relay::domain::{Event, Time};
use referral_relay::sources::page::{self, Kind, Post};
use serde_json::Value;

/// The only origin of pages that may be reported.
const ORIGIN: &str = "https://shop.example.com";

/// The longest text that anything of a post may keep.
const LONGEST: usize = 500;

/// Reads a post as either kind.
pub fn page(data: &[u8]) {
    for kind in [Kind::Click, Kind::Share] {
        let Some(post) = Post::read(kind, data, &[ORIGIN.to_owned()]) else { continue };
        let kept = post.kept("campaign", None);
        let fields = kept.as_object().expect("what is kept is an object");
        for (name, value) in fields {
            let text = value.as_str().expect("nothing but texts is kept");
            assert!((1..=LONGEST).contains(&text.len()), "{name} has {} bytes", text.len());
            let is_plain = text.bytes().all(|it| it.is_ascii_alphanumeric() || b"-_".contains(&it));
            let is_bare = !text.contains(['?', '#', '@']) && !text.contains("%40");
            let is_own = text.strip_prefix(ORIGIN).is_some_and(|path| path.starts_with('/'));
            let is_page = name == "page" && is_own && is_bare;
            assert!(is_plain || is_page, "{name} keeps {text:?}");
        }
        let at = Time::from_seconds(1_790_000_000);
        let notification = page::read(&kept, at).expect("what is kept can be read again");
        let [reported] = notification.events.as_slice() else { panic!("{notification:?}") };
        let is_of_kind = match &reported.event {
            Event::Visited(_) => kind == Kind::Click,
            Event::ShareReported { is_from_page: by_page, .. } => kind == Kind::Share && *by_page,
            _ => false,
        };
        assert!(is_of_kind, "{reported:?}");
        assert!(notification.people[0].metadata.is_empty(), "a page claims nothing");
    }
    // What is in the inbox may have been cut since.
    if let Ok(kept) = serde_json::from_slice::<Value>(data) {
        let _ = page::read(&kept, Time::from_seconds(1_790_000_000));
    }
}
