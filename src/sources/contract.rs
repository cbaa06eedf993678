//! Contracts of the relay's own: bodies that are read strictly, with sentences that help to fix them.
//!
//! What belongs here: the reading, its sentences, and the fields that several contracts share. What
//! doesn't: the fields of one contract.
//!
//! A field holds whatever JSON was sent until it is validated, `null` if it is missing, so that one answer
//! names all faults, each with its field. No sentence repeats a value, since most values are personal.

use garde::Validate;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::lenient;
use crate::domain::{Email, is_too_long, too_long};

/// The most characters of a text.
const LONGEST: usize = 200;

/// Reads a body. `tag` is the field that names its kind, and `fix` returns the fix for a field that is
/// missing or empty.
///
/// # Errors
/// All that is wrong with the body.
pub(super) fn read<T>(body: Value, tag: &str, fix: fn(&str) -> &'static str) -> Result<T, String>
where
    T: DeserializeOwned + Validate<Context = ()>,
{
    let kind = body.get(tag).and_then(Value::as_str).unwrap_or_default().to_owned();
    let body = match body.get(tag) {
        None | Some(Value::String(_)) => body,
        Some(Value::Null) => json!({}),
        // Serde would take a number for the place of a kind.
        Some(_) => json!({ tag: "" }),
    };
    let read: T = serde_json::from_value(body)
        .map_err(|error| structure_fault(&error.to_string(), tag, &kind, fix))?;
    let sentence = |path: &str, fault: &str| match fault {
        "is missing" | "is empty" => format!("{path} {fault}: {}", fix(path)),
        // The fault of a part of the field.
        _ if fault.starts_with('.') => format!("{path}{fault}"),
        _ => format!("{path} {fault}"),
    };
    read.validate().map_err(|report| {
        let faults =
            report.iter().map(|(path, fault)| sentence(&path.to_string(), fault.message()));
        faults.collect::<Vec<_>>().join("; ")
    })?;
    Ok(read)
}

/// Returns the sentence for a body whose fields aren't those of its kind, from serde's words.
fn structure_fault(fault: &str, tag: &str, kind: &str, fix: fn(&str) -> &'static str) -> String {
    let (start, known) = fault.rsplit_once("expected ").unwrap_or((fault, ""));
    let known = known.trim_start_matches("one of ").replace('`', "");
    let named = |prefix: &str| Some(start.strip_prefix(prefix)?.split_once('`')?.0);
    // All but the tag have a default.
    if named("missing field `").is_some() {
        return format!("{tag} is missing: {}", fix(tag));
    }
    match named("unknown field `") {
        Some(name) if is_plain(name) => {
            format!("{name} is no field of {kind}; it has {tag}, {known}")
        }
        Some(_) => {
            format!("a field's name is no plain word, and none of {kind}; it has {tag}, {known}")
        }
        None => format!("{tag} is none of {known}"),
    }
}

/// True if a name can be repeated: it is a word, and no address.
pub(super) fn is_plain(name: &str) -> bool {
    let is_part = |it: char| it.is_ascii_alphanumeric() || "_- ".contains(it);
    (1..=40).contains(&name.len()) && name.chars().all(is_part)
}

/// A text that isn't blank and has no control characters. White space around it doesn't matter.
#[derive(Default, Deserialize, ToSchema, Validate)]
#[serde(transparent)]
#[garde(transparent)]
#[schema(
    value_type = String,
    max_length = 200,
    pattern = r"^[^\u0000-\u001f\u007f-\u009f]*[^\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000][^\u0000-\u001f\u007f-\u009f]*$"
)]
pub(crate) struct Text(#[garde(custom(check_text))] Value);

/// An id of at most 200 bytes that isn't blank and has no control characters. White space around it doesn't
/// matter.
#[derive(Default, Deserialize, ToSchema, Validate)]
#[serde(transparent)]
#[garde(transparent)]
#[schema(
    value_type = String,
    max_length = 200,
    pattern = r"^[^\u0000-\u001f\u007f-\u009f]*[^\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000][^\u0000-\u001f\u007f-\u009f]*$"
)]
pub(crate) struct Id(#[garde(custom(check_id))] Value);

/// An e-mail address of at most 254 bytes. Capital letters don't matter.
#[derive(Default, Deserialize, ToSchema, Validate)]
#[serde(transparent)]
#[garde(transparent)]
#[schema(value_type = String, format = Email, max_length = 254, examples("fay@example.com"))]
pub(crate) struct Address(#[garde(custom(check_address))] Value);

impl From<Text> for String {
    fn from(Text(text): Text) -> Self {
        text.as_str().unwrap_or_default().trim().to_owned()
    }
}

impl From<Id> for String {
    fn from(Id(id): Id) -> Self {
        id.as_str().unwrap_or_default().trim().to_owned()
    }
}

impl From<Address> for Email {
    fn from(Address(address): Address) -> Self {
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

/// Checks that a value is no empty text, such as a variable that isn't there renders to.
pub(super) fn check_filled(value: &Value) -> garde::Result {
    if value.is_string() { text(value).map(drop) } else { Ok(()) }
}

/// Returns a whole number, which JSON may write with a fraction of zero.
pub(super) fn whole(value: &Value) -> Option<i64> {
    match lenient::of::<lenient::Whole>(value) {
        Some(number) if value.is_number() => Some(number),
        _ => None,
    }
}

fn check_text(value: &Value, (): &()) -> garde::Result {
    let text = text(value)?;
    if text.chars().nth(LONGEST).is_some() {
        return Err(garde::Error::new(format!("is longer than {LONGEST} characters")));
    }
    match text.chars().any(char::is_control) {
        true => {
            Err(garde::Error::new("holds a line break or another character that can't be seen"))
        }
        false => Ok(()),
    }
}

pub(super) fn check_id(value: &Value, context: &()) -> garde::Result {
    match is_too_long(text(value)?) {
        true => Err(garde::Error::new(too_long("").trim_start())),
        false => check_text(value, context),
    }
}

fn check_address(value: &Value, (): &()) -> garde::Result {
    Email::parse(text(value)?).map(drop).map_err(garde::Error::new)
}
