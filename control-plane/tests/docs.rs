//! The references in `docs/` name everything there is, and say the truth about defaults; the invariants in
//! ARCHITECTURE.md name tests that are there.

use std::{fs, path::Path};

use secbeat::settings::{self, KEYS, Settings};
use secbeat_engine::{config::Category, parse::ParseError, rule::Collection, transform::Transformation};

#[expect(clippy::panic, reason = "a reference that is not there proves nothing")]
fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The rows of the reference that are about a key: key and default.
fn rows(text: &str) -> Vec<(String, String)> {
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| {
        let (key, rest) = row.split_once("` | ")?;
        let (default, _) = rest.split_once(" | ")?;
        key.contains('.')
            .then(|| (key.to_owned(), default.trim_matches('`').to_owned()))
    })
    .collect()
}

#[test]
fn the_settings_reference_has_every_key_and_no_other() {
    let text = read("../docs/settings.md");
    let mut documented = rows(&text).into_iter().map(|(key, _)| key).collect::<Vec<_>>();
    let mut keys = KEYS.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
    documented.sort();
    keys.sort();
    assert_eq!(documented, keys);
}

#[test]
fn the_defaults_in_the_settings_reference_are_the_defaults() {
    for (key, default) in rows(&read("../docs/settings.md")) {
        let value = default.trim_matches(['[', ']']).replace('"', "");
        if default == "none" || default.contains("beside the store") {
            continue;
        }
        let variable = format!("SECBEAT__{}", key.replace('.', "__").to_ascii_uppercase());
        let loaded = settings::load(None, [(variable, value)].into_iter()).unwrap();
        assert_eq!(loaded.settings, Settings::default(), "{key} = {default}");
    }
}

#[test]
fn the_api_reference_has_every_route() {
    let text = read("../docs/api.md");
    let source = read("src/api.rs");
    let mut routes = source
        .split('"')
        .filter(|part| part.starts_with('/') && !part.contains(char::is_whitespace))
        .collect::<Vec<_>>();
    routes.dedup();
    assert!(routes.len() > 10, "{routes:?}");
    for route in routes {
        // The reference may word the name of a parameter in its own way.
        let start = route.split('{').next().unwrap_or_default();
        assert!(text.contains(start), "{route} is not in docs/api.md");
    }
}

#[test]
fn the_api_reference_has_every_metric() {
    let text = read("../docs/api.md");
    for file in [
        "src/metrics.rs",
        "src/api/scrape.rs",
        "src/fleet/metrics.rs",
        "../filter-wasm/src/metrics.rs",
    ] {
        let source = read(file);
        let names = source
            .split('"')
            .filter(|part| part.starts_with("secbeat_"))
            // Envoy's own way to write a label.
            .map(|name| name.split('.').next().unwrap_or_default())
            .collect::<Vec<_>>();
        assert!(!names.is_empty(), "{file} names no metric");
        for name in names {
            let is_group = name.starts_with("secbeat_xds_") && text.contains("`secbeat_xds_…`");
            assert!(
                text.contains(&format!("`{name}")) || is_group,
                "{name} is not in docs/api.md"
            );
        }
    }
}

#[test]
fn every_invariant_names_tests_that_are_there() {
    let text = read("../ARCHITECTURE.md");
    let (_, invariants) = text.split_once("## Invariants").unwrap();
    let named = invariants
        .split('`')
        .filter_map(|part| part.split_once(".rs::"))
        .collect::<Vec<_>>();
    assert!(named.len() > 20, "{named:?}");
    for (file, test) in named {
        let source = read(&format!("../{file}.rs"));
        assert!(
            source.contains(&format!("fn {test}(")),
            "{file}.rs has no test {test}"
        );
    }
}

#[test]
fn the_api_reference_has_every_category_target_transformation_and_error() {
    let text = read("../docs/api.md");
    let hidden = ["tx", "matched"];
    let names = Category::ALL
        .iter()
        .map(|category| category.as_str())
        .chain(Collection::ALL.iter().map(|collection| collection.as_str()))
        .chain(Transformation::ALL.iter().map(|one| one.as_str()))
        .chain(ParseError::ALL.iter().map(|error| error.as_str()));
    for name in names.filter(|name| !hidden.contains(name)) {
        assert!(
            text.contains(&format!("`{name}`")),
            "{name} is not in docs/api.md"
        );
    }
}
