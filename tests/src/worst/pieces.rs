//! What inputs are put together from: words, bytes and examples of what expressions ask for.

use regex_syntax::hir::{Class, Hir, HirKind};
use secbeat_engine::config::{PatternConfig, PatternOperator};

use super::{Random, Recipe};

/// What inputs are put together from.
#[derive(Debug, Clone, Default)]
pub struct Pieces {
    /// Literals, and what the operator knows besides.
    pub words: Vec<Vec<u8>>,
    /// What matches a part of an expression, or nearly.
    pub samples: Vec<Vec<u8>>,
    /// Bytes that some class holds.
    pub alphabet: Vec<u8>,
}

/// Words of SQL that its lexer tells apart.
const SQL: &[&str] = &[
    "select ",
    "union all ",
    " or ",
    " and ",
    "not ",
    "like ",
    "sleep(",
    "group by ",
    "natural left outer join ",
    "is not ",
    "1",
    "0x41",
    "0b01",
    "1e5",
    ".5",
    "1.",
    "x'41'",
    "b'01'",
    "n'a'",
    "u&'a'",
    "q'(a)'",
    "nq'[a]'",
    "$$a$$",
    "$a$b$a$",
    "$1.2",
    "@@a",
    "@`a`",
    "@'a'",
    "'",
    "\"",
    "`",
    "[a]",
    "''",
    "\\'",
    "\\",
    "--",
    "-- ",
    "#",
    "/*",
    "*/",
    "/*!50000",
    "/**/",
    "{a ",
    "}",
    "(",
    ")",
    ",",
    ";",
    "=",
    "!=",
    "<=>",
    "||",
    "&&",
    "::",
    ":=",
    "a.",
    "a b c d",
    "1,1,",
    "a,",
    "(a)",
    "+1",
    "-",
    "~",
    "!",
    "current_user",
    "in (",
    "case when ",
    "collate ",
    "into outfile ",
];
/// What the reader of HTML tells apart.
const HTML: &[&str] = &[
    "<a ",
    "<!--",
    "-->",
    "--!>",
    "<?",
    "?>",
    "<![CDATA[",
    "]]>",
    "<!",
    "<%",
    "%>",
    "</",
    "/>",
    ">",
    "<",
    "=",
    "a=",
    "a=b ",
    "'",
    "\"",
    "`",
    "href=",
    "href=a",
    "href='",
    "javascript:",
    "&#x6a;",
    "&#106",
    "&#",
    "onload",
    "onloaa=",
    "style",
    "\0",
    "a\0b",
    "/",
    "//",
    "attributename=",
    "<a b=c ",
    "<svg",
    "xlink:href=",
    "by=",
    "data:",
];

impl Pieces {
    /// What a pattern asks for.
    pub fn of(pattern: &PatternConfig, random: &mut Random) -> Self {
        let mut pieces = Self::default();
        let own = pattern.pattern.as_str();
        match pattern.operator {
            PatternOperator::Rx
            | PatternOperator::VerifyCc
            | PatternOperator::DetectSqli
            | PatternOperator::DetectXss => pieces.add(own, random),
            PatternOperator::Pm => pieces.words.extend(own.split_whitespace().map(bytes)),
            _ => pieces.words.push(bytes(own)),
        }
        pieces.add(&pattern.unless, random);
        match pattern.operator {
            PatternOperator::DetectSqli => pieces.words.extend(SQL.iter().map(|word| bytes(word))),
            PatternOperator::DetectXss => pieces.words.extend(HTML.iter().map(|word| bytes(word))),
            _ => {}
        }
        pieces.tidy();
        pieces
    }

    /// What inputs hold, each as one word.
    pub fn of_recipes(recipes: &[Recipe]) -> Self {
        const WORD: usize = 512;
        const SAMPLE: usize = 64;
        let baked = |length| recipes.iter().map(move |recipe| recipe.bake(length)).collect();
        let mut pieces = Self {
            words: baked(WORD),
            samples: baked(SAMPLE),
            alphabet: Vec::new(),
        };
        pieces.tidy();
        pieces
    }

    /// The words of an expression; none of one that cannot be read.
    pub fn words_of(expression: &str) -> Vec<Vec<u8>> {
        let mut pieces = Self::default();
        pieces.add(expression, &mut Random::new(0));
        pieces.tidy();
        pieces.words
    }

    /// A word, an example, a part of one, or a byte.
    pub fn any(&self, random: &mut Random) -> Vec<u8> {
        match random.below(8) {
            0..=2 => random.pick(&self.words).cloned(),
            3 => random.pick(&self.samples).cloned(),
            4 | 5 => {
                let sample = random.pick(&self.samples);
                sample.map(|sample| {
                    let mut part = sample.clone();
                    part.truncate(1 + random.below(part.len()));
                    part
                })
            }
            _ => None,
        }
        .unwrap_or_else(|| self.byte(random))
    }

    /// A byte, as a slice of one.
    pub fn byte(&self, random: &mut Random) -> Vec<u8> {
        let own = if random.once_in(8) {
            None
        } else {
            random.pick(&self.alphabet).copied()
        };
        vec![own.unwrap_or_else(|| random.byte())]
    }

    /// One byte many times.
    pub fn run(&self, random: &mut Random) -> Vec<u8> {
        let times = 1 << random.below(8);
        self.byte(random).repeat(times)
    }

    fn add(&mut self, expression: &str, random: &mut Random) {
        const SAMPLES: usize = 60;
        let parsed = regex_syntax::ParserBuilder::new()
            .unicode(false)
            .utf8(false)
            .case_insensitive(true)
            .dot_matches_new_line(true)
            .build()
            .parse(expression);
        let Ok(hir) = parsed else { return };
        self.collect(&hir, random);
        for _ in 0..SAMPLES {
            let mut sample = Vec::new();
            write(&hir, random, &mut sample);
            self.samples.push(sample);
        }
    }

    fn collect(&mut self, hir: &Hir, random: &mut Random) {
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => {}
            HirKind::Literal(literal) => self.words.push(literal.0.to_vec()),
            HirKind::Class(class) => self.alphabet.extend(some_of(class, random)),
            HirKind::Capture(group) => self.collect(&group.sub, random),
            HirKind::Repetition(repetition) => {
                let mut sample = Vec::new();
                write(&repetition.sub, random, &mut sample);
                self.samples.push(sample);
                self.collect(&repetition.sub, random);
            }
            HirKind::Alternation(all) => {
                for one in all {
                    for _ in 0..2 {
                        let mut sample = Vec::new();
                        write(one, random, &mut sample);
                        self.samples.push(sample);
                    }
                    self.collect(one, random);
                }
            }
            HirKind::Concat(all) => {
                let mut word = Vec::new();
                for one in all {
                    if let Some(byte) = letter(one) {
                        word.push(byte);
                    } else if let HirKind::Literal(literal) = one.kind() {
                        word.extend_from_slice(&literal.0);
                    } else {
                        self.words.push(std::mem::take(&mut word));
                        self.collect(one, random);
                    }
                }
                self.words.push(word);
            }
        }
    }

    fn tidy(&mut self) {
        let of_words = self.words.iter().flatten().copied();
        self.alphabet.extend(of_words);
        self.alphabet.sort_unstable();
        self.alphabet.dedup();
        for pieces in [&mut self.words, &mut self.samples] {
            pieces.retain(|piece| !piece.is_empty());
            pieces.sort_unstable();
            pieces.dedup();
        }
    }
}

fn bytes(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

/// The letter that an expression stands for in either case.
fn letter(hir: &Hir) -> Option<u8> {
    let HirKind::Class(Class::Bytes(class)) = hir.kind() else {
        return None;
    };
    match class.ranges() {
        [upper, lower]
            if upper.start() == upper.end()
                && lower.start() == lower.end()
                && upper.start().to_ascii_lowercase() == lower.start() =>
        {
            Some(lower.start())
        }
        _ => None,
    }
}

/// Some bytes of a class: the ends of its ranges, and one within each.
fn some_of(class: &Class, random: &mut Random) -> Vec<u8> {
    let Class::Bytes(class) = class else {
        return Vec::new();
    };
    let ranges = class.ranges().iter();
    ranges
        .flat_map(|range| {
            let width = usize::from(range.end() - range.start()) + 1;
            let within = u8::try_from(random.below(width)).unwrap_or(0);
            [range.start(), range.start().saturating_add(within), range.end()]
        })
        .collect()
}

/// Writes something that matches, look-around aside.
fn write(hir: &Hir, random: &mut Random, out: &mut Vec<u8>) {
    const LONGEST: usize = 2_048;
    if out.len() > LONGEST {
        return;
    }
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => out.extend_from_slice(&literal.0),
        HirKind::Class(class) => {
            let some = some_of(class, random);
            out.extend(letter(hir).or_else(|| random.pick(&some).copied()));
        }
        HirKind::Capture(group) => write(&group.sub, random, out),
        HirKind::Repetition(repetition) => {
            let more = random.pick(&[0, 0, 1, 1, 2, 5, 30]).copied().unwrap_or(0);
            let most = repetition.max.unwrap_or(u32::MAX);
            for _ in 0..repetition.min.saturating_add(more).min(most) {
                write(&repetition.sub, random, out);
            }
        }
        HirKind::Concat(all) => all.iter().for_each(|one| write(one, random, out)),
        HirKind::Alternation(all) => {
            if let Some(one) = random.pick(all) {
                write(one, random, out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_expression() {
        let words = Pieces::words_of(r"(?i)(?:^|[a-z_-])id$|union\s+select");
        assert_eq!(words, [b"id".to_vec(), b"select".to_vec(), b"union".to_vec()]);
    }
}
