//! Finds the settings file, reads it, and lays the environment over it.

use std::path::{Path, PathBuf};

use super::{Settings, SettingsError, SettingsErrors, document, sections};

/// Folders that are searched for a file named by `SECBEAT_CONFIG`, in this order.
const FOLDERS: &[&str] = &["", "config", "/etc/secbeat"];
/// Bytes of a settings file that are read.
const MAX_BYTES: u64 = 1024 * 1024;

/// Settings, and the file that they came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// The file; absent when there is none and the built-in defaults hold.
    pub file: Option<PathBuf>,
}

/// Loads settings: `explicit` names the file, else the variable `SECBEAT_CONFIG` does, else there is none.
/// Variables of the form `SECBEAT__SECTION__KEY` override what the file says.
pub fn load(
    explicit: Option<&Path>,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<Loaded, SettingsErrors> {
    let environment = environment.collect::<Vec<_>>();
    let file = match explicit {
        Some(path) => Some(path.to_owned()),
        None => environment
            .iter()
            .find(|(name, value)| name == "SECBEAT_CONFIG" && !value.is_empty())
            .map(|(_, value)| find(value))
            .transpose()
            .map_err(|error| SettingsErrors(vec![error]))?,
    };
    let mut errors = Vec::new();
    let mut table = match &file {
        Some(path) => read_file(path).unwrap_or_else(|found| {
            errors.extend(found);
            document::Table::new()
        }),
        None => document::Table::new(),
    };
    errors.extend(document::overlay(&mut table, environment.into_iter()));
    let settings = sections::read(table, file.as_ref(), &mut errors);
    if errors.is_empty() {
        Ok(Loaded { settings, file })
    } else {
        Err(SettingsErrors(errors))
    }
}

fn read_file(path: &PathBuf) -> Result<document::Table, Vec<SettingsError>> {
    let fail = |reason: String| vec![SettingsError::new(Some(path), None, "", reason)];
    let size = std::fs::metadata(path)
        .map_err(|error| fail(error.to_string()))?
        .len();
    if size > MAX_BYTES {
        return Err(fail(format!("must be at most {MAX_BYTES} bytes, found {size}")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| fail(error.to_string()))?;
    document::parse(&text, Some(path))
}

/// Turns `production` into the first `config.production.toml` there is; what looks like a path is taken as one.
fn find(name: &str) -> Result<PathBuf, SettingsError> {
    if name.contains('/')
        || Path::new(name)
            .extension()
            .is_some_and(|extension| extension == "toml")
    {
        return Ok(PathBuf::from(name));
    }
    let file = format!("config.{name}.toml");
    let candidates = FOLDERS
        .iter()
        .map(|folder| Path::new(folder).join(&file))
        .collect::<Vec<_>>();
    candidates
        .iter()
        .find(|path| path.is_file())
        .cloned()
        .ok_or_else(|| {
            let places = candidates
                .iter()
                .map(|path| path.display().to_string())
                .collect::<Vec<_>>()
                .join(", ");
            SettingsError {
                place: "SECBEAT_CONFIG".to_owned(),
                path: String::new(),
                reason: format!("{name:?} names no settings file; searched {places}"),
            }
        })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use secbeat_engine::config::{Mode, OverLimit, PolicyConfig};

    use super::*;
    use crate::settings::KEYS;

    fn load_text(text: &str, environment: &[(&str, &str)]) -> Result<Settings, Vec<String>> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s.toml");
        std::fs::write(&path, text).unwrap();
        let environment = environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        load(Some(&path), environment)
            .map(|loaded| loaded.settings)
            .map_err(|errors| {
                let prefix = format!("{}/", dir.path().display());
                errors
                    .0
                    .iter()
                    .map(|error| error.to_string().replace(&prefix, ""))
                    .collect()
            })
    }

    #[test]
    fn nothing_gives_the_defaults() {
        let loaded = load(None, std::iter::empty()).unwrap();
        assert_eq!(loaded.settings, Settings::default());
        assert_eq!(loaded.file, None);
    }

    #[test]
    fn file_and_environment_are_read_and_the_environment_wins() {
        let text = r#"
            [waf]
            mode = "detect"
            packs = ["core", "extra"]
            rules_dir = "rules.d"
            body = { inspect = false, limit = 4096, over_limit = "skip" }
            [waf.limits]
            arguments = 7
            [management]
            listen_addr = "127.0.0.1:1234"
            shutdown_grace_period_seconds = 3
            [storage]
            max_events = 10
        "#;
        let settings = load_text(
            text,
            &[
                ("SECBEAT__WAF__BODY__LIMIT", "8192"),
                ("SECBEAT__XDS__LISTEN_ADDR", "127.0.0.1:4321"),
                ("SECBEAT__WAF__PACKS", "core, mine"),
                ("SECBEAT__METRICS__PUBLIC", "true"),
                ("UNRELATED", "x"),
            ],
        )
        .unwrap();
        assert_eq!(settings.waf.mode, Mode::Detect);
        assert_eq!(settings.waf.packs, ["core", "mine"]);
        assert_eq!(settings.waf.body.limit, 8192);
        assert_eq!(settings.waf.body.over_limit, OverLimit::Skip);
        assert_eq!(settings.waf.limits.arguments, 7);
        assert_eq!(settings.management.listen_addr.port(), 1234);
        assert_eq!(settings.management.shutdown_grace_period, Duration::from_secs(3));
        assert_eq!(settings.xds.listen_addr.port(), 4321);
        assert_eq!(settings.storage.max_events, 10);
        assert!(settings.metrics.public);
    }

    #[test]
    fn every_error_is_reported_with_file_line_and_path() {
        let text = "[waf]\nmod = \"block\"\npacks = \"core\"\n[waf.body]\nlimit = 0\n[extra]\n\
                    [management]\nlisten_addr = \"0.0.0.0:9999\"\n[logging]\nlevel = \"loud\"\n";
        let errors = load_text(text, &[("SECBEAT__STORAGE__MAX_EVENTS", "many")]).unwrap_err();
        let starts = [
            "s.toml:3: waf.packs: expected a list, found a string",
            "s.toml:5: waf.body.limit: must be 1 to 16777216, found 0",
            "s.toml:2: waf.mod: unknown key; expected one of mode, ",
            "s.toml:8: management.listen_addr: 0.0.0.0:9999 is reachable from other machines",
            "SECBEAT__STORAGE__MAX_EVENTS: storage.max_events: expected an integer, found \"many\"",
            "s.toml:10: logging.level: expected one of error, warn, info, debug, trace, found \"loud\"",
            "s.toml:6: extra: unknown key; expected one of waf, management,",
        ];
        assert_eq!(errors.len(), starts.len(), "{errors:#?}");
        for start in starts {
            assert!(
                errors.iter().any(|error| error.starts_with(start)),
                "{start}: {errors:#?}"
            );
        }
    }

    #[test]
    fn syntax_errors_name_their_line() {
        let errors = load_text("[waf]\nmode = \n", &[]).unwrap_err();
        assert!(errors[0].starts_with("s.toml:2: "), "{errors:?}");
    }

    #[test]
    fn a_repeated_key_is_an_error() {
        let errors = load_text("[waf]\nmode = \"block\"\nmode = \"off\"\n", &[]).unwrap_err();
        assert!(errors[0].starts_with("s.toml:3: "), "{errors:?}");
    }

    #[test]
    fn remote_plain_text_needs_consent() {
        let text = "[xds]\nlisten_addr = \"0.0.0.0:18000\"\nallow_remote_plaintext = true\n";
        assert!(load_text(text, &[]).is_ok());
    }

    #[test]
    fn one_port_cannot_serve_twice() {
        let errors = load_text("[xds]\nlisten_addr = \"127.0.0.1:9999\"\n", &[]).unwrap_err();
        assert!(errors[0].contains("must differ"), "{errors:?}");
    }

    #[test]
    fn an_unknown_name_tells_where_was_searched() {
        let environment = [("SECBEAT_CONFIG".to_owned(), "nowhere".to_owned())];
        let error = load(None, environment.into_iter()).unwrap_err().to_string();
        assert!(
            error.contains("config/config.nowhere.toml, /etc/secbeat/config.nowhere.toml"),
            "{error}"
        );
    }

    /// Settings that the engine refuses would only be told at the start, and without their line.
    #[test]
    fn the_widest_limits_are_those_of_the_engine() {
        for (key, widest) in [
            ("BODY__LIMIT", 16 * 1024 * 1024),
            ("RESPONSE__LIMIT", 16 * 1024 * 1024),
            ("RESPONSE__HOLD_SECONDS", 300),
            ("LIMITS__ARGUMENTS", 100_000),
            ("LIMITS__COOKIES", 10_000),
            ("LIMITS__JSON_DEPTH", 512),
            ("LIMITS__MULTIPART_PARTS", 10_000),
            ("SCORING__INBOUND_THRESHOLD", 10_000),
            ("SCORING__OUTBOUND_THRESHOLD", 10_000),
            ("SCORING__EXECUTING_PARANOIA_LEVEL", 4),
            ("SCORING__SAMPLING_PERCENT", 100),
        ] {
            let variable = format!("SECBEAT__WAF__{key}");
            let load = |value: u64| load_text("", &[(&variable, &value.to_string())]);
            let waf = load(widest).unwrap().waf;
            let policy = PolicyConfig {
                body: waf.body,
                response: waf.response,
                limits: waf.limits,
                scoring: waf.scoring,
                ..PolicyConfig::default()
            };
            assert!(secbeat_engine::compile(&policy).is_ok(), "{key}");
            assert_eq!(load(widest + 1).unwrap_err().len(), 1, "{key}");
            let least = load(0).map_or_else(|errors| errors.len(), |_| 0);
            assert_eq!(least, usize::from(key != "SCORING__SAMPLING_PERCENT"), "{key}");
        }
    }

    #[test]
    fn what_is_executed_reaches_as_far_as_what_refuses() {
        let text = "[waf.scoring]\nexecuting_paranoia_level = 1\nparanoia_level = 2\n";
        let errors = load_text(text, &[]).unwrap_err();
        let expected = "waf.scoring.executing_paranoia_level: must be at least waf.scoring.paranoia_level, which is 2, found 1";
        assert!(errors.len() == 1 && errors[0].ends_with(expected), "{errors:?}");
        let scoring = load_text("[waf.scoring]\nparanoia_level = 3\n", &[])
            .unwrap()
            .waf
            .scoring;
        assert_eq!((scoring.paranoia_level, scoring.executing_level()), (3, 3));
    }

    #[test]
    fn every_key_is_known_and_the_list_of_keys_is_whole() {
        for key in KEYS {
            let variable = format!("SECBEAT__{}", key.replace('.', "__").to_ascii_uppercase());
            let errors = load_text("", &[(&variable, "\u{0}")]).err().unwrap_or_default();
            assert!(
                errors.iter().all(|error| !error.contains("unknown key")),
                "{errors:?}"
            );
        }
        // A section names all its keys when it meets an unknown one.
        for (section, count) in [
            ("waf", 8),
            ("waf.body", 3),
            ("waf.response", 6),
            ("waf.limits", 8),
            ("waf.scoring", 6),
            ("management", 5),
            ("xds", 4),
            ("storage", 3),
            ("logging", 2),
            ("metrics", 1),
        ] {
            let errors = load_text(&format!("[{section}]\nzzz = 1\n"), &[]).unwrap_err();
            let (_, names) = errors[0].split_once("one of ").unwrap();
            assert_eq!(names.split(", ").count(), count, "{names}");
        }
    }
}
