//! Logs: text for people or JSON for machines, on standard error.

use tracing::Level;
use tracing_subscriber::{filter::Targets, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use crate::settings::{LogFormat, LogLevel, LoggingSettings};

/// Writes logs from now on; a second call changes nothing.
pub(crate) fn start(settings: LoggingSettings) {
    let level = match settings.level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
        LogLevel::Trace => Level::TRACE,
    };
    // The libraries below tell much that nobody asked for.
    let libraries = level.min(Level::INFO);
    let filter = Targets::new()
        .with_default(libraries)
        .with_target("secbeat", level);
    let registry = tracing_subscriber::registry().with(filter);
    let started = match settings.format {
        LogFormat::Text => {
            let text = fmt::layer()
                .with_writer(std::io::stderr)
                .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()));
            registry.with(text).try_init()
        }
        LogFormat::Json => {
            let json = fmt::layer()
                .json()
                .flatten_event(true)
                .with_writer(std::io::stderr);
            registry.with(json).try_init()
        }
    };
    // It fails only when somebody else in this process writes logs already.
    drop(started);
}
