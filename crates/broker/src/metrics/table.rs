//! One row per metric: name, kind and help. Names are those that Kafka's JMX exporter gives.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Summary,
}

#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub name: &'static str,
    pub kind: Kind,
    pub help: &'static str,
}

macro_rules! rows {
    ($($id:ident $kind:ident $name:literal $help:literal)*) => {
        /// A metric of the table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Metric { $($id),* }

        impl Metric {
            pub const ALL: &'static [Metric] = &[$(Metric::$id),*];

            pub const fn row(self) -> Row {
                match self {
                    $(Metric::$id => Row { name: $name, kind: Kind::$kind, help: $help }),*
                }
            }
        }
    };
}

rows! {
    MessagesIn Counter "kafka_server_brokertopicmetrics_messagesin_total" "Records appended, by topic and in all."
    BytesIn Counter "kafka_server_brokertopicmetrics_bytesin_total" "Bytes of record batches appended."
    BytesOut Counter "kafka_server_brokertopicmetrics_bytesout_total" "Bytes of record batches sent to consumers."
    ProduceRequests Counter "kafka_server_brokertopicmetrics_totalproducerequests_total" "Partitions in Produce requests."
    FetchRequests Counter "kafka_server_brokertopicmetrics_totalfetchrequests_total" "Partitions read for Fetch requests."
    FailedProduceRequests Counter "kafka_server_brokertopicmetrics_failedproducerequests_total" "Appends that failed."
    FailedFetchRequests Counter "kafka_server_brokertopicmetrics_failedfetchrequests_total" "Reads that failed."
    Requests Counter "kafka_network_requestmetrics_requests_total" "Requests, by API and version."
    RequestErrors Counter "kafka_network_requestmetrics_errors_total" "Requests answered by closing the connection."
    TotalTime Summary "kafka_network_requestmetrics_totaltimems" "From the request's last byte to its answer, in ms."
    LocalTime Summary "kafka_network_requestmetrics_localtimems" "Time in the request's handler, in ms."
    ConnectionCount Gauge "kafka_server_socket_server_metrics_connection_count" "Open connections."
    ConnectionCreations Counter "kafka_server_socket_server_metrics_connection_creation_total" "Connections accepted."
    ConnectionCloses Counter "kafka_server_socket_server_metrics_connection_close_total" "Connections closed."
    ConnectionRefusals Counter "kafka_server_socket_server_metrics_connection_refusal_total" "Connections closed at once, for a limit."
    IdleConnectionCloses Counter "kafka_server_socket_server_metrics_expired_connections_killed_count" "Connections closed for idleness."
    QueuedRequestBytes Gauge "kafka_network_requestchannel_queuedrequestbytes" "Memory held by requests being read or handled."
    PartitionCount Gauge "kafka_server_replicamanager_partitioncount" "Partitions hosted."
    LeaderCount Gauge "kafka_server_replicamanager_leadercount" "Partitions led."
    OfflineReplicaCount Gauge "kafka_server_replicamanager_offlinereplicacount" "Partitions whose log is fenced."
    UnderReplicatedPartitions Gauge "kafka_server_replicamanager_underreplicatedpartitions" "Partitions led whose ISR is smaller than the replica set."
    UnderMinIsrPartitions Gauge "kafka_server_replicamanager_underminisrpartitioncount" "Partitions led whose ISR is below min.insync.replicas."
    LogSize Gauge "kafka_log_log_size" "Bytes in a partition's log."
    LogStartOffset Gauge "kafka_log_log_logstartoffset" "First offset of a partition's log."
    LogEndOffset Gauge "kafka_log_log_logendoffset" "Next offset of a partition's log."
    HighWatermark Gauge "kafka_cluster_partition_highwatermark" "Offset up to which a partition can be read."
    FetchSessions Gauge "kafka_server_fetchsessioncache_numincrementalfetchsessions" "Incremental fetch sessions."
    FetchSessionPartitions Gauge "kafka_server_fetchsessioncache_numincrementalfetchpartitionscached" "Partitions in fetch sessions."
    FetchSessionEvictions Counter "kafka_server_fetchsessioncache_incrementalfetchsessionevictions_total" "Fetch sessions evicted."
    FlushCount Counter "kafka_log_logflushstats_logflush_total" "Group commits (fdatasync)."
    FlushTime Summary "kafka_log_logflushstats_logflushrateandtimems" "Time of a group commit, in ms."
    ScrubCorruptions Counter "odradek_log_scrub_corruptions_total" "Corrupt batches found in cold segments by the scrubber."
    ActiveControllerCount Gauge "kafka_controller_kafkacontroller_activecontrollercount" "1 where the controller is active."
    MetadataOffset Gauge "kafka_server_broker_metadata_metrics_last_applied_record_offset" "Metadata offset applied by this broker."
    GlobalTopicCount Gauge "kafka_controller_kafkacontroller_globaltopiccount" "Topics in the cluster."
    GlobalPartitionCount Gauge "kafka_controller_kafkacontroller_globalpartitioncount" "Partitions in the cluster."
    BrokerState Gauge "kafka_server_kafkaserver_brokerstate" "1 starting, 2 recovery, 3 running, 6 stopping."
    ProcessCpu Counter "process_cpu_seconds_total" "CPU time of the process, in seconds."
    ProcessStart Gauge "process_start_time_seconds" "Start of the process since the epoch, in seconds."
    ProcessResident Gauge "process_resident_memory_bytes" "Resident memory, in bytes."
    ProcessVirtual Gauge "process_virtual_memory_bytes" "Virtual memory, in bytes."
    ProcessThreads Gauge "process_threads" "Threads of the process."
    ProcessOpenFiles Gauge "process_open_fds" "Open file descriptors."
    ProcessMaxFiles Gauge "process_max_fds" "Limit of open file descriptors."
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_well_formed() {
        let names: BTreeSet<_> = Metric::ALL.iter().map(|metric| metric.row().name).collect();
        assert_eq!(names.len(), Metric::ALL.len());
        for metric in Metric::ALL {
            let row = metric.row();
            assert!(
                row.name
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'_'),
                "{}",
                row.name
            );
            assert!(row.help.ends_with('.'), "{}", row.name);
        }
    }
}
