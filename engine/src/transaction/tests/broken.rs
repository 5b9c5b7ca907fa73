//! Expressions that could not be built when they were needed: everything that they look at is refused.

use super::*;
use crate::{
    Compiler, Progress,
    matching::Test,
    rule::{Collection, Expression, Flags, Item, Link, Operator, Regex, Target},
};

fn break_all(mut policy: Policy) -> Transaction {
    let broken = Arc::new(Test::Rx(Regex::broken()));
    for planned in &mut policy.plan.rules {
        planned.head.test = Arc::clone(&broken);
    }
    for gate in &mut policy.plan.gates.all {
        gate.test = Arc::clone(&broken);
    }
    Transaction::new(Arc::new(policy))
}

#[test]
fn rule_that_only_detects_refuses_when_it_cannot_judge() {
    let detects = PatternConfig {
        action: PatternAction::Detect,
        ..pattern(1, "evil", &["query"])
    };
    let config = PolicyConfig {
        patterns: vec![detects],
        ..PolicyConfig::default()
    };
    let mut transaction = break_all(compile(&config).unwrap());
    assert_eq!(head(&mut transaction, "/?a=evil", &[], true), denied(1));
    assert_eq!(transaction.matches()[0].disposition, crate::Disposition::Blocked);
}

#[test]
fn negated_rule_refuses_when_it_cannot_judge() {
    let flags = Flags {
        ignore_case: false,
        groups: true,
    };
    let expression = Expression::new("good", flags).unwrap();
    let link = Link {
        negated: true,
        capture: true,
        ..Link::new(vec![Target::all(Collection::Query)], Operator::Rx(expression))
    };
    let policy =
        crate::compile_program(&PolicyConfig::default(), vec![Item::Rule(program::rule(1, link))]).unwrap();
    assert_eq!(head(&mut break_all(policy), "/?good", &[], true), denied(1));
}

#[test]
#[cfg_attr(miri, ignore = "compiles the core pack")]
fn lazy_policy_judges_like_a_thorough_one() {
    let config = PolicyConfig {
        packs: vec!["core".into()],
        ..PolicyConfig::default()
    };
    let mut compiler = Compiler::lazy(config.clone());
    let lazy = loop {
        if let Progress::Done(policy) = compiler.step() {
            break Arc::new(policy.unwrap());
        }
    };
    let thorough = Arc::new(compile(&config).unwrap());
    assert_eq!(lazy.size(), thorough.size());
    for path in [
        "/",
        "/?id=1%27+union+select+1",
        "/?a=<script>",
        "/../etc/passwd",
        "/?q=select+one",
    ] {
        let run = |policy: &Arc<Policy>| {
            let mut transaction = Transaction::new(Arc::clone(policy));
            let verdict = head(&mut transaction, path, &[], true);
            (verdict, transaction.matches().to_vec())
        };
        assert_eq!(run(&lazy), run(&thorough), "{path}");
    }
}
