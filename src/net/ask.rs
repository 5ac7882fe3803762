//! What is asked on a connection: a worker answers by itself what needs no rules, passes the rest on to the hub, and counts
//! what a stranger asks.

use crate::base::{ConnId, RequestId};
use crate::engine::input::{Input, Request};
use crate::net::native::request::Asked;
use crate::net::native::{self, encode_error};
use crate::net::worker::Worker;
use crate::wire::request::{Request as Wire, Tagged};
use crate::wire::{Code, PROTOCOL};

/// When to come again after too many requests without a login.
const REQUESTS_MS: u64 = 5_000;

impl Worker {
    /// One request is answered.
    pub(super) fn answered(&mut self, slot: u32) {
        if let Some(conn) = self.conn(slot) {
            conn.owed -= conn.owed / conn.outstanding.max(1) as usize;
            conn.outstanding = conn.outstanding.saturating_sub(1);
        }
        self.count_request(slot);
        self.go_on_reading(slot);
    }

    pub(super) fn take_frame(&mut self, slot: u32, frame: &[u8]) {
        match Tagged::decode(frame) {
            Ok(tagged) => self.take_request(slot, tagged, frame.len()),
            Err(error) => {
                self.refuse(slot, error.id.as_ref(), error.code, &error.text);
                match error.code {
                    Code::BadFrame => self.close(slot),
                    _ => self.count_request(slot),
                }
            }
        }
    }

    /// Answers what needs no engine, and passes the rest on.
    fn take_request(&mut self, slot: u32, Tagged { id, mut request }: Tagged, bytes: usize) {
        if let Wire::Resume(resume) = &mut request
            && (resume.epoch.as_ref()).is_some_and(|epoch| *epoch != self.greeting.epoch)
        {
            // They may count messages that a backup has not, and others have their numbers now.
            resume.cursors.clear();
        }
        let greeted = self.conn(slot).is_some_and(|conn| conn.greeted);
        match native::read(request, &mut self.names) {
            Ok(Asked::Hello { protocol }) => self.hello(slot, id, protocol),
            _ if !greeted => self.refuse(
                slot,
                id.as_ref(),
                Code::BadRequest,
                "say hello first: {\"type\":\"hello\",\"protocol\":1,\"client\":\"NAME/VERSION\"}",
            ),
            Ok(Asked::Echo { text }) => {
                let frame = native::encode_echo(id, text);
                self.fanout.push(slot, &frame);
            }
            Ok(Asked::Ping { data }) => {
                let frame = native::encode_pong(id, data);
                self.fanout.push(slot, &frame);
            }
            Ok(Asked::Engine(request)) => {
                let owed = bytes + native::answer_bytes(&request);
                return self.pass_on(slot, id, request, owed);
            }
            Err((code, text)) => self.refuse(slot, id.as_ref(), code, &text),
        }
        self.count_request(slot);
    }

    /// A request is answered. Of a stranger so many are, and who has asked for more than that has to come anew, which is
    /// counted elsewhere. What follows a login in one write is asked by whoever logs in.
    fn count_request(&mut self, slot: u32) {
        let most = self.greeting.limits.login_requests;
        let Some(conn) = self.open_conn(slot).filter(|conn| !conn.admitted) else {
            return;
        };
        conn.login_requests += 1;
        if conn.login_requests < most {
            return;
        }
        let text = format!("{most} requests without a login are enough; connect again and log in");
        let words = encode_error(None, Code::RateLimited, &text, Some(REQUESTS_MS));
        self.fanout.push(slot, &words);
        self.close(slot);
    }

    fn hello(&mut self, slot: u32, id: Option<RequestId>, protocol: u32) {
        if protocol != PROTOCOL {
            let text = format!("this server speaks protocol {PROTOCOL}; say hello with that one");
            return self.refuse(slot, id.as_ref(), Code::BadRequest, &text);
        }
        if self.is_barred(slot) {
            return;
        }
        if let Some(conn) = self.conn(slot) {
            conn.greeted = true;
        }
        let frame = native::encode_hello(id, &self.greeting);
        self.fanout.push(slot, &frame);
    }

    fn pass_on(&mut self, slot: u32, id: Option<RequestId>, request: Request, owed: usize) {
        let conn_id: ConnId = self.id(slot);
        let Some(conn) = self.conn(slot) else {
            return;
        };
        conn.known = true;
        conn.outstanding += 1;
        conn.owed += owed;
        let input = Input::Request {
            conn: conn_id,
            from: conn.peer,
            id,
            request,
        };
        self.tell_hub(input);
    }

    /// The hub is gone, because the daemon is about to stop.
    pub(super) fn not_heard(&mut self, input: Input) {
        match input {
            Input::Several(inputs) => inputs.into_iter().for_each(|it| self.not_heard(it)),
            Input::Request { conn, id, .. } => {
                if let Some(slot) = self.find(conn) {
                    let text = "the server is stopping; connect again in a while";
                    self.refuse(slot, id.as_ref(), Code::ShuttingDown, text);
                    self.answered(slot);
                }
            }
            _ => {}
        }
    }
}
