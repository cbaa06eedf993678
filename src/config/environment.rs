//! The layers that the environment makes: `RELAY__SECTION__KEY`, the same with `_FILE`, and the
//! names the guide uses, `CIO_SITE_ID` and `CIO_API_KEY`.
//!
//! Each value is a text here, which its type reads later. Later wins: the guide's names, the guide's with
//! `_FILE`, the plain variables, the `_FILE` ones. Variables with other names are nobody's business here.

use std::path::Path;

use config::{Map, Value, ValueKind};

use crate::config::problem::{Fault, Problems};
use crate::config::sources::Sources;
use crate::config::tree::{Layer, TABLES, find, join, names, nearest};

const PREFIX: &str = "RELAY__";
const SEPARATOR: &str = "__";
const FILE_SUFFIX: &str = "_FILE";

/// The guide's names and the keys they set.
const GUIDE: [(&str, &str); 2] =
    [("CIO_SITE_ID", "customerio.site_id"), ("CIO_API_KEY", "customerio.api_key")];

/// Reads the layers, a later one over those before; what isn't known or can't be read becomes a problem and
/// is left out.
pub(super) fn layers(sources: &Sources, defaults: &Value, problems: &mut Problems) -> Vec<Layer> {
    let mut layers = Vec::new();
    for suffix in ["", FILE_SUFFIX] {
        let named = GUIDE.map(|(name, path)| (format!("{name}{suffix}"), path.to_owned()));
        // Compose files pass `CIO_SITE_ID=` on when nobody set it, so blank is not set.
        let is_set = |variable: &str| {
            sources.environment().get(variable).is_some_and(|value| !value.trim().is_empty())
        };
        let set = named.into_iter().filter(|(variable, _)| is_set(variable));
        layers.push(layer(set, !suffix.is_empty(), sources, problems));
    }
    let path_of = |name: &str| name.to_ascii_lowercase().replace(SEPARATOR, ".");
    let mut ours = [Vec::new(), Vec::new()];
    for variable in sources.environment().keys() {
        let Some(name) = variable.strip_prefix(PREFIX) else { continue };
        // Some keys are called so themselves.
        let is_key = find(defaults, &path_of(name)).is_some();
        let of_file = name.strip_suffix(FILE_SUFFIX).filter(|_| !is_key);
        let path = path_of(of_file.unwrap_or(name));
        let set = &mut ours[usize::from(of_file.is_some())];
        let twin = set.iter().find(|(_, taken)| *taken == path).map(|(twin, _)| twin);
        let twice = |twin| Fault::Rule(format!("{twin} sets the same key; remove one of them"));
        match fault(&path, defaults).or_else(|| twin.map(twice)) {
            Some(fault) => problems.push(variable, &path, fault),
            None => set.push((variable.clone(), path)),
        }
    }
    for (is_file, set) in [false, true].into_iter().zip(ours) {
        layers.push(layer(set, is_file, sources, problems));
    }
    for variable in sources.not_text() {
        if variable.starts_with(PREFIX) || GUIDE.iter().any(|(name, _)| variable.starts_with(name))
        {
            let fault = Fault::Rule("the value is not Unicode text".to_owned());
            problems.push(variable, "", fault);
        }
    }
    layers
}

/// True if a place is a variable that sets a key.
pub(super) fn is_variable(place: &str, sources: &Sources) -> bool {
    let is_ours = place.starts_with(PREFIX) || GUIDE.iter().any(|(it, _)| place.starts_with(it));
    is_ours && sources.environment().contains_key(place)
}

/// True if a variable that sets a key names a file with the value.
pub(super) fn is_file_variable(variable: &str) -> bool {
    variable.ends_with(FILE_SUFFIX) && variable != variable_of("store.tls_ca_file")
}

/// Makes a layer of variables and the paths of the keys that they set.
fn layer(
    variables: impl IntoIterator<Item = (String, String)>,
    is_file: bool,
    sources: &Sources,
    problems: &mut Problems,
) -> Layer {
    let mut sections = Map::new();
    for (variable, path) in variables {
        let value = &sources.environment()[&variable];
        let text = match is_file.then(|| sources.read(Path::new(value))).transpose() {
            // One line end behind the last line is the editor's.
            Ok(read) => read.map(|text| text.strip_suffix('\n').unwrap_or(&text).to_owned()),
            Err(source) => {
                let path_of_file = Path::new(value);
                // Whoever takes `_FILE` for the variable of the secret itself has written no path.
                let is_path = path_of_file.is_absolute() || sources.has_folder_of(path_of_file);
                let shown = if is_path { value } else { "the file that it names" }.to_owned();
                let fault = Fault::Unreadable { path: shown, source };
                problems.push(&variable, &path, fault);
                continue;
            }
        };
        let text = text.unwrap_or_else(|| value.clone());
        insert(&mut sections, &path, Value::new(Some(&variable), text));
    }
    Layer { place: "environment".to_owned(), sections }
}

/// Returns what is wrong with setting the key at a path by a variable.
fn fault(path: &str, defaults: &Value) -> Option<Fault> {
    let (mut value, mut parent) = (defaults, String::new());
    let mut segments = path.split('.').peekable();
    while let Some(segment) = segments.next() {
        let unknown = |nearest: Option<String>| {
            Some(Fault::Unknown { nearest: nearest.map(|path| variable_of(&path)) })
        };
        let below = join(&parent, segment);
        if TABLES.contains(&below.as_str()) {
            return Some(Fault::Rule(format!("only a file can hold [[{below}]]")));
        }
        match &value.kind {
            // The user chooses the names.
            ValueKind::Table(table) if table.is_empty() => {
                let is_name = !segment.is_empty() && segments.peek().is_none();
                return if is_name { None } else { unknown(None) };
            }
            ValueKind::Table(table) => match table.get(segment) {
                Some(inner) => value = inner,
                None => return unknown(nearest(&parent, segment, &names(value), defaults)),
            },
            _ => return unknown(Some(parent)),
        }
        parent = below;
    }
    let name = variable_of(&parent);
    matches!(value.kind, ValueKind::Table(_))
        .then(|| Fault::Rule(format!("a table; set its keys one by one as {name}{SEPARATOR}KEY")))
}

/// The variable that sets the key at a dotted path.
pub(super) fn variable_of(path: &str) -> String {
    format!("{PREFIX}{}", path.replace('.', SEPARATOR).to_ascii_uppercase())
}

fn insert(table: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            table.insert(path.to_owned(), value);
        }
        Some((name, rest)) => {
            let inner = table
                .entry(name.to_owned())
                .or_insert_with(|| Value::new(None, Map::<String, Value>::new()));
            if let ValueKind::Table(inner) = &mut inner.kind {
                insert(inner, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, any, proptest};

    use crate::config::sources::Sources;
    use crate::config::{Required, Settings};

    fn load(name: &str, value: &str) -> Result<Settings, String> {
        let sources = Sources::new(None, [(name.to_owned(), value.to_owned())]);
        Settings::load(&sources, Required::NOTHING).map_err(|problems| problems.to_string())
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        for (name, expected) in [
            (
                "RELAY__SERVER__LISEN",
                "server.lisen: unknown key; did you mean RELAY__SERVER__LISTEN?",
            ),
            (
                "RELAY__SERVER__LISTEN__PORT",
                "server.listen.port: unknown key; did you mean RELAY__SERVER__LISTEN?",
            ),
            ("RELAY__", ": unknown key"),
            ("RELAY__FILE", "file: unknown key"),
            ("RELAY__SERVER", "server: a table; set its keys one by one as RELAY__SERVER__KEY"),
            ("RELAY__MAPPING__METADATA__A__B", "mapping.metadata.a.b: unknown key"),
            (
                "RELAY__GROWSURF__CAMPAIGNS__0__ID",
                "growsurf.campaigns.0.id: only a file can hold [[growsurf.campaigns]]",
            ),
        ] {
            let shown = load(name, "hush").unwrap_err();
            assert!(shown.starts_with(name) && shown.ends_with(expected), "{shown}");
        }
        assert!(load("RELAY_PORT", "tcp://10.0.0.1").is_ok());
    }

    #[test]
    fn a_key_that_is_called_file_is_no_file_of_another() {
        let settings = load("RELAY__STORE__TLS_CA_FILE", "/nowhere/ca.pem").unwrap();
        assert_eq!(
            settings.store.connection.tls_ca_file.unwrap().to_str(),
            Some("/nowhere/ca.pem")
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_variable_panics(name in any::<String>(), key in "[A-Z_.]{0,30}", value in any::<String>()) {
            let _ = load(&name, &value);
            let _ = load(&format!("RELAY__{key}"), &value);
            let _ = load(&format!("RELAY__MAPPING__METADATA__{key}"), "a");
        }
    }
}
