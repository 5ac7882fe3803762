//! The native protocol on one side, the engine's words on the other: translated by hand, so that both stay free.
//! Knows no sockets.

pub mod message;
pub mod news;
pub mod request;

pub use message::{Keep, Line, Page, encode_chunk, encode_log, encode_page};
pub use news::{
    encode_bye, encode_echo, encode_error, encode_hello, encode_news, encode_pong, encode_signal,
    refused,
};
pub use request::{answer_bytes, read};

/// At most so many bytes of `text`, whole characters: for texts that people give the server to pass on.
fn clip(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}
