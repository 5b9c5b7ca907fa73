//! The samples: labelled requests that live outside the repository, and how many of them are judged rightly.
//!
//! `score.py`, which lies beside the samples, sends them through a real Envoy; [`native`] shows the same requests to the
//! engine alone, in seconds. Both end in the same [`Table`]. Nothing here decides what is an attack.

pub mod native;
mod sample;
mod table;

use std::{
    env,
    path::{Path, PathBuf},
};

pub use sample::{Sample, Step, read};
pub use table::{Table, Tally};

use crate::{Failure, Result, artifacts};

/// The folder that `EFFICACY_DATA` names, else `../shared/samples` beside the repository.
pub fn folder() -> Result<PathBuf> {
    let folder = env::var_os("EFFICACY_DATA").map_or_else(
        || artifacts::root().join("../shared/samples"),
        |path| artifacts::root().join(path),
    );
    if folder.join(SCORE).is_file() {
        Ok(folder)
    } else {
        Err(Failure::new(format!(
            "no samples: {} is missing; name the folder that holds it in EFFICACY_DATA",
            folder.join(SCORE).display()
        )))
    }
}

/// The program that sends the samples through a proxy.
pub const SCORE: &str = "score.py";

/// The interpreter of [`SCORE`].
pub fn python() -> std::process::Command {
    let mut command = std::process::Command::new("python3");
    // The samples' folder may be read-only.
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// The names of the sets in a folder, in order.
pub fn sets(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        names.extend(name.strip_suffix(sample::EXTENSION).map(str::to_owned));
    }
    names.sort();
    Ok(names)
}
