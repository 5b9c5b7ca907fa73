//! One labelled request, or several that belong together, as the samples hold them.

use std::{io::BufRead as _, io::BufReader, path::Path, process::Stdio};

use serde::Deserialize;

use super::python;
use crate::{Context, Result, ensure};

/// How the file of a set ends.
pub(super) const EXTENSION: &str = ".jsonl.xz";

/// Python can take the compression apart, and is needed for `score.py` anyway.
const UNPACK: &str =
    "import lzma, shutil, sys; shutil.copyfileobj(lzma.open(sys.argv[1], 'rb'), sys.stdout.buffer, 1 << 20)";

/// A case of a set.
#[derive(Debug, Clone, Deserialize)]
pub struct Sample {
    /// `<set>/<number>`.
    pub id: String,
    /// 1 for an attack, 0 for an honest request, nothing for neither.
    #[serde(rename = "y")]
    pub label: Option<u8>,
    /// Class of attack, or where an honest request comes from.
    #[serde(rename = "c")]
    pub category: String,
    /// What the attack is about, shortened, for people.
    #[serde(rename = "p", default)]
    pub payload: serde_json::Value,
    #[serde(default)]
    steps: Vec<Step>,
    #[serde(flatten)]
    only: Step,
}

/// A request. Every character of its texts stands for one byte.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Step {
    /// Method.
    #[serde(rename = "m")]
    pub method: String,
    /// Target.
    #[serde(rename = "u")]
    pub target: String,
    /// Names and values.
    #[serde(rename = "h")]
    pub headers: Vec<(String, String)>,
    /// Body.
    #[serde(rename = "b")]
    pub body: Option<String>,
    /// The whole request in Base64, in place of the others.
    pub raw: Option<String>,
}

impl Sample {
    /// The requests of the case, in order.
    pub fn steps(&self) -> &[Step] {
        if self.steps.is_empty() {
            std::slice::from_ref(&self.only)
        } else {
            &self.steps
        }
    }
}

/// The bytes for which a text of a sample stands.
pub(super) fn bytes(text: &str) -> Vec<u8> {
    text.chars()
        .map(|character| u8::try_from(u32::from(character)).unwrap_or(b'?'))
        .collect()
}

/// Reads a set.
pub fn read(folder: &Path, set: &str) -> Result<Vec<Sample>> {
    let file = folder.join(format!("{set}{EXTENSION}"));
    let mut child = python()
        .args(["-c", UNPACK])
        .arg(&file)
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start python3")?;
    let output = child.stdout.take().context("python3 has no output")?;
    let mut samples = Vec::new();
    for line in BufReader::new(output).lines() {
        samples.push(serde_json::from_str(&line?).context(file.display())?);
    }
    let status = child.wait()?;
    ensure!(
        status.success(),
        "python3 could not unpack {}: {status}",
        file.display()
    );
    Ok(samples)
}

/// Undoes Base64; what is none of it ends it.
pub(super) fn unarmoured(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::new();
    let (mut held, mut bits) = (0_u32, 0);
    for digit in text.bytes() {
        let Some(value) = ALPHABET.iter().position(|known| *known == digit) else {
            break;
        };
        held = (held << 6) | u32::try_from(value).unwrap_or(0);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((held >> bits) & 0xff).unwrap_or(0));
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_stand_for_bytes() {
        assert_eq!(bytes("a\u{e9}\u{0}"), b"a\xe9\0");
        assert_eq!(unarmoured("aGVsbG8gd29ybGQ="), b"hello world");
        let sample: Sample = serde_json::from_str(
            r#"{"id":"x/1","y":1,"c":"xss","steps":[{"m":"GET","u":"/","h":[["A","b"]]}]}"#,
        )
        .unwrap();
        assert_eq!(sample.steps().len(), 1);
        let sample: Sample =
            serde_json::from_str(r#"{"id":"x/1","y":null,"c":"a","m":"POST","u":"/","h":[],"b":"c"}"#)
                .unwrap();
        assert_eq!(sample.steps()[0].body.as_deref(), Some("c"));
    }
}
