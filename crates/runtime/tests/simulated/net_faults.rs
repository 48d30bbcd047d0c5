//! Partitions, losses, resets, time-outs, peers that vanish, peers that are killed or paused.

use crate::net::pair;
use crate::{idle, on, run, two};
use runtime::io::{AsyncReadExt, AsyncWriteExt, ErrorKind};
use runtime::net::{TcpListener, TcpStream};
use runtime::sim::{Link, NetConfig, Sim};
use runtime::task::JoinHandle;
use runtime::time::{Duration, Monotonic, timeout};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn closing_with_unread_data_resets_the_peer() {
    run(1, async |sim| {
        let (a, b) = two(&sim);
        let (mut client, server) = pair(&sim, a, b).await;
        client.write_all(b"unread").await.unwrap();
        sim.sleep(SECOND).await;
        drop(server);
        assert_eq!(
            client.read(&mut [0; 8]).await.unwrap_err().kind(),
            ErrorKind::ConnectionReset
        );
        assert_eq!(
            client.write(b"x").await.unwrap_err().kind(),
            ErrorKind::ConnectionReset
        );
    });
}

#[test]
fn data_sent_to_a_closed_end_comes_back_as_a_reset() {
    run(2, async |sim| {
        let (a, b) = two(&sim);
        let (mut client, server) = pair(&sim, a, b).await;
        drop(server);
        assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0, "first the FIN");
        client.write_all(b"x").await.unwrap();
        sim.sleep(SECOND).await;
        assert_eq!(
            client.write(b"y").await.unwrap_err().kind(),
            ErrorKind::ConnectionReset
        );
        assert!(sim.net_statistics().resets >= 1);
    });
}

#[test]
fn a_connect_into_the_void_times_out() {
    run(3, async |sim| {
        let (a, b) = two(&sim);
        sim.set_net(NetConfig {
            connect_timeout: 7 * SECOND,
            ..NetConfig::default()
        });
        for (address, blocked) in [
            ("10.9.9.9:80", None),
            ("n2:80", Some((a, b))),
            ("n2:80", Some((b, a))),
        ] {
            sim.heal_net();
            if let Some((from, to)) = blocked {
                sim.block(from, to);
            }
            let listening = sim.spawn_on(b, async {
                let listener = TcpListener::bind("0.0.0.0:80").await.unwrap();
                listener.accept().await.map(drop)
            });
            let start = sim.now();
            let error = on(
                &sim,
                a,
                async move { TcpStream::connect(address).await.unwrap_err() },
            )
            .await;
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            assert_eq!((sim.now() - start).as_secs(), 7);
            listening.abort();
            sim.sleep(SECOND).await;
        }
    });
}

#[test]
fn a_connect_gets_through_when_the_partition_heals_in_time() {
    run(4, async |sim| {
        let (a, b) = two(&sim);
        sim.partition(&[a], &[b]);
        let connecting = sim.spawn_on(a, async { TcpStream::connect("n2:80").await.map(drop) });
        let listening = sim.spawn_on(b, async {
            TcpListener::bind("0.0.0.0:80")
                .await
                .unwrap()
                .accept()
                .await
                .map(drop)
        });
        sim.sleep(4 * SECOND).await;
        sim.heal_net();
        connecting.await.unwrap().unwrap();
        listening.await.unwrap().unwrap();
    });
}

fn write_and_wait(
    sim: &Sim,
    node: runtime::sim::NodeId,
    mut stream: TcpStream,
) -> JoinHandle<std::io::Result<u8>> {
    sim.spawn_on(node, async move {
        stream.write_all(b"?").await?;
        stream.read_u8().await
    })
}

#[test]
fn a_connection_survives_a_short_partition_and_breaks_in_a_long_one() {
    run(5, async |sim| {
        let (a, b) = two(&sim);
        let (client, mut server) = pair(&sim, a, b).await;
        sim.partition(&[a], &[b]);
        let asking = write_and_wait(&sim, a, client);
        sim.sleep(15 * SECOND).await;
        assert!(!asking.is_finished(), "it stalls");
        sim.heal_net();
        assert_eq!(server.read_u8().await.unwrap(), b'?');
        server.write_all(b"!").await.unwrap();
        assert_eq!(asking.await.unwrap().unwrap(), b'!');

        let c = idle(&sim, 3);
        let (client, mut server) = pair(&sim, a, c).await;
        sim.partition(&[a], &[c]);
        let start = sim.now();
        let broken = write_and_wait(&sim, a, client).await.unwrap().unwrap_err();
        assert_eq!(broken.kind(), ErrorKind::TimedOut);
        assert!((20..25).contains(&(sim.now() - start).as_secs()));
        sim.heal_net();
        // The other end has heard nothing of it until it speaks.
        assert!(timeout(60 * SECOND, server.read_u8()).await.is_err());
        server.write_all(b"!").await.unwrap();
        assert_eq!(
            server.read_u8().await.unwrap_err().kind(),
            ErrorKind::ConnectionReset
        );
    });
}

#[test]
fn in_an_asymmetric_partition_requests_arrive_and_answers_do_not() {
    run(6, async |sim| {
        let (a, b) = two(&sim);
        let (client, mut server) = pair(&sim, a, b).await;
        sim.block(b, a);
        let asking = write_and_wait(&sim, a, client);
        assert_eq!(server.read_u8().await.unwrap(), b'?', "this direction is open");
        server.write_all(b"!").await.unwrap();
        assert_eq!(
            asking.await.unwrap().unwrap_err().kind(),
            ErrorKind::TimedOut,
            "no acknowledgement came back"
        );
        let broken = server.read_u8().await.unwrap_err();
        assert!(
            matches!(broken.kind(), ErrorKind::TimedOut | ErrorKind::ConnectionReset),
            "{broken}"
        );
    });
}

#[test]
fn lost_packets_are_sent_again() {
    run(7, async |sim| {
        let (a, b) = two(&sim);
        sim.set_default_link(Link {
            loss: 0.2,
            ..Link::default()
        });
        let (mut client, mut server) = pair(&sim, a, b).await;
        let sending = sim.spawn_on(a, async move { client.write_all(&[9; 2_000_000]).await });
        let mut got = Vec::new();
        server.read_to_end(&mut got).await.unwrap();
        sending.await.unwrap().unwrap();
        assert!(got == [9; 2_000_000]);
        assert!(sim.net_statistics().swallowed > 3);
    });
}

#[test]
fn a_machine_without_power_is_silent_and_answers_with_a_reset_when_it_is_back() {
    run(8, async |sim| {
        let (a, b) = two(&sim);
        let (mut client, _server) = pair(&sim, a, b).await;
        sim.power_loss(b);
        assert!(
            timeout(30 * SECOND, client.read_u8()).await.is_err(),
            "nobody says goodbye"
        );
        client.write_all(b"x").await.unwrap();
        sim.sleep(5 * SECOND).await;
        sim.restart(b);
        assert_eq!(
            client.read_u8().await.unwrap_err().kind(),
            ErrorKind::ConnectionReset
        );
    });
}

#[test]
fn writing_to_a_machine_that_stays_dark_times_out() {
    run(9, async |sim| {
        let (a, b) = two(&sim);
        let (mut client, _server) = pair(&sim, a, b).await;
        sim.power_loss(b);
        client.write_all(b"x").await.unwrap();
        let start = sim.now();
        assert_eq!(client.read_u8().await.unwrap_err().kind(), ErrorKind::TimedOut);
        assert!((20..25).contains(&(sim.now() - start).as_secs()));
    });
}

#[test]
fn a_killed_process_says_goodbye_as_its_kernel_does() {
    run(10, async |sim| {
        let (a, b) = two(&sim);
        let (mut polite, server_1) = pair(&sim, a, b).await;
        sim.kill(b);
        sim.restart(b);
        let (mut rude, server_2) = pair(&sim, a, b).await;
        assert_eq!(polite.read(&mut [0; 8]).await.unwrap(), 0, "FIN");
        rude.write_all(b"unread").await.unwrap();
        sim.sleep(SECOND).await;
        sim.kill(b);
        assert_eq!(
            rude.read(&mut [0; 8]).await.unwrap_err().kind(),
            ErrorKind::ConnectionReset
        );
        let refused = on(&sim, a, async {
            TcpStream::connect("n2:9092").await.unwrap_err()
        })
        .await;
        assert_eq!(
            refused.kind(),
            ErrorKind::ConnectionRefused,
            "the kernel is up, the process is not"
        );
        drop((server_1, server_2));
    });
}

#[test]
fn a_killed_process_behind_a_partition_is_not_heard() {
    run(11, async |sim| {
        let (a, b) = two(&sim);
        let (mut client, _server) = pair(&sim, a, b).await;
        sim.partition(&[a], &[b]);
        sim.kill(b);
        assert!(timeout(10 * SECOND, client.read_u8()).await.is_err());
        sim.heal_net();
        assert_eq!(
            client.read(&mut [0; 1]).await.unwrap(),
            0,
            "the kernel sends its FIN again"
        );
    });
}

#[test]
fn what_was_buffered_when_a_process_is_killed_still_arrives() {
    run(12, async |sim| {
        let (a, b) = two(&sim);
        let (mut client, mut server) = pair(&sim, a, b).await;
        sim.set_link(
            b,
            a,
            Link {
                bytes_per_second: 10_000,
                ..Link::default()
            },
        );
        server.write_all(&[5; 50_000]).await.unwrap();
        sim.kill(b);
        let mut got = Vec::new();
        client.read_to_end(&mut got).await.unwrap();
        assert_eq!(got, [5; 50_000]);
    });
}

#[test]
fn a_paused_process_has_a_kernel_that_still_answers() {
    run(13, async |sim| {
        let (a, b) = two(&sim);
        let (mut client, mut server) = pair(&sim, a, b).await;
        let reading = sim.spawn_on(b, async move {
            let byte = server.read_u8().await.unwrap();
            (byte, Monotonic::now())
        });
        sim.sleep(SECOND).await;
        sim.pause(b);
        client.write_all(b"x").await.unwrap();
        sim.sleep(60 * SECOND).await;
        assert!(!reading.is_finished());
        sim.resume(b);
        assert_eq!(
            reading.await.unwrap().0,
            b'x',
            "it was acknowledged, and not timed out"
        );
        assert_eq!(sim.net_statistics().retransmission_timeouts, 0);
    });
}

#[test]
fn a_paused_machine_without_power_is_silent_too() {
    run(16, async |sim| {
        let (a, b) = two(&sim);
        let (mut client, mut server) = pair(&sim, a, b).await;
        drop(sim.spawn_on(b, async move {
            runtime::time::sleep(2 * SECOND).await;
            let _ = server.read_u8().await;
        }));
        sim.sleep(SECOND).await;
        sim.pause(b);
        sim.sleep(5 * SECOND).await; // its timer has rung, its task waits to run
        sim.power_loss(b);
        assert!(timeout(30 * SECOND, client.read_u8()).await.is_err());
        sim.restart(b);
        assert!(!sim.is_paused(b) && sim.is_running(b));
    });
}

#[test]
fn connections_can_be_reset_from_outside() {
    run(14, async |sim| {
        let (a, b) = two(&sim);
        let (mut client, mut server) = pair(&sim, a, b).await;
        assert_eq!(sim.reset_connections(b, a), 1);
        assert_eq!(
            client.read_u8().await.unwrap_err().kind(),
            ErrorKind::ConnectionReset
        );
        assert_eq!(
            server.read_u8().await.unwrap_err().kind(),
            ErrorKind::ConnectionReset
        );
        assert_eq!(sim.reset_connections(b, a), 0);
    });
}

#[test]
fn a_full_backlog_does_not_answer() {
    run(15, async |sim| {
        let (a, b) = two(&sim);
        sim.set_net(NetConfig {
            backlog: 2,
            connect_timeout: 5 * SECOND,
            ..NetConfig::default()
        });
        let listening = sim.spawn_on(b, async {
            let listener = TcpListener::bind("0.0.0.0:80").await.unwrap();
            runtime::time::sleep(100 * SECOND).await;
            drop(listener);
        });
        sim.sleep(SECOND).await;
        let outcomes = on(&sim, a, async {
            let mut held = Vec::new();
            for _ in 0..3 {
                held.push(TcpStream::connect("n2:80").await.map_err(|error| error.kind()));
            }
            held.iter()
                .map(|outcome| outcome.as_ref().err().copied())
                .collect::<Vec<_>>()
        });
        assert_eq!(outcomes.await, [None, None, Some(ErrorKind::TimedOut)]);
        listening.abort();
    });
}

#[test]
fn no_connection_is_left_over_whatever_happens() {
    for seed in 0..20 {
        run(seed, async |sim| {
            let (a, b) = two(&sim);
            let serve = || {
                sim.spawn_on(b, async {
                    let listener = TcpListener::bind("0.0.0.0:80").await.unwrap();
                    while let Ok((mut stream, _)) = listener.accept().await {
                        runtime::task::spawn(async move {
                            let _ = timeout(3 * SECOND, stream.read(&mut [0; 100])).await;
                            let _ = stream.write_all(&[1; 1000]).await;
                            let _ = stream.shutdown().await;
                        });
                    }
                })
            };
            drop(serve());
            let call = || {
                sim.spawn_on(a, async {
                    let patience = Duration::from_millis(runtime::rng::below(4000));
                    let _ = timeout(patience, async {
                        let mut stream = TcpStream::connect("n2:80").await?;
                        stream.write_all(&[2; 100]).await?;
                        stream.read_to_end(&mut Vec::new()).await
                    })
                    .await;
                })
            };
            for round in 0..40 {
                (0..3).for_each(|_| drop(call()));
                sim.sleep(Duration::from_millis(300)).await;
                match round % 8 {
                    1 => sim.block(a, b),
                    2 => sim.block(b, a),
                    4 => sim.heal_net(),
                    5 => sim.kill(b),
                    7 => sim.power_loss(b),
                    _ => {}
                }
                if !sim.is_running(b) {
                    sim.restart(b);
                    drop(serve());
                }
            }
            sim.heal_net();
            sim.sleep(60 * SECOND).await;
            assert_eq!(sim.open_connections(), 0, "seed {seed}");
        });
    }
}
