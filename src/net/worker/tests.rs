//! A worker between real sockets and a hub and readers that the test plays. Nothing waits for time but the two tests
//! about time.

mod behind;
mod bounds;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use super::*;
use crate::base::record::{Draft, Kind as MessageKind, Record};
use crate::base::{Channel, Limits, RequestId, RoomId, Seq, Target, Timestamp, UserId};
use crate::engine::cursor::Chunk;
use crate::engine::effect::{Bye, ByeReason, Delivery, News, Query};
use crate::engine::input::Request;
use crate::net::native::{Line, encode_chunk, encode_log, encode_signal};
use crate::net::stream::{Accepted, Socket};
use crate::wire::event::{Event, Registration, Tagged};
use crate::wire::frame::{HEADER_BYTES, encode};
use crate::wire::{Code, SOFTWARE};

const HELLO: &str = r#"{"type":"hello","protocol":1,"client":"test/1"}"#;
const LOBBY: Channel = Channel {
    room: RoomId(1),
    side: 0,
};

/// A worker, and the other end of everything that it is connected to.
struct World {
    worker: WorkerHandle,
    hub: Receiver<Input>,
    /// What the hub was told together and nobody has looked at.
    waiting: RefCell<VecDeque<Input>>,
    readers: Receiver<Lookup>,
    listener: TcpListener,
    adopted: u32,
}

/// A client that never waits longer than a test should take.
struct Client(TcpStream);

impl World {
    fn new(limits: Limits) -> Self {
        let ((hub_sender, hub), (reader_sender, readers)) = (channel(), channel());
        let greeting = Arc::new(Greeting {
            server: "test".into(),
            epoch: "1".into(),
            registration: Registration::Open,
            limits,
            tls: crate::net::tls::tests::config(),
            allow_plaintext: false,
        });
        Self {
            worker: Worker::spawn(0, hub_sender, reader_sender, greeting).unwrap(),
            hub,
            waiting: RefCell::default(),
            readers,
            listener: TcpListener::bind("127.0.0.1:0").unwrap(),
            adopted: 0,
        }
    }

    /// A new connection. The first has slot 0, and so on.
    fn connect(&mut self) -> (Client, ConnId) {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
        let socket = socket.unwrap();
        // Small, so that a client that does not read is soon behind.
        socket.set_recv_buffer_size(65_536).unwrap();
        let address = self.listener.local_addr().unwrap();
        socket.connect(&address.into()).unwrap();
        let client = TcpStream::from(socket);
        client
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        client.set_nodelay(true).unwrap();
        let (socket, peer) = self.listener.accept().unwrap();
        socket.set_nonblocking(true).unwrap();
        socket2::SockRef::from(&socket)
            .set_send_buffer_size(65_536)
            .unwrap();
        self.worker.connections.fetch_add(1, Ordering::Relaxed);
        self.order(Order::Adopt(Accepted {
            socket: Socket::Tcp(socket),
            peer: Some(peer.ip()),
            place: None,
            proxied: None,
        }));
        self.adopted += 1;
        let conn = ConnId {
            worker: 0,
            turn: 0,
            slot: self.adopted - 1,
        };
        (Client(client), conn)
    }

    /// One that has said hello.
    fn greet(&mut self) -> (Client, ConnId) {
        let (mut client, conn) = self.connect();
        client.say(HELLO);
        assert!(matches!(client.hear(), Event::Hello(_)));
        (client, conn)
    }

    /// One that is logged in and in the lobby, up to `head`.
    fn join(&mut self, head: u64) -> (Client, ConnId) {
        let (client, conn) = self.greet();
        let user = UserId(conn.slot);
        self.order(Order::Admit { conn, user });
        self.attach(conn, head, head);
        (client, conn)
    }

    fn attach(&self, conn: ConnId, after: u64, head: u64) {
        self.order(Order::Attach {
            conn,
            channel: LOBBY,
            label: lobby(),
            viewer: UserId(conn.slot),
            after: Seq(after),
            head: Seq(head),
        });
    }

    fn order(&self, order: Order) {
        self.worker.orders.send(order).unwrap();
    }

    fn answer(&self, conn: ConnId, re: Option<RequestId>) {
        self.order(Order::Tell {
            conn,
            re,
            answer: true,
            news: News::Ok,
        });
    }

    fn notice(&self, conn: ConnId, text: &str) {
        self.order(Order::Tell {
            conn,
            re: None,
            answer: false,
            news: News::Notice { text: text.into() },
        });
    }

    fn deliver(&self, seqs: std::ops::RangeInclusive<u64>, origin: Option<ConnId>, bytes: usize) {
        let messages: Vec<Delivery> = seqs
            .map(|seq| Delivery {
                seq: Seq(seq),
                from: "anna".parse().unwrap(),
                draft: draft(bytes),
                origin,
            })
            .collect();
        self.order(Order::Deliver(
            LOBBY,
            encode_chunk(&lobby(), &messages).unwrap(),
            std::time::Instant::now(),
        ));
    }

    fn told(&self) -> Input {
        let mut waiting = self.waiting.borrow_mut();
        if waiting.is_empty() {
            match self.hub.recv_timeout(Duration::from_secs(20)).unwrap() {
                Input::Several(inputs) => waiting.extend(inputs),
                input => return input,
            }
        }
        waiting.pop_front().unwrap()
    }

    /// The next request that the hub is told of.
    fn asked(&self) -> (ConnId, Option<RequestId>) {
        match self.told() {
            Input::Request { conn, id, .. } => (conn, id),
            other => panic!("{other:?}"),
        }
    }
}

impl Client {
    fn say(&mut self, json: &str) {
        self.send(&encode(json));
    }

    fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
    }

    fn hear(&mut self) -> Event {
        self.hear_tagged().event
    }

    fn hear_tagged(&mut self) -> Tagged {
        let mut header = [0; HEADER_BYTES];
        self.0.read_exact(&mut header).unwrap();
        let mut frame = vec![0; u32::from_be_bytes(header) as usize];
        self.0.read_exact(&mut frame).unwrap();
        Tagged::decode(&frame).unwrap()
    }

    fn hear_seq(&mut self) -> u64 {
        match self.hear() {
            Event::Message(message) => message.seq.0,
            other => panic!("{other:?}"),
        }
    }

    fn hear_error(&mut self) -> Code {
        match self.hear() {
            Event::Error { code, .. } => code,
            other => panic!("{other:?}"),
        }
    }

    fn hear_bye(&mut self) -> String {
        match self.hear() {
            Event::Bye { reason, .. } => reason.to_string(),
            other => panic!("{other:?}"),
        }
    }

    /// That the server has ended the connection, and in order.
    fn hear_end(&mut self) {
        assert_eq!(self.0.read(&mut [0; 1]).unwrap(), 0);
    }
}

fn lobby() -> Target {
    "lobby".parse().unwrap()
}

fn draft(bytes: usize) -> Draft {
    Draft {
        room: RoomId(1),
        author: UserId(1),
        at: Timestamp(0),
        kind: MessageKind::Text,
        key: None,
        text: "x".repeat(bytes).into(),
        redacts: None,
    }
}

/// What a reader thread answers: a few messages after `after`, of those there are.
fn read_log(after: Seq, upto: u64, bytes: usize) -> Option<Chunk> {
    let records: Vec<Record> = (after.0 + 1..=upto.min(after.0 + 20))
        .map(|seq| Record {
            seq: Seq(seq),
            draft: draft(bytes),
        })
        .collect();
    let (label, from) = (lobby(), "anna".parse().unwrap());
    let lines: Vec<Line> = records
        .iter()
        .map(|record| Line {
            label: &label,
            record,
            from: &from,
            viewer: UserId(9),
        })
        .collect();
    encode_log(&lines)
}

#[test]
fn hello_echo_and_ping_are_answered_here() {
    let mut world = World::new(Limits::default());
    let (mut client, _) = world.connect();
    client.say(r#"{"id":1,"type":"ping"}"#);
    let early = client.hear_tagged();
    assert_eq!(early.re, Some(RequestId("1".into())));
    assert!(
        matches!(early.event, Event::Error { code: Code::BadRequest, text, .. } if text.contains("hello"))
    );
    client.say(r#"{"type":"hello","protocol":2,"client":"x"}"#);
    assert_eq!(client.hear_error(), Code::BadRequest);
    client.say(HELLO);
    assert!(matches!(client.hear(), Event::Hello(hello) if &*hello.software == SOFTWARE));
    client.say(r#"{"type":"echo","text":"привет"}"#);
    assert!(matches!(client.hear(), Event::Echo { text } if &*text == "привет"));
    client.say(r#"{"type":"ping","data":"d"}"#);
    assert!(matches!(client.hear(), Event::Pong { data: Some(data) } if &*data == "d"));
    client.say(HELLO);
    assert!(matches!(client.hear(), Event::Hello(_)));
    client.say(r#"{"type":"dance"}"#);
    assert_eq!(client.hear_error(), Code::UnknownType);
}

#[test]
fn the_hub_hears_of_requests_and_of_the_end_of_those_who_made_some() {
    let mut world = World::new(Limits::default());
    let (silent, _) = world.greet();
    let (mut client, conn) = world.greet();
    drop(silent);
    client.say(r#"{"id":"a","type":"join","room":"Lobby"}"#);
    match world.told() {
        Input::Request {
            conn: from_conn,
            from,
            id,
            request: Request::Join { room },
        } => {
            assert_eq!((from_conn, room.as_str()), (conn, "Lobby"));
            assert_eq!(from, Some("127.0.0.1".parse().unwrap()));
            world.answer(conn, id);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(client.hear_tagged().re, Some(RequestId("\"a\"".into())));
    drop(client);
    assert!(matches!(world.told(), Input::Gone { conn: gone } if gone == conn));
    world.order(Order::Stop);
    world.worker.join();
    assert!(
        world.hub.recv().is_err(),
        "of the silent one it hears nothing"
    );
}

#[test]
fn whoever_has_logged_out_is_given_nothing_more() {
    let mut world = World::new(Limits::default());
    let ((mut anna, conn), (mut boris, _)) = (world.join(0), world.join(0));
    world.order(Order::Dismiss { conn });
    world.deliver(1..=1, None, 10);
    world.order(Order::Signal {
        channel: LOBBY,
        frame: encode_signal(News::Notice { text: "all".into() }),
        except: None,
    });
    world.notice(conn, "you");
    assert_eq!(boris.hear_seq(), 1);
    assert!(matches!(anna.hear(), Event::Notice { text } if &*text == "you"));
    // Somebody else may log in on the same connection and is given what comes from then on.
    world.attach(conn, 1, 1);
    world.deliver(2..=2, None, 10);
    assert_eq!(anna.hear_seq(), 2);
}

#[test]
fn a_client_that_does_not_take_its_answers_is_not_read_on() {
    let limits = Limits {
        outbox_bytes: 10_000,
        login_requests: 10_000,
        ..Limits::default()
    };
    let mut world = World::new(limits);
    let (mut client, _) = world.greet();
    let text = "x".repeat(8_000);
    let echo = encode(&format!(r#"{{"type":"echo","text":"{text}"}}"#));
    let mut writer = Client(client.0.try_clone().unwrap());
    let total = 2_000;
    let writing = thread::spawn(move || (0..total).for_each(|_| writer.send(&echo)));
    // 16 MB would not fit the sockets: the writer is held up until its answers are read.
    for _ in 0..total {
        assert!(matches!(client.hear(), Event::Echo { .. }));
    }
    writing.join().unwrap();
}

#[test]
fn everybody_is_given_the_messages_of_others_and_in_the_order_of_events() {
    let mut world = World::new(Limits::default());
    let ((mut anna, anna_conn), (mut bob, bob_conn)) = (world.join(0), world.join(0));
    world.deliver(1..=2, Some(anna_conn), 10);
    world.order(Order::Signal {
        channel: LOBBY,
        frame: encode_signal(News::Typing {
            room: lobby(),
            user: "anna".parse().unwrap(),
        }),
        except: Some(anna_conn),
    });
    world.deliver(3..=3, Some(bob_conn), 10);
    world.deliver(4..=4, None, 10);
    assert_eq!((anna.hear_seq(), anna.hear_seq()), (3, 4));
    assert_eq!((bob.hear_seq(), bob.hear_seq()), (1, 2));
    assert!(matches!(bob.hear(), Event::Typing { .. }));
    assert_eq!(bob.hear_seq(), 4);
    world.order(Order::Detach {
        conn: bob_conn,
        channel: LOBBY,
    });
    world.deliver(5..=5, None, 10);
    world.notice(bob_conn, "end");
    assert_eq!(anna.hear_seq(), 5);
    assert!(matches!(bob.hear(), Event::Notice { .. }));
}

#[test]
fn what_is_no_frame_gets_an_error_and_an_end_even_while_the_client_talks_on() {
    let mut world = World::new(Limits::default());
    let four_gib = [&[0xff; 4][..], &[7; 300_000]].concat();
    for (bytes, code) in [
        (vec![0; 4], Code::BadFrame),
        (vec![0, 1, 0, 1], Code::TooLarge),
        (four_gib, Code::TooLarge),
        (encode("garbage").to_vec(), Code::BadFrame),
        (encode("[1]").to_vec(), Code::BadFrame),
        (encode(&"[".repeat(10_000)).to_vec(), Code::BadFrame),
        (encode("\"\u{0}\"").to_vec(), Code::BadFrame),
    ] {
        let (mut client, _) = world.greet();
        client.send(&bytes);
        assert_eq!(client.hear_error(), code);
        client.hear_end();
    }
}

#[test]
fn who_ends_its_side_is_still_given_its_answers() {
    let mut world = World::new(Limits::default());
    let (mut client, conn) = world.connect();
    client.send(&[encode(HELLO), encode(r#"{"id":1,"type":"logout"}"#)].concat());
    client.0.shutdown(Shutdown::Write).unwrap();
    assert!(matches!(client.hear(), Event::Hello(_)));
    let (_, id) = world.asked();
    world.answer(conn, id);
    assert_eq!(client.hear_tagged().re, Some(RequestId("1".into())));
    client.hear_end();
    assert!(matches!(world.told(), Input::Gone { .. }));
}

#[test]
fn a_byte_a_second_is_no_frame() {
    let limits = Limits {
        frame_seconds: 1,
        ..Limits::default()
    };
    let mut world = World::new(limits);
    let ((mut slow, _), (mut other, _)) = (world.greet(), world.greet());
    let ping = encode(r#"{"type":"ping"}"#);
    // Each byte is in time after the one before, but not the last after the first.
    let mut writer = slow.0.try_clone().unwrap();
    let dripping = thread::spawn(move || {
        for byte in ping {
            if writer.write_all(&[byte]).is_err() {
                break;
            }
            thread::sleep(Duration::from_millis(300));
        }
    });
    assert_eq!(slow.hear_bye(), "frame-timeout");
    slow.hear_end();
    slow.0.shutdown(Shutdown::Both).unwrap();
    other.say(r#"{"type":"ping"}"#);
    assert!(matches!(other.hear(), Event::Pong { .. }));
    dripping.join().unwrap();
}

#[test]
fn who_does_not_log_in_has_to_go() {
    let limits = Limits {
        login_seconds: 1,
        ..Limits::default()
    };
    let mut world = World::new(limits);
    let ((mut admitted, conn), (mut silent, _)) = (world.join(0), world.connect());
    let (mut dismissed, dismissed_conn) = world.join(0);
    world.order(Order::Dismiss {
        conn: dismissed_conn,
    });
    assert_eq!(silent.hear_bye(), "login-timeout");
    silent.hear_end();
    assert_eq!(dismissed.hear_bye(), "login-timeout");
    world.notice(conn, "still here");
    assert!(matches!(admitted.hear(), Event::Notice { .. }));
}

#[test]
fn a_bye_comes_after_what_was_said_before_it() {
    let mut world = World::new(Limits::default());
    let (mut client, conn) = world.join(0);
    world.deliver(1..=1, None, 10);
    let bye = Bye {
        reason: ByeReason::Kicked,
        text: "out".into(),
        reconnect_after_ms: None,
    };
    world.order(Order::Close { conn, bye });
    world.deliver(2..=2, None, 10);
    assert_eq!(client.hear_seq(), 1);
    assert_eq!(client.hear_bye(), "kicked");
    client.hear_end();
}

#[test]
fn at_the_end_everybody_is_told_good_bye() {
    let mut world = World::new(Limits::default());
    let ((mut one, _), (mut two, _)) = (world.greet(), world.join(0));
    world.order(Order::Stop);
    for client in [&mut one, &mut two] {
        assert_eq!(client.hear_bye(), "shutting-down");
        client.hear_end();
    }
    drop((one, two));
    world.worker.join();
}

#[test]
fn at_the_end_nobody_is_waited_for_longer_than_said() {
    let limits = Limits {
        stop_seconds: 0,
        ..Limits::default()
    };
    let mut world = World::new(limits);
    let (_client, _) = world.join(0);
    for first in (1..=500).step_by(10) {
        world.deliver(first..=first + 9, None, 8_000);
    }
    world.order(Order::Stop);
    world.worker.join();
}
