//! The envelope of a body, and the campaign that it names, wherever one can be named.
//!
//! What belongs here: what all events have, the same for both dialects and for bodies of neither. What doesn't: what
//! happened; whether the sender may name the campaign, which `ingest` decides.

use serde::de::MapAccess;
use serde::de::value::MapAccessDeserializer;
use serde::{Deserialize, Deserializer};

use crate::domain::Time;
use crate::sources::lenient::{self, Field, Lenient, Plain, wire};

/// The event whose `data` is the campaign itself.
pub const ENDED: &str = "CAMPAIGN_ENDED";

wire! {
    /// A body: `{event, createdAt, data}` in GrowSurf's webhooks
    /// (<https://docs.growsurf.com/developer-tools/webhooks/events-reference>), `{event, participant, referrer}` in the
    /// guides. What happened is read by each event's own structs.
    pub struct Envelope<'a> {
        pub event: Option<&'a str>,
        pub created_at: Field<Time>,
        pub data: Option<Place<'a>>,
        pub participant: Option<Place<'a>>,
        pub campaign_id: Option<String>,
        pub campaign_name: Option<&'a str>,
        #[serde(borrow)]
        pub campaign: NamedCampaign<'a>,
    }
}

wire! {
    /// An object in a body that may name a campaign: `data`, and a participant.
    ///
    /// Metadata is none, since a person who signs up can write it.
    pub struct Place<'a> {
        pub campaign_id: Option<String>,
        pub campaign_name: Option<&'a str>,
        #[serde(borrow)]
        pub campaign: NamedCampaign<'a>,
        pub participant: Option<Box<Self>>,
    }
}

/// A campaign as it is named: by an object, or by its id alone.
#[derive(Debug, Default)]
pub struct NamedCampaign<'a> {
    pub object: Campaign<'a>,
    pub bare_id: Option<String>,
}

wire! {
    /// The `campaign` of a webhook (<https://docs.growsurf.com/developer-tools/webhooks/events-reference>).
    pub struct Campaign<'a> {
        pub id: Option<String>,
        pub name: Option<&'a str>,
        /// `REFERRAL` or `AFFILIATE`.
        #[serde(rename = "type")]
        pub kind: Option<&'a str>,
        #[serde(rename = "currencyISO")]
        pub currency_iso: Option<&'a str>,
    }
}

impl<'de> Lenient<'de> for NamedCampaign<'de> {
    type Out = Self;

    fn plain(value: Plain<'de>) -> Self {
        Self { bare_id: value.id(), ..Self::default() }
    }

    fn map<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        let object = Campaign::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Self { object, bare_id: None })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for NamedCampaign<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        lenient::any::<NamedCampaign<'de>, D>(deserializer)
    }
}

impl<'a> Envelope<'a> {
    /// Returns the ids of the campaigns that a body names, the place of GrowSurf's own first: `ended` is what
    /// stands there in [`ENDED`].
    pub fn campaigns(&'a self, ended: Option<&'a Campaign<'_>>) -> Vec<&'a str> {
        let (data, participant) = (self.data.as_ref(), self.participant.as_ref());
        let of_data = data.and_then(|data| data.participant.as_deref());
        let own = (&self.campaign_id, &self.campaign);
        let nested = |place: &'a Place<'_>| (&place.campaign_id, &place.campaign);
        let [data, of_data, participant] = [data, of_data, participant].map(|it| it.map(nested));
        let places = [data, of_data, participant, Some(own)];
        let object = |(_, campaign): (_, &'a NamedCampaign<'_>)| campaign.object.id.as_deref();
        [ended.and_then(|campaign| campaign.id.as_deref()), data.and_then(object)]
            .into_iter()
            .chain(places.map(|it| it?.0.as_deref()))
            .chain([Some(own), participant, of_data].map(|it| it.and_then(object)))
            .chain(places.map(|it| it?.1.bare_id.as_deref()))
            .flatten()
            .collect()
    }
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
            let envelope = lenient::read::<Envelope>(body.as_object().unwrap());
            let data = body["data"].as_object().filter(|_| envelope.event == Some(ENDED));
            let ended = data.map(lenient::read);
            assert_eq!(envelope.campaigns(ended.as_ref()), ids, "{body}");
        }
    }
}
