//! Streams over loopback.

use crate::run;
use runtime::disk::{File, OpenOptions};
use runtime::io::{AsyncReadExt, AsyncWriteExt, ErrorKind};
use runtime::net::{TcpListener, TcpStream};
use runtime::task;

async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (client, server) = runtime::join!(TcpStream::connect(&address), listener.accept());
    let (server, peer) = server.unwrap();
    let client = client.unwrap();
    assert_eq!(client.local_addr().unwrap(), peer);
    assert_eq!(server.peer_addr().unwrap(), peer);
    (client, server)
}

#[test]
fn bytes_cross_and_one_half_closes_before_the_other() {
    run(async {
        let (mut client, server) = pair().await;
        let echo = task::spawn(async move {
            let (mut read, mut write) = server.into_split();
            let mut all = Vec::new();
            read.read_to_end(&mut all).await.unwrap();
            write.write_all(&all).await.unwrap();
        });
        client.write_all(b"ping").await.unwrap();
        client.shutdown().await.unwrap();
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.unwrap();
        assert_eq!(answer, b"ping");
        echo.await.unwrap();
    });
}

#[test]
fn nobody_listens() {
    run(async {
        let listener = TcpListener::bind("localhost:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        drop(listener);
        assert_eq!(
            TcpStream::connect(&address).await.unwrap_err().kind(),
            ErrorKind::ConnectionRefused
        );
    });
}

#[test]
fn send_file_sends_ranges_under_backpressure_and_stops_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    run(async {
        let content: Vec<u8> = (0..5_000_000u32).map(|n| (n % 251) as u8).collect();
        let file = File::open(folder.path().join("segment"), OpenOptions::create())
            .await
            .unwrap();
        file.write_at(&content, 0).unwrap();
        let (mut client, server) = pair().await;
        let sender = task::spawn(async move {
            let (_read, mut write) = server.into_split();
            write.write_all(b"head").await.unwrap();
            let whole = write.send_file(&file, 1000, 4_000_000).await.unwrap();
            let rest = write.send_file(&file, 4_999_990, 100).await.unwrap();
            (whole, rest)
        });
        let mut got = Vec::new();
        client.read_to_end(&mut got).await.unwrap();
        assert_eq!(sender.await.unwrap(), (4_000_000, 10));
        assert!(got == [b"head", &content[1000..4_001_000], &content[4_999_990..]].concat());
    });
}

#[test]
fn send_file_to_a_peer_that_left_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    run(async {
        let file = File::open(folder.path().join("segment"), OpenOptions::create())
            .await
            .unwrap();
        file.set_len(64 << 20).unwrap();
        let (client, server) = pair().await;
        drop(client);
        let (_read, mut write) = server.into_split();
        let error = write.send_file(&file, 0, 64 << 20).await.unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset),
            "{error}"
        );
    });
}
