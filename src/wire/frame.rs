//! Frames: four bytes with the length, big end first, then that many bytes. Knows nothing of what is in them.
//!
//! Two doors: [`FrameReader`] takes bytes as they come, for whoever owns the socket; [`FrameStream`] adds `read_frame`
//! and `write_frame` to any async stream.
//!
//! ```
//! use chatd::wire::frame::{encode, FrameReader};
//!
//! let bytes = encode(r#"{"type":"ping"}"#);
//! let (mut first, mut second) = bytes.split_at(9);
//! let mut reader = FrameReader::default();
//! assert_eq!(reader.next(&mut first).unwrap(), None);
//! assert_eq!(reader.next(&mut second).unwrap().unwrap(), r#"{"type":"ping"}"#.as_bytes());
//! ```

use std::borrow::Cow;
use std::io;

use bytes::{BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::base::limit::FRAME_BYTES_MAX;

/// The bytes of the length.
pub const HEADER_BYTES: usize = 4;

/// Why bytes are no frame. What follows cannot be read either: the connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A length of 0.
    #[error("the frame is empty; send a JSON object in it")]
    Empty,
    /// A length over [`FRAME_BYTES_MAX`].
    #[error("the frame is {0} bytes long; the most is {FRAME_BYTES_MAX}")]
    TooLarge(u32),
}

/// Puts a frame around a JSON text.
#[must_use]
pub fn encode(json: &str) -> Bytes {
    let mut frame = BytesMut::with_capacity(HEADER_BYTES + json.len());
    put(&mut frame, json);
    frame.freeze()
}

/// Appends a frame to those already in `buffer`: what goes out together is encoded together.
pub fn put(buffer: &mut BytesMut, json: &str) {
    debug_assert!(
        (1..=FRAME_BYTES_MAX).contains(&json.len()),
        "a frame of {} bytes",
        json.len()
    );
    buffer.put_u32(json.len() as u32);
    buffer.put_slice(json.as_bytes());
}

/// Finds the frames in bytes that come in any portions. Holds memory only while a frame is cut in half.
#[derive(Debug, Default)]
pub struct FrameReader {
    /// The beginning of a frame, header included.
    partial: Vec<u8>,
}

impl FrameReader {
    /// Takes one frame's worth from the front of `input`; `None` when more bytes are needed, then all of `input` is
    /// taken. A frame that lies in `input` as a whole is lent, not copied.
    ///
    /// # Errors
    /// As soon as a header says what cannot be.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Cow<'a, [u8]>>, FrameError> {
        if self.partial.is_empty() {
            let Some(length) = length(input)? else {
                return Ok(self.keep(input));
            };
            if input.len() < HEADER_BYTES + length {
                return Ok(self.keep(input));
            }
            let (frame, rest) = input.split_at(HEADER_BYTES + length);
            *input = rest;
            return Ok(Some(Cow::Borrowed(&frame[HEADER_BYTES..])));
        }
        self.take(HEADER_BYTES, input);
        let Some(length) = length(&self.partial)? else {
            return Ok(None);
        };
        self.take(HEADER_BYTES + length, input);
        if self.partial.len() < HEADER_BYTES + length {
            return Ok(None);
        }
        let mut frame = std::mem::take(&mut self.partial);
        frame.drain(..HEADER_BYTES);
        Ok(Some(Cow::Owned(frame)))
    }

    /// The length of the frame that has begun and not ended, once it is known.
    #[must_use]
    pub fn partial_length(&self) -> Option<usize> {
        let header = self.partial.first_chunk::<HEADER_BYTES>()?;
        Some(u32::from_be_bytes(*header) as usize)
    }

    /// Whether a frame has begun and not ended.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        !self.partial.is_empty()
    }

    fn keep<'a>(&mut self, input: &mut &'a [u8]) -> Option<Cow<'a, [u8]>> {
        self.partial.extend_from_slice(input);
        *input = &[];
        None
    }

    /// Fills `partial` up to `wanted` bytes.
    fn take(&mut self, wanted: usize, input: &mut &[u8]) {
        let missing = wanted.saturating_sub(self.partial.len()).min(input.len());
        let (taken, rest) = input.split_at(missing);
        self.partial.extend_from_slice(taken);
        *input = rest;
    }
}

fn length(bytes: &[u8]) -> Result<Option<usize>, FrameError> {
    let Some(header) = bytes.first_chunk::<HEADER_BYTES>() else {
        return Ok(None);
    };
    match u32::from_be_bytes(*header) {
        0 => Err(FrameError::Empty),
        length if length as usize > FRAME_BYTES_MAX => Err(FrameError::TooLarge(length)),
        length => Ok(Some(length as usize)),
    }
}

/// Frames on any async stream.
#[expect(
    async_fn_in_trait,
    reason = "used within one task; nobody needs the futures to be Send"
)]
pub trait FrameStream {
    /// Reads one frame; `None` when the stream ended between two. Not to be dropped half way: bytes would be lost.
    ///
    /// # Errors
    /// Of the stream; [`io::ErrorKind::InvalidData`] with a [`FrameError`]; [`io::ErrorKind::UnexpectedEof`] when the
    /// stream ended within a frame.
    async fn read_frame(&mut self) -> io::Result<Option<Vec<u8>>>
    where
        Self: AsyncRead + Unpin;

    /// Writes one frame.
    ///
    /// # Errors
    /// Of the stream.
    async fn write_frame(&mut self, json: &str) -> io::Result<()>
    where
        Self: AsyncWrite + Unpin;
}

impl<S: ?Sized> FrameStream for S {
    async fn read_frame(&mut self) -> io::Result<Option<Vec<u8>>>
    where
        Self: AsyncRead + Unpin,
    {
        let mut header = [0; HEADER_BYTES];
        if self.read(&mut header[..1]).await? == 0 {
            return Ok(None);
        }
        self.read_exact(&mut header[1..]).await?;
        let length =
            length(&header).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        let mut frame = vec![0; length.unwrap_or(0)];
        self.read_exact(&mut frame).await?;
        Ok(Some(frame))
    }

    async fn write_frame(&mut self, json: &str) -> io::Result<()>
    where
        Self: AsyncWrite + Unpin,
    {
        self.write_all(&encode(json)).await
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_all(
        reader: &mut FrameReader,
        mut input: &[u8],
        frames: &mut Vec<Vec<u8>>,
    ) -> Result<(), FrameError> {
        while let Some(frame) = reader.next(&mut input)? {
            frames.push(frame.into_owned());
        }
        assert!(input.is_empty());
        Ok(())
    }

    proptest! {
        #[test]
        fn however_the_bytes_are_split_the_frames_are_the_same(
            texts in prop::collection::vec("[a-z]{1,40}", 0..12),
            cuts in prop::collection::vec(0_usize..600, 0..20),
        ) {
            let mut bytes = BytesMut::new();
            texts.iter().for_each(|text| put(&mut bytes, text));
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(bytes.len())).chain([0, bytes.len()]).collect();
            cuts.sort_unstable();
            let (mut reader, mut frames) = (FrameReader::default(), Vec::new());
            for portion in cuts.windows(2) {
                read_all(&mut reader, &bytes[portion[0]..portion[1]], &mut frames).unwrap();
            }
            prop_assert_eq!(frames, texts.into_iter().map(String::into_bytes).collect::<Vec<_>>());
            prop_assert!(!reader.is_partial());
        }
    }

    #[test]
    fn a_length_that_cannot_be_is_told_by_its_header_alone() {
        let read = |bytes: &[u8]| read_all(&mut FrameReader::default(), bytes, &mut Vec::new());
        assert_eq!(read(&[0, 0, 0, 0]), Err(FrameError::Empty));
        assert_eq!(read(&[0, 1, 0, 1]), Err(FrameError::TooLarge(65_537)));
        assert_eq!(read(&[0xff; 4]), Err(FrameError::TooLarge(u32::MAX)));
        assert_eq!(read(&[0, 1, 0, 0]), Ok(()));
        let mut reader = FrameReader::default();
        assert_eq!(read_all(&mut reader, &[0, 1], &mut Vec::new()), Ok(()));
        assert_eq!(
            read_all(&mut reader, &[0, 1], &mut Vec::new()),
            Err(FrameError::TooLarge(65_537))
        );
    }

    #[tokio::test]
    async fn a_stream_that_ends_between_frames_has_ended_and_within_one_has_broken() {
        let bytes = encode("{}");
        assert_eq!((&bytes[..]).read_frame().await.unwrap().unwrap(), b"{}");
        assert_eq!((&bytes[..0]).read_frame().await.unwrap(), None);
        for cut in 1..bytes.len() {
            assert_eq!(
                (&bytes[..cut]).read_frame().await.unwrap_err().kind(),
                io::ErrorKind::UnexpectedEof
            );
        }
    }
}
