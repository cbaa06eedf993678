//! The campaign that a body names, wherever one can be named.
//!
//! What belongs here: those places, the same for both dialects and for bodies of neither. What doesn't:
//! whether the sender may name it, which `ingest` decides.

use super::lenient::Object;

/// The event whose `data` is the campaign itself.
pub const ENDED: &str = "CAMPAIGN_ENDED";

/// Returns the ids of the campaigns that a body names, the place of GrowSurf's own first. No place in
/// metadata counts, since whoever signs up can write those.
pub fn named(event: Option<&str>, body: Object<'_>) -> Vec<String> {
    let (data, participant) = (body.object("data"), body.object("participant"));
    let of_data = data.and_then(|data| data.object("participant"));
    let ended = data.filter(|_| event == Some(ENDED)).and_then(|data| data.id("id"));
    let nested = |place: Option<Object<'_>>| place?.object("campaign")?.id("id");
    let named = |place: Option<Object<'_>>, name| place?.id(name);
    let places = [data, of_data, participant, Some(body)];
    [ended, nested(data)]
        .into_iter()
        .chain(places.map(|place| named(place, "campaignId")))
        .chain([Some(body), participant, of_data].map(nested))
        .chain(places.map(|place| named(place, "campaign")))
        .flatten()
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_campaign_is_found_wherever_it_is_named_and_nowhere_else() {
        for (body, ids) in [
            (json!({"data": {"campaign": {"id": "a"}}}), &["a"][..]),
            (json!({"data": {"campaign": "a"}}), &["a"]),
            (json!({"data": {"campaign": 7, "campaignId": "b"}}), &["b", "7"]),
            (json!({"data": {"participant": {"campaignId": "a"}}}), &["a"]),
            (
                json!({"data": {"participant": {"campaign": {"id": "a"}}}, "campaign": "b"}),
                &["a", "b"],
            ),
            (json!({"participant": {"campaignId": "a"}, "campaignId": "b"}), &["a", "b"]),
            (json!({"participant": {"campaign": "a"}, "campaign": {"id": "b"}}), &["b", "a"]),
            (json!({"campaign": " a "}), &["a"]),
            (json!({"event": ENDED, "data": {"id": "a", "campaign": {"id": "b"}}}), &["a", "b"]),
            (json!({"data": {"id": "a", "campaign": {"name": "A"}}}), &[]),
            (
                json!({"data": {"metadata": {"campaignId": "a"}}, "metadata": {"campaign": "a"}}),
                &[],
            ),
            (json!({"campaignName": "a", "campaign": null, "data": {"campaign": ""}}), &[]),
        ] {
            let object = Object::of(&body).unwrap();
            assert_eq!(named(object.text("event"), object), ids, "{body}");
        }
    }
}
