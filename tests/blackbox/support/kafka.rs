//! Apache Kafka itself, as the oracle.

use super::process::{Process, free_port, tail};
use super::{frame, tools};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Cluster id of every oracle: 22 characters of base64url.
const CLUSTER_ID: &str = "T2RyYWRla3NPcmFjbGUuLg";

/// One Apache Kafka broker, its own controller too, in a temporary folder; it ends when dropped.
pub struct ApacheKafka {
    process: Process,
    data: PathBuf,
    port: u16,
    _folder: TempDir,
}

/// Where a node listens, as a broker and as a controller.
#[derive(Clone, Copy)]
pub struct Ports {
    pub broker: u16,
    pub controller: u16,
}

impl Ports {
    pub fn free() -> Ports {
        Ports {
            broker: free_port(),
            controller: free_port(),
        }
    }
}

impl ApacheKafka {
    /// Formats a folder, starts, and waits until requests are answered.
    pub fn start() -> ApacheKafka {
        ApacheKafka::start_with(&[])
    }

    pub fn start_with(settings: &[(&str, &str)]) -> ApacheKafka {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let data = folder.path().join("data");
        ApacheKafka::start_on(folder, data, Ports::free(), settings)
    }

    /// On a data folder that somebody else may have filled.
    pub fn start_on_data(data: PathBuf, ports: Ports) -> ApacheKafka {
        ApacheKafka::start_on(tempfile::tempdir().expect("a temporary folder"), data, ports, &[])
    }

    fn start_on(folder: TempDir, data: PathBuf, ports: Ports, settings: &[(&str, &str)]) -> ApacheKafka {
        let properties = folder.path().join("server.properties");
        std::fs::write(&properties, server_properties(&data, ports, settings))
            .expect("the folder is writable");
        let mut command = tools::java("Oracle", "-Xmx512m");
        command.arg(&properties).arg(CLUSTER_ID);
        let process = Process::start(command, folder.path(), "kafka");
        let mut kafka = ApacheKafka {
            process,
            data,
            port: ports.broker,
            _folder: folder,
        };
        kafka.wait_until_ready();
        kafka
    }

    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn data(&self) -> PathBuf {
        self.data.clone()
    }

    /// Stops it cleanly; its folder stays until the value is dropped.
    pub fn stop(&mut self) {
        self.process.signal("TERM");
        self.process.wait(Duration::from_secs(60));
    }

    fn wait_until_ready(&mut self) {
        let started = Instant::now();
        while frame::api_versions(self.port).is_err() {
            let ended = self.process.has_ended();
            assert!(
                ended.is_none() && started.elapsed() < Duration::from_secs(120),
                "Apache Kafka did not start ({ended:?}):\n{}{}",
                tail(&self.process.stdout()),
                tail(&self.process.stderr())
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn server_properties(data: &Path, ports: Ports, settings: &[(&str, &str)]) -> String {
    let Ports { broker, controller } = ports;
    let mut text = format!(
        "process.roles=broker,controller\n\
         node.id=1\n\
         listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}\n\
         controller.listener.names=CONTROLLER\n\
         controller.quorum.bootstrap.servers=127.0.0.1:{controller}\n\
         log.dirs={}\n\
         offsets.topic.replication.factor=1\n\
         transaction.state.log.replication.factor=1\n\
         transaction.state.log.min.isr=1\n\
         share.coordinator.state.topic.replication.factor=1\n\
         share.coordinator.state.topic.min.isr=1\n",
        data.display()
    );
    for (key, value) in settings {
        text.push_str(&format!("{key}={value}\n"));
    }
    text
}
