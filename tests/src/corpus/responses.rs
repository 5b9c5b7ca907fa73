//! Responses as data, each with what has to become of it. `tests/corpus/README.md` describes the files.

use std::{fs, path::Path};

use serde::Deserialize;

use super::{CorpusError, CorpusErrors, files};

/// One response, and what has to become of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResponseCase {
    /// Unique among the responses.
    pub id: String,
    /// Why the case is here.
    #[serde(default)]
    pub note: String,
    /// The rule that refuses or masks it; absent when it has to pass unchanged.
    pub rule: Option<u32>,
    /// Paranoia level at which it does.
    #[serde(default = "one")]
    pub paranoia: u8,
    /// Status code.
    #[serde(default = "ok")]
    pub status: u16,
    /// Content type.
    #[serde(default = "html")]
    pub content_type: String,
    /// The body, without its padding.
    body: String,
    /// How the body goes on, where it is masked.
    masked: Option<String>,
    /// Bytes of text that follow the body.
    #[serde(default)]
    padding: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseFile {
    case: Vec<ResponseCase>,
}

fn one() -> u8 {
    1
}

fn ok() -> u16 {
    200
}

fn html() -> String {
    "text/html; charset=utf-8".to_owned()
}

impl ResponseCase {
    /// Reads every case under `tests/corpus/responses`.
    pub fn load_all() -> Result<Vec<Self>, CorpusErrors> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/responses");
        let mut errors = Vec::new();
        let mut cases: Vec<Self> = Vec::new();
        for path in files(&folder, &mut errors) {
            let read = fs::read_to_string(&path)
                .map_err(|error| CorpusError::of_file(&path, &error))
                .and_then(|text| {
                    toml::from_str::<CaseFile>(&text).map_err(|error| CorpusError::of_file(&path, &error))
                });
            match read {
                Ok(file) => cases.extend(file.case),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() {
            Ok(cases)
        } else {
            Err(CorpusErrors(errors))
        }
    }

    /// The body as the origin sends it.
    pub fn body(&self) -> Vec<u8> {
        self.padded(&self.body)
    }

    /// The body as it goes on, where it is masked.
    pub fn masked(&self) -> Option<Vec<u8>> {
        self.masked.as_deref().map(|masked| self.padded(masked))
    }

    fn padded(&self, body: &str) -> Vec<u8> {
        const PADDING: &str = "\n<p>Lorem ipsum dolor sit amet, consectetur adipiscing elit.</p>";
        let mut bytes = body.as_bytes().to_vec();
        bytes.extend(PADDING.bytes().cycle().take(self.padding));
        bytes
    }
}
