//! The client library: everything between a program and the server, so that the program only talks. Knows no terminal.
//!
//! [`Client`] connects, reconnects by itself, misses nothing and says nothing twice; [`model::Model`] is the same without
//! sockets and clock. To a server on another machine it speaks TLS, and [`Options::trust`] says which servers it believes.
//! A complete bot:
//!
//! ```
//! use chatd::base::Password;
//! use chatd::client::{Client, Event, Options};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use chatd::wire::frame::FrameStream;
//! # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! # let (host, port) = ("127.0.0.1", listener.local_addr()?.port());
//! # let server = tokio::spawn(async move {
//! #     let (mut socket, _) = listener.accept().await.unwrap();
//! #     for said in [
//! #         r#""re":1,"type":"hello","server":"s","software":"s/1","protocol":1,"registration":"open","features":[],"limits":{"frame":65536,"text":8192,"name_chars":32,"topic":256,"key":64,"page_messages":200,"password_chars_min":8,"requests_outstanding":256,"key_hours":72}"#,
//! #         r#""re":2,"type":"welcome","user":"parrot","token":"ct_x","expires_at":"2027-01-01T00:00:00Z","resumed":false,"rooms":[]"#,
//! #         r#""re":3,"type":"sent","room":"lobby","seq":2,"at":"2026-11-20T10:30:00Z""#,
//! #     ] {
//! #         let asked = socket.read_frame().await.unwrap().unwrap();
//! #         if said.contains("sent") {
//! #             assert!(String::from_utf8(asked).unwrap().contains("anna says: hello"));
//! #         }
//! #         socket.write_frame(&format!("{{{said}}}")).await.unwrap();
//! #         if said.contains("welcome") {
//! #             socket.write_frame(r#"{"type":"message","room":"lobby","seq":1,"from":"anna","at":"2026-11-20T10:30:00Z","kind":"text","text":"hello"}"#).await.unwrap();
//! #         }
//! #     }
//! # });
//! let mut bot = Client::connect(Options::new(host, port)).await?;
//! bot.login("parrot", &Password::new("correct horse".into())).await?;
//! while let Some(event) = bot.next().await {
//!     if let Event::Message(message) = event {
//!         let answer = format!("{} says: {}", message.from, message.text);
//!         bot.send(&message.room, &answer).await?;
//! #       break;
//!     }
//! }
//! # server.await?;
//! # Ok(())
//! # }
//! ```

pub mod calls;
pub mod credential;
pub mod dial;
pub mod event;
pub mod known;
pub mod last;
pub mod link;
pub mod log;
mod meaning;
pub mod model;
pub mod outgoing;
pub mod preferences;
pub mod room;
pub mod trust;

pub use crate::wire::event::{
    Event as Answer, Hello, LastLogin, Message, Person, Presence, Registration, RoomEntry,
    RoomState, Welcome,
};
pub use crate::wire::{Code, DEFAULT_PORT, Request, request};
pub use calls::{Page, Part};
pub use dial::ConnectError;
pub use event::{Ending, EndingKind, Event, Refusal, Sent, Unsent};
pub use known::KnownHosts;
pub use last::Last;
pub use link::{Client, Options};
pub use log::Log;
pub use outgoing::Outgoing;
pub use preferences::{Notify, Preferences, PreferencesFile};
pub use trust::{Trust, TrustError};
