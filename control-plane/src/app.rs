//! Wires the parts together, runs them, and stops them in order.

use std::{future::Future, io, net::SocketAddr, sync::Arc};

use tokio::net::TcpListener;

use crate::{
    api::{self, Auth, AuthError, Parts},
    fleet::{self, Fleet},
    listener::BoundedListener,
    metrics::Metrics,
    owner::{Owner, StartError},
    settings::Settings,
    store::{Retention, Store, StoreError},
    supervisor::Supervisor,
    xds,
};

/// Why the control plane cannot start, or ended badly.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The store cannot be used.
    #[error("cannot use the store")]
    Store(#[from] StoreError),
    /// Settings, rule packs and stored patterns do not fit.
    #[error(transparent)]
    Start(#[from] StartError),
    /// There is no admin token.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}, as {key} says")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The setting.
        key: &'static str,
        /// What the operating system says.
        source: io::Error,
    },
    /// A metric is registered twice.
    #[error("metrics cannot be registered")]
    Metrics(#[from] prometheus::Error),
    /// A part ended early; the log says why.
    #[error("a part of the control plane failed")]
    Failed,
}

/// Runs the control plane until `stop` completes, or until one of its parts fails.
pub async fn run(settings: Settings, stop: impl Future<Output = ()>) -> Result<(), AppError> {
    let retention = Retention {
        events: settings.storage.max_events,
        revisions: settings.storage.max_revisions,
    };
    let store = Store::open(&settings.storage.path, retention).await?;
    let result = serve(&settings, &store, stop).await;
    store.close().await;
    result
}

async fn serve(settings: &Settings, store: &Store, stop: impl Future<Output = ()>) -> Result<(), AppError> {
    let metrics = Metrics::new()?;
    let fleet = Fleet::new(fleet::Metrics::new(metrics.registry())?);
    let (owner, state) = Owner::start(store.clone(), settings.waf.clone()).await?;
    let token_file = settings.management.admin_token_file(&settings.storage);
    let auth = Arc::new(Auth::open(&token_file)?);
    let api_listener = listen(settings.management.listen_addr, "management.listen_addr").await?;
    let xds_listener = listen(settings.xds.listen_addr, "xds.listen_addr").await?;
    let api_address = api_listener
        .local_addr()
        .unwrap_or(settings.management.listen_addr);
    let xds_address = xds_listener.local_addr().unwrap_or(settings.xds.listen_addr);

    let supervisor = Supervisor::default();
    let shutdown = supervisor.shutdown();
    let options = xds::Options {
        wasm_module: settings.xds.wasm_module.clone(),
        bootstrap_templates: settings.xds.bootstrap_templates.clone(),
        storage: settings.storage.dir().to_owned(),
    };
    let discovery = xds::serve(
        xds_listener,
        options,
        state.revisions(),
        fleet.clone(),
        store.clone(),
        shutdown.clone(),
    );
    supervisor.run("xds", discovery);
    let revision = state.latest().number;
    let router = api::router(Parts {
        state,
        store: store.clone(),
        fleet,
        metrics,
        auth,
        max_body_bytes: settings.management.max_body_bytes,
        public_metrics: settings.metrics.public,
        shutdown: shutdown.clone(),
    });
    let stopped = shutdown.clone();
    supervisor.run("api", async move {
        axum::serve(BoundedListener::new(api_listener), router)
            .with_graceful_shutdown(stopped.cancelled_owned())
            .await
    });
    supervisor.run("owner", async move {
        owner.run(shutdown).await;
        Ok::<_, io::Error>(())
    });
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        management = %api_address,
        xds = %xds_address,
        store = %store.path().display(),
        admin_token_file = %token_file.display(),
        revision,
        "ready"
    );
    let went_well = supervisor
        .wait(stop, settings.management.shutdown_grace_period)
        .await;
    tracing::info!("stopped");
    if went_well { Ok(()) } else { Err(AppError::Failed) }
}

async fn listen(address: SocketAddr, key: &'static str) -> Result<TcpListener, AppError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| AppError::Listen { address, key, source })
}
