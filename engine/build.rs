//! Turns the rule packs under `rules/` from TOML into JSON, so that the engine needs no TOML parser.

use std::{env, error::Error, fmt::Write as _, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    let rules = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../rules");
    let out = Path::new(&env::var("OUT_DIR")?).join("packs.rs");
    println!("cargo:rerun-if-changed={}", rules.display());

    let mut files: Vec<_> = fs::read_dir(&rules)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_, std::io::Error>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    files.sort();

    let mut code = String::from("static PACKS: &[Pack] = &[\n");
    for file in files {
        println!("cargo:rerun-if-changed={}", file.display());
        let (name, json) = pack(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        writeln!(code, "    Pack {{ name: {name:?}, json: {json:?} }},")?;
    }
    code.push_str("];\n");
    fs::write(out, code)?;
    Ok(())
}

/// Name and JSON of one pack: the members of `[pack]`, and `[[pattern]]` as `patterns`.
fn pack(file: &Path) -> Result<(String, String), Box<dyn Error>> {
    let mut document: toml::Table = fs::read_to_string(file)?.parse()?;
    let Some(toml::Value::Table(mut pack)) = document.remove("pack") else {
        return Err("expected a table [pack]".into());
    };
    let patterns = document
        .remove("pattern")
        .unwrap_or(toml::Value::Array(Vec::new()));
    if let Some(unknown) = document.keys().next() {
        return Err(format!("expected [pack] and [[pattern]], found `{unknown}`").into());
    }
    let name = pack
        .get("name")
        .and_then(toml::Value::as_str)
        .ok_or("expected pack.name")?
        .to_owned();
    pack.insert("patterns".to_owned(), patterns);
    Ok((name, serde_json::to_string(&pack)?))
}
