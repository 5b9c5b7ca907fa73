#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use secbeat_engine::{
    Question,
    rule::{ByteRanges, Comparison, Expression, Flags, Operator, Template, TextTest},
};

static OPERATORS: LazyLock<Vec<(Operator, Question)>> = LazyLock::new(|| {
    let flags = Flags {
        ignore_case: true,
        groups: false,
    };
    let expression = |text: &str| Expression::new(text, flags).expect("an expression");
    let mut all = vec![
        Operator::DetectSqli,
        Operator::DetectXss,
        Operator::ValidateUrlEncoding,
        Operator::ValidateUtf8,
        Operator::ValidateByteRange(ByteRanges(vec![9..=10, 32..=126])),
        Operator::VerifyCc(expression(r"\d[\d -]{11,17}\d")),
        Operator::VerifyCc(expression(r"\d+")),
        Operator::Rx(expression(r"\bunion\s+select\b|<\w+\s*on\w+=")),
        Operator::IpMatch(vec![
            "10.0.0.0/8".parse().expect("a range"),
            "::/8".parse().expect("a range"),
        ]),
        Operator::Number(Comparison::Gt, Template::literal(*b"7")),
        Operator::UnconditionalMatch,
        Operator::NoMatch,
    ];
    all.push(Operator::pm_from_lines(b"sqlmap\nab\n# none\na"));
    for how in [
        TextTest::Contains,
        TextTest::ContainsWord,
        TextTest::BeginsWith,
        TextTest::EndsWith,
        TextTest::Equals,
        TextTest::Within,
    ] {
        all.extend(
            [&b"ab"[..], b"a", b"", b"GET POST"].map(|text| Operator::Text(how, Template::literal(text))),
        );
    }
    let question = |operator: &Operator| Question::new(operator).expect("it can be built");
    all.into_iter()
        .map(|operator| (operator.clone(), question(&operator)))
        .collect()
});

// What an operator finds lies within the value, and what is known of the operator beforehand allowed it.
fuzz_target!(|input: &[u8]| {
    for (operator, question) in OPERATORS.iter() {
        if let Some(found) = question.find(input) {
            assert!(question.allows(input), "{operator:?} matched what it was told not to");
            assert!(input.get(found).is_some(), "{operator:?} found what is not there");
        }
    }
});
