//! Every key of the settings: its name, its type, its bounds, and what contradicts what.

use std::{path::PathBuf, time::Duration};

use secbeat_engine::config::{MaskConfig, Mode, OverLimit, ResponseOverLimit, Scoring};

use super::{
    LogFormat, LogLevel, Settings,
    document::Table,
    error::SettingsError,
    reader::{Section, address, boolean, integer, list, number, one_of, path, size, string},
};

/// Every key there is, for the reference and its test.
pub const KEYS: &[&str] = &[
    "waf.mode",
    "waf.packs",
    "waf.rules_dir",
    "waf.body.inspect",
    "waf.body.limit",
    "waf.body.over_limit",
    "waf.response.inspect",
    "waf.response.limit",
    "waf.response.over_limit",
    "waf.response.hold_seconds",
    "waf.response.content_types",
    "waf.response.ask_identity",
    "waf.limits.arguments",
    "waf.limits.argument_name_length",
    "waf.limits.argument_length",
    "waf.limits.arguments_length",
    "waf.limits.cookies",
    "waf.limits.json_depth",
    "waf.limits.xml_depth",
    "waf.limits.multipart_parts",
    "waf.mask",
    "waf.scoring.inbound_threshold",
    "waf.scoring.outbound_threshold",
    "waf.scoring.paranoia_level",
    "waf.scoring.executing_paranoia_level",
    "waf.scoring.early_blocking",
    "waf.scoring.sampling_percent",
    "management.listen_addr",
    "management.allow_remote_plaintext",
    "management.admin_token_file",
    "management.max_body_bytes",
    "management.shutdown_grace_period_seconds",
    "xds.listen_addr",
    "xds.allow_remote_plaintext",
    "xds.wasm_module",
    "xds.bootstrap_templates",
    "storage.path",
    "storage.max_events",
    "storage.max_revisions",
    "logging.level",
    "logging.format",
    "metrics.public",
];

/// Reads settings out of a tree and adds every error to `errors`.
pub(super) fn read(table: Table, file: Option<&PathBuf>, errors: &mut Vec<SettingsError>) -> Settings {
    let mut settings = Settings::default();
    let mut root = Section::root(table, file, errors);
    waf(root.section("waf"), &mut settings);
    management(root.section("management"), &mut settings);
    xds(root.section("xds"), &mut settings);
    storage(root.section("storage"), &mut settings);
    logging(root.section("logging"), &mut settings);
    let mut metrics = root.section("metrics");
    metrics.read("public", &mut settings.metrics.public, boolean);
    metrics.finish();
    root.finish();
    settings
}

fn waf(mut section: Section<'_>, settings: &mut Settings) {
    let waf = &mut settings.waf;
    let modes = [
        ("off", Mode::Off),
        ("detect", Mode::Detect),
        ("block", Mode::Block),
    ];
    section.read("mode", &mut waf.mode, one_of(&modes));
    section.read("packs", &mut waf.packs, list(string));
    section.read("rules_dir", &mut waf.rules_dir, |value| path(value).map(Some));
    let mut body = section.section("body");
    body.read("inspect", &mut waf.body.inspect, boolean);
    body.read("limit", &mut waf.body.limit, size(1, 16 * 1024 * 1024));
    let over = [
        ("reject", OverLimit::Reject),
        ("inspect_prefix", OverLimit::InspectPrefix),
        ("skip", OverLimit::Skip),
    ];
    body.read("over_limit", &mut waf.body.over_limit, one_of(&over));
    body.finish();
    let mut response = section.section("response");
    response.read("inspect", &mut waf.response.inspect, boolean);
    response.read("limit", &mut waf.response.limit, size(1, 16 * 1024 * 1024));
    let over = [
        ("inspect_prefix", ResponseOverLimit::InspectPrefix),
        ("skip", ResponseOverLimit::Skip),
    ];
    response.read("over_limit", &mut waf.response.over_limit, one_of(&over));
    response.read("hold_seconds", &mut waf.response.hold_seconds, number(&(1..=300)));
    response.read("content_types", &mut waf.response.content_types, list(string));
    response.read("ask_identity", &mut waf.response.ask_identity, boolean);
    response.finish();
    let mut limits = section.section("limits");
    limits.read("arguments", &mut waf.limits.arguments, size(1, 100_000));
    let length = || size(1, 64 * 1024 * 1024);
    limits.read(
        "argument_name_length",
        &mut waf.limits.argument_name_length,
        length(),
    );
    limits.read("argument_length", &mut waf.limits.argument_length, length());
    limits.read("arguments_length", &mut waf.limits.arguments_length, length());
    limits.read("cookies", &mut waf.limits.cookies, size(1, 10_000));
    limits.read("json_depth", &mut waf.limits.json_depth, size(1, 512));
    limits.read("xml_depth", &mut waf.limits.xml_depth, size(1, 512));
    limits.read(
        "multipart_parts",
        &mut waf.limits.multipart_parts,
        size(1, 10_000),
    );
    limits.finish();
    section.read("mask", &mut waf.mask, |value| list(string)(value).map(MaskConfig));
    scoring(section.section("scoring"), &mut waf.scoring);
    section.finish();
}

fn scoring(mut section: Section<'_>, scoring: &mut Scoring) {
    let executing = section.origin("executing_paranoia_level");
    let threshold = || number(&Scoring::THRESHOLDS);
    section.read("inbound_threshold", &mut scoring.inbound_threshold, threshold());
    section.read("outbound_threshold", &mut scoring.outbound_threshold, threshold());
    let level = || number(&Scoring::PARANOIA_LEVELS);
    section.read("paranoia_level", &mut scoring.paranoia_level, level());
    section.read(
        "executing_paranoia_level",
        &mut scoring.executing_paranoia_level,
        |value| level()(value).map(Some),
    );
    section.read("early_blocking", &mut scoring.early_blocking, boolean);
    section.read(
        "sampling_percent",
        &mut scoring.sampling_percent,
        number(&Scoring::SAMPLING),
    );
    if scoring.executing_level() < scoring.paranoia_level {
        let reason = format!(
            "must be at least waf.scoring.paranoia_level, which is {}, found {}",
            scoring.paranoia_level,
            scoring.executing_level()
        );
        section.reject("executing_paranoia_level", executing.as_ref(), reason);
    }
    section.finish();
}

fn management(mut section: Section<'_>, settings: &mut Settings) {
    let management = &mut settings.management;
    let origin = section.origin("listen_addr");
    section.read("listen_addr", &mut management.listen_addr, address);
    section.read(
        "allow_remote_plaintext",
        &mut management.allow_remote_plaintext,
        boolean,
    );
    section.read("admin_token_file", &mut management.admin_token_file, |value| {
        path(value).map(Some)
    });
    section.read(
        "max_body_bytes",
        &mut management.max_body_bytes,
        size(1024, 64 * 1024 * 1024),
    );
    section.read(
        "shutdown_grace_period_seconds",
        &mut management.shutdown_grace_period,
        |value| integer(0, 3_600)(value).map(Duration::from_secs),
    );
    if !management.listen_addr.ip().is_loopback() && !management.allow_remote_plaintext {
        section.reject(
            "listen_addr",
            origin.as_ref(),
            remote(&management.listen_addr.to_string()),
        );
    }
    section.finish();
}

fn xds(mut section: Section<'_>, settings: &mut Settings) {
    let management = settings.management.listen_addr;
    let xds = &mut settings.xds;
    let origin = section.origin("listen_addr");
    section.read("listen_addr", &mut xds.listen_addr, address);
    section.read("allow_remote_plaintext", &mut xds.allow_remote_plaintext, boolean);
    section.read("wasm_module", &mut xds.wasm_module, path);
    section.read("bootstrap_templates", &mut xds.bootstrap_templates, list(path));
    if !xds.listen_addr.ip().is_loopback() && !xds.allow_remote_plaintext {
        section.reject(
            "listen_addr",
            origin.as_ref(),
            remote(&xds.listen_addr.to_string()),
        );
    }
    if xds.listen_addr == management && management.port() != 0 {
        let reason = format!("must differ from management.listen_addr, found {management} in both");
        section.reject("listen_addr", origin.as_ref(), reason);
    }
    section.finish();
}

fn storage(mut section: Section<'_>, settings: &mut Settings) {
    let storage = &mut settings.storage;
    section.read("path", &mut storage.path, path);
    section.read("max_events", &mut storage.max_events, integer(1, 100_000_000));
    section.read("max_revisions", &mut storage.max_revisions, integer(1, 100_000));
    section.finish();
}

fn logging(mut section: Section<'_>, settings: &mut Settings) {
    let levels = [
        ("error", LogLevel::Error),
        ("warn", LogLevel::Warn),
        ("info", LogLevel::Info),
        ("debug", LogLevel::Debug),
        ("trace", LogLevel::Trace),
    ];
    section.read("level", &mut settings.logging.level, one_of(&levels));
    section.read(
        "format",
        &mut settings.logging.format,
        one_of(&[("text", LogFormat::Text), ("json", LogFormat::Json)]),
    );
    section.finish();
}

fn remote(address: &str) -> String {
    format!(
        "{address} is reachable from other machines and is not encrypted; listen on loopback, or set \
         allow_remote_plaintext = true in this section if the network in between is trusted"
    )
}
