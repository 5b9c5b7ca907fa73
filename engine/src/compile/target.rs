//! Reads where a pattern looks: `[!|&]collection[:selector]`.

use std::sync::Arc;

use crate::rule::{Collection, Expression, Flags, Regex, Selector, Target};

/// Collections that a pattern may name: not those that no pattern fills.
fn is_known(collection: Collection) -> bool {
    !matches!(collection, Collection::Matched | Collection::Tx)
}

/// The name of a body that is complete and short.
const SHORT: &str = "short";

/// Reads one target; the error says what was expected and what was found.
pub(super) fn parse(text: &str) -> Result<Target, String> {
    let (exclude, count, rest) = match text.strip_prefix('!') {
        Some(rest) => (true, false, rest),
        None => match text.strip_prefix('&') {
            Some(rest) => (false, true, rest),
            None => (false, false, text),
        },
    };
    let (name, selector) = match rest.split_once(':') {
        Some((name, selector)) => (name, Some(selector)),
        None => (rest, None),
    };
    let collection = Collection::parse(name)
        .filter(|collection| is_known(*collection))
        .ok_or_else(|| {
            let known = Collection::ALL.iter().filter(|collection| is_known(**collection));
            let known: Vec<_> = known.map(|collection| collection.as_str()).collect();
            format!(
                "expected one of {}, found `{}`",
                known.join(", "),
                name.escape_debug()
            )
        })?;
    let selector = match selector {
        None => Selector::All,
        Some(_) if !collection.is_named() => {
            return Err(format!("`{name}` has no names to select by"));
        }
        Some(SHORT) if collection == Collection::ResponseBody => Selector::Name(SHORT.as_bytes().into()),
        Some(_) if collection == Collection::ResponseBody => {
            return Err(format!("`{name}` can be selected by `{SHORT}` only"));
        }
        Some("") => return Err("expected a name or /expression/ after `:`".to_owned()),
        Some(selector) => parse_selector(selector, collection)?,
    };
    Ok(Target {
        collection,
        selector,
        exclude,
        count,
    })
}

fn parse_selector(text: &str, collection: Collection) -> Result<Selector, String> {
    match text.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')) {
        Some("") => Err("expected an expression between the slashes".to_owned()),
        Some(expression) => {
            let flags = Flags {
                ignore_case: collection.ignores_case(),
                groups: false,
            };
            Expression::new(expression, flags)
                .and_then(|expression| Regex::new(&expression))
                .map(|regex| Selector::Matching(Arc::new(regex)))
                .map_err(|error| error.to_string())
        }
        None => Ok(Selector::Name(text.as_bytes().into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read() {
        let target = parse("headers:User-Agent").unwrap();
        assert!(target.selects(Collection::Headers, b"user-agent"));
        assert!(!target.selects(Collection::Headers, b"referer"));
        let target = parse("!query_values:/^utm_/").unwrap();
        assert!(target.exclude && target.selects(Collection::QueryValues, b"utm_x"));
        assert!(!target.selects(Collection::QueryValues, b"UTM_x"));
        assert!(parse("&cookies").unwrap().count);
        let target = parse("response_body:short").unwrap();
        assert!(target.selects(Collection::ResponseBody, b"short"));
        assert!(!target.selects(Collection::ResponseBody, b""));
    }

    #[test]
    fn wrong_targets_say_why() {
        for (text, reason) in [
            ("nowhere", "expected one of method, uri"),
            ("", "expected one of method"),
            ("!&headers", "expected one of method"),
            ("path:x", "`path` has no names"),
            ("headers:", "expected a name"),
            (
                "response_body:long",
                "`response_body` can be selected by `short` only",
            ),
            ("headers://", "expected an expression"),
            ("headers:/(/", "unclosed group at byte 0"),
            ("matched", "expected one of method"),
            ("tx:score", "expected one of method"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.starts_with(reason), "{text}: {error}");
        }
    }
}
