//! The corpus: requests as data, each with what has to become of it.
//!
//! The same cases run on the engine alone and through a real Envoy. `tests/corpus/README.md` describes the files;
//! this module reads them into typed cases and refuses a corpus that is not sound as a whole. It judges nothing.

mod error;
mod format;
mod responses;

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::{Path, PathBuf},
};

use secbeat_engine::{config::Category, rule::RuleId};

pub use error::{CorpusError, CorpusErrors};
pub use responses::ResponseCase;

/// One request, and what has to become of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Unique within the corpus.
    pub id: String,
    /// Where the case is written, relative to the corpus.
    pub file: PathBuf,
    /// What has to become of it.
    pub expectation: Expectation,
    /// Rules that a benign case begins to look like, and that must not match it.
    pub near: Vec<RuleId>,
    /// Request method.
    pub method: String,
    /// Request target, exactly as it goes on the wire.
    pub target: Vec<u8>,
    /// Header pairs in order, `host` among them, as a client writes them; without `content-length`.
    pub headers: Vec<(Vec<u8>, Vec<u8>)>,
    /// The body; absent in a request that has none.
    pub body: Option<Vec<u8>>,
    /// Why the case is here.
    pub note: String,
}

/// What has to become of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expectation {
    /// It passes, and no blocking rule matches.
    Pass,
    /// It is refused.
    Block {
        /// Class of attack.
        category: Category,
        /// A rule that is among those that blocked it.
        rule: RuleId,
    },
}

impl Case {
    /// Reads every case under `tests/corpus`.
    pub fn load_all() -> Result<Vec<Self>, CorpusErrors> {
        Self::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus"))
    }

    /// Reads every case of the corpus in `folder`, in the order of files and of cases in each.
    pub fn load(folder: &Path) -> Result<Vec<Self>, CorpusErrors> {
        let mut errors = Vec::new();
        let profiles = format::profiles(folder, &mut errors);
        let mut cases = Vec::new();
        for kind in [format::Kind::Benign, format::Kind::Attack] {
            for path in files(&folder.join(kind.folder()), &mut errors) {
                let name = path.strip_prefix(folder).unwrap_or(&path).to_owned();
                match fs::read_to_string(&path) {
                    Ok(text) => cases.extend(format::cases(kind, &name, &text, &profiles, &mut errors)),
                    Err(error) => errors.push(CorpusError::of_file(&name, &error)),
                }
            }
        }
        refuse_duplicates(&cases, &mut errors);
        if errors.is_empty() {
            Ok(cases)
        } else {
            Err(CorpusErrors(errors))
        }
    }

    /// The headers as Envoy shows them to a filter: pseudo headers first, names in lower case.
    pub fn envoy_headers(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let host = self.header("host").unwrap_or_default();
        let mut pairs = vec![
            (b":authority".to_vec(), host.to_vec()),
            (b":path".to_vec(), self.target.clone()),
            (b":method".to_vec(), self.method.clone().into_bytes()),
            (b":scheme".to_vec(), b"http".to_vec()),
        ];
        pairs.extend(
            self.headers
                .iter()
                .map(|(name, value)| (name.to_ascii_lowercase(), value.clone()))
                .filter(|(name, _)| name != b"host"),
        );
        if let Some(body) = &self.body {
            pairs.push((b"content-length".to_vec(), body.len().to_string().into_bytes()));
        }
        pairs
    }

    /// The request as the bytes of HTTP/1.1.
    pub fn http1(&self) -> Vec<u8> {
        let mut wire = Vec::new();
        wire.extend_from_slice(self.method.as_bytes());
        wire.push(b' ');
        wire.extend_from_slice(&self.target);
        wire.extend_from_slice(b" HTTP/1.1\r\n");
        for (name, value) in &self.headers {
            wire.extend_from_slice(name);
            wire.extend_from_slice(b": ");
            wire.extend_from_slice(value);
            wire.extend_from_slice(b"\r\n");
        }
        let body = self.body.as_deref();
        if let Some(body) = body {
            wire.extend_from_slice(format!("content-length: {}\r\n", body.len()).as_bytes());
        }
        wire.extend_from_slice(b"\r\n");
        wire.extend_from_slice(body.unwrap_or_default());
        wire
    }

    /// The first value of a header, by its name in any case.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers
            .iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value.as_slice())
    }
}

/// Header sets of clients, by name.
type Profiles = BTreeMap<String, Vec<(Vec<u8>, Vec<u8>)>>;

fn files(folder: &Path, errors: &mut Vec<CorpusError>) -> Vec<PathBuf> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            errors.push(CorpusError::of_file(folder, &error));
            return Vec::new();
        }
    };
    let mut paths: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    paths.sort();
    paths
}

fn refuse_duplicates(cases: &[Case], errors: &mut Vec<CorpusError>) {
    let mut seen: HashMap<&str, &Path> = HashMap::new();
    for case in cases {
        if let Some(first) = seen.insert(&case.id, &case.file) {
            errors.push(CorpusError::of_case(
                &case.file,
                &case.id,
                &format!("id must be unique, found in {} too", first.display()),
            ));
        }
    }
}
