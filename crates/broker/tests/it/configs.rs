//! Settings of topics and brokers, while running.

use crate::client::batch;
use crate::fixture::{Fixture, run};
use wire::ErrorCode;
use wire::describe_configs::{DescribeConfigsRequest, DescribeConfigsResource};
use wire::incremental_alter_configs::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest,
};

fn set(kind: i8, name: &str, key: &str, value: &str) -> IncrementalAlterConfigsRequest {
    let configs = vec![AlterableConfig {
        name: key.into(),
        config_operation: 0,
        value: Some(value.into()),
    }];
    let resource = AlterConfigsResource {
        resource_type: kind,
        resource_name: name.into(),
        configs,
    };
    IncrementalAlterConfigsRequest {
        resources: vec![resource],
        ..Default::default()
    }
}

#[test]
fn an_altered_setting_is_in_effect_when_it_is_answered() {
    run(async {
        let fixture = Fixture::start(&[]).await;
        let mut client = fixture.client().await;
        client.create_topic("t", 1, &[]).await;
        client.produce_ok("t", &"x".repeat(1000)).await;
        let response = client.call(1, &set(2, "t", "max.message.bytes", "500")).await;
        assert_eq!(
            response.responses[0].error_code, 0,
            "{:?}",
            response.responses[0].error_message
        );
        let answer = client.produce("t", -1, batch(&[&"x".repeat(1000)])).await;
        assert_eq!(
            ErrorCode::from_code(answer.error_code),
            ErrorCode::MessageTooLarge
        );
        let resource = DescribeConfigsResource {
            resource_type: 2,
            resource_name: "t".into(),
            configuration_keys: Some(vec!["max.message.bytes".into()]),
        };
        let request = DescribeConfigsRequest {
            resources: vec![resource],
            include_synonyms: true,
            ..Default::default()
        };
        let response = client.call(4, &request).await;
        let config = &response.results[0].configs[0];
        assert_eq!((config.value.as_deref(), config.config_source), (Some("500"), 1));
        assert!(config.synonyms.len() >= 2);
        let response = client.call(1, &set(2, "t", "no.such.setting", "1")).await;
        assert_ne!(response.responses[0].error_code, 0);
        fixture.stop().await;
    });
}
