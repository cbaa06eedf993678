//! Secrets: texts that are never shown, and the rules for those that others send back.

use secrecy::SecretString;
use serde::Deserialize;
use serde::de::{Deserializer, Error};

use super::spoiled::{SEPARATOR, ends_list};

/// The name of a secret's type, by which a reader knows it.
pub const ONE: &str = "secret";

/// The type name of tokens: one, or a list.
pub const TOKENS: &str = "tokens";

/// A shorter token could be guessed; in bytes.
const MIN_TOKEN_BYTES: usize = 16;

#[derive(Deserialize)]
#[serde(rename = "secret")]
struct Secret<T>(T);

#[derive(Deserialize)]
#[serde(rename = "tokens")]
struct Tokens(Vec<String>);

/// Reads a secret; empty means none.
pub fn secret<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SecretString>, D::Error> {
    Ok(Secret::<Option<String>>::deserialize(from)?.0.map(SecretString::from))
}

/// Reads a secret that travels in a header of HTTP; empty means none.
pub fn key<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SecretString>, D::Error> {
    let text = Secret::<Option<String>>::deserialize(from)?.0;
    text.as_slice().iter().try_for_each(|text| header_fault(text)).map_err(D::Error::custom)?;
    Ok(text.map(SecretString::from))
}

/// Reads secrets that others sign with.
pub fn secrets<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<SecretString>, D::Error> {
    checked(Secret::<Vec<String>>::deserialize(from)?.0, |text| match text {
        _ if text.trim().is_empty() => Err("holds a blank secret; remove it"),
        _ if ends_list(text) => Err(SEPARATOR),
        _ => Ok(()),
    })
}

/// Reads bearer tokens, each long enough that nobody guesses it.
pub fn tokens<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<SecretString>, D::Error> {
    checked(Tokens::deserialize(from)?.0, |text| match text.len() {
        ..MIN_TOKEN_BYTES => {
            Err("a token is shorter than 16 bytes and could be guessed; make one with \
             `openssl rand -hex 32`")
        }
        _ => header_fault(text),
    })
}

fn checked<E: Error>(
    texts: Vec<String>,
    check: impl Fn(&str) -> Result<(), &'static str>,
) -> Result<Vec<SecretString>, E> {
    texts.iter().try_for_each(|text| check(text)).map_err(E::custom)?;
    Ok(texts.into_iter().map(SecretString::from).collect())
}

fn header_fault(text: &str) -> Result<(), &'static str> {
    if !text.bytes().all(|it| it.is_ascii_graphic()) {
        Err("holds a blank or a letter outside ASCII, which no header can carry")
    } else if ends_list(text) {
        Err(SEPARATOR)
    } else {
        Ok(())
    }
}
