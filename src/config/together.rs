//! Rules over settings of several sections: combinations that could never work, and risks.
//!
//! What belongs here: what no section can see alone. What doesn't: rules of one section.

use secrecy::{ExposeSecret, SecretString};

use crate::config::Settings;
use crate::config::check::Check;
use crate::config::growsurf::{CampaignSettings, ConversionsFrom, SharesFrom};
use crate::mapping::names::{MAX_ATTRIBUTE_NAME_BYTES, attribute_fault, is_personal};
use crate::store::url::is_this_machine;

/// A shorter secret of a webhook could be guessed; in bytes.
const WEAK_SECRET_BYTES: usize = 16;

const CAMPAIGNS: &str = "growsurf.campaigns";

/// Reports combinations that could never work, and warns of risks.
pub(super) fn check(settings: &Settings, check: &mut Check<'_>) {
    for (number, campaign) in settings.growsurf.campaigns.iter().enumerate() {
        let path = format!("{CAMPAIGNS}[{number}]");
        if check.sound(&[&path]) {
            check_campaign(settings, campaign, &path, check);
        }
    }
    check_owners(settings, check);
    warn_of_secrets(settings, check);
    warn_of_ways(settings, check);
}

fn check_campaign(
    settings: &Settings,
    campaign: &CampaignSettings,
    path: &str,
    check: &mut Check<'_>,
) {
    let key = |name: &str| format!("{path}.{name}");
    check.rule(
        &[&key("conversions_from"), "api.token"],
        campaign.conversions_from == ConversionsFrom::Server && settings.api.tokens.is_empty(),
        "is \"server\", but no server can send any without api.token (RELAY__API__TOKEN)",
    );
    check.rule(
        &[&key("shares_from")],
        campaign.shares_from == SharesFrom::Page && campaign.page_key.is_none(),
        "is \"page\", but no page can send any without page_key and page.origins",
    );
    if let Some(rule) = prefix_fault(settings, campaign) {
        check.broken(&key("attribute_prefix"), rule);
    }
    let is_secret = |key: &str| secrets(settings).any(|(_, it)| it.expose_secret() == key);
    check.rule(
        &[&key("page_key")],
        campaign.page_key.as_deref().is_some_and(is_secret),
        "is a secret as well, and everybody can read it in a page's source",
    );
}

/// Returns what is wrong with the first name that a campaign's prefix spoils, if it spoils any.
fn prefix_fault(settings: &Settings, campaign: &CampaignSettings) -> Option<String> {
    let prefix = campaign.attribute_prefix.as_str();
    let mapping = &settings.mapping;
    let longest = mapping.attributes.values().map(String::len).max().unwrap_or(0);
    if prefix.len() + longest > MAX_ATTRIBUTE_NAME_BYTES {
        let most = MAX_ATTRIBUTE_NAME_BYTES;
        return Some(format!(
            "makes the longest name of mapping.attributes longer than {most} bytes"
        ));
    }
    let names = || mapping.attributes.iter().filter(|(name, _)| !is_personal(name));
    let writes = |other: &&CampaignSettings, made: &str| {
        let theirs = other.attribute_prefix.as_str();
        let name = made.strip_prefix(theirs).filter(|_| !theirs.is_empty() && theirs != prefix);
        name.is_some_and(|name| names().any(|(_, sent_as)| sent_as == name))
    };
    names().filter(|_| !prefix.is_empty()).find_map(|(name, sent_as)| {
        let made = format!("{prefix}{sent_as}");
        if let Some(fault) = attribute_fault(&made) {
            return Some(format!("spoils the name of {name}: {fault}"));
        }
        let owner = if mapping.metadata.contains_key(&made) {
            Some("in mapping.metadata".to_owned())
        } else if mapping.attributes.values().any(|used| *used == made) {
            Some("in mapping.attributes".to_owned())
        } else {
            let other = settings.growsurf.campaigns.iter().find(|other| writes(other, &made));
            other.map(|other| format!("of campaign {}", other.id))
        }?;
        Some(format!("makes {made:?} of {name}, which is the name of an attribute {owner} too"))
    })
}

/// True if a secret is in both lists.
fn share(some: &[SecretString], others: &[SecretString]) -> bool {
    some.iter().any(|it| others.iter().any(|other| it.expose_secret() == other.expose_secret()))
}

/// Checks that some secret verifies each campaign's webhooks, and that its own secret says whose they are.
fn check_owners(settings: &Settings, check: &mut Check<'_>) {
    let growsurf = &settings.growsurf;
    for (number, campaign) in growsurf.campaigns.iter().enumerate() {
        let path = format!("{CAMPAIGNS}[{number}]");
        let key = format!("{path}.webhook_secrets");
        let own = &campaign.webhook_secrets;
        let mut others = growsurf.campaigns[..number].iter();
        if let Some(other) = others.find(|other| share(own, &other.webhook_secrets)) {
            let rule = format!(
                "holds a secret of campaign {} as well, so a webhook's campaign would be unknown; \
                 move it to growsurf.webhook_secrets, or give each a secret of its own",
                other.id
            );
            check.broken(&key, rule);
        } else if share(own, &growsurf.webhook_secrets) {
            check.warn(format!(
                "{key} holds a secret of growsurf.webhook_secrets, which any campaign's webhook may be \
                 signed with"
            ));
        }
        let has_none = own.is_empty() && growsurf.webhook_secrets.is_empty();
        let rule = format!(
            "is missing, so each webhook of campaign {} would be answered 401; set it, or \
             growsurf.webhook_secrets for all campaigns",
            campaign.id
        );
        let keys = [&*key, "growsurf.webhook_secrets", &path];
        check.rule(&keys, has_none && growsurf.has_webhook_secret(), rule);
    }
}

/// Returns all secrets that senders show, with their keys.
fn secrets(settings: &Settings) -> impl Iterator<Item = (String, &SecretString)> {
    let Settings { growsurf, customerio, admin, api, .. } = settings;
    let of_campaigns = growsurf.campaigns.iter().enumerate().map(|(number, campaign)| {
        (format!("{CAMPAIGNS}[{number}].webhook_secrets"), &campaign.webhook_secrets)
    });
    [
        ("growsurf.webhook_secrets", &growsurf.webhook_secrets),
        ("customerio.reporting_keys", &customerio.reporting_keys),
        ("customerio.action_keys", &customerio.action_keys),
        ("admin.token", &admin.tokens),
        ("admin.view_token", &admin.view_tokens),
        ("api.token", &api.tokens),
    ]
    .into_iter()
    .map(|(key, secrets)| (key.to_owned(), secrets))
    .chain(of_campaigns)
    .flat_map(|(key, secrets)| secrets.iter().map(move |secret| (key.clone(), secret)))
}

fn warn_of_secrets(settings: &Settings, check: &mut Check<'_>) {
    let mut weak: Vec<String> = secrets(settings)
        .filter(|(key, secret)| {
            !key.ends_with("token") && secret.expose_secret().len() < WEAK_SECRET_BYTES
        })
        .map(|(key, _)| key)
        .collect();
    weak.dedup();
    for key in weak {
        check.warn(format!(
            "{key} holds a secret of less than {WEAK_SECRET_BYTES} bytes, which could be guessed"
        ));
    }
    let Settings { admin, api, .. } = settings;
    if share(&admin.tokens, &api.tokens) {
        check.warn("admin.token and api.token share a token: who sends events can administrate");
    }
    if share(&admin.tokens, &admin.view_tokens) {
        check.warn("admin.token and admin.view_token share a token: who may look can act");
    }
}

/// Warns of what others on the way could read or change.
fn warn_of_ways(settings: &Settings, check: &mut Check<'_>) {
    let growsurf = &settings.growsurf;
    let uses_growsurf = growsurf.has_api_key();
    for (key, url, is_used) in [
        ("customerio.base_url", settings.customerio.base_url.as_ref(), true),
        ("growsurf.base_url", Some(&growsurf.base_url), uses_growsurf),
    ] {
        let Some(url) = url.filter(|url| is_used && url.scheme() == "http") else { continue };
        let host = url.host_str().unwrap_or_default();
        if !is_this_machine(host) {
            check.warn(format!(
                "{key} is http://: others on the way to {host} can read the key and people's data; \
                 use https://"
            ));
        }
    }
    if settings.server.connections.trusted_proxies.iter().any(|network| network.is_everybody()) {
        check.warn(
            "server.trusted_proxies holds every address, so any client can claim to be another; \
             name the proxy's own",
        );
    }
}
