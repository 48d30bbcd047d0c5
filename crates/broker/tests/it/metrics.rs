//! /metrics and /health.

use crate::fixture::{Fixture, run};
use runtime::io::{AsyncReadExt, AsyncWriteExt};
use runtime::net::TcpStream;

async fn get(fixture: &Fixture, path: &str) -> String {
    let address = fixture
        .handle
        .metrics_address()
        .expect("metrics are served")
        .to_string();
    let mut stream = TcpStream::connect(&address).await.expect("the port listens");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("written");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("an answer");
    String::from_utf8(answer).expect("text")
}

#[test]
fn counts_are_served_under_kafkas_names() {
    run(async {
        let fixture = Fixture::start(&[]).await;
        let mut client = fixture.client().await;
        client.create_topic("t", 1, &[]).await;
        client.produce_ok("t", "hello").await;
        client.values("t", 0).await;
        let page = get(&fixture, "/metrics").await;
        for line in [
            "kafka_server_brokertopicmetrics_messagesin_total{topic=\"t\"} 1",
            "kafka_server_brokertopicmetrics_messagesin_total 1",
            "kafka_network_requestmetrics_requests_total{request=\"Produce\",version=\"9\"} 1",
            "kafka_server_replicamanager_leadercount 1",
            "kafka_server_replicamanager_underreplicatedpartitions 0",
            "kafka_server_socket_server_metrics_connection_count{listener=\"PLAINTEXT\"} 1",
            "kafka_log_log_logendoffset{topic=\"t\",partition=\"0\"} 1",
        ] {
            assert!(page.lines().any(|found| found == line), "{line}\nin\n{page}");
        }
        assert!(page.contains("process_resident_memory_bytes"));
        assert!(get(&fixture, "/health").await.ends_with("\r\n\r\nok\n"));
        assert!(get(&fixture, "/else").await.starts_with("HTTP/1.1 404"));
        fixture.stop().await;
    });
}
