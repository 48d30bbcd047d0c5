//! A broker to test: started, stopped, started again on the same folder.

use crate::client::Client;
use broker::settings;
use broker::{Broker, BrokerHandle};
use runtime::net::SocketAddr;
use std::future::Future;
use tempfile::TempDir;

pub struct Fixture {
    pub handle: BrokerHandle,
    pub folder: TempDir,
}

/// Runs a test's future.
pub fn run<F: Future>(future: F) -> F::Output {
    runtime::process::main(future)
}

impl Fixture {
    pub async fn start(overrides: &[&str]) -> Fixture {
        let folder = TempDir::new().expect("a temporary folder");
        Self::start_in(folder, overrides).await
    }

    pub async fn start_in(folder: TempDir, overrides: &[&str]) -> Fixture {
        let mut all = vec![
            "listeners=PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:0".to_string(),
            "odradek.metrics.listener=127.0.0.1:0".to_string(),
            format!("log.dirs={}", folder.path().display()),
        ];
        all.extend(overrides.iter().map(|text| text.to_string()));
        let loaded = settings::load(None, &all).expect("the overrides are good");
        let handle = Broker::start(loaded.settings).await.expect("the broker starts");
        Fixture { handle, folder }
    }

    pub fn address(&self) -> SocketAddr {
        self.handle.address()
    }

    pub async fn client(&self) -> Client {
        Client::connect(self.address()).await
    }

    pub async fn stop(self) -> TempDir {
        self.handle.shutdown().await;
        self.folder
    }

    pub async fn restart(self, overrides: &[&str]) -> Fixture {
        let folder = self.stop().await;
        Self::start_in(folder, overrides).await
    }
}
