//! Owns every long-lived task: starts it, ends everything when one of them ends, and waits for all of them.

use std::{fmt::Display, future::Future, time::Duration};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Owns every long-lived task.
#[derive(Debug, Clone, Default)]
pub(crate) struct Supervisor {
    tracker: TaskTracker,
    shutdown: CancellationToken,
    failed: CancellationToken,
}

impl Supervisor {
    /// What tasks watch in order to end.
    pub(crate) fn shutdown(&self) -> CancellationToken {
        self.shutdown.clone()
    }

    /// Runs a task. One that ends before it was told to takes everything down: half a control plane helps nobody.
    pub(crate) fn run<E: Display>(
        &self,
        name: &'static str,
        task: impl Future<Output = Result<(), E>> + Send + 'static,
    ) {
        let watch = Watch {
            name,
            supervisor: self.clone(),
        };
        self.tracker.spawn(async move {
            let watch = watch;
            match task.await {
                Err(error) => tracing::error!(task = watch.name, %error, "task failed"),
                Ok(()) if watch.supervisor.shutdown.is_cancelled() => return,
                Ok(()) => tracing::error!(task = watch.name, "task ended early"),
            }
            watch.supervisor.failed.cancel();
        });
    }

    /// Waits until it is time to stop, stops, and waits for the tasks. Returns whether all went well.
    pub(crate) async fn wait(self, stop: impl Future<Output = ()>, grace: Duration) -> bool {
        tokio::select! {
            () = stop => {}
            () = self.shutdown.cancelled() => {}
        }
        self.shutdown.cancel();
        self.tracker.close();
        let is_drained = tokio::time::timeout(grace, self.tracker.wait()).await.is_ok();
        if !is_drained {
            tracing::warn!(
                tasks = self.tracker.len(),
                "grace period is over, requests are cut off"
            );
        }
        !self.failed.is_cancelled()
    }
}

/// Stops everything when its task ends, by a panic too.
struct Watch {
    name: &'static str,
    supervisor: Supervisor,
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !self.supervisor.shutdown.is_cancelled() {
            self.supervisor.failed.cancel();
            self.supervisor.shutdown.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    const GRACE: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn told_to_stop_all_tasks_end_well() {
        let supervisor = Supervisor::default();
        let shutdown = supervisor.shutdown();
        supervisor.run("waits", async move {
            shutdown.cancelled().await;
            Ok::<_, String>(())
        });
        assert!(supervisor.wait(async {}, GRACE).await);
    }

    #[tokio::test]
    async fn a_task_that_fails_ends_early_or_panics_takes_all_down() {
        for kind in ["fails", "ends", "panics"] {
            let supervisor = Supervisor::default();
            supervisor.run("task", async move {
                match kind {
                    "fails" => Err("broken"),
                    "ends" => Ok(()),
                    _ => panic!("on purpose"),
                }
            });
            assert!(!supervisor.wait(pending(), GRACE).await, "{kind}");
        }
    }

    #[tokio::test]
    async fn a_task_that_does_not_end_is_left_behind() {
        let supervisor = Supervisor::default();
        supervisor.run("stuck", pending::<Result<(), String>>());
        assert!(supervisor.wait(async {}, Duration::from_millis(1)).await);
    }
}
