//! The gates against the plain truth: each rule asked about each value.

use std::sync::Arc;

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::{Chains, FirstLink, Gates, GatesBuilder, Hit, Nothing, Outline, Scratch, Test};
use crate::{
    rule::{
        ByteRanges, Collection, Comparison, Expression, Flags, Guarded, Operator, Phase, Target, Template,
        TextTest,
    },
    transform::Transformation,
};

const WORDS: &[&str] = &[
    "ab", "c", "select", "on", "1", "%", "<", "(", " ", "x-y", "/", "\u{e9}", "\0", "_",
];
const COMPARISONS: &[Comparison] = &[
    Comparison::Eq,
    Comparison::Ge,
    Comparison::Gt,
    Comparison::Le,
    Comparison::Lt,
];
const CHAINS: &[&[Transformation]] = &[
    &[],
    &[Transformation::Lowercase],
    &[Transformation::UrlDecodeUni],
    &[Transformation::UrlDecodeUni, Transformation::Lowercase],
    &[
        Transformation::UrlDecodeUni,
        Transformation::HtmlEntityDecode,
        Transformation::RemoveNulls,
    ],
    &[Transformation::RemoveWhitespace],
    &[Transformation::HexDecode],
    &[Transformation::Length],
    &[Transformation::CmdLine],
    &[Transformation::SqlHexDecode],
];

fn expression() -> impl Strategy<Value = String> {
    let escape = |word: &str| {
        word.bytes()
            .map(|byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("\\x{byte:02x}")
                }
            })
            .collect::<String>()
    };
    let leaf = prop_oneof![
        6 => select(WORDS).prop_map(escape),
        2 => select(&[r"\s", r"\w", r"\W", "[a-c<]", "[^a]", ".", r"\d", "[(%]"][..]).prop_map(str::to_owned),
        1 => select(&[r"\b", "^", "$"][..]).prop_map(str::to_owned),
    ];
    let whole = leaf.prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            3 => vec(inner.clone(), 1..4).prop_map(|parts| parts.concat()),
            2 => vec(inner.clone(), 2..4).prop_map(|parts| format!("(?:{})", parts.join("|"))),
            1 => (inner, select(&["?", "*", "+", "{2}", "{1,3}", "{0}"][..])).prop_map(|(part, times)| format!("(?:{part}){times}")),
        ]
    });
    (select(&["", "", "^"][..]), whole).prop_map(|(anchor, whole)| format!("{anchor}{whole}"))
}

fn operator() -> impl Strategy<Value = Operator> {
    let text = || vec(select(WORDS), 0..3).prop_map(|words| words.concat());
    let tests = [
        TextTest::Contains,
        TextTest::ContainsWord,
        TextTest::BeginsWith,
        TextTest::EndsWith,
        TextTest::Equals,
        TextTest::Within,
    ];
    prop_oneof![
        8 => (expression(), any::<bool>()).prop_map(|(text, ignore_case)| {
            Operator::Rx(Expression::new(&text, Flags { ignore_case, groups: false }).unwrap())
        }),
        1 => vec(text(), 1..4).prop_map(|phrases| Operator::Pm(phrases.iter().map(|phrase| phrase.as_bytes().into()).collect())),
        1 => select(vec![
            Operator::DetectSqli,
            Operator::DetectXss,
            Operator::ValidateUrlEncoding,
            Operator::ValidateUtf8,
            Operator::ValidateByteRange(ByteRanges(vec![b' '..=b'%', b'a'..=b'x'])),
            Operator::IpMatch(vec!["::/1".parse().unwrap(), "10.0.0.0/8".parse().unwrap()]),
            Operator::UnconditionalMatch,
            Operator::NoMatch,
        ]),
        1 => expression().prop_map(|text| Operator::VerifyCc(Expression::new(&text, Flags { ignore_case: true, groups: false }).unwrap())),
        1 => (select(COMPARISONS), -1_i64..12).prop_map(|(how, number)| Operator::Number(how, Template::literal(number.to_string().as_bytes()))),
        1 => (select(tests.to_vec()), text()).prop_map(|(how, text)| Operator::Text(how, Template::literal(text.as_bytes()))),
    ]
}

fn guarded() -> impl Strategy<Value = Operator> {
    let condition = || {
        option::of(expression()).prop_map(|text| {
            let flags = Flags {
                ignore_case: true,
                groups: false,
            };
            text.map(|text| Expression::new(&text, flags).unwrap())
        })
    };
    (operator(), condition(), condition()).prop_map(|(operator, when, unless)| {
        Operator::Guarded(Box::new(Guarded {
            operator,
            when,
            unless,
        }))
    })
}

/// An operator, and the transformations of one rule or several that ask it.
type Pattern = (Operator, Vec<&'static [Transformation]>);

/// What a rule does to a value first, and asks then.
type Rule = (&'static [Transformation], Arc<Test>);

fn pattern() -> impl Strategy<Value = Pattern> {
    (
        prop_oneof![3 => operator(), 1 => guarded()],
        vec(select(CHAINS), 1..4),
    )
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    let encode = |word: &str| {
        word.bytes()
            .flat_map(|byte| format!("%{byte:02x}").into_bytes())
            .collect::<Vec<u8>>()
    };
    let part = prop_oneof![
        6 => select(WORDS).prop_map(|word| word.as_bytes().to_vec()),
        2 => select(WORDS).prop_map(|word| word.to_ascii_uppercase().into_bytes()),
        1 => select(WORDS).prop_map(encode),
        1 => select(&["&lt;", "0x3c", "6162", "+", "'", "\\", "' or 1=1 --", "<svg onload=x>", "1 union select", "::1", "10.1.2.3", "18", "4111111111111111"][..]).prop_map(|text| text.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 1..3),
    ];
    vec(part, 0..8).prop_map(|parts| parts.concat())
}

fn build(patterns: &[Pattern], once: bool) -> (Gates, Chains, Vec<Rule>) {
    let mut builder = GatesBuilder::default();
    let mut chains = Chains::default();
    let mut rules = Vec::new();
    for (operator, transformations) in patterns {
        let test = Arc::new(Test::new(operator).unwrap());
        let outline = Arc::new(Outline::of(operator));
        for transformations in transformations {
            let link = FirstLink {
                phase: Phase::RequestHeaders,
                rule: rules.len() as u32,
                chain: chains.intern(transformations),
                test: Arc::clone(&test),
                outline: Arc::clone(&outline),
                targets: [Target::all(Collection::QueryValues)].into(),
                once,
            };
            builder.add(link, &chains);
            rules.push((*transformations, Arc::clone(&test)));
        }
    }
    while builder.step() {}
    (builder.finish(&chains), chains, rules)
}

/// The values again and again, so that those that match nothing become known.
fn again(values: &[Vec<u8>]) -> impl Iterator<Item = (u32, &Vec<u8>)> {
    (0..).zip(values.iter().cycle().take(3 * values.len()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 20 } else { 5_000 }, ..ProptestConfig::default() })]

    #[test]
    fn what_an_operator_matches_its_outline_allows(operator in prop_oneof![operator(), guarded()], value in value()) {
        let found = Test::new(&operator).unwrap().find(&value, &Nothing);
        prop_assert!(found.is_none() || Outline::of(&operator).allows(&value), "{operator:?}");
        prop_assert!(found.is_none_or(|found| value.get(found).is_some()), "{operator:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 5 } else { 500 }, ..ProptestConfig::default() })]

    #[test]
    fn gates_find_exactly_what_asking_each_rule_finds(
        patterns in vec(pattern(), 1..8),
        values in vec(value(), 1..4),
    ) {
        let (gates, chains, rules) = build(&patterns, false);
        let mut scratch = Scratch::new(&gates);
        let mut expected = Vec::new();
        for (field, value) in again(&values) {
            scratch.scan(&gates, &chains, Phase::RequestHeaders, (Collection::QueryValues, b"", field), value);
            for (rule, (transformations, test)) in (0..).zip(&rules) {
                let transformed = transformations.iter().fold(value.clone(), |value, transformation| {
                    transformation.apply(value.into()).into_owned()
                });
                if let Some(found) = test.find(&transformed, &Nothing) {
                    expected.push(Hit { rule, field, start: found.start as u32, end: found.end as u32 });
                }
            }
        }
        expected.sort_unstable();
        prop_assert_eq!(scratch.take_hits(), expected);
    }

    #[test]
    fn one_hit_is_enough_where_it_is_said_so(
        patterns in vec(pattern(), 1..4),
        values in vec(value(), 1..4),
    ) {
        let run = |once: bool| {
            let (gates, chains, _) = build(&patterns, once);
            let mut scratch = Scratch::new(&gates);
            for (field, value) in again(&values) {
                scratch.scan(&gates, &chains, Phase::RequestHeaders, (Collection::QueryValues, b"", field), value);
            }
            scratch.take_hits()
        };
        let mut all = run(false);
        all.dedup_by_key(|hit| hit.rule);
        prop_assert_eq!(run(true), all);
    }
}
