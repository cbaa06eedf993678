//! The settings in the environment: `RELAY__SECTION__KEY`, the same with `_FILE`, and the names the guide
//! uses, `CIO_SITE_ID` and `CIO_API_KEY`.
//!
//! Later wins: the guide's names, the guide's with `_FILE`, the plain variables, the `_FILE` ones. Variables
//! with other names are nobody's business here.

use std::collections::BTreeMap;
use std::path::Path;

use crate::config::problem::Problems;
use crate::config::sources::Sources;
use crate::config::tree::{Place, Tree, is_key};

const PREFIX: &str = "RELAY__";
const SEPARATOR: &str = "__";
const FILE_SUFFIX: &str = "_FILE";

/// The guide's names and the keys they set.
const GUIDE: [(&str, &str); 2] =
    [("CIO_SITE_ID", "customerio.site_id"), ("CIO_API_KEY", "customerio.api_key")];

/// Adds what the variables set; what isn't known or can't be read becomes a problem and is left out.
pub(super) fn add(tree: &mut Tree, sources: &Sources, problems: &mut Problems) {
    for suffix in ["", FILE_SUFFIX] {
        for (name, path) in GUIDE {
            let variable = format!("{name}{suffix}");
            // Compose files pass `CIO_SITE_ID=` on when nobody set it, so blank is not set.
            if sources.environment().get(&variable).is_some_and(|value| !value.trim().is_empty()) {
                add_variable(tree, (&variable, path), sources, problems);
            }
        }
    }
    let path_of = |name: &str| name.to_ascii_lowercase().replace(SEPARATOR, ".");
    let mut ours = [BTreeMap::new(), BTreeMap::new()];
    for variable in sources.environment().keys() {
        let Some(name) = variable.strip_prefix(PREFIX) else { continue };
        // Some keys are called so themselves.
        let of_file = name.strip_suffix(FILE_SUFFIX).filter(|_| !is_key(&path_of(name)));
        let path = path_of(of_file.unwrap_or(name));
        let twin = ours[usize::from(of_file.is_some())].entry(path.clone()).or_insert(variable);
        if *twin != variable {
            let text = format!("{twin} sets the same key; remove one of them");
            problems.push(variable, &path, text);
        }
    }
    for (path, variable) in ours.iter().flatten() {
        add_variable(tree, (variable, path), sources, problems);
    }
    for variable in sources.not_text() {
        if is_variable(variable) {
            problems.push(variable, "", "the value is not Unicode text");
        }
    }
}

/// Adds a variable for the key at a path.
fn add_variable(
    tree: &mut Tree,
    (variable, path): (&str, &str),
    sources: &Sources,
    problems: &mut Problems,
) {
    let value = &sources.environment()[variable];
    if !is_file_variable(variable) {
        let place = Place { name: variable, separator: Some(',') };
        return tree.add_text(path, value.clone(), place, problems);
    }
    let file = Path::new(value);
    match sources.read(file) {
        Ok(text) => {
            // One line end behind the last line is the editor's.
            let text = text.strip_suffix('\n').unwrap_or(&text).to_owned();
            let place = Place { name: variable, separator: Some('\n') };
            tree.add_text(path, text, place, problems);
        }
        Err(error) => {
            // A secret that was set as the `_FILE` variable is no path, and must not be shown.
            let is_path = file.is_absolute() || sources.has_folder_of(file);
            let shown = if is_path { value } else { "the file that it names" };
            problems.push(variable, path, format!("can't read {shown}: {error}"));
        }
    }
}

/// True if a place is a variable that sets a key.
fn is_variable(place: &str) -> bool {
    place.starts_with(PREFIX) || GUIDE.iter().any(|(name, _)| place.starts_with(name))
}

/// True if a place is a variable that names a file with the value.
pub(super) fn is_file_variable(place: &str) -> bool {
    let is_ours = place.strip_suffix(FILE_SUFFIX).is_some_and(is_variable);
    is_ours && place != variable_of("store.tls_ca_file")
}

/// Returns the variable that sets the key at a dotted path.
pub(super) fn variable_of(path: &str) -> String {
    format!("{PREFIX}{}", path.replace('.', SEPARATOR).to_ascii_uppercase())
}

/// Returns a key as a place spells it.
pub(super) fn key_at(place: &str, path: &str) -> String {
    if is_variable(place) { variable_of(path) } else { path.to_owned() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, any, proptest};

    use crate::config::sources::Sources;
    use crate::config::{Required, Settings};

    fn load(name: &str, value: &str) -> Result<Settings, String> {
        let sources = Sources::new(None, [(name.to_owned(), value.to_owned())]);
        Settings::load(&sources, Required::Nothing).map_err(|problems| problems.to_string())
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
            (
                "RELAY__MAPPING__METADATA__A__B",
                "mapping.metadata.a.b: unknown key; did you mean RELAY__MAPPING__METADATA__A?",
            ),
            (
                "RELAY__GROWSURF__CAMPAIGNS__0__ID",
                "growsurf.campaigns: only a file can hold [[growsurf.campaigns]]",
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
