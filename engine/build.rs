//! Turns the rule packs under `rules/` from TOML into JSON, so that the engine needs no TOML parser. A pack is a file, or
//! a folder of files.

use std::{
    env,
    error::Error,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

fn main() -> Result<(), Box<dyn Error>> {
    let rules = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../rules");
    let out = Path::new(&env::var("OUT_DIR")?).join("packs.rs");
    println!("cargo:rerun-if-changed={}", rules.display());

    let mut code = String::from("static PACKS: &[Pack] = &[\n");
    for path in sorted(&rules)? {
        let complaint = |error| format!("{}: {error}", path.display());
        let (name, json) = if path.is_dir() {
            println!("cargo:rerun-if-changed={}", path.display());
            pack(&sorted(&path)?).map_err(complaint)?
        } else if is_toml(&path) {
            pack(std::slice::from_ref(&path)).map_err(complaint)?
        } else {
            continue;
        };
        writeln!(code, "    Pack {{ name: {name:?}, json: {json:?} }},")?;
    }
    code.push_str("];\n");
    fs::write(out, code)?;
    Ok(())
}

fn is_toml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "toml")
}

fn sorted(folder: &Path) -> Result<Vec<PathBuf>, std::io::Error> {
    let entries = fs::read_dir(folder)?;
    let mut paths = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>, std::io::Error>>()?;
    paths.sort();
    Ok(paths)
}

/// Name and JSON of the pack that these files hold together: the members of `[pack]`, which one of them has, and every
/// `[[pattern]]` as `patterns`, in the order of their ids, with the pack's `action` unless it names its own.
fn pack(files: &[PathBuf]) -> Result<(String, String), Box<dyn Error>> {
    let mut head = None;
    let mut patterns = Vec::new();
    for file in files.iter().filter(|file| is_toml(file)) {
        println!("cargo:rerun-if-changed={}", file.display());
        let mut document: toml::Table = fs::read_to_string(file)?
            .parse()
            .map_err(|error| format!("{}: {error}", file.display()))?;
        match document.remove("pack") {
            Some(toml::Value::Table(pack)) if head.is_none() => head = Some(pack),
            Some(_) => return Err("expected one table [pack]".into()),
            None => {}
        }
        match document.remove("pattern") {
            Some(toml::Value::Array(more)) => patterns.extend(more),
            Some(_) => return Err(format!("{}: expected [[pattern]]", file.display()).into()),
            None => {}
        }
        if let Some(unknown) = document.keys().next() {
            return Err(format!("expected [pack] and [[pattern]], found `{unknown}`").into());
        }
    }
    patterns.sort_by_key(|pattern| pattern.get("id").and_then(toml::Value::as_integer));
    let mut pack = head.ok_or("expected a table [pack]")?;
    if let Some(action) = pack.remove("action") {
        for pattern in patterns.iter_mut().filter_map(toml::Value::as_table_mut) {
            pattern
                .entry("action".to_owned())
                .or_insert_with(|| action.clone());
        }
    }
    let name = pack
        .get("name")
        .and_then(toml::Value::as_str)
        .ok_or("expected pack.name")?
        .to_owned();
    pack.insert("patterns".to_owned(), toml::Value::Array(patterns));
    Ok((name, serde_json::to_string(&pack)?))
}
