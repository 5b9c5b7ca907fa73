//! `log` and panics, by way of the proxy's log.

use std::{fmt, panic};

use log::{LevelFilter, Log, Metadata, Record};

use crate::host;

struct Logger;

static LOGGER: Logger = Logger;

/// Sends what is logged at this level or above to the proxy's log, and what a panic has to say before it ends the VM.
pub fn install(level: LevelFilter) {
    // Fails only when there is a logger already.
    if log::set_logger(&LOGGER).is_ok() {
        panic::set_hook(Box::new(|info| write(host::LogLevel::Critical, &info)));
    }
    log::set_max_level(level);
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            write(record.level().into(), record.args());
        }
    }

    fn flush(&self) {}
}

fn write(level: host::LogLevel, message: &impl fmt::Display) {
    host::log(level, &message.to_string());
}

impl From<log::Level> for host::LogLevel {
    fn from(level: log::Level) -> Self {
        match level {
            log::Level::Trace => Self::Trace,
            log::Level::Debug => Self::Debug,
            log::Level::Info => Self::Info,
            log::Level::Warn => Self::Warn,
            log::Level::Error => Self::Error,
        }
    }
}
