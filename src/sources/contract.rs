//! Contracts of the relay's own: bodies that are read strictly, with sentences that help to fix them.
//!
//! What belongs here: the reading, its sentences, and the fields that several contracts share. What
//! doesn't: the fields of one contract.
//!
//! Until it is validated, a field holds the JSON that was sent, or `null`. So one answer names all
//! faults, each with its field. No sentence repeats a value, since most values are personal.

use garde::Validate;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::lenient;
use crate::domain::{Email, Time, is_too_long, too_long};

/// The most characters of a text.
const LONGEST: usize = 200;

/// The most faults of one kind that an answer names, where a body may have any number.
pub(super) const FAULTS: usize = 5;

/// A contract, as serde and garde know it, and its sentences.
pub(super) trait Contract: DeserializeOwned + Validate<Context = ()> {
    /// The field that names the kind of a body.
    const TAG: &'static str;

    /// Returns the fix for a field of this kind of body that is missing or empty.
    fn fix(kind: &str, field: &str) -> &'static str;

    /// Returns the fault of the fields together, if each alone is right.
    fn fault(&self, received_at: Time) -> Option<&'static str>;
}

/// The faults of a body, each with the path of its field.
#[derive(Default)]
pub(super) struct Faults(Vec<(String, String)>);

impl Faults {
    pub(super) fn push(&mut self, path: &str, sentence: String) {
        self.0.push((path.to_owned(), sentence));
    }

    pub(super) fn has(&self, path: &str) -> bool {
        self.0.iter().any(|(known, _)| known == path)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Appends a text to the last fault, if there is one.
    pub(super) fn explain_last(&mut self, text: &str) {
        if let Some((_, sentence)) = self.0.last_mut() {
            sentence.push_str(text);
        }
    }
}

/// Reads a body that has these faults at least.
///
/// # Errors
/// All faults of the body.
pub(super) fn read<T: Contract>(
    mut body: Value,
    received_at: Time,
    mut faults: Faults,
) -> Result<T, String> {
    let tag = T::TAG;
    let kind = body.get(tag).and_then(Value::as_str).unwrap_or_default().to_owned();
    match body.get(tag) {
        None | Some(Value::String(_)) => {}
        Some(Value::Null) => body = json!({}),
        // Serde would take a number for the place of a kind.
        Some(_) => body = json!({ tag: "" }),
    }
    let mut read = T::deserialize(&body);
    if let Err(error) = &read {
        let error = error.to_string();
        let (start, known) = error.rsplit_once("expected ").unwrap_or((&error, ""));
        // Serde quotes each name.
        let known: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
        if start.starts_with("unknown field") {
            remove_unknown(&mut body, (tag, &kind), &known, &mut faults);
            read = T::deserialize(&body);
        } else if start.starts_with("missing field") {
            // All but the tag have a default.
            faults.push(tag, format!("{tag} is missing: {}", T::fix(&kind, tag)));
        } else if !faults.has(tag) {
            faults.push(tag, format!("{tag} is none of {}", known.join(", ")));
        }
    }
    let Ok(read) = read else { return Err(sentence(faults)) };
    let report = read.validate().err();
    for (path, fault) in report.iter().flat_map(garde::Report::iter) {
        let (path, fault) = (path.to_string(), fault.message());
        if faults.has(&path) {
            continue;
        }
        let sentence = match fault {
            "is missing" | "is empty" => format!("{path} {fault}: {}", T::fix(&kind, &path)),
            // The fault of a part of the field.
            _ if fault.starts_with('.') => format!("{path}{fault}"),
            _ => format!("{path} {fault}"),
        };
        faults.push(&path, sentence);
    }
    if let Some(fault) = read.fault(received_at) {
        faults.push("", fault.to_owned());
    }
    if faults.len() == 0 { Ok(read) } else { Err(sentence(faults)) }
}

/// Removes the fields that a kind of body doesn't have, and reports them.
fn remove_unknown(
    body: &mut Value,
    (tag, kind): (&str, &str),
    known: &[&str],
    faults: &mut Faults,
) {
    let Some(fields) = body.as_object_mut() else { return };
    let is_known = |name: &str| name == tag || known.contains(&name);
    for name in fields.keys().filter(|name| !is_known(name)).take(FAULTS) {
        faults.push(
            name,
            match is_plain(name) {
                true => format!("{name} is no field of {kind}"),
                false => format!("a field's name is no plain word, and none of {kind}"),
            },
        );
    }
    faults.explain_last(&format!("; it has {tag}, {}", known.join(", ")));
    fields.retain(|name, _| is_known(name));
}

fn sentence(Faults(faults): Faults) -> String {
    faults.into_iter().map(|(_, sentence)| sentence).collect::<Vec<_>>().join("; ")
}

/// True if a name can be repeated: it is a word, and no address.
pub(super) fn is_plain(name: &str) -> bool {
    let is_part = |it: char| it.is_ascii_alphanumeric() || "_- ".contains(it);
    (1..=40).contains(&name.len()) && name.chars().all(is_part)
}

/// Declares types of texts with one schema, each with its check. White space around them is removed.
macro_rules! texts {
    ($schema:tt; $($(#[$doc:meta])* $name:ident($check:ident);)+) => {$(
        $(#[$doc])*
        #[derive(Default, serde::Deserialize, utoipa::ToSchema, garde::Validate)]
        #[serde(transparent)]
        #[garde(transparent)]
        #[schema $schema]
        pub(crate) struct $name(#[garde(custom($check))] serde_json::Value);

        impl From<&$name> for String {
            fn from($name(text): &$name) -> Self {
                text.as_str().unwrap_or_default().trim().to_owned()
            }
        }
    )+};
}
pub(super) use texts;

texts! {
    (
        value_type = String,
        max_length = 200,
        pattern = r"^[^\u0000-\u001f\u007f-\u009f]*[^\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000][^\u0000-\u001f\u007f-\u009f]*$"
    );

    /// A text that isn't blank and has no control characters. White space around it doesn't matter.
    Text(check_text);

    /// An id of at most 200 bytes that isn't blank and has no control characters. White space around it doesn't
    /// matter.
    Id(check_id);
}

/// An e-mail address of at most 254 bytes. Capital letters don't matter.
#[derive(Default, Deserialize, ToSchema, Validate)]
#[serde(transparent)]
#[garde(transparent)]
#[schema(value_type = String, format = Email, max_length = 254, examples("fay@example.com"))]
pub(crate) struct Address(#[garde(custom(check_address))] Value);

impl From<&Address> for Email {
    fn from(Address(address): &Address) -> Self {
        let email = Email::parse(address.as_str().unwrap_or_default());
        email.expect("an address is checked before it is used")
    }
}

/// Returns the text of a field.
pub(super) fn text(value: &Value) -> Result<&str, garde::Error> {
    let fault = match value {
        Value::String(text) if !text.trim().is_empty() => return Ok(text),
        Value::String(_) => "is empty",
        Value::Null => "is missing",
        _ => "is no text; put it in quotes",
    };
    Err(garde::Error::new(fault))
}

/// Returns the fault of a value that isn't right.
pub(super) fn check(is_right: bool, fault: &str) -> garde::Result {
    if is_right { Ok(()) } else { Err(garde::Error::new(fault)) }
}

/// Checks that a value is no empty text, such as a variable that isn't there renders to.
pub(super) fn check_filled(value: &Value) -> garde::Result {
    if value.is_string() { text(value).map(drop) } else { Ok(()) }
}

/// Returns a whole number, which JSON may write with a fraction of zero.
pub(super) fn whole(value: &Value) -> Option<i64> {
    lenient::of::<lenient::Whole>(value).filter(|_| value.is_number())
}

fn check_text(value: &Value, (): &()) -> garde::Result {
    let text = text(value)?;
    let too_long = format!("is longer than {LONGEST} characters");
    check(text.chars().nth(LONGEST).is_none(), &too_long)?;
    let fault = "holds a line break or another character that can't be seen";
    check(!text.chars().any(char::is_control), fault)
}

pub(super) fn check_id(value: &Value, context: &()) -> garde::Result {
    check(!is_too_long(text(value)?), too_long("").trim_start())?;
    check_text(value, context)
}

fn check_address(value: &Value, (): &()) -> garde::Result {
    Email::parse(text(value)?).map(drop).map_err(garde::Error::new)
}
