//! Streams between healthy hosts: cuts, backpressure, half-close, refusals, names, latency, bandwidth, files.

use crate::{on, run, two};
use runtime::disk::{File, OpenOptions};
use runtime::io::{AsyncReadExt, AsyncWriteExt, ErrorKind};
use runtime::net::{TcpListener, TcpStream};
use runtime::sim::{Link, NetConfig, NodeId, Sim};
use runtime::time::{Duration, Monotonic, timeout};

/// A connection from the first node to the second.
pub async fn pair(sim: &Sim, client: NodeId, server: NodeId) -> (TcpStream, TcpStream) {
    let accepting = sim.spawn_on(server, async {
        let listener = TcpListener::bind("0.0.0.0:9092").await.unwrap();
        listener.accept().await.unwrap().0
    });
    let name = sim.node_name(server);
    sim.sleep(Duration::from_millis(1)).await;
    let connected = on(sim, client, async move {
        TcpStream::connect(&format!("{name}:9092")).await.unwrap()
    })
    .await;
    (connected, accepting.await.unwrap())
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|index| (index % 251) as u8).collect()
}

#[test]
fn streams_arrive_whole_but_cut_at_random_places() {
    let pieces = |seed| {
        run(seed, async |sim| {
            let (a, b) = two(&sim);
            let (mut client, mut server) = pair(&sim, a, b).await;
            let sending = sim.spawn_on(a, async move {
                for part in pattern(300_000).chunks(10_000) {
                    client.write_all(part).await.unwrap();
                }
            });
            let pieces = on(&sim, b, async move {
                let (mut all, mut pieces, mut buffer) = (Vec::new(), Vec::new(), vec![0; 20_000]);
                loop {
                    let count = server.read(&mut buffer).await.unwrap();
                    if count == 0 {
                        break;
                    }
                    all.extend_from_slice(&buffer[..count]);
                    pieces.push(count);
                }
                assert!(all == pattern(300_000));
                pieces
            });
            let pieces = pieces.await;
            sending.await.unwrap();
            pieces
        })
    };
    let one = pieces(1);
    assert!(one.iter().any(|count| count % 10_000 != 0), "no cut: {one:?}");
    assert_eq!(one, pieces(1));
    assert_ne!(one, pieces(2));
}

#[test]
fn a_slow_reader_holds_the_writer_up() {
    run(3, async |sim| {
        let (a, b) = two(&sim);
        sim.set_net(NetConfig {
            send_buffer_bytes: 10_000,
            receive_buffer_bytes: 20_000,
            ..NetConfig::default()
        });
        let (mut client, mut server) = pair(&sim, a, b).await;
        let client = on(&sim, a, async move {
            let mut accepted = 0;
            while let Ok(count) = timeout(Duration::from_secs(1), client.write(&[7; 1000])).await {
                accepted += count.unwrap();
            }
            assert_eq!(accepted, 30_000);
            client
        })
        .await;
        // A reader makes room.
        on(&sim, b, async move {
            server.read_exact(&mut [0; 25_000]).await.unwrap();
            server
        })
        .await;
        drop(client);
    });
}

#[test]
fn one_half_closes_while_the_other_goes_on() {
    run(4, async |sim| {
        let (a, b) = two(&sim);
        let (mut client, server) = pair(&sim, a, b).await;
        let echo = sim.spawn_on(b, async move {
            let (mut read, mut write) = server.into_split();
            let mut all = Vec::new();
            read.read_to_end(&mut all).await.unwrap();
            runtime::time::sleep(Duration::from_secs(5)).await;
            write.write_all(&all).await.unwrap();
        });
        on(&sim, a, async move {
            client.write_all(b"ping").await.unwrap();
            client.shutdown().await.unwrap();
            assert_eq!(
                client.write(b"x").await.unwrap_err().kind(),
                ErrorKind::BrokenPipe
            );
            let mut answer = Vec::new();
            client.read_to_end(&mut answer).await.unwrap();
            assert_eq!(answer, b"ping");
        })
        .await;
        echo.await.unwrap();
    });
}

#[test]
fn dropping_the_write_half_sends_fin() {
    run(5, async |sim| {
        let (a, b) = two(&sim);
        let (client, mut server) = pair(&sim, a, b).await;
        let (read, write) = client.into_split();
        drop(write);
        on(&sim, b, async move {
            assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 0)
        })
        .await;
        drop(read);
    });
}

#[test]
fn nobody_listens_and_ports_are_taken_once() {
    run(6, async |sim| {
        let (a, b) = two(&sim);
        let error = on(&sim, a, async {
            TcpStream::connect("10.0.0.2:1").await.unwrap_err()
        })
        .await;
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        on(&sim, b, async {
            let first = TcpListener::bind("0.0.0.0:80").await.unwrap();
            assert_eq!(
                TcpListener::bind("10.0.0.2:80").await.unwrap_err().kind(),
                ErrorKind::AddrInUse
            );
            assert_eq!(
                TcpListener::bind("10.0.0.1:81").await.unwrap_err().kind(),
                ErrorKind::AddrNotAvailable
            );
            drop(first);
            assert_eq!(
                TcpListener::bind("n2:80")
                    .await
                    .unwrap()
                    .local_addr()
                    .unwrap()
                    .to_string(),
                "10.0.0.2:80"
            );
            assert_ne!(
                TcpListener::bind("localhost:0")
                    .await
                    .unwrap()
                    .local_addr()
                    .unwrap()
                    .port(),
                0
            );
            for bad in ["n2", "n2:x", "nowhere:80", "n2:70000"] {
                assert_eq!(
                    TcpStream::connect(bad).await.unwrap_err().kind(),
                    ErrorKind::InvalidInput
                );
            }
        })
        .await;
    });
}

#[test]
fn a_host_reaches_itself_whatever_the_network_does() {
    run(7, async |sim| {
        let (a, _) = two(&sim);
        sim.isolate(a);
        on(&sim, a, async {
            let listener = TcpListener::bind("127.0.0.1:9092").await.unwrap();
            let (client, server) = runtime::join!(TcpStream::connect("localhost:9092"), listener.accept());
            let (mut client, mut server) = (client.unwrap(), server.unwrap().0);
            client.write_all(b"x").await.unwrap();
            assert_eq!(server.read_u8().await.unwrap(), b'x');
        })
        .await;
    });
}

#[test]
fn links_have_latency_and_bandwidth_per_direction() {
    run(8, async |sim| {
        let (a, b) = two(&sim);
        let (mut client, mut server) = pair(&sim, a, b).await;
        let exactly = |ms| (Duration::from_millis(ms), Duration::from_millis(ms));
        sim.set_link(
            a,
            b,
            Link {
                latency: exactly(50),
                bytes_per_second: 1_000_000,
                loss: 0.0,
            },
        );
        sim.set_link(
            b,
            a,
            Link {
                latency: exactly(200),
                ..Link::default()
            },
        );
        let echo = sim.spawn_on(b, async move {
            let mut buffer = vec![0; 1_000_000];
            server.read_exact(&mut buffer[..1]).await.unwrap();
            server.write_all(b"x").await.unwrap();
            server.read_exact(&mut buffer).await.unwrap();
            server.write_all(b"y").await.unwrap();
        });
        on(&sim, a, async move {
            let start = Monotonic::now();
            client.write_all(b"p").await.unwrap();
            client.read_u8().await.unwrap();
            let round_trip = start.elapsed().as_millis();
            assert!((250..252).contains(&round_trip), "{round_trip}");
            let start = Monotonic::now();
            client.write_all(&pattern(1_000_000)).await.unwrap();
            client.read_u8().await.unwrap();
            let transfer = start.elapsed().as_millis();
            assert!((1250..1700).contains(&transfer), "{transfer}");
        })
        .await;
        echo.await.unwrap();
    });
}

#[test]
fn send_file_reads_the_simulated_disk() {
    run(9, async |sim| {
        let (a, b) = two(&sim);
        let (client, mut server) = pair(&sim, a, b).await;
        let sending = sim.spawn_on(a, async move {
            let file = File::open("/segment", OpenOptions::create()).await.unwrap();
            file.write_at(&pattern(400_000), 0).unwrap();
            let (_read, mut write) = client.into_split();
            assert_eq!(write.send_file(&file, 100, 300_000).await.unwrap(), 300_000);
            assert_eq!(write.send_file(&file, 399_990, 100).await.unwrap(), 10);
        });
        let mut got = Vec::new();
        server.read_to_end(&mut got).await.unwrap();
        sending.await.unwrap();
        let all = pattern(400_000);
        assert!(got == [&all[100..300_100], &all[399_990..]].concat());
    });
}
