//! Everything together: origin, control plane, and an Envoy that it steers.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::{Api, Bootstrap, ControlPlane, Envoy, Journal, Origin, Request, Result, artifacts, ensure};

/// Node id of the stack's Envoy.
pub const NODE: &str = "sidecar";

/// Origin, control plane and one Envoy, in sync. Ends in order: Envoy first.
#[derive(Debug)]
pub struct Stack {
    /// The Envoy.
    pub envoy: Envoy,
    /// What steers it.
    pub control_plane: ControlPlane,
    /// What it protects.
    pub origin: Origin,
    folder: TempDir,
}

impl Stack {
    /// Starts everything and waits until the Envoy has the first revision.
    pub fn start() -> Result<Self> {
        Self::start_with(&artifacts::filter()?)
    }

    /// Starts everything with another build of the filter.
    pub fn start_with(filter: &Path) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let origin = Origin::start(Journal::Keep)?;
        let control_plane = ControlPlane::start(folder.path(), filter)?;
        let bootstrap = Bootstrap::sidecar(NODE, origin.address(), filter, control_plane.xds())?;
        let envoy = Envoy::start(&bootstrap, folder.path())?;
        control_plane.api().wait_in_sync(NODE)?;
        Ok(Self {
            envoy,
            control_plane,
            origin,
            folder,
        })
    }

    /// Keeps the logs' tails out of the output.
    #[must_use]
    pub fn quiet(mut self) -> Self {
        self.envoy = self.envoy.quiet();
        self.control_plane = self.control_plane.quiet();
        self
    }

    /// The control plane's API.
    pub fn api(&self) -> Api {
        self.control_plane.api()
    }

    /// Where files of the test go.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// The statuses of `count` requests, each over a connection of its own, so that every worker answers some.
    pub fn statuses(&self, request: &Request, count: usize) -> Result<Vec<u16>> {
        (0..count)
            .map(|_| Ok(request.send(self.envoy.address())?.status))
            .collect()
    }

    /// Fails unless every one of many fresh connections gets this status.
    pub fn expect_everywhere(&self, request: &Request, status: u16) -> Result<()> {
        const CONNECTIONS: usize = 40;
        let statuses = self.statuses(request, CONNECTIONS)?;
        ensure!(
            statuses.iter().all(|&found| found == status),
            "expected {status} everywhere, found {statuses:?}"
        );
        Ok(())
    }
}
