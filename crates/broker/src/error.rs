//! Why a broker does not start: the cause, and what to do.

use runtime::io;

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("cannot listen on {address} for listener {listener}: {source}; {fix}")]
    Listen {
        listener: String,
        address: String,
        source: io::Error,
        fix: &'static str,
    },
    #[error(
        "cannot serve metrics on {address}: {source}; set odradek.metrics.listener to another host:port, or to nothing to serve none"
    )]
    Metrics { address: String, source: io::Error },
    #[error(transparent)]
    Storage(#[from] storage::StorageError),
    #[error("cannot start the controller: {0}")]
    Controller(String),
}

impl StartError {
    pub fn listen(listener: &str, address: &str, source: io::Error) -> StartError {
        let fix = match source.kind() {
            io::ErrorKind::AddrInUse => {
                "another process has that port: stop it, or choose another with --override listeners=PLAINTEXT://127.0.0.1:9192"
            }
            io::ErrorKind::AddrNotAvailable => "this machine has no such address: correct listeners",
            io::ErrorKind::PermissionDenied => {
                "ports below 1024 need a privilege: choose a higher one in listeners"
            }
            _ => "correct listeners",
        };
        StartError::Listen {
            listener: listener.to_string(),
            address: address.to_string(),
            source,
            fix,
        }
    }
}
