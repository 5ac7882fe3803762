//! The client against a server of a few lines, over real sockets.

use tokio::net::TcpListener;

use super::*;
use crate::base::Password;
use crate::client::event::EndingKind;
use crate::wire::frame::FrameStream;

const HELLO: &str = r#""type":"hello","server":"s","software":"chatd/1","protocol":1,"registration":"open","limits":{"frame":65536,"text":8192,"name_chars":32,"topic":256,"key":64,"page_messages":200,"password_chars_min":8,"requests_outstanding":256,"key_hours":72},"features":[]"#;

/// The server's end of one connection.
struct Peer(TcpStream);

impl Peer {
    /// What the client says next.
    async fn hears(&mut self) -> String {
        let frame = self.0.read_frame().await.unwrap().unwrap();
        String::from_utf8(frame).unwrap()
    }

    async fn says(&mut self, json: &str) {
        self.0.write_frame(json).await.unwrap();
    }

    /// Hears a request of this type and answers it.
    async fn answers(&mut self, kind: &str, answer: &str) -> String {
        let request = self.hears().await;
        assert!(
            request.contains(&format!(r#""type":"{kind}""#)),
            "{request}"
        );
        let tagged = crate::wire::request::Tagged::decode(request.as_bytes()).unwrap();
        let re = tagged.id.unwrap().0;
        self.says(&format!(r#"{{"re":{re},{answer}}}"#)).await;
        request
    }

    async fn welcomes(&mut self, kind: &str, last_seq: u64) -> String {
        self.answers("hello", HELLO).await;
        self.answers(kind, &format!(r#""type":"welcome","user":"anna","token":"ct_a","expires_at":"2027-01-01T00:00:00Z","resumed":false,"rooms":[{{"room":"lobby","topic":"","first_seq":1,"last_seq":{last_seq},"read_seq":0,"members":2,"joined":true}}]"#)).await
    }

    async fn message(&mut self, seq: u64) {
        self.says(&format!(r#"{{"type":"message","room":"lobby","seq":{seq},"from":"bert","at":"2026-11-20T10:30:00Z","kind":"text","text":"t{seq}"}}"#)).await;
    }
}

async fn listen() -> (TcpListener, Options) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, Options::new("127.0.0.1", port))
}

async fn accept(listener: &TcpListener) -> Peer {
    Peer(listener.accept().await.unwrap().0)
}

async fn login(client: &mut Client) {
    let password = Password::new("correct horse".into());
    client.login("anna", &password).await.unwrap();
}

impl Client {
    /// Makes it so much later.
    fn jump(&mut self, span: Duration) {
        self.began = self.began.checked_sub(span).unwrap();
    }

    /// The texts of the messages up to this one.
    async fn texts_to(&mut self, last: &str) -> Vec<String> {
        let mut texts = Vec::new();
        while texts.last().is_none_or(|text| text != last) {
            if let Event::Message(message) = self.next().await.unwrap() {
                texts.push(message.text.to_string());
            }
        }
        texts
    }
}

#[tokio::test]
async fn after_a_break_it_comes_back_by_itself_with_what_was_missed() {
    let (listener, options) = listen().await;
    let server = tokio::spawn(async move {
        let mut peer = accept(&listener).await;
        peer.welcomes("login", 1).await;
        peer.message(2).await;
        drop(peer);
        let mut peer = accept(&listener).await;
        let resume = peer.welcomes("resume", 4).await;
        assert!(
            resume.contains(r#""token":"ct_a","cursors":{"lobby":2}"#),
            "{resume}"
        );
        peer.message(3).await;
        peer.message(4).await;
        peer
    });
    let mut client = Client::connect(options).await.unwrap();
    login(&mut client).await;
    assert_eq!(client.texts_to("t4").await, ["t2", "t3", "t4"]);
    server.await.unwrap();
}

#[tokio::test]
async fn a_send_whose_answer_was_cut_off_is_made_good_while_it_is_waited_for() {
    let (listener, options) = listen().await;
    let server = tokio::spawn(async move {
        let mut peer = accept(&listener).await;
        peer.welcomes("login", 1).await;
        let first = peer.hears().await;
        drop(peer);
        let mut peer = accept(&listener).await;
        peer.welcomes("resume", 1).await;
        peer.message(2).await;
        let sent = r#""type":"sent","room":"lobby","seq":3,"at":"2026-11-20T10:30:00Z""#;
        let again = peer.answers("send", sent).await;
        let key = |request: &str| request.split("\"key\":").nth(1).unwrap().to_owned();
        assert_eq!(key(&first), key(&again));
        peer
    });
    let mut client = Client::connect(options).await.unwrap();
    login(&mut client).await;
    let sent = client.send("lobby", "hello").await.unwrap();
    assert_eq!(sent.seq.0, 3);
    // What came meanwhile is not lost.
    assert_eq!(client.texts_to("t2").await, ["t2"]);
    server.await.unwrap();
}

#[tokio::test]
async fn in_silence_it_asks_whether_the_server_is_there() {
    let (listener, options) = listen().await;
    let server = tokio::spawn(async move {
        let mut peer = accept(&listener).await;
        peer.welcomes("login", 1).await;
        peer.answers("ping", r#""type":"pong""#).await;
        let ping = peer.hears().await;
        assert!(ping.contains("ping"), "{ping}");
        // No answer: the client gives this connection up and makes another.
        let mut next = accept(&listener).await;
        next.welcomes("resume", 1).await;
        (peer, next)
    });
    let mut client = Client::connect(options).await.unwrap();
    login(&mut client).await;
    client.jump(Duration::from_secs(31));
    // Until the answer has moved the next question away.
    while client.model.deadline().unwrap() < Duration::from_secs(60) {
        client.turn().await;
    }
    client.jump(Duration::from_secs(31));
    client.turn().await;
    client.jump(Duration::from_secs(21));
    let mut lost = false;
    while let Some(event) = client.next().await {
        match event {
            Event::Lost { why, .. } => {
                assert_eq!(why, "the server does not answer any more");
                lost = true;
            }
            Event::Back { missed: 0 } => break,
            other => assert!(matches!(other, Event::Greeted(_)), "{other:?}"),
        }
    }
    assert!(lost);
    server.await.unwrap();
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_waited_for_and_that_is_told() {
    let (listener, options) = listen().await;
    let mut client = Client::connect(options).await.unwrap();
    client.jump(Duration::from_secs(3));
    assert_eq!(client.next().await, Some(Event::Waiting));
    client.jump(Duration::from_secs(3_600));
    let server = tokio::spawn(async move {
        let mut peer = accept(&listener).await;
        peer.answers("hello", HELLO).await;
        peer
    });
    assert_eq!(&*client.hello().await.unwrap().server, "s");
    server.await.unwrap();
}

#[tokio::test]
async fn whoever_speaks_something_else_is_no_chat_server() {
    let (listener, options) = listen().await;
    let mut client = Client::connect(options).await.unwrap();
    let mut peer = accept(&listener).await;
    peer.0.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").await.unwrap();
    let refusal = client.hello().await.unwrap_err();
    assert_eq!(client.ending().unwrap().kind, EndingKind::Foreign);
    insta::assert_snapshot!(refusal, @"whoever answers there is no chat server, or a much newer one; check the port");
    while client.next().await.is_some() {}
}

#[tokio::test]
async fn where_nobody_is_the_sentence_says_what_to_look_at() {
    let (listener, options) = listen().await;
    drop(listener);
    let refused = Client::connect(options.clone()).await.err().unwrap();
    let port = options.port.to_string();
    insta::assert_snapshot!(refused.to_string().replace(&port, "PORT"), @"nobody answers on port PORT of '127.0.0.1' (connection refused); check the port (--port), or whether chatd runs there");
    let nowhere = Options::new("no-such-host.invalid", 2428);
    let unknown = Client::connect(nowhere).await.err().unwrap();
    assert!(matches!(unknown, ConnectError::Host { .. }), "{unknown}");
}
