//! Webhook actions are read as the contract says, and refused in words that help.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::json;
use utoipa::PartialSchema;

use super::*;
use crate::domain::{Attributes, Labelled, Scalar};

const UPDATE: &str = "update_participant";
const TRIGGER: &str = "trigger_referral";
const SHARE: &str = "record_share";
const ADD: &str = "add_participant";
const TYPES: [&str; 4] = [UPDATE, TRIGGER, SHARE, ADD];

const NOW: Time = Time::from_seconds(1_790_000_000);

/// Returns an action of a type with some fields changed; `"-"` takes one out.
fn action(kind: &str, changes: &Value) -> Value {
    let mut body = json!({
        "type": kind, "campaign": "ct8f71", "dedupe_key": "winback-2026",
        "email": " Fay@Example.com ",
    });
    match kind {
        UPDATE => body["metadata"] = json!({"plan": "pro"}),
        SHARE => body["channel"] = json!("whatsapp"),
        _ => {}
    }
    let fields = body.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        fields.insert(name.clone(), value.clone());
    }
    fields.retain(|_, value| *value != "-");
    body
}

fn read(body: &Value) -> Result<Feedback, String> {
    Ok(CustomerioAction::read(body.clone(), NOW)?.feedback.unwrap())
}

#[track_caller]
fn accepted(kind: &str, changes: &Value) -> (Vec<Identifier>, Action) {
    let feedback = read(&action(kind, changes)).unwrap();
    assert_eq!(feedback.at, NOW);
    let FeedbackKind::Action(action) = feedback.kind else { panic!("{:?}", feedback.kind) };
    assert_eq!(action.kind.label(), kind);
    (feedback.identifiers, action)
}

#[track_caller]
fn refusal(kind: &str, changes: &Value) -> String {
    read(&action(kind, changes)).unwrap_err()
}

fn fay() -> Identifier {
    Identifier::Email(Email::parse("fay@example.com").unwrap())
}

#[test]
fn the_common_fields_of_every_action_are_read() {
    let (who, it) = accepted(TRIGGER, &json!({}));
    assert_eq!(who, [fay()]);
    assert_eq!(
        it,
        Action {
            dedupe_key: "winback-2026".to_owned(),
            campaign: Some("ct8f71".to_owned()),
            participant: None,
            is_unanswered: false,
            kind: ActionKind::TriggerReferral { delay_in_days: None },
        }
    );
    let named = json!({"email": null, "campaign": null, "id": "42", "participant": "fay001"});
    let (who, it) = accepted(TRIGGER, &named);
    assert_eq!(who, [Identifier::Id("42".to_owned())]);
    assert_eq!((it.campaign, it.participant.as_deref()), (None, Some("fay001")));
    assert!(accepted(TRIGGER, &json!({"email": "-", "participant": "fay001"})).0.is_empty());
    let (who, it) = accepted(TRIGGER, &json!({"id": " 42\u{a0}", "dedupe_key": " winback-2026 "}));
    assert_eq!(
        (&who[1], it.dedupe_key.as_str()),
        (&Identifier::Id("42".to_owned()), "winback-2026")
    );
    let (who, _) = accepted(TRIGGER, &json!({"id": "0042"}));
    assert_eq!(who, [fay(), Identifier::Id("0042".to_owned())]);
}

#[test]
fn each_type_is_read_with_its_own_fields() {
    let days = |value: Value| accepted(TRIGGER, &json!({"delay_in_days": value})).1.kind;
    for value in [json!(90), json!(90.0), json!("90")] {
        assert_eq!(days(value), ActionKind::TriggerReferral { delay_in_days: Some(90) });
    }
    let share = ActionKind::RecordShare { channel: "whatsapp".to_owned() };
    assert_eq!(accepted(SHARE, &json!({})).1.kind, share);
    let metadata = json!({"a": "x ", "b": 7, "c": 1.5, "d": true, "e": null, "f": "é".repeat(500)});
    let changes = json!({"metadata": metadata, "unsubscribed": "false", "first_name": " Fay "});
    let ActionKind::UpdateParticipant(update) = accepted(UPDATE, &changes).1.kind else { panic!() };
    assert_eq!(update.metadata["a"], Some(Scalar::from("x")));
    assert_eq!(update.metadata["b"], Some(Scalar::Integer(7)));
    assert_eq!(update.metadata["c"], Some(Scalar::Decimal(1.5)));
    assert_eq!(update.metadata["d"], Some(Scalar::Boolean(true)));
    assert_eq!(update.metadata["e"], None);
    assert_eq!(update.unsubscribed, Some(false));
    assert_eq!((update.first_name.as_deref(), update.last_name), (Some("Fay"), None));
    let unsubscribed = json!({"metadata": "-", "unsubscribed": true});
    let ActionKind::UpdateParticipant(update) = accepted(UPDATE, &unsubscribed).1.kind else {
        panic!()
    };
    assert_eq!(update.unsubscribed, Some(true));
    for (reported, kept) in [("Rae@Example.com", "rae@example.com"), ("rae001", "rae001")] {
        let added =
            json!({"referred_by": reported, "last_name": "Friend", "metadata": {"plan": "pro"}});
        let metadata: Attributes = [("plan".to_owned(), Scalar::from("pro"))].into();
        assert_eq!(
            accepted(ADD, &added).1.kind,
            ActionKind::AddParticipant {
                first_name: None,
                last_name: Some("Friend".to_owned()),
                referred_by: Some(kept.to_owned()),
                metadata,
            }
        );
    }
}

#[test]
fn templates_that_were_not_rendered_are_refused_by_field() {
    let reason = refusal(TRIGGER, &json!({"dedupe_key": "{{event.id}}"}));
    assert!(reason.starts_with("dedupe_key is {{event.id}} as it stands"), "{reason}");
    assert!(reason.contains("\"Test response\""), "{reason}");
    let inside = json!({"metadata": {"plan": "{% if customer.plan %}pro"}});
    assert!(refusal(UPDATE, &inside).starts_with("metadata.plan holds {{ or {%"));
    for secret in ["secret@example.com {{customer.x}}", "{{secret}}", "{{ secret@example.com }}"] {
        let reason = refusal(TRIGGER, &json!({"id": secret}));
        assert!(reason.starts_with("id holds {{ or {%") && !reason.contains("secret"), "{reason}");
    }
    for anywhere in [json!({"type": "{{x.y}}"}), json!({"other": [["{{x.y}}"]]})] {
        assert!(refusal(TRIGGER, &anywhere).contains("as it stands in the template"));
    }
}

#[test]
fn every_fault_is_named_with_its_fix_and_no_value_is_repeated() {
    let long = "secret".repeat(40);
    for (kind, changes, part) in [
        ("refund", json!({}), "type is none of update_participant, trigger_referral"),
        (TRIGGER, json!({"type": "-"}), "type is missing: it is one of update_participant"),
        (TRIGGER, json!({"type": 1}), "type is none of update_participant"),
        (
            TRIGGER,
            json!({"dedupe_key": null}),
            "dedupe_key is missing: without it a retry could repeat the action",
        ),
        (TRIGGER, json!({"dedupe_key": ""}), "dedupe_key is empty: without it a retry"),
        (TRIGGER, json!({"dedupe_key": &long}), "dedupe_key is longer than 200 bytes"),
        (TRIGGER, json!({"id": &long}), "id is longer than 200 bytes"),
        (TRIGGER, json!({"id": "é".repeat(101)}), "id is longer than 200 bytes"),
        (TRIGGER, json!({"participant": &long}), "participant is no id of GrowSurf's"),
        (TRIGGER, json!({"dedupe_key": "secret@example.com"}), "dedupe_key holds an e-mail"),
        (TRIGGER, json!({"dedupe_key": "se\ncret"}), "dedupe_key holds a line break"),
        (TRIGGER, json!({"campaign": ""}), "campaign is empty: write it into the template"),
        (TRIGGER, json!({"campaign": "secret@example.com"}), "campaign is no id of GrowSurf's"),
        (TRIGGER, json!({"email": "-"}), "no person is named"),
        (TRIGGER, json!({"email": ""}), "email is empty: the person has no such attribute"),
        (TRIGGER, json!({"email": "secret"}), "email is no e-mail address"),
        (TRIGGER, json!({"email": ["secret"]}), "email is no text"),
        (TRIGGER, json!({"id": " "}), "id is empty: the person has no such attribute; leave"),
        (TRIGGER, json!({"id": 42}), "id is no text; put it in quotes"),
        (TRIGGER, json!({"participant": "sec ret"}), "participant is no id"),
        (TRIGGER, json!({"delay_in_days": 0}), "delay_in_days is no whole number from 1 to 90"),
        (TRIGGER, json!({"delay_in_days": 1.5}), "delay_in_days is no whole number from 1 to 90"),
        (TRIGGER, json!({"delay_in_days": "91"}), "delay_in_days is no whole number"),
        (TRIGGER, json!({"delay_in_days": "secret"}), "delay_in_days is no whole number"),
        (TRIGGER, json!({"delay_in_days": true}), "delay_in_days is no whole number"),
        (TRIGGER, json!({"delay_in_days": "+007"}), "delay_in_days is no whole number"),
        (TRIGGER, json!({"delay_in_days": " 7"}), "delay_in_days is no whole number"),
        (TRIGGER, json!({"emial": "secret"}), "emial is no field of trigger_referral; it has type"),
        (TRIGGER, json!({"secret@example.com": 1}), "a field's name is no plain word"),
        (
            SHARE,
            json!({"channel": "-"}),
            "channel is missing: name the channel of the share in the template",
        ),
        (UPDATE, json!({"metadata": null}), "it changes nothing"),
        (UPDATE, json!({"metadata": {}}), "it changes nothing"),
        (UPDATE, json!({"metadata": "secret"}), "metadata is no object"),
        (UPDATE, json!({"metadata": {"plan": ""}}), "metadata.plan is empty"),
        (UPDATE, json!({"metadata": {"plan": {"secret": 1}}}), "metadata.plan is neither text"),
        (UPDATE, json!({"metadata": {"plan": u64::MAX}}), "metadata.plan is too large a number"),
        (UPDATE, json!({"metadata": {"plan": long.repeat(3)}}), "metadata.plan is longer than 500"),
        (UPDATE, json!({"metadata": {"the secret": 1}}), "letters and digits, at most 40"),
        (UPDATE, json!({"metadata": {&long: 1}}), "letters and digits, at most 40"),
        (UPDATE, json!({"metadata": {"UserId": 1}}), "at most 40 characters, here \"userId\""),
        (ADD, json!({"metadata": {"user_id": 1}}), "at most 40 characters, here \"userId\""),
        (UPDATE, json!({"metadata": {"gdprAgreements": "x"}}), "GrowSurf reserves this one"),
        (UPDATE, json!({"metadata": {"EmailReferralClicks": 1}}), "is the relay's own"),
        (UPDATE, json!({"unsubscribed": "secret"}), "unsubscribed is neither true nor false"),
        (UPDATE, json!({"unsubscribed": ""}), "unsubscribed is empty: the person has no such"),
        (TRIGGER, json!({"delay_in_days": " "}), "delay_in_days is empty: the person has no such"),
        (UPDATE, json!({"metadata": ""}), "metadata is empty: the person has no such attribute"),
        (UPDATE, json!({"unsubscribed": " TRUE "}), "unsubscribed is neither true nor false"),
        (UPDATE, json!({"first_name": ""}), "first_name is empty: the person has no such"),
        (UPDATE, json!({"delay_in_days": 1}), "delay_in_days is no field of update_participant"),
        (ADD, json!({"email": null}), "email is missing: it names the new participant"),
        (ADD, json!({"id": "secret"}), "id is no field of add_participant"),
        (ADD, json!({"referred_by": "sec ret"}), "referred_by is neither an e-mail address nor"),
        (ADD, json!({"referred_by": ""}), "referred_by is empty: the person has no such"),
    ] {
        let reason = refusal(kind, &changes);
        assert!(reason.contains(part), "{changes}: {reason}");
        assert!(!reason.contains("secret"), "{reason}");
    }
    let two = refusal(TRIGGER, &json!({"id": "", "campaign": "a b"}));
    assert!(two.starts_with("campaign is no id") && two.contains("; id is empty: "), "{two}");
    let missing = refusal(SHARE, &json!({"dedupe_key": "-", "channel": "-", "id": 7}));
    for part in ["dedupe_key is missing: ", "; channel is missing: ", "; id is no text; "] {
        assert!(format!("; {missing}").contains(part), "{missing}");
    }
    let metadata = refusal(UPDATE, &json!({"metadata": {"a": [], "b": " ", "c d": 1}}));
    assert_eq!(metadata.matches("metadata").count(), 4, "{metadata}");
    for part in ["metadata has a key", "; metadata.a is neither", "; metadata.b is empty: "] {
        assert!(metadata.contains(part), "{metadata}");
    }
    let all = json!({"emial": 1, "kampaign": 2, "id": "{{x.y}}", "email": "-", "dedupe_key": "-"});
    let all = refusal(TRIGGER, &all);
    for part in [
        "id is {{x.y}} as it stands in the template: ",
        "; emial is no field of trigger_referral; kampaign is no field of trigger_referral; it has type",
        "; dedupe_key is missing: ",
    ] {
        assert!(all.contains(part), "{all}");
    }
    let nobody = refusal(TRIGGER, &json!({"email": "-", "delay_in_days": 0, "emial": 1}));
    for part in ["emial is no field", "; delay_in_days is no whole", "; no person is named"] {
        assert!(nobody.contains(part), "{nobody}");
    }
    let id = refusal(TRIGGER, &json!({"participant": "{{x.y}}"}));
    assert_eq!(id.matches("participant").count(), 1, "one fault for one text: {id}");
    let many: serde_json::Map<_, _> = (0..51).map(|n| (format!("k{n}"), json!(n))).collect();
    assert!(refusal(UPDATE, &json!({"metadata": many})).contains("more than 50 keys"));
}

/// Renders a template as Customer.io does for a person who has every attribute, or none.
fn rendered(template: &str, has_all: bool) -> String {
    let mut text = template.to_owned();
    while let Some((before, rest)) = text.split_once("{%") {
        let (inner, after) = rest.split_once("{% endif %}").unwrap();
        let (_, inner) = inner.split_once("%}").unwrap();
        text = [before, if has_all { inner } else { "" }, after].concat();
    }
    while let Some((before, rest)) = text.split_once("{{") {
        let (variable, after) = rest.split_once("}}").unwrap();
        let is_always_there = ["customer.email", "delivery_id", "campaign.id"].contains(&variable);
        let value = match (variable.split_once("default: '"), variable) {
            (_, "customer.email") => "fay@example.com",
            (Some((_, default)), _) if !has_all => default.trim_end_matches('\''),
            _ if has_all || is_always_there => "rae001",
            _ => "",
        };
        text = [before, value, after].concat();
    }
    text
}

#[test]
fn the_templates_of_the_guide_are_ready_to_paste() {
    let page = include_str!("../../docs/actions.md");
    let templates = page.split("```json\n").skip(1).map(|it| it.split("```").next().unwrap());
    let mut kinds = Vec::new();
    for template in templates {
        for has_all in [true, false] {
            let body: Value = serde_json::from_str(&rendered(template, has_all)).unwrap();
            read(&body).unwrap_or_else(|reason| panic!("{reason}: {body}"));
            kinds.push(body["type"].as_str().unwrap().to_owned());
        }
    }
    kinds.dedup();
    assert_eq!(kinds, TYPES);
}

#[test]
fn the_examples_of_the_schema_are_accepted() {
    let schema = serde_json::to_value(CustomerioAction::schema()).unwrap();
    let kinds = schema["oneOf"].as_array().unwrap();
    assert_eq!(kinds.len(), TYPES.len());
    for kind in kinds {
        let body = &kind["examples"][0];
        read(body).unwrap_or_else(|reason| panic!("{reason}: {body}"));
        assert!(kind["properties"].as_object().unwrap().len() >= body.as_object().unwrap().len());
    }
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[{}% a-z@.|]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(any::<String>(), inner, 0..4).prop_map(|it| it.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn any_value_in_any_place_is_read_or_refused(
        kind in prop::sample::select(TYPES.to_vec()),
        name in prop::sample::select(vec![
            "type", "campaign", "dedupe_key", "email", "id", "participant", "metadata",
            "unsubscribed", "first_name", "delay_in_days", "channel", "referred_by",
        ]),
        value in value(),
    ) {
        let _ = read(&value);
        if let Err(reason) = read(&action(kind, &json!({name: value}))) {
            prop_assert!(!reason.is_empty() && reason.len() < 2000, "{reason}");
        }
    }
}
