//! Listeners on loopback with a real worker behind them.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::Ordering;
use std::sync::mpsc::channel;

use super::*;
use crate::base::{ConnId, Limits, UserId};
use crate::net::worker::Worker;
use crate::net::{Greeting, Order, WorkerHandle};
use crate::wire::event::{Event, Registration, Tagged};
use crate::wire::frame::{HEADER_BYTES, encode};

fn world(connections: u32) -> (ListenerHandle, Arc<Doors>, Vec<WorkerHandle>) {
    let greeting = Arc::new(Greeting {
        server: "test".into(),
        epoch: "1".into(),
        registration: Registration::Open,
        limits: Limits::default(),
        tls: crate::net::tls::tests::config(),
        allow_plaintext: false,
    });
    let spawn = |index| Worker::spawn(index, channel().0, channel().0, Arc::clone(&greeting));
    let workers: Vec<_> = (0..2).map(|index| spawn(index).unwrap()).collect();
    let limits = Limits {
        connections,
        ..Limits::default()
    };
    let doors = Doors::new(&workers, &limits, false, Vec::new());
    let bound = bind("127.0.0.1:0".parse().unwrap(), false).unwrap();
    let listener = ListenerHandle::spawn(bound, false, Arc::clone(&doors)).unwrap();
    (listener, doors, workers)
}

fn connect(listener: &ListenerHandle) -> io::Result<TcpStream> {
    let client = TcpStream::connect(listener.address.unwrap())?;
    client.set_read_timeout(Some(Duration::from_secs(20)))?;
    Ok(client)
}

fn say_hello(client: &mut TcpStream) {
    let hello = r#"{"type":"hello","protocol":1,"client":"test/1"}"#;
    client.write_all(&encode(hello)).unwrap();
}

fn hear(client: &mut TcpStream) -> Event {
    let mut header = [0; HEADER_BYTES];
    client.read_exact(&mut header).unwrap();
    let mut frame = vec![0; u32::from_be_bytes(header) as usize];
    client.read_exact(&mut frame).unwrap();
    Tagged::decode(&frame).unwrap().event
}

fn greet(listener: &ListenerHandle) -> TcpStream {
    let mut client = connect(listener).unwrap();
    say_hello(&mut client);
    assert!(matches!(hear(&mut client), Event::Hello(_)));
    client
}

#[test]
fn connections_are_spread_over_the_workers() {
    let (listener, doors, workers) = world(100);
    let clients: Vec<_> = (0..6).map(|_| greet(&listener)).collect();
    assert_eq!(doors.connections(), 6);
    for worker in &workers {
        assert_eq!(worker.connections.load(Ordering::Relaxed), 3);
    }
    drop(clients);
}

#[test]
fn during_a_pause_one_waits_and_is_served_when_it_ends() {
    let (listener, doors, _workers) = world(100);
    let mut before = greet(&listener);
    listener.pause(false).unwrap();
    let mut waiting = connect(&listener).unwrap();
    say_hello(&mut waiting);
    let elsewhere = bind("127.0.0.1:0".parse().unwrap(), false).unwrap();
    let elsewhere = ListenerHandle::spawn(elsewhere, false, Arc::clone(&doors)).unwrap();
    let _served = greet(&elsewhere);
    assert_eq!(doors.connections(), 2, "the one that waits is not counted");
    say_hello(&mut before);
    assert!(matches!(hear(&mut before), Event::Hello(_)));
    listener.resume().unwrap();
    assert!(matches!(hear(&mut waiting), Event::Hello(_)));
}

#[test]
fn a_pause_that_refuses_closes_the_port_and_gets_it_back() {
    let (listener, _doors, _workers) = world(100);
    let _connected = greet(&listener);
    listener.pause(true).unwrap();
    let refused = connect(&listener).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    listener.pause(false).unwrap();
    let mut waiting = connect(&listener).unwrap();
    listener.pause(true).unwrap();
    assert!(waiting.read(&mut [0; 1]).is_err(), "who waited is let go");
    let squatter = bind(listener.address.unwrap(), false).unwrap();
    let error = listener.pause(false).unwrap_err();
    assert!(error.to_string().contains("is taken"), "{error}");
    let error = listener.resume().unwrap_err();
    assert!(
        error.to_string().contains("is taken by another program"),
        "{error}"
    );
    drop(squatter);
    listener.resume().unwrap();
    listener.resume().unwrap();
    greet(&listener);
    listener.stop();
}

#[test]
fn where_the_port_cannot_be_closed_a_pause_that_refuses_says_so() {
    let (_listener, doors, _workers) = world(100);
    let bound = bind("127.0.0.1:0".parse().unwrap(), false).unwrap();
    let Bound::Tcp(socket) = &bound else {
        panic!("TCP was asked for");
    };
    let owners = socket.try_clone().unwrap();
    let listener = ListenerHandle::spawn(bound, true, doors).unwrap();
    listener.pause(false).unwrap();
    let mut waiting = connect(&listener).unwrap();
    listener.pause(true).unwrap();
    for client in [&mut waiting, &mut connect(&listener).unwrap()] {
        let told = hear(client);
        let Event::Error {
            code,
            retry_after_ms,
            ..
        } = told
        else {
            panic!("{told:?}");
        };
        assert_eq!((code, retry_after_ms), (Code::Busy, Some(PAUSED_MS)));
        assert_eq!(client.read(&mut [0; 1]).unwrap(), 0);
    }
    listener.resume().unwrap();
    greet(&listener);
    let address = listener.address.unwrap();
    listener.stop();
    TcpStream::connect(address).unwrap();
    drop(owners);
    TcpStream::connect(address).unwrap_err();
}

#[test]
fn a_stranger_makes_room_and_who_is_logged_in_does_not() {
    let (listener, doors, workers) = world(1);
    let mut stranger = greet(&listener);
    let mut first = greet(&listener);
    is_told_busy(&mut stranger);
    let conn = ConnId {
        worker: 1,
        turn: 0,
        slot: 0,
    };
    let user = UserId(1);
    workers[1].orders.send(Order::Admit { conn, user }).unwrap();
    while doors.strangers() > 0 {
        std::thread::yield_now();
    }
    is_told_busy(&mut connect(&listener).unwrap());
    let limits = Limits {
        connections: 2,
        ..Limits::default()
    };
    doors.set(&limits, false, Vec::new());
    greet(&listener);
    say_hello(&mut first);
    assert!(matches!(hear(&mut first), Event::Hello(_)));
}

#[test]
fn who_has_begun_with_tls_is_not_told_in_the_clear() {
    let said_to = |first: &[u8]| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        client.write_all(first).unwrap();
        let (socket, _) = listener.accept().unwrap();
        // So that what was said is there.
        socket.peek(&mut [0]).unwrap();
        socket.set_nonblocking(true).unwrap();
        Socket::Tcp(socket).turn_away(b"busy");
        let mut said = Vec::new();
        client.read_to_end(&mut said).unwrap();
        said
    };
    assert_eq!(said_to(&[0x16, 3, 1]), b"");
    assert_eq!(said_to(&[0, 0, 0, 2]), b"busy");
}

fn is_told_busy(client: &mut TcpStream) {
    let told = hear(client);
    let Event::Error { code, .. } = told else {
        panic!("{told:?}");
    };
    assert_eq!(code, Code::Busy);
    assert_eq!(client.read(&mut [0; 1]).unwrap(), 0);
}

#[test]
fn a_port_that_is_taken_is_named_or_passed_over() {
    let taken = bind("127.0.0.1:0".parse().unwrap(), false).unwrap();
    let address = taken.address().unwrap().unwrap();
    let error = bind(address, false).unwrap_err();
    let port = address.port();
    assert_eq!(
        error.to_string(),
        format!(
            "127.0.0.1:{port} is taken by another program; choose another with --listen or take the next free one with --next-free-port"
        )
    );
    let next = bind(address, true).unwrap().address().unwrap().unwrap();
    assert!(next.port() > port);
    let error = bind("192.0.2.1:0".parse().unwrap(), true).unwrap_err();
    assert!(
        error.to_string().contains("no address 192.0.2.1"),
        "{error}"
    );
}

#[test]
fn a_sandbox_without_a_network_is_told_from_a_machine_without_ipv6() {
    let told = |address: &str, errno| {
        let error = io::Error::from_raw_os_error(errno as i32);
        let error = explain(address.parse().unwrap(), &error);
        (error.kind(), error.to_string())
    };
    for errno in [Errno::EAFNOSUPPORT, Errno::EPERM] {
        let (kind, text) = told("127.0.0.1:2428", errno);
        assert_eq!(kind, ErrorKind::Unsupported);
        assert!(
            text.contains("start chatd-client.socket") && text.contains("listen.conf"),
            "{text}"
        );
    }
    let (kind, text) = told("[::1]:2428", Errno::EAFNOSUPPORT);
    assert_eq!(kind, ErrorKind::AddrNotAvailable, "{text}");
    assert!(text.contains("no IPv6"), "{text}");
    let (_, text) = told("127.0.0.1:22", Errno::EACCES);
    assert!(text.contains("for root alone"), "{text}");
}

#[test]
fn a_local_socket_is_listened_on_as_well() {
    use std::os::unix::net::UnixStream;
    let (_listener, doors, _workers) = world(100);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat");
    let bound = Bound::Unix(UnixListener::bind(&path).unwrap());
    let listener = ListenerHandle::spawn(bound, false, doors).unwrap();
    assert_eq!(listener.place, path.display().to_string());
    listener.pause(true).unwrap();
    listener.resume().unwrap();
    let mut client = UnixStream::connect(&path).unwrap();
    client.write_all(&[0; 4]).unwrap();
    let mut said = Vec::new();
    client.read_to_end(&mut said).unwrap();
    let Event::Error { code, .. } = Tagged::decode(&said[HEADER_BYTES..]).unwrap().event else {
        panic!("{said:?}");
    };
    assert_eq!(code, Code::BadFrame);
}
