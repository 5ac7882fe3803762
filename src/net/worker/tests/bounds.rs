//! Places that are taken again, and how much of a client is taken in before it is answered.

use super::*;
use crate::base::Origin;
use crate::base::limit::FRAME_BYTES_MAX;
use crate::net::crowd::{Crowd, Place};

#[test]
fn a_place_is_taken_again_and_late_orders_do_not_reach_the_successor() {
    let mut world = World::new(Limits::default());
    let (mut client, conn) = world.greet();
    client.say(r#"{"type":"logout"}"#);
    world.asked();
    world.answer(conn, None);
    drop(client);
    assert!(matches!(world.told(), Input::Gone { .. }));
    let (mut next, _) = world.connect();
    world.notice(conn, "late");
    world.notice(ConnId { turn: 1, ..conn }, "for you");
    assert!(matches!(next.hear(), Event::Notice { text } if &*text == "for you"));
    assert_eq!(world.worker.connections.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_place_whose_turns_are_used_up_is_not_taken_again() {
    let greeting = Arc::new(Greeting {
        server: "test".into(),
        epoch: "1".into(),
        registration: Registration::Open,
        limits: Limits::default(),
        tls: crate::net::tls::tests::config(),
        allow_plaintext: false,
    });
    let (orders, receiver) = unbounded_channel();
    let (hub, readers) = (channel().0, channel().0);
    let mut worker = Worker::new(0, hub, readers, greeting, receiver, Arc::default());
    let adopt = |worker: &mut Worker| {
        let (socket, _) = std::os::unix::net::UnixStream::pair().unwrap();
        socket.set_nonblocking(true).unwrap();
        worker.connections.fetch_add(1, Ordering::Relaxed);
        worker.carry_out(Order::Adopt(Accepted {
            socket: Socket::Unix(socket),
            peer: None,
            place: None,
            proxied: None,
        }));
    };
    adopt(&mut worker);
    worker.slots[0].turn = u16::MAX - 1;
    worker.drop_conn(0);
    adopt(&mut worker);
    assert_eq!((worker.slots.len(), worker.id(0).turn), (1, u16::MAX));
    worker.drop_conn(0);
    adopt(&mut worker);
    assert_eq!((worker.slots.len(), worker.id(1).turn), (2, 0));
    worker.drop_conn(1);
    drop(orders);
    worker.stopping = true;
    assert!(
        std::future::poll_fn(|cx| Poll::Ready(worker.turn(cx)))
            .await
            .is_ready()
    );
}

#[tokio::test]
async fn newcomers_are_taken_on_a_few_at_a_time_and_nobody_waits_for_them() {
    // All of it is told in one turn.
    const MANY: u64 = 400;
    let greeting = Arc::new(Greeting {
        server: "test".into(),
        epoch: "1".into(),
        registration: Registration::Open,
        limits: Limits::default(),
        tls: crate::net::tls::tests::config(),
        allow_plaintext: false,
    });
    let (orders, receiver) = unbounded_channel();
    let (hub, readers) = (channel().0, channel().0);
    let mut worker = Worker::new(0, hub, readers, greeting, receiver, Arc::default());
    let crowd = Crowd::new(&Limits::default());
    let mut clients = Vec::new();
    for number in 0..MANY {
        let (client, socket) = std::os::unix::net::UnixStream::pair().unwrap();
        socket.set_nonblocking(true).unwrap();
        clients.push(client);
        worker.connections.fetch_add(1, Ordering::Relaxed);
        let accepted = Accepted {
            socket: Socket::Unix(socket),
            peer: None,
            place: Some(Place::new(crowd.clone(), Origin::Here, number, 0)),
            proxied: None,
        };
        orders.send(Order::Adopt(accepted)).unwrap();
    }
    // Who is to go is let go before anything was done for them.
    for number in 0..MANY / 2 {
        orders.send(Order::LetGo(number)).unwrap();
    }
    let mut turns = 0;
    while worker.strangers.len() < (MANY / 2) as usize {
        let before = worker.strangers.len();
        let turn = std::future::poll_fn(|cx| Poll::Ready(worker.turn(cx)));
        let turn = tokio::task::unconstrained(turn).await;
        assert!(turn.is_pending());
        let taken_on = worker.strangers.len() - before;
        assert_eq!(taken_on, 16.min((MANY / 2) as usize - before));
        turns += 1;
    }
    assert_eq!(turns, (MANY / 2).div_ceil(16));
    assert_eq!(
        worker.connections.load(Ordering::Relaxed),
        (MANY / 2) as usize
    );
    assert!(worker.newcomers.is_empty());
}

#[test]
fn a_thousand_requests_in_one_write_reach_the_hub_a_few_at_a_time() {
    let limits = Limits {
        requests_outstanding: 4,
        login_requests: 10_000,
        ..Limits::default()
    };
    let mut world = World::new(limits);
    let ((mut client, conn), (mut other, other_conn)) = (world.greet(), world.greet());
    let requests: Vec<u8> = (0..1_000)
        .flat_map(|id| encode(&format!(r#"{{"id":{id},"type":"logout"}}"#)))
        .collect();
    client.send(&requests);
    let mut waiting: Vec<_> = (0..4).map(|_| world.asked()).collect();
    // Nothing of the first connection comes before this one's, which was made when all of it had been read.
    other.say(r#"{"id":"other","type":"logout"}"#);
    assert_eq!(world.asked().0, other_conn);
    let mut ids = Vec::new();
    while ids.len() < 1_000 {
        for (_, id) in waiting.drain(..) {
            world.answer(conn, id.clone());
            ids.push(id.unwrap().0.parse::<u32>().unwrap());
        }
        while waiting.len() + ids.len() < 1_000 && waiting.len() < 2 {
            waiting.push(world.asked());
        }
    }
    assert!(ids.is_sorted());
    for id in 0..1_000 {
        assert_eq!(
            client.hear_tagged().re,
            Some(RequestId(id.to_string().into()))
        );
    }
}

#[test]
fn what_calls_for_long_answers_is_taken_in_by_fewer_at_a_time() {
    let limits = Limits {
        requests_outstanding: 8,
        outbox_bytes: 4 * FRAME_BYTES_MAX as u32,
        ..Limits::default()
    };
    let mut world = World::new(limits);
    let ((mut client, conn), (mut other, other_conn)) = (world.join(0), world.greet());
    for (said, taken_at_once) in [
        (r#"{"type":"login","name":"anna","password":"x"}"#, 4),
        (r#"{"type":"resume","token":"x"}"#, 4),
        (r#"{"type":"history","room":"lobby"}"#, 4),
        (r#"{"type":"search","text":"tea"}"#, 4),
        (r#"{"type":"rooms"}"#, 4),
        (r#"{"type":"typing","to":"lobby"}"#, 8),
    ] {
        client.send(&encode(said).repeat(20));
        let mut left = 20;
        while left > 0 {
            let taken = taken_at_once.min(left);
            (0..taken).for_each(|_| assert_eq!(world.asked().0, conn, "{said}"));
            // Nothing of the first connection comes before this one's, which was made when all of it had been read.
            other.say(r#"{"type":"logout"}"#);
            assert_eq!(world.asked().0, other_conn, "{said}");
            world.answer(other_conn, None);
            (0..taken).for_each(|_| world.answer(conn, None));
            left -= taken;
        }
        (0..20).for_each(|_| assert!(matches!(client.hear(), Event::Ok)));
    }
}

#[test]
fn a_stranger_is_answered_so_many_times_and_whoever_logs_in_again_and_again() {
    let limits = Limits {
        login_requests: 5,
        ..Limits::default()
    };
    let mut world = World::new(limits);
    let ((mut client, conn), (mut member, _)) = (world.greet(), world.join(0));
    let said = [
        HELLO,
        r#"{"type":"dance"}"#,
        r#"{"type":"echo","text":"x"}"#,
        r#"{"type":"logout"}"#,
        r#"{"type":"ping"}"#,
    ];
    client.send(&said.map(encode).concat());
    assert!(matches!(client.hear(), Event::Hello(_)));
    assert_eq!(client.hear_error(), Code::UnknownType);
    assert!(matches!(client.hear(), Event::Echo { .. }));
    assert!(matches!(client.hear(), Event::Pong { .. }));
    assert_eq!(client.hear_error(), Code::RateLimited);
    client.hear_end();
    assert_eq!(world.asked().0, conn, "what has no answer does not count");
    for _ in 0..50 {
        member.say(r#"{"type":"ping"}"#);
        assert!(matches!(member.hear(), Event::Pong { .. }));
    }
    // What comes in one write with the login is asked by whoever logs in.
    let (mut late, conn) = world.greet();
    late.send(&encode(r#"{"type":"resume","token":"x"}"#).repeat(20));
    let told = std::iter::from_fn(|| Some(world.told()));
    let asked =
        told.filter(|input| matches!(input, Input::Request { conn: of, .. } if *of == conn));
    assert_eq!(asked.take(1).count(), 1);
    world.order(Order::Admit {
        conn,
        user: UserId(9),
    });
    world.answer(conn, None);
    assert!(matches!(late.hear(), Event::Ok));
}
