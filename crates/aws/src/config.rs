//! The configuration that every client of the process is made from.

use std::time::Duration;

use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_runtime::client::defaults::default_http_client_plugin_v2;
use aws_smithy_runtime_api::client::{
    http::SharedHttpClient, orchestrator::HttpRequest,
    runtime_components::RuntimeComponentsBuilder, runtime_plugin::RuntimePlugin,
};
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::{app_name::AppName, service_config::ServiceConfigKey};
use lamplighter_core::Fault;

use crate::fault::plain;

/// The services that are called, as the SDK names them.
const SERVICES: [&str; 8] = ["DynamoDB", "EC2", "KMS", "Organizations", "RDS", "SQS", "SSM", "STS"];
/// Longest try of a call. EC2 answers a full page within a few seconds.
const ATTEMPT: Duration = Duration::from_secs(20);
/// Longest call, with all its tries.
const OPERATION: Duration = Duration::from_secs(60);

/// Reads what the process has for AWS: region, credentials, endpoints and proxies, from the
/// standard variables (`AWS_PROFILE`, `AWS_REGION`, `AWS_ENDPOINT_URL`, `HTTPS_PROXY` …), files
/// and instance or container roles. Credentials themselves are looked up when first used.
pub async fn process_config() -> SdkConfig {
    let version = BehaviorVersion::v2026_01_12();
    let mut loader = aws_config::defaults(version)
        .app_name(AppName::new("lamplighter").expect("letters are a valid name"));
    if let Some(client) = default_http_client(version) {
        loader = loader.http_client(client);
    }
    loader.load().await
}

/// The HTTP client that the SDK would make for each client: with the platform's trust store and
/// the proxies of the environment. Made once, all accounts share its connections.
pub(crate) fn default_http_client(version: BehaviorVersion) -> Option<SharedHttpClient> {
    let plugin = default_http_client_plugin_v2(version)?;
    plugin.runtime_components(&RuntimeComponentsBuilder::new("shared")).http_client()
}

/// Refuses endpoints that are no URLs, of which the SDK would tell late: by a panic when a client
/// is made, or by an error that prints the request with its secrets.
pub(crate) fn check_endpoints(config: &SdkConfig) -> Result<(), Fault> {
    let of_service = |service| {
        let key = ServiceConfigKey::builder()
            .service_id(service)
            .env("AWS_ENDPOINT_URL")
            .profile("endpoint_url")
            .build()
            .ok()?;
        config.service_config()?.load_config(key)
    };
    let general = config.endpoint_url().map(str::to_owned);
    for url in SERVICES.map(of_service).into_iter().chain([general]).flatten() {
        let host = url.strip_prefix("http://").or(url.strip_prefix("https://"));
        let usable = host.is_some_and(|host| !host.is_empty())
            && HttpRequest::empty().uri_mut().set_endpoint(&url).is_ok();
        if !usable {
            return Err(Fault::config(format!(
                "`{}` is not a URL to reach AWS at: correct or unset `AWS_ENDPOINT_URL`",
                plain(&url)
            )));
        }
    }
    Ok(())
}

/// The same with a bound on how long a call may take, where there is none.
pub(crate) fn with_timeouts(config: &SdkConfig) -> SdkConfig {
    let mut timeouts =
        config.timeout_config().cloned().unwrap_or_else(|| TimeoutConfig::builder().build());
    let bounds = TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT);
    timeouts.take_defaults_from(&bounds.operation_timeout(OPERATION).build());
    config.to_builder().timeout_config(timeouts).build()
}

#[cfg(test)]
mod tests {
    use aws_types::service_config::LoadServiceConfig;
    use lamplighter_core::FaultKind;

    use super::*;

    #[test]
    fn one_http_client_can_be_had_for_all() {
        assert!(default_http_client(BehaviorVersion::v2026_01_12()).is_some());
    }

    #[test]
    fn endpoints_are_urls() {
        let check = |url: &str| check_endpoints(&SdkConfig::builder().endpoint_url(url).build());
        for url in ["http://127.0.0.1:4566", "https://ec2.example/", "http://[::1]:5000/path"] {
            assert!(check(url).is_ok(), "{url}");
        }
        for url in ["", "http://", "localhost:4566", "127.0.0.1:1", "http:no url", "http://a b"] {
            let fault = check(url).unwrap_err();
            assert_eq!(fault.kind, FaultKind::Config);
            assert_eq!(
                fault.chain(),
                format!(
                    "`{url}` is not a URL to reach AWS at: correct or unset `AWS_ENDPOINT_URL`"
                )
            );
        }
    }

    #[test]
    fn endpoints_of_a_single_service_are_urls_too() {
        #[derive(Debug)]
        struct OnlySts;
        impl LoadServiceConfig for OnlySts {
            fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
                (key.service_id() == "STS").then(|| "sts".to_owned())
            }
        }
        let config = SdkConfig::builder().service_config(OnlySts).build();
        assert!(check_endpoints(&config).is_err());
    }

    #[test]
    fn calls_are_bounded_unless_the_process_says_otherwise() {
        let timeouts = |given: TimeoutConfig| {
            let config = SdkConfig::builder().timeout_config(given).build();
            let bounded = with_timeouts(&config).timeout_config().cloned().expect("bounds");
            (bounded.operation_attempt_timeout(), bounded.operation_timeout())
        };
        let unset = TimeoutConfig::builder().build();
        assert_eq!(timeouts(unset), (Some(ATTEMPT), Some(OPERATION)));
        let own = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_secs(3));
        assert_eq!(timeouts(own.build()), (Some(Duration::from_secs(3)), Some(OPERATION)));
    }
}
