//! The corpus as it is written: TOML into cases. `tests/corpus/README.md` is its description.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use secbeat_engine::{config::Category, rule::RuleId};
use serde::Deserialize;

use super::{Case, CorpusError, Expectation, Profiles};

/// Host of the cases that name none.
const DEFAULT_HOST: &str = "shop.example.com";
/// Bytes that a generated body may have.
const BODY_LIMIT: usize = 16 * 1024 * 1024;

/// Which half of the corpus a file belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Benign,
    Attack,
}

impl Kind {
    pub(super) fn folder(self) -> &'static str {
        match self {
            Self::Benign => "benign",
            Self::Attack => "attack",
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileFile {
    profile: BTreeMap<String, Vec<Header>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseFile {
    profile: Option<String>,
    category: Option<Category>,
    #[serde(default)]
    case: Vec<Written>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    id: String,
    #[serde(default)]
    note: String,
    profile: Option<String>,
    method: Option<String>,
    #[serde(default = "root")]
    path: Text,
    #[serde(default)]
    headers: Vec<Header>,
    body: Option<Body>,
    category: Option<Category>,
    rule: Option<u32>,
    #[serde(default)]
    near: Vec<u32>,
}

#[derive(Deserialize)]
struct Header(String, Text);

/// Text that stands for its UTF-8 bytes, or text in which `\xHH` stands for a byte.
#[derive(Deserialize)]
#[serde(untagged)]
enum Text {
    Plain(String),
    Escaped(EscapedText),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EscapedText {
    escaped: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Body {
    Plain(String),
    Lines(LinesBody),
    Generated(GeneratedBody),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LinesBody {
    text: String,
    #[serde(default)]
    crlf: bool,
    #[serde(default)]
    escapes: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GeneratedBody {
    #[serde(default)]
    before: String,
    repeat: String,
    times: usize,
    #[serde(default)]
    after: String,
}

fn root() -> Text {
    Text::Plain("/".to_owned())
}

/// Reads the header sets of `profiles.toml`.
pub(super) fn profiles(folder: &Path, errors: &mut Vec<CorpusError>) -> Profiles {
    let name = PathBuf::from("profiles.toml");
    let read = fs::read_to_string(folder.join(&name))
        .map_err(|error| CorpusError::of_file(&name, &error))
        .and_then(|text| {
            toml::from_str::<ProfileFile>(&text).map_err(|error| CorpusError::of_file(&name, &error))
        });
    let file = match read {
        Ok(file) => file,
        Err(error) => {
            errors.push(error);
            return Profiles::new();
        }
    };
    let mut profiles = Profiles::new();
    for (profile, headers) in file.profile {
        match headers.into_iter().map(Header::bytes).collect() {
            Ok(pairs) => drop(profiles.insert(profile, pairs)),
            Err(reason) => errors.push(CorpusError::of_case(&name, &profile, &reason)),
        }
    }
    profiles
}

/// Reads the cases of one file.
pub(super) fn cases(
    kind: Kind,
    name: &Path,
    text: &str,
    profiles: &Profiles,
    errors: &mut Vec<CorpusError>,
) -> Vec<Case> {
    let file = match toml::from_str::<CaseFile>(text) {
        Ok(file) => file,
        Err(error) => {
            errors.push(CorpusError::of_file(name, &error));
            return Vec::new();
        }
    };
    if file.case.is_empty() {
        errors.push(CorpusError::of_file(
            name,
            "expected at least one [[case]], found none",
        ));
    }
    let mut cases = Vec::new();
    for written in file.case {
        let id = written.id.clone();
        match written.case(kind, name, file.profile.as_deref(), file.category, profiles) {
            Ok(case) => cases.push(case),
            Err(reason) => errors.push(CorpusError::of_case(name, &id, &reason)),
        }
    }
    cases
}

impl Written {
    fn case(
        self,
        kind: Kind,
        file: &Path,
        profile: Option<&str>,
        category: Option<Category>,
        profiles: &Profiles,
    ) -> Result<Case, String> {
        let well_formed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if self.id.is_empty() || !self.id.bytes().all(well_formed) {
            return Err("id must consist of a-z, 0-9 and -".to_owned());
        }
        let expectation = match (kind, self.category.or(category), self.rule) {
            (Kind::Benign, None, None) => Expectation::Pass,
            (Kind::Benign, ..) => return Err("a benign case has neither category nor rule".to_owned()),
            (Kind::Attack, Some(category), Some(rule)) => Expectation::Block {
                category,
                rule: RuleId(rule),
            },
            (Kind::Attack, ..) => return Err("an attack needs a category and a rule".to_owned()),
        };
        if kind == Kind::Attack && !self.near.is_empty() {
            return Err("an attack is near no rule; it names the one that blocks it".to_owned());
        }
        let mut headers = match self.profile.as_deref().or(profile) {
            Some(name) => profiles
                .get(name)
                .cloned()
                .ok_or_else(|| format!("profile {name:?} is not defined"))?,
            None => Vec::new(),
        };
        let own = self
            .headers
            .into_iter()
            .map(Header::bytes)
            .collect::<Result<Vec<_>, _>>()?;
        headers.retain(|(name, _)| {
            !own.iter()
                .any(|(own_name, _)| own_name.eq_ignore_ascii_case(name))
        });
        headers.extend(own);
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(b"host")) {
            headers.insert(0, (b"host".to_vec(), DEFAULT_HOST.as_bytes().to_vec()));
        }
        let target = self.path.bytes()?;
        if target.is_empty() || target.iter().any(|byte| matches!(byte, 0..=b' ' | 0x7f)) {
            return Err("path must be a request target, without blanks and control characters".to_owned());
        }
        let body = self.body.map(Body::bytes).transpose()?;
        let method = self
            .method
            .unwrap_or_else(|| if body.is_some() { "POST" } else { "GET" }.to_owned());
        Ok(Case {
            id: self.id,
            file: file.to_owned(),
            expectation,
            near: self.near.into_iter().map(RuleId).collect(),
            method,
            target,
            headers,
            body,
            note: self.note,
        })
    }
}

impl Header {
    fn bytes(self) -> Result<(Vec<u8>, Vec<u8>), String> {
        let Self(name, value) = self;
        if name.is_empty() || name.eq_ignore_ascii_case("content-length") {
            return Err(format!("header {name:?} cannot be set by a case"));
        }
        let value = value.bytes()?;
        if value.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n')) {
            return Err(format!("header {name:?} must not contain NUL, CR or LF"));
        }
        Ok((name.into_bytes(), value))
    }
}

impl Text {
    fn bytes(self) -> Result<Vec<u8>, String> {
        match self {
            Self::Plain(text) => Ok(text.into_bytes()),
            Self::Escaped(text) => unescape(&text.escaped),
        }
    }
}

impl Body {
    fn bytes(self) -> Result<Vec<u8>, String> {
        match self {
            Self::Plain(text) => Ok(text.into_bytes()),
            Self::Lines(LinesBody { text, crlf, escapes }) => {
                let text = if crlf { text.replace('\n', "\r\n") } else { text };
                if escapes {
                    unescape(&text)
                } else {
                    Ok(text.into_bytes())
                }
            }
            Self::Generated(GeneratedBody {
                before,
                repeat,
                times,
                after,
            }) => {
                match repeat.len().checked_mul(times) {
                    Some(size) if size <= BODY_LIMIT => {}
                    _ => return Err(format!("a generated body must be at most {BODY_LIMIT} bytes")),
                }
                Ok([before, repeat.repeat(times), after].concat().into_bytes())
            }
        }
    }
}

/// Replaces `\xHH` by the byte and `\\` by one backslash.
fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        match rest.next() {
            Some(b'\\') => bytes.push(b'\\'),
            Some(b'x') => match (digit(rest.next()), digit(rest.next())) {
                (Some(high), Some(low)) => bytes.push((high * 16 + low) as u8),
                _ => return Err("\\x must be followed by two hexadecimal digits".to_owned()),
            },
            _ => return Err("a backslash must be written \\\\ or begin \\xHH".to_owned()),
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_stand_for_bytes() {
        assert_eq!(unescape(r"a\xff\\b\x00"), Ok(b"a\xff\\b\x00".to_vec()));
        assert!(unescape(r"\n").is_err());
        assert!(unescape(r"\xg0").is_err());
    }

    #[test]
    fn errors_name_file_and_case() {
        let mut errors = Vec::new();
        let text = "[[case]]\nid = 'one'\nrule = 7\n[[case]]\nid = 'two'\nprofile = 'nobody'\n";
        let read = cases(
            Kind::Benign,
            Path::new("benign/x.toml"),
            text,
            &Profiles::new(),
            &mut errors,
        );
        assert!(read.is_empty());
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            errors,
            [
                "benign/x.toml [one]: a benign case has neither category nor rule",
                "benign/x.toml [two]: profile \"nobody\" is not defined",
            ]
        );
    }

    #[test]
    fn case_takes_the_headers_of_its_profile_and_overrides_them() {
        let mut errors = Vec::new();
        let profiles = Profiles::from([(
            "client".to_owned(),
            vec![
                (b"User-Agent".to_vec(), b"one".to_vec()),
                (b"Accept".to_vec(), b"*/*".to_vec()),
            ],
        )]);
        let text = "profile = 'client'\n[[case]]\nid = 'a'\nheaders = [['user-agent', 'two']]\nbody = { repeat = 'ab', times = 2, after = 'c' }\n";
        let read = cases(
            Kind::Benign,
            Path::new("benign/x.toml"),
            text,
            &profiles,
            &mut errors,
        );
        assert_eq!(errors, []);
        assert_eq!(
            read.first().map(Case::http1),
            Some(
                b"POST / HTTP/1.1\r\nhost: shop.example.com\r\nAccept: */*\r\nuser-agent: two\r\ncontent-length: 5\r\n\r\nababc"
                    .to_vec()
            )
        );
    }
}
