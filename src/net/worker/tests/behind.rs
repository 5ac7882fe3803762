//! Readers that lag, and those who return: fed from the ring or from the store, whatever the others do.

use bytes::Bytes;

use super::*;

/// Plays the reader threads, for a log of 1 000 messages. Returns who asked.
fn play_readers(readers: Receiver<Lookup>, orders: UnboundedSender<Order>) -> Vec<ConnId> {
    let mut asked = Vec::new();
    for Lookup { conn, query, .. } in readers {
        let Query::Log { after, channel, .. } = query else {
            panic!("{query:?}");
        };
        // The first answer to each is a failure, after which it is asked again.
        let chunk = match asked.contains(&conn) {
            true => Ok(read_log(after, 1_000, 8_000)),
            false => Err(Bytes::new()),
        };
        asked.push(conn);
        let answer = Order::Log {
            conn,
            channel,
            chunk,
        };
        orders.send(answer).unwrap();
    }
    asked
}

/// A reader that stops while 8 MB go by and one that does not; then the first goes on. Returns how often the store was
/// asked for the first.
fn slow_and_quick(ring_bytes: u32) -> usize {
    let limits = Limits {
        ring_bytes,
        ..Limits::default()
    };
    let mut world = World::new(limits);
    let ((mut slow, slow_conn), (mut quick, _)) = (world.join(0), world.join(0));
    let readers = std::mem::replace(&mut world.readers, channel().1);
    let orders = world.worker.orders.clone();
    let answering = thread::spawn(move || play_readers(readers, orders));
    let reading = thread::spawn(move || {
        (1..=1_000).for_each(|seq| assert_eq!(quick.hear_seq(), seq));
        quick
    });
    for first in (1..=1_000).step_by(10) {
        world.deliver(first..=first + 9, None, 8_000);
    }
    let quick = reading.join().unwrap();
    (1..=1_000).for_each(|seq| assert_eq!(slow.hear_seq(), seq));
    world.order(Order::Stop);
    assert_eq!(slow.hear_bye(), "shutting-down");
    drop((slow, quick));
    world.worker.join();
    let asked = answering.join().unwrap();
    asked.into_iter().filter(|conn| *conn == slow_conn).count()
}

#[test]
fn a_reader_that_lags_a_little_is_fed_from_the_ring() {
    assert_eq!(slow_and_quick(16_000_000), 0);
}

#[test]
fn a_reader_that_lags_far_is_fed_from_the_store() {
    assert!(slow_and_quick(200_000) > 10);
}

#[test]
fn one_that_comes_back_is_given_what_it_missed_and_then_what_is_new() {
    let mut world = World::new(Limits::default());
    let (mut client, conn) = world.greet();
    world.attach(conn, 5, 30);
    world.deliver(31..=31, None, 10);
    let lookup = world.readers.recv().unwrap();
    assert!(matches!(lookup.query, Query::Log { after: Seq(5), .. }));
    // The store may already have what is not delivered yet.
    let chunk = Ok(read_log(Seq(5), 32, 10));
    world.order(Order::Log {
        conn,
        channel: LOBBY,
        chunk,
    });
    for seq in 6..=25 {
        assert_eq!(client.hear_seq(), seq);
    }
    let lookup = world.readers.recv().unwrap();
    assert!(matches!(lookup.query, Query::Log { after: Seq(25), .. }));
    let chunk = Ok(read_log(Seq(25), 32, 10));
    world.order(Order::Log {
        conn,
        channel: LOBBY,
        chunk,
    });
    world.deliver(32..=33, None, 10);
    for seq in 26..=33 {
        assert_eq!(client.hear_seq(), seq);
    }
}

/// Found by the simulation: hub and worker told each other for a second that this one had missed something.
#[test]
fn who_is_out_of_what_cannot_be_read_is_behind_no_more() {
    let mut world = World::new(Limits::default());
    let (mut client, conn) = world.greet();
    world.attach(conn, 5, 30);
    world.readers.recv().unwrap();
    world.order(Order::Log {
        conn,
        channel: LOBBY,
        chunk: Err(encode_signal(News::Notice {
            text: "unreadable".into(),
        })),
    });
    world.order(Order::Detach {
        conn,
        channel: LOBBY,
    });
    world.notice(conn, "end");
    for said in ["unreadable", "end"] {
        let heard = client.hear();
        assert!(
            matches!(&heard, Event::Notice { text } if &**text == said),
            "{heard:?}"
        );
    }
}

#[test]
fn who_was_behind_is_told_the_state_of_things_afterwards() {
    let mut world = World::new(Limits::default());
    let (mut client, conn) = world.join(0);
    for first in (1..=200).step_by(10) {
        world.deliver(first..=first + 9, None, 8_000);
    }
    // When this has come, its socket has been filled, and takes no more before it reads on.
    assert_eq!(client.hear_seq(), 1);
    world.order(Order::Signal {
        channel: LOBBY,
        frame: encode_signal(News::Typing {
            room: lobby(),
            user: "anna".parse().unwrap(),
        }),
        except: None,
    });
    (2..=200).for_each(|seq| assert_eq!(client.hear_seq(), seq));
    assert!(matches!(world.told(), Input::Refresh { conn: who } if who == conn));
    world.notice(conn, "end");
    assert!(matches!(client.hear(), Event::Notice { .. }));
}
