//! Stopping: what is in hand is answered, nothing is lost, and the next start knows that it was clean.

use crate::client::{batch, fetch, produce};
use crate::fixture::{Fixture, run};
use broker::{Broker, StartError, settings};
use runtime::time::{Duration, Monotonic};
use wire::fetch::FetchRequest;
use wire::produce::ProduceRequest;

#[test]
fn a_stop_answers_long_polls_and_produces_in_hand_and_marks_the_folder_clean() {
    run(async {
        let fixture = Fixture::start(&[]).await;
        let mut client = fixture.client().await;
        client.create_topic("t", 1, &[]).await;
        client.produce_ok("t", "zero").await;
        let mut reader = fixture.client().await;
        let poll = reader.send(11, &fetch("t", 1, 30_000)).await;
        let mut ids = Vec::new();
        for _ in 0..5 {
            ids.push(client.send(9, &produce("t", 0, -1, Some(batch(&["late"])))).await);
        }
        runtime::time::sleep(Duration::from_millis(200)).await;
        let started = Monotonic::now();
        let folder = fixture.stop().await;
        assert!(
            started.elapsed() < Duration::from_secs(8),
            "nothing was waited out"
        );
        reader.receive::<FetchRequest>(11, poll).await;
        reader.expect_closed().await;
        for id in ids {
            let response = client.receive::<ProduceRequest>(9, id).await;
            assert_eq!(response.responses[0].partition_responses[0].error_code, 0);
        }
        assert!(folder.path().join(".kafka_cleanshutdown").exists());
        let fixture = Fixture::start_in(folder, &[]).await;
        assert!(!fixture.folder.path().join(".kafka_cleanshutdown").exists());
        let mut client = fixture.client().await;
        assert_eq!(client.values("t", 0).await.len(), 6);
        fixture.stop().await;
    });
}

#[test]
fn a_port_or_a_folder_in_use_is_an_error_that_names_the_fix() {
    run(async {
        let fixture = Fixture::start(&[]).await;
        let other = tempfile::TempDir::new().unwrap();
        let attempt = async |overrides: Vec<String>| -> StartError {
            let loaded = settings::load(None, &overrides).expect("good settings");
            match Broker::start(loaded.settings).await {
                Err(error) => error,
                Ok(_) => panic!("it started"),
            }
        };
        let listeners =
            |port: u16| format!("listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:0");
        let metrics = |port: u16| format!("odradek.metrics.listener=127.0.0.1:{port}");
        let dirs = |path: &std::path::Path| format!("log.dirs={}", path.display());
        let error = attempt(vec![
            listeners(fixture.address().port()),
            metrics(0),
            dirs(other.path()),
        ])
        .await;
        assert!(error.to_string().contains("listeners"), "{error}");
        assert!(
            !other.path().join("meta.properties").exists(),
            "the folder was left alone"
        );
        let taken = fixture.handle.metrics_address().unwrap().port();
        let error = attempt(vec![listeners(0), metrics(taken), dirs(other.path())]).await;
        assert!(error.to_string().contains("odradek.metrics.listener"), "{error}");
        let error = attempt(vec![listeners(0), metrics(0), dirs(fixture.folder.path())]).await;
        assert!(error.to_string().contains("log.dirs"), "{error}");
        fixture.stop().await;
    });
}
