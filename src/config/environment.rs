//! The layer that the environment makes: `RELAY__SECTION__KEY`, the same with `_FILE`, and the
//! names the guide uses, `CIO_SITE_ID` and `CIO_API_KEY`.
//!
//! Text stays text: only a key that holds a number or a flag has its text parsed as one, so a
//! secret such as `0012` or `1e5` is never anything else. Later wins: the guide's names, the plain
//! variables, the `_FILE` ones. Variables with other names are nobody's business here.

use std::path::Path;

use config::{Map, Value, ValueKind};

use crate::config::key::{Key, Kind, ROOT, join, nearest};
use crate::config::layer::{Layer, at};
use crate::config::problem::{Fault, HIDDEN, Problems, quoted};
use crate::config::sources::Sources;

const PREFIX: &str = "RELAY__";
const SEPARATOR: &str = "__";
const FILE_SUFFIX: &str = "_FILE";

/// The guide's names and the keys they set.
const GUIDE: [(&str, &str); 2] =
    [("CIO_SITE_ID", "customerio.site_id"), ("CIO_API_KEY", "customerio.api_key")];

/// Reads the layer; what isn't known or can't be read becomes a problem and is left out.
pub(super) fn layer(sources: &Sources, problems: &mut Problems) -> Layer {
    let mut builder = Builder { sources, problems, layer: Layer::default() };
    for suffix in ["", FILE_SUFFIX] {
        for (name, path) in GUIDE {
            let variable = format!("{name}{suffix}");
            // Compose files pass `CIO_SITE_ID=` on when nobody set it, so blank is not set.
            if let Some(value) = sources.environment().get(&variable)
                && !value.trim().is_empty()
            {
                builder.set(&variable, path, value, !suffix.is_empty());
            }
        }
    }
    for from_file in [false, true] {
        for (variable, value) in sources.environment() {
            let Some(name) = variable.strip_prefix(PREFIX) else {
                continue;
            };
            let path_of = |name: &str| name.to_ascii_lowercase().replace(SEPARATOR, ".");
            let (path, is_file) = match name.strip_suffix(FILE_SUFFIX) {
                // Some keys are called so themselves.
                Some(name_of_file) if !Key::is_known(&path_of(name)) => {
                    (path_of(name_of_file), true)
                }
                _ => (path_of(name), false),
            };
            if is_file == from_file {
                builder.set(variable, &path, value, is_file);
            }
        }
    }
    for variable in sources.not_text() {
        if variable.starts_with(PREFIX) || GUIDE.iter().any(|(name, _)| variable.starts_with(name))
        {
            let fault = Fault::Rule("the value is not Unicode text".to_owned());
            builder.problems.push(variable, "", fault);
        }
    }
    builder.layer
}

struct Builder<'a> {
    sources: &'a Sources,
    problems: &'a mut Problems,
    layer: Layer,
}

impl Builder<'_> {
    fn set(&mut self, variable: &str, path: &str, value: &str, is_file: bool) {
        let Some(kind) = self.kind_of(variable, path) else {
            return;
        };
        let parsed = if is_file {
            match self.sources.read(Path::new(value)) {
                Ok(text) => parse(kind, &text, true),
                Err(source) => {
                    let path_of_file = value.to_owned();
                    let fault = Fault::Unreadable { path: path_of_file, source };
                    self.problems.push(variable, path, fault);
                    return;
                }
            }
        } else {
            parse(kind, value, false)
        };
        match parsed {
            Ok(parsed) => insert(&mut self.layer.0, path, at(variable, parsed)),
            Err(fault) => self.problems.push(variable, path, fault),
        }
    }

    /// The kind of the key at a dotted path, or `None` and a problem.
    fn kind_of(&mut self, variable: &str, path: &str) -> Option<&'static Kind> {
        let mut keys = ROOT;
        let mut parent = String::new();
        let mut segments = path.split('.').peekable();
        while let Some(segment) = segments.next() {
            let Some(key) = Key::find(keys, segment) else {
                let nearest = nearest(&parent, segment, keys).map(|path| variable_of(&path));
                self.problems.push(variable, path, Fault::Unknown { nearest });
                return None;
            };
            parent = join(&parent, segment);
            let is_last = segments.peek().is_none();
            match &key.kind {
                Kind::Tables(_) => {
                    let rule = format!("only a file can hold [[{parent}]]");
                    self.problems.push(variable, path, Fault::Rule(rule));
                    return None;
                }
                Kind::Table(_) | Kind::Names if is_last => {
                    let name = variable_of(&parent);
                    let rule = format!("a table; set its keys one by one as {name}{SEPARATOR}KEY");
                    self.problems.push(variable, path, Fault::Rule(rule));
                    return None;
                }
                Kind::Table(inner) => keys = inner,
                Kind::Names => {
                    let name = segments.next().unwrap_or_default();
                    if name.is_empty() || segments.next().is_some() {
                        self.problems.push(variable, path, Fault::Unknown { nearest: None });
                        return None;
                    }
                    return Some(&Kind::Label);
                }
                kind if is_last => return Some(kind),
                _ => {
                    let nearest = Some(variable_of(&parent));
                    self.problems.push(variable, path, Fault::Unknown { nearest });
                    return None;
                }
            }
        }
        None
    }
}

/// The variable that sets the key at a dotted path.
pub(super) fn variable_of(path: &str) -> String {
    format!("{PREFIX}{}", path.replace('.', SEPARATOR).to_ascii_uppercase())
}

/// Returns the text of a variable, or of the file that it names, as the kind wants it. One line end
/// behind the last line of a file is the editor's.
fn parse(kind: &Kind, text: &str, is_file: bool) -> Result<ValueKind, Fault> {
    let text = if is_file { text.strip_suffix('\n').unwrap_or(text) } else { text };
    let unspoiled = |kept: ValueKind| match kind.mark(&kept) {
        Some(mark) => Err(Fault::Rule(mark.into_owned())),
        None => Ok(kept),
    };
    match kind {
        Kind::List | Kind::Secrets | Kind::Tokens => {
            let items: Vec<&str> = if is_file {
                text.split('\n').collect()
            } else {
                unspoiled(ValueKind::from(text))?;
                text.split(',').map(|item| item.trim_matches(' ')).collect()
            };
            let items = items.into_iter().filter(|item| !item.is_empty());
            unspoiled(ValueKind::from(items.map(str::to_owned).collect::<Vec<_>>()))
        }
        _ => match (kind, unspoiled(ValueKind::from(text))?) {
            (Kind::Flag, _) => match text {
                "true" => Ok(ValueKind::Boolean(true)),
                "false" => Ok(ValueKind::Boolean(false)),
                _ => Err(wrong(kind, text, is_file)),
            },
            (Kind::Whole, _) => {
                text.parse().map(ValueKind::I64).map_err(|_| wrong(kind, text, is_file))
            }
            (_, text) => Ok(text),
        },
    }
}

/// A file's content is never shown: a wrong path may lead to a secret.
fn wrong(kind: &Kind, text: &str, is_file: bool) -> Fault {
    Fault::Value {
        expected: kind.expected().to_owned(),
        given: if is_file { HIDDEN.to_owned() } else { quoted(text) },
    }
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
    use config::ValueKind;
    use proptest::prelude::{any, proptest};

    use super::{Kind, layer, parse};
    use crate::config::problem::{Fault, Problems};
    use crate::config::sources::Sources;

    fn problems_of(name: &str, value: &str) -> String {
        let mut problems = Problems::none();
        layer(&Sources::new(None, [(name.to_owned(), value.to_owned())]), &mut problems);
        problems.to_string()
    }

    #[test]
    fn parses_text_by_kind() {
        let list = |items: &[&str]| {
            ValueKind::from(items.iter().map(|item| (*item).to_owned()).collect::<Vec<_>>())
        };
        for (kind, text, is_file, expected) in [
            (Kind::Secret, "0012", false, ValueKind::from("0012")),
            (Kind::Secret, "1e5", false, ValueKind::from("1e5")),
            (Kind::Secret, "a\n", true, ValueKind::from("a")),
            (Kind::Secrets, "a, b,,", false, list(&["a", "b"])),
            (Kind::Secrets, "a,b\n\n0012\n", true, list(&["a,b", "0012"])),
            (Kind::Tokens, "a,b", false, list(&["a", "b"])),
            (Kind::Tokens, "a\nb\n", true, list(&["a", "b"])),
            (Kind::List, "", false, list(&[])),
            (Kind::Flag, "true", false, ValueKind::Boolean(true)),
            (Kind::Whole, "0500", false, ValueKind::I64(500)),
            (Kind::Size, "8MiB", false, ValueKind::from("8MiB")),
        ] {
            assert_eq!(parse(&kind, text, is_file).unwrap(), expected, "{text:?}");
        }
        for (kind, text) in [(Kind::Flag, "yes"), (Kind::Flag, "1"), (Kind::Whole, "1.5")] {
            assert!(parse(&kind, text, false).is_err(), "{text:?}");
        }
        for (kind, text, is_file) in [
            (Kind::Secret, " a", false),
            (Kind::Secret, "a\n", false),
            (Kind::Secret, "a\r\n", true),
            (Kind::Secret, "a\n\n", true),
            (Kind::Secret, "\u{feff}a\n", true),
            (Kind::Secrets, "a,b ", false),
            (Kind::Secrets, "\"a\",\"b\"", false),
            (Kind::Secrets, "a,\tb", false),
            (Kind::Secrets, "a\r\nb\r\n", true),
            (Kind::Secrets, "a\n b\n", true),
            (Kind::List, "*@a.example,\u{200b}*@b.example", false),
            (Kind::Flag, "true ", false),
            (Kind::Whole, "8\r", true),
            (Kind::Text, "eu\u{a0}", false),
        ] {
            let told = parse(&kind, text, is_file).unwrap_err();
            assert!(matches!(told, Fault::Rule(_)), "{text:?}: {told}");
        }
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
            let shown = problems_of(name, "hush");
            assert!(shown.starts_with(name) && shown.ends_with(expected), "{shown}");
        }
        assert_eq!(problems_of("RELAY_PORT", "tcp://10.0.0.1"), "");
    }

    #[test]
    fn a_key_that_is_called_file_is_no_file_of_another() {
        let variable = ("RELAY__STORE__TLS_CA_FILE".to_owned(), "/nowhere/ca.pem".to_owned());
        let mut problems = Problems::none();
        let mut layer = layer(&Sources::new(None, [variable]), &mut problems);
        assert_eq!(problems.to_string(), "");
        let store = layer.0.remove("store").unwrap().into_table().unwrap();
        assert_eq!(store["tls_ca_file"].clone().into_string().unwrap(), "/nowhere/ca.pem");
    }

    proptest! {
        #[test]
        fn no_variable_panics(name in any::<String>(), key in "[A-Z_.]{0,30}", value in any::<String>()) {
            problems_of(&name, &value);
            problems_of(&format!("RELAY__{key}"), &value);
            problems_of(&format!("RELAY__MAPPING__METADATA__{key}"), "a");
        }
    }
}
