//! The settings' mapping, as the rules that a plan follows; and whom webhooks are believed from.

use secrecy::SecretString;

use crate::config::Settings;
use crate::config::growsurf::{ConversionsFrom, SharesFrom};
use crate::ingest::{PageRules, WebhookAuth};
use crate::mapping::Rules;
use crate::sources::growsurf::signature::Owner;

/// Returns the rules that the settings describe.
pub fn rules(settings: &Settings) -> Rules {
    let Settings { growsurf, customerio, mapping, page, feedback, insights, .. } = settings;
    let by_server = |from| from == ConversionsFrom::Server;
    let from_server = growsurf.campaigns.iter().filter(|it| by_server(it.conversions_from));
    let by_page = |from| from == SharesFrom::Page;
    let from_page = growsurf.campaigns.iter().filter(|it| by_page(it.shares_from));
    let only_campaign = match growsurf.campaigns.as_slice() {
        [only] => Some(only.id.clone()),
        _ => None,
    };
    let prefixed = growsurf.campaigns.iter().filter(|it| !it.attribute_prefix.is_empty());
    let prefixes = prefixed.map(|it| (it.id.clone(), it.attribute_prefix.clone()));
    // What there is a key for.
    let any_campaign_writable = growsurf.api_key.is_some();
    let has_key = |key: &Option<SecretString>| any_campaign_writable || key.is_some();
    let writable = growsurf.campaigns.iter().filter(|it| has_key(&it.api_key));
    Rules {
        prefixes: prefixes.collect(),
        identify_by: customerio.identify_by.clone(),
        trust_metadata_id: customerio.trust_metadata_id,
        conversions_from_server: from_server.map(|campaign| campaign.id.clone()).collect(),
        shares_from_page: from_page.map(|campaign| campaign.id.clone()).collect(),
        posts_per_day: page.per_day,
        join_visitors: page.join,
        only_campaign,
        ignore_emails: growsurf.ignore_emails.clone(),
        feedback: feedback.clone(),
        writable_campaigns: writable.map(|campaign| campaign.id.clone()).collect(),
        any_campaign_writable,
        time_zone: insights.time_zone.clone(),
        ..mapping.clone()
    }
}

/// Returns the secrets that the settings name, and whose each is.
pub(super) fn webhook_auth(settings: &Settings) -> WebhookAuth {
    let Settings { growsurf: settings, customerio, page, .. } = settings;
    let global = settings.webhook_secrets.iter().map(|secret| (Owner::Global, secret.clone()));
    let of_campaigns = settings.campaigns.iter().flat_map(|campaign| {
        let owned = |secret: &SecretString| (Owner::Campaign(campaign.id.clone()), secret.clone());
        campaign.webhook_secrets.iter().map(owned)
    });
    let pages = settings.campaigns.iter().filter_map(|it| {
        let (campaign, key) = (it.id.clone(), it.page_key.clone()?);
        Some(PageRules { campaign, key, shares: it.shares_from == SharesFrom::Page })
    });
    WebhookAuth {
        secrets: global.chain(of_campaigns).collect(),
        max_age: settings.signature_max_age,
        reporting_keys: customerio.reporting_keys.clone(),
        action_keys: customerio.action_keys.clone(),
        report_max_age: customerio.webhook_max_age,
        pages: pages.collect(),
        page_origins: page.posts.origins.clone(),
        campaigns: settings.campaigns.iter().map(|campaign| campaign.id.clone()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Required;
    use crate::config::sources::Sources;

    #[test]
    fn the_built_in_settings_are_the_standard_rules() {
        let sources = Sources::new(None, Vec::new()).in_directory("/nonexistent");
        let settings = Settings::load(&sources, Required::Nothing).unwrap();
        assert_eq!(format!("{:?}", rules(&settings)), format!("{:?}", Rules::standard()));
    }
}
