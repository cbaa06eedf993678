//! Owners: the campaign that a webhook of GrowSurf's is verified to be of.
//!
//! What belongs here: what a campaign's own secret vouches for. What doesn't: the signature
//! (`growsurf`).

use secrecy::ExposeSecret;

use super::{Ingest, IngestError, WebhookAuth};
use crate::domain::{LONGEST_ID, Time};
use crate::sources::growsurf::signature::{Key, Owner, SignatureError, verify};

impl Ingest {
    /// Returns the owners of the secrets that signed the body; `None` where no secret is set.
    ///
    /// # Errors
    /// As [`verify`].
    pub(super) fn owners(
        &self,
        signature: Option<&str>,
        body: &[u8],
        received_at: Time,
    ) -> Result<Option<Vec<Owner>>, SignatureError> {
        let WebhookAuth { secrets, max_age, .. } = &self.auth;
        if secrets.is_empty() {
            return Ok(None);
        }
        let keys = secrets.iter().map(|(owner, secret)| Key {
            owner: owner.clone(),
            secret: secret.expose_secret().as_bytes(),
        });
        verify(signature, body, keys, received_at, *max_age).map(Some)
    }
}

/// Returns the campaign whose own secret signed, unless a secret of all campaigns or of several did.
pub(super) fn sole_campaign(owners: &[Owner]) -> Option<&str> {
    let mut campaigns = owners.iter().map(|owner| match owner {
        Owner::Global => None,
        Owner::Campaign(id) => Some(id.as_str()),
    });
    let first = campaigns.next()??;
    campaigns.all(|other| other == Some(first)).then_some(first)
}

/// Returns the owner of a body that names this campaign, or none. A campaign's own secret vouches
/// for that campaign alone; what names none belongs to it.
pub(super) fn check_campaign(
    owners: Option<&[Owner]>,
    signer: Option<&str>,
    named: Option<&str>,
) -> Result<Option<String>, IngestError> {
    let owners = owners.unwrap_or_default();
    if owners.is_empty() || owners.contains(&Owner::Global) {
        return Ok(None);
    }
    let owner = named.or(signer);
    let signed = |id: &str| owners.iter().any(|it| matches!(it, Owner::Campaign(own) if own == id));
    if let Some(owner) = owner.filter(|id| signed(id)) {
        return Ok(Some(owner.to_owned()));
    }
    let campaigns = owners.iter().filter_map(|owner| match owner {
        Owner::Global => None,
        Owner::Campaign(id) => Some(id.as_str()),
    });
    Err(IngestError::WrongCampaign {
        signed_by: campaigns.collect::<Vec<_>>().join(", "),
        // Unverified text: addresses stay out of logs and answers, and a long text is cut.
        named: match named.unwrap_or("none") {
            id if id.contains('@') => "***".to_owned(),
            id => id.chars().take(LONGEST_ID).collect(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owners(names: &[&str]) -> Vec<Owner> {
        let owner = |name: &&str| match *name {
            "*" => Owner::Global,
            id => Owner::Campaign(id.to_owned()),
        };
        names.iter().map(owner).collect()
    }

    #[test]
    fn a_campaigns_own_secret_vouches_for_that_campaign_alone() {
        let owner = |signed: &[&str], named: Option<&str>| {
            let signed = owners(signed);
            check_campaign(Some(&signed), sole_campaign(&signed), named).ok()
        };
        let a = Some(Some("a".to_owned()));
        assert_eq!(owner(&["a"], Some("a")), a);
        assert_eq!(owner(&["a"], None), a, "what names none belongs to the signer");
        assert_eq!(owner(&["a", "a"], None), a, "while a secret is rotated");
        assert_eq!(owner(&["a"], Some("b")), None);
        assert_eq!(owner(&["a", "b"], Some("a")), a);
        assert_eq!(owner(&["a", "b"], None), None, "it could be of either");
        for signed in [&["*"][..], &["*", "a"], &["a", "*"]] {
            for named in [None, Some("a"), Some("b")] {
                assert_eq!(owner(signed, named), Some(None));
            }
        }
        assert_eq!(check_campaign(None, None, Some("a")).ok(), Some(None), "unsigned mode");
    }

    #[test]
    fn an_address_in_the_place_of_a_campaign_is_not_repeated() {
        let refusal = |named: &str| {
            let refused = check_campaign(Some(&owners(&["spring"])), Some("spring"), Some(named));
            refused.unwrap_err().to_string()
        };
        let of_address = refusal("fay@example.com");
        assert!(of_address.contains("***") && !of_address.contains("fay"), "{of_address}");
        assert!(refusal("autumn").contains("autumn"));
        assert!(refusal(&"autumn".repeat(1_000)).len() < 400);
    }
}
