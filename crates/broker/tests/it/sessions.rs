//! Fetch sessions over the wire.

use crate::client::fetch;
use crate::fixture::{Fixture, run};
use wire::ErrorCode;
use wire::fetch::{FetchRequest, FetchResponse};

fn incremental(session_id: i32, session_epoch: i32) -> FetchRequest {
    FetchRequest {
        session_id,
        session_epoch,
        topics: Vec::new(),
        ..fetch("t", 0, 0)
    }
}

fn said(response: &FetchResponse) -> usize {
    response
        .responses
        .iter()
        .map(|topic| topic.partitions.len())
        .sum()
}

#[test]
fn an_incremental_fetch_says_only_what_changed() {
    run(async {
        let fixture = Fixture::start(&[]).await;
        let mut client = fixture.client().await;
        client.create_topic("t", 1, &[]).await;
        let full = FetchRequest {
            session_epoch: 0,
            ..fetch("t", 0, 0)
        };
        let response = client.call(12, &full).await;
        let id = response.session_id;
        assert!(id != 0 && said(&response) == 1);
        assert_eq!(said(&client.call(12, &incremental(id, 1)).await), 0);
        client.produce_ok("t", "news").await;
        let response = client.call(12, &incremental(id, 2)).await;
        assert_eq!(crate::client::values_of(&response, 0), ["news"]);
        let response = client.call(12, &incremental(id, 2)).await;
        assert_eq!(
            ErrorCode::from_code(response.error_code),
            ErrorCode::InvalidFetchSessionEpoch
        );
        let response = client.call(12, &incremental(id + 1, 1)).await;
        assert_eq!(
            ErrorCode::from_code(response.error_code),
            ErrorCode::FetchSessionIdNotFound
        );
        let response = client.call(13, &incremental(id, 3)).await;
        assert_eq!(
            ErrorCode::from_code(response.error_code),
            ErrorCode::FetchSessionTopicIdError
        );
        let last = FetchRequest {
            session_id: id,
            session_epoch: -1,
            ..fetch("t", 0, 0)
        };
        assert_eq!(client.call(12, &last).await.session_id, 0);
        fixture.stop().await;
    });
}

#[test]
fn a_broker_without_slots_declines_sessions() {
    run(async {
        let fixture = Fixture::start(&["max.incremental.fetch.session.cache.slots=0"]).await;
        let mut client = fixture.client().await;
        client.create_topic("t", 1, &[]).await;
        let response = client
            .call(
                12,
                &FetchRequest {
                    session_epoch: 0,
                    ..fetch("t", 0, 0)
                },
            )
            .await;
        assert_eq!((response.session_id, said(&response)), (0, 1));
        fixture.stop().await;
    });
}
