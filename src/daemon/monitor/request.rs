//! As much of HTTP/1.1 (RFC 9112) as somebody needs who asks for three pages: the head of a request, and that of an answer.
//! Does no I/O. `hyper` was turned down: what is here is a tenth of what it would add to the program, and nothing of what
//! it can do beyond would be used.

use crate::wire::openmetrics::Format;

/// The longest head of a request: more than a scraper or a browser sends.
pub(super) const HEAD_BYTES_MAX: usize = 8_192;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub page: Page,
    /// Whether only the head of the answer is wanted.
    pub head_only: bool,
    /// In which format, where there is a choice.
    pub format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    Metrics,
    Healthy,
    Ready,
}

/// A status that is no page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    BadRequest,
    NotFound,
    MethodNotAllowed,
    Timeout,
    TooLarge,
    Version,
}

impl Wrong {
    /// Number and name, and what to do.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::BadRequest => ("400 Bad Request", "this is no request of HTTP/1.1\n"),
            Self::NotFound => (
                "404 Not Found",
                "there are /metrics, /healthz and /readyz\n",
            ),
            Self::MethodNotAllowed => ("405 Method Not Allowed", "use GET or HEAD\n"),
            Self::Timeout => ("408 Request Timeout", "the request did not end in time\n"),
            Self::TooLarge => (
                "431 Request Header Fields Too Large",
                "the head of a request may have 8192 bytes\n",
            ),
            Self::Version => (
                "505 HTTP Version Not Supported",
                "use HTTP/1.1 or HTTP/1.0\n",
            ),
        }
    }
}

/// Where the head ends, if it does.
pub(super) fn end_of_head(bytes: &[u8]) -> Option<usize> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    Some(end + 4)
}

/// Reads a whole head.
pub(super) fn read(head: &[u8]) -> Result<Request, Wrong> {
    let head = std::str::from_utf8(head).map_err(|_| Wrong::BadRequest)?;
    let mut lines = head.split("\r\n");
    let line = lines.next().unwrap_or_default();
    let words: Vec<_> = line.split(' ').collect();
    let [method, target, version] = words[..] else {
        return Err(Wrong::BadRequest);
    };
    let is_token =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_token(method) || !is_token(target) || !version.starts_with("HTTP/") {
        return Err(Wrong::BadRequest);
    }
    if !["HTTP/1.1", "HTTP/1.0"].contains(&version) {
        return Err(Wrong::Version);
    }
    let mut accept = String::new();
    for line in lines.take_while(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').ok_or(Wrong::BadRequest)?;
        if !is_token(name) || value.contains(|letter: char| letter.is_control() && letter != '\t') {
            return Err(Wrong::BadRequest);
        }
        if name.eq_ignore_ascii_case("accept") {
            accept.extend([value, ","]);
        }
    }
    let head_only = match method {
        "GET" => false,
        "HEAD" => true,
        _ => return Err(Wrong::MethodNotAllowed),
    };
    let path = target.split('?').next().unwrap_or_default();
    let page = match path {
        "/metrics" => Page::Metrics,
        "/healthz" => Page::Healthy,
        "/readyz" => Page::Ready,
        _ => return Err(Wrong::NotFound),
    };
    Ok(Request {
        page,
        head_only,
        format: format(&accept),
    })
}

/// The better liked of the two; the older one where nobody says.
fn format(accept: &str) -> Format {
    let (mut open, mut plain) = (0.0, 0.0);
    for range in accept.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
        let weight = parts.find_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok());
        let weight = weight.unwrap_or(1.0);
        match kind.as_str() {
            "application/openmetrics-text" => open = weight.max(open),
            "text/plain" | "text/*" | "*/*" => plain = weight.max(plain),
            _ => {}
        }
    }
    match open > 0.0 && open >= plain {
        true => Format::OpenMetrics,
        false => Format::Plain,
    }
}

/// An answer, after which the connection is closed.
pub(super) fn answer(status: &str, content_type: &str, body: &str, head_only: bool) -> Vec<u8> {
    let allow = match status.starts_with("405") {
        true => "Allow: GET, HEAD\r\n",
        false => "",
    };
    let mut answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
         X-Content-Type-Options: nosniff\r\n{allow}Connection: close\r\n\r\n",
        body.len()
    );
    if !head_only {
        answer.push_str(body);
    }
    answer.into_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn asked(head: &str) -> Result<Request, Wrong> {
        read(head.as_bytes())
    }

    #[test]
    fn pages_are_found_and_what_is_none_is_told() {
        let page = |line: &str| asked(&format!("{line}\r\n\r\n")).map(|request| request.page);
        assert_eq!(page("GET /metrics HTTP/1.1"), Ok(Page::Metrics));
        assert_eq!(page("GET /metrics?x=1 HTTP/1.0"), Ok(Page::Metrics));
        assert_eq!(page("HEAD /healthz HTTP/1.1"), Ok(Page::Healthy));
        assert_eq!(page("GET /readyz HTTP/1.1"), Ok(Page::Ready));
        assert_eq!(page("GET / HTTP/1.1"), Err(Wrong::NotFound));
        assert_eq!(page("GET /metrics/ HTTP/1.1"), Err(Wrong::NotFound));
        assert_eq!(page("GET /METRICS HTTP/1.1"), Err(Wrong::NotFound));
        assert_eq!(page("POST /metrics HTTP/1.1"), Err(Wrong::MethodNotAllowed));
        assert_eq!(page("GET /metrics HTTP/2"), Err(Wrong::Version));
        for wrong in [
            "",
            "GET",
            "GET /metrics",
            "GET  /metrics HTTP/1.1",
            "GET /metrics HTTP/1.1 ",
            "GET /met\u{0}rics HTTP/1.1",
            "GET /metrics HTTP/1.1\r\nno colon",
            "GET /metrics HTTP/1.1\r\nna me: x",
            "GET /metrics HTTP/1.1\r\n folded: x",
            "GET /metrics HTTP/1.1\r\na: b\nc: d",
        ] {
            assert_eq!(page(wrong), Err(Wrong::BadRequest), "{wrong:?}");
        }
    }

    #[test]
    fn the_format_is_the_one_that_is_liked_better() {
        let format = |accept: &str| {
            let head = format!("GET /metrics HTTP/1.1\r\nACCEPT:{accept}\r\n\r\n");
            asked(&head).unwrap().format
        };
        let prometheus = " application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                          text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        assert_eq!(format(prometheus), Format::OpenMetrics);
        assert_eq!(format(" application/openmetrics-text"), Format::OpenMetrics);
        assert_eq!(
            format("application/openmetrics-text;q=0.1, text/plain"),
            Format::Plain
        );
        assert_eq!(
            format("application/openmetrics-text; q=0, */*"),
            Format::Plain
        );
        assert_eq!(format(" */*"), Format::Plain);
        assert_eq!(format(""), Format::Plain);
    }

    proptest! {
        #[test]
        fn whatever_is_sent_is_answered(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&bytes);
            let _ = end_of_head(&bytes);
        }
    }
}
