//! What TLS costs: shaking hands, being there, being told. Beside it stands the same in the clear, on the same server.

use anyhow::{Context, Result, ensure};
use rustls::HandshakeKind;

use super::{
    ACCOUNTS, HALL, Rushes, SPEAKERS, Scale, Side, cost_of, gather, rushes, server_with_hall,
    server_with_lobby,
};
use crate::figure::{Aim, Figure, Report};
use crate::load::{Crowd, Kind};
use crate::server::{self, Server};
use crate::stream::{Link, NAMES};
use crate::talk::{Hall, Line, TEXT_BYTES};

/// What stands beside TLS.
const CLEAR: &str = "in the clear";

pub fn handshakes(scale: &Scale) -> Result<Report> {
    const AT_ONCE: usize = 64;
    let server = Server::start()?;
    let (address, hello) = (server.process().address(), server::hello());
    let come = |link: &Link, count| {
        let mut crowd = Crowd::new(link)?;
        let time = crowd.come(address, count, AT_ONCE, Kind::Hello, |_| &hello)?;
        Ok((time, crowd))
    };
    let links = [Link::tls(false)?, Link::tls(true)?, Link::Clear];
    // So that there are tickets to come back with.
    come(&links[1], NAMES)?;
    let (mut rates, mut costs) = ([(); 3].map(|()| Vec::new()), [(); 3].map(|()| Vec::new()));
    for _ in 0..scale.runs {
        for (which, link) in links.iter().enumerate() {
            let ((time, crowd), cost) = cost_of(server.vitals(), || come(link, scale.handshakes))?;
            let kind = [
                Some(HandshakeKind::Full),
                Some(HandshakeKind::Resumed),
                None,
            ][which];
            for stream in crowd.streams() {
                let was = stream.tls().and_then(|tls| tls.handshake_kind());
                ensure!(was == kind, "a handshake was {was:?}, not {kind:?}");
            }
            rates[which].push(scale.handshakes as f64 / time.as_secs_f64());
            costs[which].push(cost.all() / scale.handshakes as f64 * 1e6);
        }
    }
    let beside = |name, unit, values: &[Vec<f64>; 3], which: usize| {
        Figure::new(name, unit, values[which].clone()).beside(values[2].clone())
    };
    Ok(Report {
        how: format!(
            "{} connections that connect, shake hands (TLS 1.3, X25519MLKEM768, P-256), say hello and are answered, {AT_ONCE} at \
             a time, {}; who connects takes as much of the machine as chatd; in the clear: without the handshake",
            scale.handshakes,
            scale.times(),
        ),
        beside: CLEAR,
        is_grid: false,
        figures: vec![
            beside("full handshakes", "1/s", &rates, 0),
            beside("resumed handshakes", "1/s", &rates, 1),
            beside("processor, a full one", "µs", &costs, 0),
            beside("processor, a resumed one", "µs", &costs, 1),
        ],
    })
}

pub fn idle(scale: &Scale) -> Result<Report> {
    let mut server = server_with_lobby()?;
    let (mut memory, mut clear) = (Vec::new(), Vec::new());
    for _ in 0..scale.runs {
        memory.push(gather(&mut server, scale.idle, &Link::tls(false)?)?.1);
        clear.push(gather(&mut server, scale.idle, &Link::Clear)?.1);
    }
    Ok(Report {
        how: format!(
            "{} connections of {ACCOUNTS} accounts, logged in, in the lobby, after a fresh start each; {}",
            scale.idle,
            scale.times(),
        ),
        beside: CLEAR,
        is_grid: false,
        figures: vec![
            Figure::new("resident memory, each connection over TLS", "bytes", memory)
                .beside(clear)
                .aim(Aim::AtMost(16_384.0)),
        ],
    })
}

pub fn fanout(scale: &Scale) -> Result<Report> {
    const OUTSTANDING: usize = 128;
    let servers = [server_with_hall()?, server_with_hall()?];
    let mut sides = Vec::new();
    for (server, link) in servers.iter().zip([Link::tls(false)?, Link::Clear]) {
        let process = server.process();
        let mut crowd = Crowd::new(&link)?;
        crowd.enter(process.address(), SPEAKERS + scale.receivers, |index| {
            server.greeting(index)
        })?;
        let lines = (0..SPEAKERS).map(|_| Line::to_room(HALL)).collect();
        let hall = Hall::new(crowd, lines);
        sides.push(Side {
            process: process.vitals(),
            hall,
        });
    }
    let Rushes { rates, costs, .. } = rushes(scale, &mut sides, OUTSTANDING)?;
    let figure =
        |name, unit, [tls, clear]: [Vec<f64>; 2]| Figure::new(name, unit, tls).beside(clear);
    let both = |values: Vec<Vec<f64>>| values.try_into().ok().context("there are two sides");
    Ok(Report {
        how: format!(
            "one room of {} receivers, {SPEAKERS} senders, {OUTSTANDING} outstanding in all, texts of {TEXT_BYTES} bytes, {:?} \
             each, {}; chatd twice, with TLS and without; who receives takes more of the machine with TLS, so that \
             deliveries a second tell less than processor time, which is chatd's alone",
            scale.receivers,
            scale.rush,
            scale.times(),
        ),
        beside: CLEAR,
        is_grid: false,
        figures: vec![
            figure("deliveries", "1/s", both(rates)?),
            figure("processor, a million deliveries", "s", both(costs)?),
        ],
    })
}
