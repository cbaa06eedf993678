//! The scopes of the API key: one page of each list is read, and a refusal is reported with the
//! scope that the list needs.
//!
//! What belongs here: lists, their scopes, and the text of a refusal. What doesn't: the campaigns (`growsurf`).

use crate::growsurf::rest::{Client, Referrals, Refusal, RestError};
use crate::inspect::{CheckReport, Grade};

/// The scope for a campaign, its reward configuration and its webhooks.
pub(super) const PROGRAM: &str = "program:read";
const PARTICIPANT: &str = "participant:read";
const REWARD: &str = "reward:read";

/// An id that no participant has; GrowSurf's own have no hyphen.
const NOBODY: &str = "referral-relay-check";

/// Returns true if GrowSurf refused the key, which may be for want of a scope.
pub(super) fn is_about_key(error: &RestError) -> bool {
    matches!(error, RestError::Forbidden(Refusal { status: 403, .. }))
}

/// Reports that the key was refused. GrowSurf answers 403 for other reasons as well, such as the plan
/// or an account that isn't verified, so its own words come first.
pub(super) fn refused(
    id: &str,
    what: &str,
    scope: &str,
    error: &RestError,
    report: &mut CheckReport,
) {
    let names_scope = matches!(error, RestError::Forbidden(Refusal { code, .. })
        if code.to_ascii_uppercase().contains("SCOPE"));
    let verb = if names_scope { "lacks" } else { "may lack" };
    let of = if id.is_empty() { String::new() } else { format!("{id}: ") };
    let detail = format!("{of}can't read {what}: {error}; the key {verb} the scope {scope}");
    report.add(Grade::Bad, "scopes", detail);
}

/// Asks for one page of each list that the relay reads
/// (<https://docs.growsurf.com/developer-tools/rest-api#scoped-access>). A program whose type isn't
/// known is asked for the lists of both. Returns true if the key was refused anywhere.
pub(super) async fn check(
    id: &str,
    client: &Client,
    is_affiliate: Option<bool>,
    report: &mut CheckReport,
) -> bool {
    let participants = client.participants(id, None).await;
    let participant = participants.as_ref().ok().and_then(|page| {
        let row = page.rows.first()?;
        row["id"].as_str().map(str::to_owned)
    });
    let mut asked = vec![
        ("participants", PARTICIPANT, participants.map(drop)),
        ("reward-configs", PROGRAM, client.reward_configs(id).await.map(drop)),
        ("webhooks", PROGRAM, client.webhooks(id).await.map(drop)),
        ("integrations", PROGRAM, client.integrations(id).await.map(drop)),
    ];
    if is_affiliate != Some(true) {
        let referrals = client.referrals(id, &Referrals::default()).await.map(drop);
        asked.push(("referrals", PARTICIPANT, referrals));
    }
    if is_affiliate != Some(false) {
        asked.push(("commissions", REWARD, client.commissions(id, None).await.map(drop)));
        asked.push(("payouts", REWARD, client.payouts(id, None).await.map(drop)));
    }
    let who = participant.as_deref().unwrap_or(NOBODY);
    asked.push(("rewards", REWARD, client.rewards(id, who).await.map(drop)));

    let (mut readable, mut is_refused, mut is_tried) = (Vec::new(), false, false);
    for (list, scope, answer) in asked {
        is_tried |= scope == REWARD && (answer.is_ok() || answer.as_ref().is_err_and(is_about_key));
        match answer {
            Ok(()) => readable.push(list),
            Err(error) if is_about_key(&error) => {
                is_refused = true;
                refused(id, list, scope, &error, report);
            }
            // Nobody has the id, or they were deleted between the two requests.
            Err(RestError::Unknown(..)) if list == "rewards" => {}
            // The list is of the other type of program.
            Err(RestError::Refused(Refusal { status: 422, .. })) if is_affiliate.is_none() => {}
            Err(error) => {
                report.add(Grade::Bad, "growsurf", format!("{id}: can't read {list}: {error}"));
            }
        }
    }
    if !is_tried {
        let detail = format!(
            "{id}: reading rewards wasn't tried, because no participant is known; the key needs the \
             scope {REWARD}"
        );
        report.add(Grade::Note, "scopes", detail);
    }
    if !readable.is_empty() {
        let detail = format!("{id}: the key reads {}", readable.join(", "));
        report.add(Grade::Good, "scopes", detail);
    }
    is_refused
}
