//! Loads the rule packs that settings name: embedded ones, and files of the rules folder.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use secbeat_engine::{
    config::{PatternAction, PatternConfig},
    packs::{self as engine, PackConfig},
};
use serde::Deserialize;

use crate::settings::WafSettings;

/// The setting that names embedded packs.
const WAF_PACKS: &str = "waf.packs";
/// Files of a rules folder.
const MAX_FILES: usize = 256;
/// Bytes of one file.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// One thing that is wrong with the rule packs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {reason}")]
pub struct PackError {
    /// The file and, where known, the line; or the setting.
    pub place: String,
    /// What is wrong.
    pub reason: String,
}

/// Everything that is wrong with the rule packs; never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct PackErrors(pub Vec<PackError>);

/// Loads every pack, in the order of `waf.packs`, then of the file names. Reads files: call it where that may block.
pub fn load(settings: &WafSettings) -> Result<Vec<PackConfig>, PackErrors> {
    let mut errors = Vec::new();
    let mut packs = Vec::<(String, PackConfig)>::new();
    let embedded_packs = settings
        .packs
        .iter()
        .map(|name| (WAF_PACKS.to_owned(), embedded(name)));
    let mut sources = embedded_packs.collect::<Vec<_>>();
    if let Some(dir) = &settings.rules_dir {
        let place = || format!("waf.rules_dir {}", dir.display());
        match files(dir) {
            Ok(paths) => sources.extend(paths.iter().map(|path| (path.display().to_string(), read(path)))),
            Err(error) => errors.push(PackError {
                place: place(),
                reason: error.to_string(),
            }),
        }
    }
    for (place, source) in sources {
        match source {
            Ok(pack) => packs.push((place, pack)),
            Err(error) => errors.push(error),
        }
    }
    let mut names = Vec::new();
    for (place, pack) in &packs {
        if names.contains(&&pack.name) {
            let reason = format!("a rule pack named {:?} is loaded already", pack.name);
            errors.push(PackError {
                place: place.clone(),
                reason,
            });
        }
        names.push(&pack.name);
    }
    if errors.is_empty() {
        Ok(packs.into_iter().map(|(_, pack)| pack).collect())
    } else {
        Err(PackErrors(errors))
    }
}

fn embedded(name: &str) -> Result<PackConfig, PackError> {
    let fail = |reason| PackError {
        place: WAF_PACKS.to_owned(),
        reason,
    };
    let pack = engine::find(name).ok_or_else(|| {
        let names = engine::all()
            .iter()
            .map(engine::Pack::name)
            .collect::<Vec<_>>()
            .join(", ");
        fail(format!(
            "{name:?} is no embedded rule pack; expected one of {names}"
        ))
    })?;
    pack.config().map_err(|error| fail(format!("{name:?}: {error}")))
}

fn files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            paths.push(path);
        }
        if paths.len() > MAX_FILES {
            return Err(io::Error::other(format!(
                "holds more than {MAX_FILES} rule packs"
            )));
        }
    }
    paths.sort();
    Ok(paths)
}

/// A pack as its file writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PackFile {
    pack: Header,
    #[serde(default)]
    pattern: Vec<PatternConfig>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    name: String,
    version: u32,
    #[serde(default)]
    description: String,
    /// What a match leads to where a pattern does not say it.
    #[serde(default)]
    action: PatternAction,
}

fn read(path: &Path) -> Result<PackConfig, PackError> {
    let place = path.display().to_string();
    let fail = |reason: String| PackError {
        place: place.clone(),
        reason,
    };
    let size = fs::metadata(path).map_err(|error| fail(error.to_string()))?.len();
    if size > MAX_BYTES {
        return Err(fail(format!("must be at most {MAX_BYTES} bytes, found {size}")));
    }
    let text = fs::read_to_string(path).map_err(|error| fail(error.to_string()))?;
    let file: PackFile = toml::from_str(&text).map_err(|error| {
        let line = error.span().map(|span| {
            text.bytes()
                .take(span.start)
                .filter(|byte| *byte == b'\n')
                .count()
                + 1
        });
        let place = line.map_or_else(|| place.clone(), |line| format!("{place}:{line}"));
        PackError {
            place,
            reason: error.message().replace('\n', ", "),
        }
    })?;
    let Header {
        name,
        version,
        description,
        action,
    } = file.pack;
    if name.is_empty() || name.len() > 64 {
        return Err(fail("pack.name must be 1 to 64 bytes".to_owned()));
    }
    Ok(PackConfig {
        name,
        version,
        description,
        patterns: with_action(file.pattern, action, &text),
    })
}

/// The patterns, those that name no action of their own with that of the pack.
fn with_action(mut patterns: Vec<PatternConfig>, action: PatternAction, text: &str) -> Vec<PatternConfig> {
    /// Whether a pattern names its action.
    #[derive(Deserialize)]
    struct Named {
        action: Option<PatternAction>,
    }
    #[derive(Deserialize, Default)]
    struct File {
        #[serde(default)]
        pattern: Vec<Named>,
    }
    // The text was read as a pack before.
    let file: File = toml::from_str(text).unwrap_or_default();
    for (pattern, named) in patterns.iter_mut().zip(file.pattern) {
        pattern.action = named.action.unwrap_or(action);
    }
    patterns
}
