//! Frames: however the bytes are cut, the frames and the verdict are the same, and they are those that were sent.

use std::future::Future as _;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use chatd::wire::frame::{FrameError, FrameReader, FrameStream, HEADER_BYTES, encode};

pub fn check(data: &[u8]) {
    let (seed, bytes) = super::steered(data);
    let whole = read([bytes]);
    assert_eq!(
        whole,
        read(super::pieces(bytes.len(), seed).map(|piece| &bytes[piece]))
    );
    if bytes.len() <= 4_096 {
        assert_eq!(whole, read(bytes.chunks(1)));
    }
    let again = whole
        .frames
        .iter()
        .flat_map(|frame| match std::str::from_utf8(frame) {
            Ok(json) => encode(json).to_vec(),
            Err(_) => [&(frame.len() as u32).to_be_bytes(), &frame[..]].concat(),
        });
    let again: Vec<u8> = again.collect();
    assert!(bytes.starts_with(&again));
    let is_all = again.len() == bytes.len();
    assert_eq!(whole.verdict.is_ok() && !whole.is_partial, is_all);
    by_stream(bytes, &whole);
}

#[derive(Debug, PartialEq)]
struct Read {
    frames: Vec<Vec<u8>>,
    verdict: Result<(), FrameError>,
    is_partial: bool,
}

fn read<'a>(portions: impl IntoIterator<Item = &'a [u8]>) -> Read {
    let (mut reader, mut frames, mut verdict) = (FrameReader::default(), Vec::new(), Ok(()));
    'all: for mut portion in portions {
        loop {
            match reader.next(&mut portion) {
                Ok(Some(frame)) => frames.push(frame.into_owned()),
                Ok(None) => break assert!(portion.is_empty()),
                Err(error) => {
                    verdict = Err(error);
                    break 'all;
                }
            }
        }
    }
    // After a header that cannot be, nothing is asked of the reader any more.
    let is_partial = verdict.is_ok() && reader.is_partial();
    Read {
        frames,
        verdict,
        is_partial,
    }
}

/// The other door finds the same frames.
fn by_stream(mut bytes: &[u8], whole: &Read) {
    let mut frames = Vec::new();
    let has_ended_well = loop {
        let next = pin!(bytes.read_frame()).poll(&mut Context::from_waker(Waker::noop()));
        match next {
            Poll::Ready(Ok(Some(frame))) => frames.push(frame),
            Poll::Ready(Ok(None)) => break true,
            Poll::Ready(Err(_)) => break false,
            Poll::Pending => panic!("bytes in memory are there at once"),
        }
    };
    assert_eq!(frames, whole.frames);
    assert_eq!(has_ended_well, whole.verdict.is_ok() && !whole.is_partial);
    assert!(
        whole
            .frames
            .iter()
            .all(|frame| (1..=65_536).contains(&frame.len()))
    );
    assert_eq!(HEADER_BYTES, 4);
}
