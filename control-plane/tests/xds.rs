//! The xDS server over a real connection, steered by a client that follows a script: what only shows once the
//! protocol, the sessions and the transport work together.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helpers too"
)]

#[path = "xds/server.rs"]
mod server;

use std::time::Duration;

use envoy_types::pb::{
    envoy::{
        config::core::v3::Node,
        service::discovery::v3::{
            DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest,
            aggregated_discovery_service_client::AggregatedDiscoveryServiceClient,
        },
    },
    google::rpc,
};
use secbeat_engine::report::{Event, METHOD, ReportReply, ReportRequest, SERVICE};
use server::{DEADLINE, Server};
use tokio::{sync::mpsc, time::timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{
    Code, Request, Status, Streaming, client::Grpc, codegen::http::uri::PathAndQuery, transport::Channel,
};
use tonic_prost::ProstCodec;

const EXTENSION: &str = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig";
const CLUSTER: &str = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
const NODE: &str = "node-1";

fn node() -> Node {
    Node {
        id: NODE.to_owned(),
        user_agent_name: "envoy".to_owned(),
        ..Node::default()
    }
}

/// A delta stream by hand.
struct Delta {
    requests: mpsc::Sender<DeltaDiscoveryRequest>,
    responses: Streaming<DeltaDiscoveryResponse>,
}

impl Delta {
    async fn open(channel: Channel) -> Result<Self, Status> {
        let (requests, receiver) = mpsc::channel(16);
        let mut client = AggregatedDiscoveryServiceClient::new(channel);
        let responses = client
            .delta_aggregated_resources(ReceiverStream::new(receiver))
            .await?
            .into_inner();
        Ok(Self { requests, responses })
    }

    /// Opens a stream and subscribes to the policy.
    async fn subscribed(channel: Channel) -> Self {
        let mut delta = Self::open(channel).await.unwrap();
        delta.send(subscribe(EXTENSION, &["secbeat"])).await;
        delta
    }

    async fn send(&mut self, request: DeltaDiscoveryRequest) {
        self.requests.send(request).await.unwrap();
    }

    async fn next(&mut self) -> Result<Option<DeltaDiscoveryResponse>, Status> {
        timeout(DEADLINE, self.responses.message())
            .await
            .expect("a message in time")
    }

    /// The next response, which is for the policy: its version and nonce.
    async fn policy(&mut self) -> (String, String) {
        let response = self.next().await.unwrap().unwrap();
        assert_eq!(response.type_url, EXTENSION);
        let [resource] = response.resources.as_slice() else {
            panic!("{response:?}")
        };
        assert_eq!(resource.name, "secbeat");
        (resource.version.clone(), response.nonce)
    }

    /// Proves that nothing waits to be sent: the answer to a subscription made now comes first.
    async fn expect_nothing(&mut self) {
        let probe = format!("type.googleapis.com/probe.v3.N{}", probe_number());
        self.send(subscribe(&probe, &[])).await;
        let response = self.next().await.unwrap().unwrap();
        assert_eq!((response.type_url, response.resources.len()), (probe, 0));
    }
}

/// A number that no other probe has.
fn probe_number() -> usize {
    static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}

fn subscribe(type_url: &str, names: &[&str]) -> DeltaDiscoveryRequest {
    DeltaDiscoveryRequest {
        node: Some(node()),
        type_url: type_url.to_owned(),
        resource_names_subscribe: names.iter().map(|&name| name.to_owned()).collect(),
        ..DeltaDiscoveryRequest::default()
    }
}

fn ack(nonce: &str) -> DeltaDiscoveryRequest {
    DeltaDiscoveryRequest {
        type_url: EXTENSION.to_owned(),
        response_nonce: nonce.to_owned(),
        ..DeltaDiscoveryRequest::default()
    }
}

fn nack(nonce: &str, message: &str) -> DeltaDiscoveryRequest {
    let status = rpc::Status {
        code: 13,
        message: message.to_owned(),
        ..rpc::Status::default()
    };
    DeltaDiscoveryRequest {
        error_detail: Some(status),
        ..ack(nonce)
    }
}

fn report(instance: u64, applied: u64) -> ReportRequest {
    ReportRequest {
        node: NODE.to_owned(),
        process: 1,
        instance,
        applied: Some(applied),
        offered: applied,
        ..ReportRequest::default()
    }
}

async fn send_report(channel: Channel, report: ReportRequest) -> Result<ReportReply, Status> {
    let mut grpc = Grpc::new(channel);
    grpc.ready().await.unwrap();
    let path = PathAndQuery::try_from(format!("/{SERVICE}/{METHOD}")).unwrap();
    let codec = ProstCodec::<ReportRequest, ReportReply>::default();
    Ok(grpc.unary(Request::new(report), path, codec).await?.into_inner())
}

#[tokio::test]
async fn policy_goes_out_and_comes_into_force() {
    let server = Server::start(1).await;
    let mut delta = Delta::subscribed(server.channel().await).await;
    let (version, nonce) = delta.policy().await;
    assert!(version.starts_with("r1.e0."), "{version}");
    delta.send(ack(&nonce)).await;
    send_report(server.channel().await, report(7, 1)).await.unwrap();
    let applied = server.fleet.wait_applied(1, DEADLINE).await;
    assert!(applied.applied, "{applied:?}");

    server.publish(2);
    let (version, nonce) = delta.policy().await;
    assert!(version.starts_with("r2.e0."), "{version}");
    delta.send(ack(&nonce)).await;
    let waiting = server.fleet.wait_applied(2, DEADLINE);
    let reporting = async {
        let applied = server.fleet.wait_applied(2, Duration::from_millis(50)).await;
        assert!(!applied.applied, "{applied:?}");
        send_report(server.channel().await, report(7, 2)).await.unwrap();
    };
    let (applied, ()) = tokio::join!(waiting, reporting);
    assert!(applied.applied, "{applied:?}");
    let status = server.fleet.node(NODE).unwrap();
    assert!(status.connected && status.in_sync);
    assert_eq!(
        (status.requested, status.acked, status.applied),
        (Some(2), Some(2), Some(2))
    );
    assert_eq!(status.user_agent, "envoy");
}

#[tokio::test]
async fn refused_policy_is_not_sent_again_and_is_told() {
    let server = Server::start(1).await;
    let mut delta = Delta::subscribed(server.channel().await).await;
    let (_, nonce) = delta.policy().await;
    delta
        .send(nack(&nonce, "Unable to create Wasm plugin secbeat"))
        .await;
    delta.expect_nothing().await;
    let applied = server.fleet.wait_applied(1, DEADLINE).await;
    let reason = "Envoy refused revision 1: Unable to create Wasm plugin secbeat";
    assert!(!applied.applied);
    assert_eq!(applied.nodes[0].reason, reason);
    server.publish(2);
    assert!(delta.policy().await.0.starts_with("r2."));
}

#[tokio::test]
async fn newest_revision_follows_an_outstanding_one() {
    let server = Server::start(1).await;
    let mut delta = Delta::subscribed(server.channel().await).await;
    let (_, nonce) = delta.policy().await;
    for revision in 2..50 {
        server.publish(revision);
    }
    delta.expect_nothing().await;
    delta.send(ack(&nonce)).await;
    // Which revision was the newest when the ACK came in is up to the server, but the last one comes last.
    let mut version = String::new();
    while !version.starts_with("r49.") {
        let nonce;
        (version, nonce) = delta.policy().await;
        delta.send(ack(&nonce)).await;
    }
    delta.expect_nothing().await;
}

#[tokio::test]
async fn reconnecting_node_is_believed_what_it_holds() {
    let server = Server::start(1).await;
    let mut delta = Delta::subscribed(server.channel().await).await;
    let (version, nonce) = delta.policy().await;
    delta.send(ack(&nonce)).await;
    drop(delta);
    server
        .wait("the node to disconnect", |fleet| {
            !fleet.node(NODE).is_some_and(|node| node.connected)
        })
        .await;

    let mut delta = Delta::open(server.channel().await).await.unwrap();
    let mut request = subscribe(EXTENSION, &["secbeat"]);
    request
        .initial_resource_versions
        .insert("secbeat".to_owned(), version.clone());
    delta.send(request).await;
    delta.expect_nothing().await;
    assert_eq!(server.fleet.node(NODE).unwrap().acked, Some(1));
    drop(delta);

    // An older version, and an epoch that a control plane before this one had reached.
    let mut delta = Delta::open(server.channel().await).await.unwrap();
    let mut request = subscribe(EXTENSION, &["secbeat"]);
    let older = version.replace("r1.e0.", "r0.e4.");
    request
        .initial_resource_versions
        .insert("secbeat".to_owned(), older);
    delta.send(request).await;
    let (version, _) = delta.policy().await;
    assert!(version.starts_with("r1.e4."), "{version}");
}

#[tokio::test]
async fn same_revision_has_the_same_version_after_a_restart() {
    let first = Server::start(5).await;
    let second = Server::start(5).await;
    let (one, _) = Delta::subscribed(first.channel().await).await.policy().await;
    let (two, _) = Delta::subscribed(second.channel().await).await.policy().await;
    assert_eq!(one, two);
}

#[tokio::test]
async fn empty_wildcard_and_unknown_name_are_answered_at_once() {
    let server = Server::start(1).await;
    let mut delta = Delta::open(server.channel().await).await.unwrap();
    delta.send(subscribe(CLUSTER, &[])).await;
    let response = delta.next().await.unwrap().unwrap();
    assert_eq!(
        (response.type_url.as_str(), response.resources.len()),
        (CLUSTER, 0)
    );
    delta.send(subscribe(EXTENSION, &["unknown"])).await;
    let response = delta.next().await.unwrap().unwrap();
    assert_eq!(response.removed_resources, ["unknown"]);
}

#[tokio::test]
async fn policy_is_never_removed() {
    let server = Server::start(1).await;
    let mut delta = Delta::subscribed(server.channel().await).await;
    for revision in 2..10 {
        let response = delta.next().await.unwrap().unwrap();
        assert_eq!(response.removed_resources, Vec::<String>::new());
        server.publish(revision);
        delta.send(ack(&response.nonce)).await;
    }
}

#[tokio::test]
async fn first_request_must_name_the_node_and_later_ones_need_not() {
    let server = Server::start(1).await;
    for node in [
        None,
        Some(Node::default()),
        Some(Node {
            id: "x".repeat(257),
            ..Node::default()
        }),
    ] {
        let mut delta = Delta::open(server.channel().await).await.unwrap();
        delta
            .send(DeltaDiscoveryRequest {
                node,
                ..subscribe(EXTENSION, &["secbeat"])
            })
            .await;
        assert_eq!(delta.next().await.unwrap_err().code(), Code::InvalidArgument);
    }
    let mut delta = Delta::open(server.channel().await).await.unwrap();
    delta.send(subscribe(CLUSTER, &[])).await;
    delta.next().await.unwrap().unwrap();
    let other = Some(Node {
        id: "other".to_owned(),
        ..Node::default()
    });
    delta
        .send(DeltaDiscoveryRequest {
            node: other,
            ..subscribe(EXTENSION, &["secbeat"])
        })
        .await;
    delta.policy().await;
    assert!(
        server.fleet.node("other").is_none(),
        "a later name does not count"
    );
    delta
        .send(DeltaDiscoveryRequest {
            type_url: String::new(),
            ..subscribe("", &[])
        })
        .await;
    assert_eq!(delta.next().await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn state_of_the_world_serves_the_same_policy() {
    let server = Server::start(1).await;
    let (requests, receiver) = mpsc::channel(16);
    let mut client = AggregatedDiscoveryServiceClient::new(server.channel().await);
    let mut responses = client
        .stream_aggregated_resources(ReceiverStream::new(receiver))
        .await
        .unwrap()
        .into_inner();
    let want = |nonce: &str| DiscoveryRequest {
        node: Some(node()),
        type_url: EXTENSION.to_owned(),
        resource_names: vec!["secbeat".to_owned()],
        response_nonce: nonce.to_owned(),
        ..DiscoveryRequest::default()
    };
    let mut nonce = String::new();
    for revision in 1..4 {
        requests.send(want(&nonce)).await.unwrap();
        let response = timeout(DEADLINE, responses.message())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        assert!(
            response.version_info.starts_with(&format!("r{revision}.e0.")),
            "{}",
            response.version_info
        );
        assert_eq!(response.resources.len(), 1);
        assert_eq!(response.resources[0].type_url, EXTENSION);
        nonce = response.nonce;
        server.publish(revision + 1);
    }
    let status = rpc::Status {
        message: "no".to_owned(),
        ..rpc::Status::default()
    };
    requests
        .send(DiscoveryRequest {
            error_detail: Some(status),
            ..want(&nonce)
        })
        .await
        .unwrap();
    let response = timeout(DEADLINE, responses.message())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert!(
        response.version_info.starts_with("r4."),
        "content that was not refused follows"
    );
    let status = server.fleet.node(NODE).unwrap();
    assert_eq!((status.acked, status.last_error.unwrap().revision), (Some(2), 3));
}

#[tokio::test]
async fn worker_that_lost_the_filter_gets_new_vms() {
    let server = Server::start(1).await;
    let mut delta = Delta::subscribed(server.channel().await).await;
    let (_, nonce) = delta.policy().await;
    delta.send(ack(&nonce)).await;
    for worker in [1, 2] {
        send_report(server.channel().await, report(worker, 1))
            .await
            .unwrap();
    }
    server.publish(2);
    let (_, nonce) = delta.policy().await;
    delta.send(ack(&nonce)).await;
    send_report(server.channel().await, report(1, 2)).await.unwrap();
    // Worker 2 says nothing any more.
    let (version, nonce) = delta.policy().await;
    assert!(version.starts_with("r2.e1."), "{version}");
    delta.send(ack(&nonce)).await;
    for worker in [11, 12] {
        send_report(server.channel().await, report(worker, 2))
            .await
            .unwrap();
    }
    let applied = server.fleet.wait_applied(2, DEADLINE).await;
    assert!(applied.applied, "{applied:?}");
}

#[tokio::test]
async fn events_are_acknowledged_once_they_are_stored() {
    let server = Server::start(1).await;
    let events = |seqs: &[u64]| ReportRequest {
        events: seqs
            .iter()
            .map(|&seq| Event {
                seq,
                ..Event::default()
            })
            .collect(),
        ..report(7, 1)
    };
    let channel = server.channel().await;
    let reply = send_report(channel.clone(), events(&[1, 2, 3])).await.unwrap();
    assert_eq!(reply.acknowledged, 3);
    let reply = send_report(channel.clone(), events(&[])).await.unwrap();
    assert_eq!(reply.acknowledged, 0);
    server.sink.fail(true);
    let status = send_report(channel.clone(), events(&[4])).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    server.sink.fail(false);
    assert_eq!(
        send_report(channel.clone(), events(&[4]))
            .await
            .unwrap()
            .acknowledged,
        4
    );
    assert_eq!(server.sink.seqs(), [1, 2, 3, 4]);

    let status = send_report(channel.clone(), events(&[2, 1])).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let status = send_report(
        channel,
        ReportRequest {
            node: String::new(),
            ..events(&[])
        },
    )
    .await;
    assert_eq!(status.unwrap_err().code(), Code::InvalidArgument);
    assert_eq!(server.sink.seqs(), [1, 2, 3, 4], "nothing of it is stored");
}

#[tokio::test]
async fn shutdown_ends_streams_and_the_server() {
    let server = Server::start(1).await;
    let mut delta = Delta::subscribed(server.channel().await).await;
    delta.policy().await;
    let fleet = server.fleet.clone();
    server.stop().await;
    assert_eq!(delta.next().await.unwrap_err().code(), Code::Unavailable);
    assert!(fleet.nodes().iter().all(|node| !node.connected));
}

#[tokio::test]
async fn slow_node_holds_nobody_up() {
    let server = Server::start_with_patterns(1, 5_000).await;
    let mut slow = Vec::new();
    for _ in 0..8 {
        // Subscribed, and never read from.
        slow.push(Delta::subscribed(server.channel().await).await);
    }
    let mut delta = Delta::subscribed(server.channel().await).await;
    for revision in 2..6 {
        let (version, nonce) = delta.policy().await;
        assert!(version.starts_with(&format!("r{}.", revision - 1)), "{version}");
        delta.send(ack(&nonce)).await;
        server.publish(revision);
    }
}

#[tokio::test]
async fn last_known_good_policy_is_written_once_it_is_in_force_everywhere() {
    let server = Server::start(1).await;
    let file = server.storage().join("last-known-good.json");
    let mut delta = Delta::subscribed(server.channel().await).await;
    let (_, nonce) = delta.policy().await;
    delta.send(ack(&nonce)).await;
    assert!(!file.exists(), "an acknowledgement alone is not enough");
    send_report(server.channel().await, report(7, 1)).await.unwrap();
    server
        .wait("the last known good policy", |_| {
            std::fs::read_to_string(&file).is_ok_and(|text| text.contains("\"revision\": 1"))
        })
        .await;
}
