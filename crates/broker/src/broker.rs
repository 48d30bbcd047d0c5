//! A broker's life: start, run, stop.
//!
//! ```text
//!  bind sockets -> data folder -> controller -> recover logs -> register -> lead -> accept
//!  stop accepting -> answer what is in hand -> end tasks -> checkpoints -> sync -> clean-shutdown marker
//! ```
//!
//! Sockets are bound first, since a port that is taken must not leave a changed data folder; nothing is accepted before
//! this incarnation is registered, which gives its partitions new leader epochs.

use crate::api::Origin;
use crate::controller::Controller;
use crate::error::StartError;
use crate::http;
use crate::listener::{Acceptor, Budget, ConnectionLimits, Phase};
use crate::metrics_page;
use crate::node::{BoundListener, Node};
use crate::partitions::{Applier, Ended, checkpoint_high_watermarks, spawn_upkeep};
use crate::settings::{Listener, Settings};
use runtime::net::{SocketAddr, TcpListener};
use runtime::sync::{mpsc, watch};
use runtime::task::{self, JoinHandle};
use runtime::time::{self, Duration};
use std::path::Path;
use std::sync::Arc;
use storage::{DataDir, DataDirOptions};
use tracing::{error, info, warn};

/// How long a stop waits for answers in hand.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(10);
/// How long it then waits for background tasks.
const TASK_END_TIME_MAX: Duration = Duration::from_secs(5);
/// Descriptors left to sockets and the rest, out of the process's limit: segments get half.
const SEGMENT_FILES_SHARE: u64 = 2;
/// A fallback for `connections.max.idle.ms=-1`: for ever.
const IDLE_FOREVER: Duration = Duration::from_secs(u32::MAX as u64);

/// Kafka's numbers of broker states.
const STATE_STARTING: i64 = 1;
const STATE_RECOVERY: i64 = 2;
const STATE_RUNNING: i64 = 3;
const STATE_STOPPING: i64 = 6;

pub struct Broker;

/// A running broker. `shutdown` stops it; dropping it ends its tasks where they stand, as a crash would.
pub struct BrokerHandle {
    node: Arc<Node>,
    listeners: Vec<(String, SocketAddr)>,
    metrics_address: Option<SocketAddr>,
    phase: watch::Sender<Phase>,
    connections: mpsc::Receiver<()>,
    tasks: Vec<JoinHandle<()>>,
    metrics_task: Option<JoinHandle<()>>,
}

struct Bound {
    listener: Listener,
    socket: TcpListener,
    address: SocketAddr,
}

impl Broker {
    /// Starts a node: formats its data folder where there is none, recovers its logs, and listens.
    pub async fn start(settings: Settings) -> Result<BrokerHandle, StartError> {
        let open_files = runtime::process::raise_open_files();
        let bound = bind(&settings).await?;
        let metrics_socket = bind_metrics(&settings).await?;
        let (phase, phase_receiver) = watch::channel(Phase::Running);
        let node = open_node(settings, open_files, phase_receiver).await?;
        let metrics_address = metrics_socket.as_ref().map(|(_, address)| *address);
        let metrics_task = metrics_socket.map(|(socket, _)| serve_metrics(socket, node.clone()));

        node.metrics.broker_state.set(STATE_RECOVERY);
        let applier = Applier::new(&node);
        applier.recover(&node.controller.image()).await;
        register(&node, &bound).await?;
        applier.apply(&node.controller.image()).await;

        let mut tasks = vec![task::spawn(
            applier.run(node.controller.subscribe(), node.phase.clone()),
        )];
        tasks.extend(spawn_upkeep(&node));
        let listeners = bound
            .iter()
            .map(|bound| (bound.listener.name.clone(), bound.address))
            .collect();
        let connections = accept(bound, &node, open_files, &mut tasks);
        node.metrics.broker_state.set(STATE_RUNNING);
        let (node_id, partitions) = (node.settings().node_id(), node.partitions.all().len());
        info!(
            node_id,
            cluster_id = node.cluster_id(),
            partitions,
            "broker started"
        );
        Ok(BrokerHandle {
            node,
            listeners,
            metrics_address,
            phase,
            connections,
            tasks,
            metrics_task,
        })
    }
}

/// The data folder, and on top of it the controller.
async fn open_node(
    settings: Settings,
    open_files: u64,
    phase: watch::Receiver<Phase>,
) -> Result<Arc<Node>, StartError> {
    let path = Path::new(settings.log_dir());
    // Where the current folder cannot be told, the path as it was given must do.
    let absolute = std::path::absolute(path)
        .unwrap_or(path.into())
        .to_string_lossy()
        .into_owned();
    let options = DataDirOptions {
        open_files_max: (open_files / SEGMENT_FILES_SHARE) as usize,
    };
    let data_dir = DataDir::open(path, options).await?;
    let controller = Controller::start(data_dir.clone(), settings.clone()).await;
    let controller = controller.map_err(|error| StartError::Controller(error.to_string()))?;
    let metrics = Node::new_metrics();
    metrics.broker_state.set(STATE_STARTING);
    Ok(Node::new(
        settings, absolute, data_dir, controller, metrics, phase,
    ))
}

impl BrokerHandle {
    /// Listeners by name, with the ports that they got.
    pub fn listeners(&self) -> &[(String, SocketAddr)] {
        &self.listeners
    }

    /// The first listener's address: where a client of a one-listener broker connects.
    pub fn address(&self) -> SocketAddr {
        self.listeners[0].1
    }

    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics_address
    }

    pub fn controller(&self) -> &Controller {
        &self.node.controller
    }

    pub fn node(&self) -> &Arc<Node> {
        &self.node
    }

    /// Resolves when the broker cannot go on by itself: its metadata log failed.
    pub async fn wait(&self) -> String {
        self.node.controller.failed().await
    }

    /// Stops: no more is accepted or read, what is in hand is answered within a bound, logs are synced and marked clean.
    pub async fn shutdown(mut self) {
        info!("stopping");
        self.node.metrics.broker_state.set(STATE_STOPPING);
        self.phase.send_replace(Phase::Draining);
        // Every connection holds a sender: the end of the channel is the end of the last one.
        if time::timeout(DRAIN_TIME_MAX, self.connections.recv())
            .await
            .is_err()
        {
            warn!(
                waited_ms = DRAIN_TIME_MAX.as_millis() as u64,
                "connections are cut off with requests unanswered"
            );
            self.phase.send_replace(Phase::Aborted);
        }
        for task in self.tasks {
            let abort = task.abort_handle();
            if time::timeout(TASK_END_TIME_MAX, task).await.is_err() {
                warn!("a background task is cut off");
                abort.abort();
            }
        }
        for partition in self.node.partitions.all() {
            partition.end(Ended::Closed);
        }
        checkpoint_high_watermarks(&self.node.partitions, &self.node.data_dir).await;
        let broker_epoch = self.node.controller.broker_epoch();
        self.node.controller.shutdown().await;
        match self.node.data_dir.shutdown(broker_epoch).await {
            Ok(true) => info!("stopped: logs are synced"),
            Ok(false) => warn!("stopped, but a log could not be synced: the next start recovers the logs"),
            Err(error) => error!(%error, "stopped, but not cleanly: the next start recovers the logs"),
        }
        if let Some(task) = self.metrics_task {
            task.abort();
        }
    }
}

async fn bind(settings: &Settings) -> Result<Vec<Bound>, StartError> {
    let mut bound = Vec::new();
    for listener in settings.listeners() {
        let wanted = listener.bind_address();
        let fail = |error| StartError::listen(&listener.name, &wanted, error);
        let socket = TcpListener::bind(&wanted).await.map_err(fail)?;
        let address = socket.local_addr().map_err(fail)?;
        bound.push(Bound {
            listener,
            socket,
            address,
        });
    }
    Ok(bound)
}

async fn bind_metrics(settings: &Settings) -> Result<Option<(TcpListener, SocketAddr)>, StartError> {
    let Some(wanted) = settings.metrics_listener() else {
        return Ok(None);
    };
    let fail = |source| StartError::Metrics {
        address: wanted.to_string(),
        source,
    };
    let socket = TcpListener::bind(wanted).await.map_err(fail)?;
    let address = socket.local_addr().map_err(fail)?;
    Ok(Some((socket, address)))
}

/// Serves until the broker has stopped: `/health` tells that it is stopping.
fn serve_metrics(socket: TcpListener, node: Arc<Node>) -> JoinHandle<()> {
    let mut phase = node.phase.clone();
    let serve = http::serve(socket, move |path| {
        let node = node.clone();
        async move { metrics_page::answer(&node, &path).await }
    });
    task::spawn(async move {
        runtime::select! {
            biased;
            _ = phase.wait_for(|phase| *phase == Phase::Aborted) => {}
            () = serve => {}
        }
    })
}

/// Registers this incarnation at the controller, under the ports that it got.
async fn register(node: &Node, bound: &[Bound]) -> Result<(), StartError> {
    let endpoints = bound.iter().map(|bound| {
        let told = advertised(bound);
        (
            told.name,
            told.advertised_host,
            told.advertised_port,
            bound.listener.security_protocol,
        )
    });
    let rack = node.settings().broker_rack().map(str::to_string);
    let registered = node.controller.register_broker(endpoints.collect(), rack).await;
    registered.map_err(|refusal| StartError::Controller(refusal.message))
}

/// What this listener tells its clients; port 0 is the one that it got.
fn advertised(bound: &Bound) -> BoundListener {
    let listener = &bound.listener;
    let port = if listener.advertised_port == 0 {
        bound.address.port()
    } else {
        listener.advertised_port
    };
    BoundListener {
        name: listener.name.clone(),
        advertised_host: listener.advertised_host.clone(),
        advertised_port: port,
    }
}

fn accept(
    bound: Vec<Bound>,
    node: &Arc<Node>,
    open_files: u64,
    tasks: &mut Vec<JoinHandle<()>>,
) -> mpsc::Receiver<()> {
    let settings = node.settings();
    let frame_bytes_max = settings.socket_request_max_bytes();
    let (alive, connections) = mpsc::channel(1);
    let limits = ConnectionLimits::new(node.clone(), open_files);
    let budget = Budget::new(
        settings.queued_max_request_bytes(),
        frame_bytes_max,
        node.metrics.clone(),
    );
    for bound in bound {
        let listener = advertised(&bound);
        info!(
            listener = listener.name,
            address = %bound.address,
            advertised = %format!("{}:{}", listener.advertised_host, listener.advertised_port),
            "listening"
        );
        let acceptor = Acceptor {
            origin: Origin {
                node: node.clone(),
                listener: Arc::new(listener),
            },
            metrics: node.metrics.clone(),
            limits: limits.clone(),
            budget: budget.clone(),
            frame_bytes_max,
            idle: settings.connections_max_idle().unwrap_or(IDLE_FOREVER),
            phase: node.phase.clone(),
            alive: alive.clone(),
        };
        tasks.push(task::spawn(acceptor.run(bound.socket)));
    }
    connections
}
