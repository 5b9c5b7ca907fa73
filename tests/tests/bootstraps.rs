//! The configurations in `envoy/`: each is valid, starts, protects, and knows who the client is.

use std::net::SocketAddr;

use secbeat_e2e::{Bootstrap, Envoy, Journal, Origin, Request, Result, artifacts, ensure, ports, validate};

/// The shipped configurations by name; the sidecar's control plane is down.
fn shipped(origin: SocketAddr) -> Result<[(&'static str, Bootstrap); 2]> {
    let filter = artifacts::filter()?;
    Ok([
        ("standalone", Bootstrap::standalone(origin, &filter)?),
        (
            "sidecar",
            Bootstrap::sidecar("sidecar", origin, &filter, ports::free()?)?,
        ),
    ])
}

#[test]
fn every_shipped_bootstrap_is_valid_and_protects() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let origin = Origin::start(Journal::Keep)?;
    for (name, bootstrap) in shipped(origin.address())? {
        validate(&bootstrap, folder.path())?;
        let envoy = Envoy::start(&bootstrap, folder.path())?;
        let honest = Request::get("/honest?q=tea").send(envoy.address())?;
        ensure!(
            honest.status == 200,
            "{name}: an honest request got {}: {}",
            honest.status,
            honest.text()
        );
        let attack = Request::get("/attack?id=1%27%20union%20select%20password%20from%20users--")
            .send(envoy.address())?;
        ensure!(attack.status == 403, "{name}: an attack got {}", attack.status);
    }
    ensure!(
        origin.saw(b"GET /honest"),
        "the origin missed the honest requests"
    );
    ensure!(!origin.saw(b"/attack"), "the origin saw an attack");
    Ok(())
}
