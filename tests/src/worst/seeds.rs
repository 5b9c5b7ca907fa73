//! Where the search begins.

use super::{Pieces, Random, Recipe};

/// What is slow for many: brackets, quotes, lists, nests, comments, and what transformations undo.
const UNITS: &[&str] = &[
    "()",
    "[]",
    "{}",
    "<>",
    "''",
    "\"\"",
    "``",
    "(",
    ")",
    "[",
    "<",
    "{",
    "1,",
    "a,",
    "a ",
    "a b c ",
    "1 ",
    "1+",
    "a=1&",
    "a=b;",
    "../",
    "..\\",
    "./",
    "//",
    "/a",
    "a.",
    "a-",
    "a_",
    "a1",
    "A",
    "aA",
    "%",
    "%2",
    "%25",
    "%41",
    "%u0041",
    "%2525",
    "+",
    "&",
    "&#",
    "&#x41;",
    "&#65;",
    "&lt;",
    "&lt",
    "&amp;",
    "&amp;amp;",
    "\\",
    "\\\\",
    "\\x41",
    "\\u0041",
    "\\n",
    "\\0",
    "\0",
    "a\0",
    "/*",
    "*/",
    "/**/",
    "/*a*/",
    "--",
    "-- \n",
    "#",
    "#\n",
    "\n",
    "\r\n",
    " ",
    "\t",
    "\u{c}",
    "a  ",
    "<!--",
    "-->",
    "<a ",
    "</a>",
    "<a b=c>",
    "='",
    "'='",
    "' '",
    "${",
    "${a",
    "$(",
    "`a`",
    ";a",
    "|a",
    "&&a",
    "@a",
    "1'1",
    "1\"1",
    "0x41",
    "QUFB",
    "\u{e9}",
    "\u{ff1c}",
    "\u{3000}",
    "\u{feff}",
    "\u{a0}",
    "http://",
    "a://",
    "a@b.c",
    "::",
    "..",
    "?",
    "???",
    "*",
    "*)(",
    "=",
    "==",
    "!",
    "~",
    "^",
    "a[b]=",
    "{\"a\":",
    "\"a\":\"b\",",
];

/// Where the search begins: each piece again and again, alone and in company, and behind each other one.
pub fn seeds(pieces: &Pieces, random: &mut Random) -> Vec<Recipe> {
    const COMPANY: &[&[u8]] = &[b"", b" ", b"x", b"'", b"/", b"=", b"\n"];
    const MIXTURES: usize = 120;
    const BEGINNINGS: usize = 120;
    let mut all: Vec<Recipe> = UNITS.iter().map(|unit| Recipe::repeating(*unit)).collect();
    all.extend((0..=u8::MAX).map(|byte| Recipe::repeating([byte])));
    for piece in pieces.words.iter().chain(&pieces.samples) {
        for company in COMPANY {
            all.push(Recipe::repeating([piece, *company].concat()));
        }
        // What nearly matches.
        for end in [1, 2, piece.len() / 2] {
            let part = piece.get(..piece.len().saturating_sub(end)).unwrap_or_default();
            if !part.is_empty() {
                all.push(Recipe::repeating(part));
            }
        }
    }
    all.push(Recipe::repeating(pieces.words.join(&b" "[..])));
    all.push(Recipe::repeating(pieces.samples.join(&b" "[..])));
    for _ in 0..MIXTURES {
        let count = 2 + random.below(12);
        let unit: Vec<u8> = (0..count).flat_map(|_| pieces.any(random)).collect();
        all.push(Recipe::repeating(unit));
    }
    for _ in 0..BEGINNINGS {
        let unit = if random.once_in(2) {
            pieces.byte(random)
        } else {
            pieces.any(random)
        };
        all.push(Recipe::repeating(unit).behind(&pieces.any(random)));
    }
    all.dedup();
    all
}
