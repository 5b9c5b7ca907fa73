//! Programs as a SecLang front end would write them: everything in the rule model is executed.

use super::*;
use crate::{
    compile_program,
    config::{Category, Severity},
    rule::{
        Action, Collection, Comparison, Control as Change, Effect, EngineMode, Expression, Flags, IpRange,
        Item, Link, Meta, Operator, Regex, Rule, RuleId, RuleSelection, Selector, Target, Template, TextTest,
    },
    transform::Transformation,
};

pub(super) fn rule(id: u32, head: Link) -> Rule {
    Rule {
        id: RuleId(id),
        phase: Phase::RequestHeaders,
        meta: Meta {
            message: format!("rule {id}").into(),
            category: Category::Custom,
            severity: Severity::Critical,
            tags: Vec::new(),
            paranoia: 1,
            score: 0,
        },
        head,
        chained: Vec::new(),
        action: Action::Pass,
        log: true,
        skip_after: None,
    }
}

/// A rule on which no value is looked at (`SecAction`).
fn action(id: u32, effects: Vec<Effect>) -> Rule {
    rule(
        id,
        Link {
            effects,
            ..Link::new(Vec::new(), Operator::UnconditionalMatch)
        },
    )
}

fn rx(text: &str) -> Operator {
    Operator::Rx(
        Expression::new(
            text,
            Flags {
                ignore_case: true,
                groups: true,
            },
        )
        .unwrap(),
    )
}

fn text(how: TextTest, text: &str) -> Operator {
    Operator::Text(how, template(text))
}

fn number(comparison: Comparison, text: &str) -> Operator {
    Operator::Number(comparison, template(text))
}

fn template(text: &str) -> Template {
    Template::parse(text).unwrap()
}

fn named(collection: Collection, name: &str) -> Target {
    Target {
        selector: Selector::Name(name.as_bytes().into()),
        ..Target::all(collection)
    }
}

fn set(name: &str, value: &str) -> Effect {
    Effect::Set {
        name: template(name),
        value: template(value),
    }
}

fn add(name: &str, value: &str) -> Effect {
    Effect::Add {
        name: template(name),
        value: template(value),
        negative: false,
    }
}

fn start_with(config: &PolicyConfig, rules: Vec<Rule>) -> Transaction {
    let program = rules.into_iter().map(Item::Rule).collect();
    Transaction::new(Arc::new(compile_program(config, program).unwrap()))
}

fn start(rules: Vec<Rule>) -> Transaction {
    start_with(&PolicyConfig::default(), rules)
}

/// Runs a request and tells which rules matched.
fn ids(transaction: &mut Transaction, path: &str) -> Vec<u32> {
    head(
        transaction,
        path,
        &[("x-one", "1"), ("x-two", "2"), ("cookie", "a=b; c=d")],
        true,
    );
    transaction.matches().iter().map(|found| found.rule.0).collect()
}

fn query() -> Vec<Target> {
    vec![Target::all(Collection::QueryValues)]
}

fn tx(name: &str) -> Vec<Target> {
    vec![named(Collection::Tx, name)]
}

#[test]
fn chain_matches_only_as_a_whole() {
    let chain = |second: &str| {
        let mut rule = rule(1, Link::new(query(), rx("union")));
        rule.chained.push(Link::new(
            vec![Target::all(Collection::Method)],
            text(TextTest::Equals, second),
        ));
        rule
    };
    assert_eq!(ids(&mut start(vec![chain("GET")]), "/?a=union"), [1]);
    assert!(ids(&mut start(vec![chain("PUT")]), "/?a=union").is_empty());
    assert!(ids(&mut start(vec![chain("GET")]), "/?a=x").is_empty());
}

#[test]
fn chained_link_sees_what_the_link_before_matched() {
    let program = || {
        let mut outer = rule(1, Link::new(query(), rx("[a-z]+:[a-z]+")));
        outer.chained.push(Link::new(
            vec![Target::all(Collection::Matched)],
            text(TextTest::Contains, "b:c"),
        ));
        vec![outer]
    };
    assert_eq!(ids(&mut start(program()), "/?a=ab:cd&b=b"), [1]);
    assert!(ids(&mut start(program()), "/?a=ax:cd&b=b:c").len() == 1);
    assert!(ids(&mut start(program()), "/?a=ax:cd&b=1").is_empty());
}

#[test]
fn effects_of_the_first_link_stay_when_the_chain_breaks() {
    let mut broken = rule(
        1,
        Link {
            effects: vec![set("seen", "yes")],
            ..Link::new(query(), rx("x"))
        },
    );
    broken.chained.push(Link::new(query(), Operator::NoMatch));
    let after = rule(2, Link::new(tx("seen"), text(TextTest::Equals, "yes")));
    assert_eq!(ids(&mut start(vec![broken, after]), "/?a=x"), [2]);
}

#[test]
fn negation_matches_values_that_the_operator_does_not() {
    let negated = Link {
        negated: true,
        ..Link::new(query(), rx("^[0-9]+$"))
    };
    assert_eq!(ids(&mut start(vec![rule(1, negated.clone())]), "/?a=1&b=x"), [1]);
    assert!(ids(&mut start(vec![rule(1, negated.clone())]), "/?a=1").is_empty());
    // Without a value there is nothing to deny.
    assert!(ids(&mut start(vec![rule(1, negated)]), "/").is_empty());
}

#[test]
fn counts_are_numbers_of_values() {
    let count = |target: Target, expected: &str| {
        let target = Target {
            count: true,
            ..target
        };
        rule(1, Link::new(vec![target], number(Comparison::Eq, expected)))
    };
    let matches = |rule: Rule| ids(&mut start(vec![rule]), "/?a=1&a=2&b=3") == [1];
    assert!(matches(count(Target::all(Collection::QueryValues), "3")));
    assert!(matches(count(named(Collection::QueryValues, "a"), "2")));
    assert!(matches(count(named(Collection::Headers, "X-ONE"), "1")));
    assert!(matches(count(named(Collection::Headers, "absent"), "0")));
    assert!(matches(count(Target::all(Collection::Cookies), "2")));
    assert!(!matches(count(Target::all(Collection::QueryValues), "2")));
    let excluded = Link::new(
        vec![
            Target {
                count: true,
                ..Target::all(Collection::QueryValues)
            },
            Target {
                exclude: true,
                ..named(Collection::QueryValues, "b")
            },
        ],
        number(Comparison::Eq, "2"),
    );
    assert!(matches(rule(1, excluded)));
}

#[test]
fn selectors_and_exclusions_pick_values() {
    let with = |targets: Vec<Target>| rule(1, Link::new(targets, rx("evil")));
    let matches = |rule: Rule| ids(&mut start(vec![rule]), "/?good=evil&Bad_1=x") == [1];
    assert!(matches(with(query())));
    assert!(matches(with(vec![named(Collection::QueryValues, "good")])));
    assert!(!matches(with(vec![named(Collection::QueryValues, "GOOD")])));
    let exclude = Target {
        exclude: true,
        ..named(Collection::QueryValues, "good")
    };
    assert!(!matches(with(vec![
        Target::all(Collection::QueryValues),
        exclude
    ])));
    let expression = Expression::new(
        "^go",
        Flags {
            ignore_case: false,
            groups: false,
        },
    )
    .unwrap();
    let selector = Selector::Matching(Arc::new(Regex::new(&expression).unwrap()));
    assert!(matches(with(vec![Target {
        selector,
        ..Target::all(Collection::QueryValues)
    }])));
}

#[test]
fn scores_add_up_and_are_compared() {
    let hit = |id, value: &str| {
        rule(
            id,
            Link {
                effects: vec![add("score", "5")],
                ..Link::new(query(), rx(value))
            },
        )
    };
    let mut limit = rule(
        9,
        Link::new(tx("score"), number(Comparison::Ge, "%{tx.threshold}")),
    );
    limit.action = Action::Deny { status: 406 };
    let program = || {
        vec![
            action(1, vec![set("threshold", "10")]),
            hit(2, "aaa"),
            hit(3, "bbb"),
            limit.clone(),
        ]
    };
    let mut transaction = start(program());
    assert_eq!(ids(&mut transaction, "/?a=aaabbb"), [1, 2, 3, 9]);
    assert_eq!(
        transaction.denial(),
        Some(Denial {
            status: 406,
            rule: Some(RuleId(9))
        })
    );
    assert_eq!(ids(&mut start(program()), "/?a=aaa"), [1, 2]);
    // Each value that matches counts.
    assert_eq!(ids(&mut start(program()), "/?a=aaa&b=aaa"), [1, 2, 9]);
}

#[test]
fn variables_are_set_subtracted_and_unset() {
    let subtract = Effect::Add {
        name: template("n"),
        value: template("3"),
        negative: true,
    };
    let program = vec![
        action(
            1,
            vec![
                set("n", "10"),
                subtract,
                set("gone", "1"),
                Effect::Unset {
                    name: template("gone"),
                },
            ],
        ),
        rule(2, Link::new(tx("N"), number(Comparison::Eq, "7"))),
        rule(3, Link::new(tx("gone"), Operator::UnconditionalMatch)),
        rule(
            4,
            Link::new(
                vec![Target {
                    count: true,
                    ..named(Collection::Tx, "gone")
                }],
                number(Comparison::Eq, "0"),
            ),
        ),
    ];
    assert_eq!(ids(&mut start(program), "/"), [1, 2, 4]);
}

#[test]
fn macros_expand() {
    let effects = vec![
        set("id", "%{rule.id}-%{rule.msg}-%{rule.severity}"),
        set("var", "%{MATCHED_VAR_NAME}=%{MATCHED_VAR}"),
        set(
            "field",
            "%{headers.X-One}%{query_values.a}%{method}%{headers.none}",
        ),
    ];
    let program = vec![
        rule(
            1,
            Link {
                effects,
                ..Link::new(query(), rx("v+"))
            },
        ),
        rule(
            2,
            Link::new(tx("id"), text(TextTest::Equals, "1-rule 1-critical")),
        ),
        rule(
            3,
            Link::new(tx("var"), text(TextTest::Equals, "query_values:a=xvvx")),
        ),
        rule(4, Link::new(tx("field"), text(TextTest::Equals, "1xvvxGET"))),
        rule(
            5,
            Link::new(
                vec![Target::all(Collection::Method)],
                text(TextTest::Within, "PUT %{tx.none}GET"),
            ),
        ),
    ];
    assert_eq!(ids(&mut start(program), "/?a=xvvx"), [1, 2, 3, 4, 5]);
}

#[test]
fn groups_are_captured() {
    let capture = Link {
        capture: true,
        ..Link::new(query(), rx("(a+)(z)?(b+)"))
    };
    let program = vec![
        rule(1, capture),
        rule(2, Link::new(tx("0"), text(TextTest::Equals, "aab"))),
        rule(3, Link::new(tx("1"), text(TextTest::Equals, "aa"))),
        rule(4, Link::new(tx("2"), Operator::UnconditionalMatch)),
        rule(5, Link::new(tx("3"), text(TextTest::Equals, "b"))),
    ];
    assert_eq!(ids(&mut start(program), "/?a=xaabx"), [1, 2, 3, 5]);
}

#[test]
fn skip_after_goes_on_behind_its_marker() {
    let mut jump = rule(1, Link::new(query(), rx("jump")));
    jump.skip_after = Some("END".into());
    let program = || {
        vec![
            Item::Rule(jump.clone()),
            Item::Rule(action(2, Vec::new())),
            Item::Rule(rule(3, Link::new(query(), rx("jump")))),
            Item::Marker("END".into()),
            Item::Rule(action(4, Vec::new())),
        ]
    };
    let start = || {
        Transaction::new(Arc::new(
            compile_program(&PolicyConfig::default(), program()).unwrap(),
        ))
    };
    assert_eq!(ids(&mut start(), "/?a=jump"), [1, 4]);
    assert_eq!(ids(&mut start(), "/?a=x"), [2, 4]);
    let mut nowhere = jump.clone();
    nowhere.skip_after = Some("NOWHERE".into());
    let error = compile_program(&PolicyConfig::default(), vec![Item::Rule(nowhere)]).unwrap_err();
    assert_eq!(error.to_string(), "rule 1: no marker `NOWHERE` behind it");
}

#[test]
fn multi_match_asks_after_each_transformation() {
    let link = Link {
        transformations: vec![Transformation::UrlDecode, Transformation::Lowercase],
        multi_match: true,
        ..Link::new(query(), text(TextTest::Equals, "A%41"))
    };
    let decoded = Link {
        operator: text(TextTest::Equals, "AA"),
        ..link.clone()
    };
    let last = Link {
        operator: text(TextTest::Equals, "aa"),
        ..link.clone()
    };
    let single = Link {
        multi_match: false,
        ..decoded.clone()
    };
    let program = vec![rule(1, link), rule(2, decoded), rule(3, last), rule(4, single)];
    assert_eq!(ids(&mut start(program), "/?a=A%2541"), [1, 2, 3]);
}

#[test]
fn transformations_change_what_gates_see() {
    let link = |transformations: Vec<Transformation>| Link {
        transformations,
        ..Link::new(query(), rx("<script"))
    };
    let program = || {
        vec![
            rule(1, link(vec![])),
            rule(2, link(vec![Transformation::HtmlEntityDecode])),
            rule(
                3,
                link(vec![
                    Transformation::HtmlEntityDecode,
                    Transformation::RemoveNulls,
                ]),
            ),
        ]
    };
    assert_eq!(ids(&mut start(program()), "/?a=<script"), [1, 2, 3]);
    assert_eq!(ids(&mut start(program()), "/?a=%26lt;script"), [2, 3]);
    assert_eq!(ids(&mut start(program()), "/?a=%26lt;scr%00ipt"), [3]);
}

#[test]
fn controls_take_out_rules_targets_and_the_engine() {
    let attack = |id| {
        let mut attack = rule(id, Link::new(query(), rx("evil")));
        attack.meta.tags.push("sqli".into());
        attack
    };
    let by_id = || RuleSelection::Ids(RuleId(5)..=RuleId(6));
    let after = |change: Change| {
        let program = vec![action(1, vec![Effect::Control(change)]), attack(5), attack(7)];
        ids(&mut start(program), "/?a=evil&b=x")
    };
    assert_eq!(after(Change::RemoveRules(by_id())), [1, 7]);
    assert_eq!(after(Change::RemoveRules(RuleSelection::Tag("sqli".into()))), [1]);
    assert_eq!(
        after(Change::RemoveTarget(by_id(), named(Collection::QueryValues, "a"))),
        [1, 7]
    );
    assert_eq!(
        after(Change::RemoveTarget(by_id(), named(Collection::QueryValues, "b"))),
        [1, 5, 7]
    );
    assert_eq!(after(Change::Engine(EngineMode::Off)), [1]);
}

#[test]
fn removed_target_does_not_hide_a_later_value() {
    let attack = rule(5, Link::new(query(), rx("evil")));
    let target = named(Collection::QueryValues, "a");
    let change = Change::RemoveTarget(RuleSelection::Ids(RuleId(5)..=RuleId(5)), target);
    let program = vec![action(1, vec![Effect::Control(change)]), attack];
    assert_eq!(ids(&mut start(program), "/?a=evil&b=evil"), [1, 5]);
}

#[test]
fn detection_only_refuses_nothing() {
    let mut deny = rule(2, Link::new(query(), rx("evil")));
    deny.action = Action::Deny { status: 403 };
    let program = vec![
        action(
            1,
            vec![Effect::Control(Change::Engine(EngineMode::DetectionOnly))],
        ),
        deny,
    ];
    let mut transaction = start(program);
    assert_eq!(ids(&mut transaction, "/?a=evil"), [1, 2]);
    assert_eq!(transaction.denial(), None);
}

#[test]
fn allow_lets_go_as_far_as_it_says() {
    let program = |allow: Action| {
        let mut first = action(1, Vec::new());
        first.action = allow;
        let same_phase = action(2, Vec::new());
        let mut body = action(3, Vec::new());
        body.phase = Phase::RequestBody;
        let mut response = action(4, Vec::new());
        response.phase = Phase::ResponseHeaders;
        let mut logging = action(5, Vec::new());
        logging.phase = Phase::Logging;
        vec![first, same_phase, body, response, logging]
    };
    for (allow, expected) in [
        (Action::Pass, vec![1, 2, 3, 4, 5]),
        (Action::AllowPhase, vec![1, 3, 4, 5]),
        (Action::AllowRequest, vec![1, 4, 5]),
        (Action::Allow, vec![1, 5]),
    ] {
        let mut transaction = start(program(allow));
        head(&mut transaction, "/", &[], true);
        let response = ResponseHead {
            headers: &[(b":status", b"200")],
        };
        transaction.response_headers(&response, true);
        transaction.finish();
        let found: Vec<_> = transaction.matches().iter().map(|found| found.rule.0).collect();
        assert_eq!(found, expected, "{allow:?}");
    }
}

#[test]
fn addresses_are_matched() {
    let ranges: Vec<IpRange> = vec!["192.0.2.0/24".parse().unwrap()];
    let program = vec![rule(
        1,
        Link::new(vec![Target::all(Collection::Client)], Operator::IpMatch(ranges)),
    )];
    assert_eq!(ids(&mut start(program), "/"), [1]);
}

#[test]
fn response_is_evaluated_in_its_phases() {
    let mut status = rule(
        1,
        Link::new(vec![Target::all(Collection::ResponseStatus)], rx("^5")),
    );
    status.phase = Phase::ResponseHeaders;
    let mut leak = rule(
        2,
        Link::new(vec![Target::all(Collection::ResponseBody)], rx("stack trace")),
    );
    leak.phase = Phase::ResponseBody;
    leak.action = Action::Deny { status: 502 };
    let mut transaction = start(vec![status, leak]);
    head(&mut transaction, "/", &[], true);
    let response = ResponseHead {
        headers: &[(b":status", b"500"), (b"server", b"x")],
    };
    assert_eq!(transaction.response_headers(&response, false), Verdict::Hold);
    assert!(transaction.wants_response_body());
    assert_eq!(transaction.response_body(b"a Stack ", false), Verdict::Hold);
    let denial = Denial {
        status: 502,
        rule: Some(RuleId(2)),
    };
    assert_eq!(transaction.response_body(b"Trace", true), Verdict::Deny(denial));
    assert_eq!(transaction.matches().len(), 2);
}

#[test]
fn unlogged_match_is_kept_only_when_it_refuses() {
    let mut silent = action(1, Vec::new());
    silent.log = false;
    let mut deny = rule(2, Link::new(query(), rx("x")));
    deny.log = false;
    deny.action = Action::Deny { status: 403 };
    assert_eq!(ids(&mut start(vec![silent, deny]), "/?a=x"), [2]);
}

#[test]
fn matches_are_bounded_and_the_decisive_one_is_kept() {
    let mut rules: Vec<Rule> = (1..100).map(|id| action(id, Vec::new())).collect();
    let mut deny = action(100, Vec::new());
    deny.action = Action::Deny { status: 403 };
    rules.push(deny);
    let mut transaction = start(rules);
    let found = ids(&mut transaction, "/");
    assert_eq!(found.len(), RuleMatch::PER_TRANSACTION);
    assert_eq!(found.last(), Some(&100));
    assert_eq!(transaction.matches_beyond(), 100 - RuleMatch::PER_TRANSACTION);
}
