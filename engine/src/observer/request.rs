//! What a client asks for. Only the request line matters, and of the headers `Accept`.

/// Longest request, request line and headers together.
pub(super) const LONGEST: usize = 8 * 1024;
/// Most headers; a request with more is refused.
const HEADERS: usize = 64;

/// What there is to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Page {
    /// All figures, as OpenMetrics text or, for those who accept only that, in the older text format.
    Metrics { classic: bool },
    /// Whether the server is alive.
    Health,
    /// Whether it serves.
    Readiness,
}

/// Why there is nothing to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// This is no HTTP/1 request, or too long for one.
    Malformed,
    /// No such page.
    Unknown,
    /// Something other than GET and HEAD.
    Method,
}

/// A request that is complete, or that cannot become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) page: Result<Page, Refusal>,
    /// HEAD: the answer has no body.
    pub(super) head: bool,
}

/// Read what has come so far; `None` if more has to come.
pub(super) fn parse(input: &[u8]) -> Option<Request> {
    let malformed = Request {
        page: Err(Refusal::Malformed),
        head: false,
    };
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(input) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) if input.len() < LONGEST => return None,
        Ok(httparse::Status::Partial) | Err(_) => return Some(malformed),
    }
    let (Some(method), Some(target)) = (request.method, request.path) else {
        return Some(malformed);
    };
    if !matches!(method, "GET" | "HEAD") {
        let page = Err(Refusal::Method);
        return Some(Request { page, head: false });
    }
    let path = target.split('?').next().unwrap_or_default();
    let page = match path {
        "/metrics" => Ok(Page::Metrics {
            classic: wants_classic(request.headers),
        }),
        "/healthz" => Ok(Page::Health),
        "/readyz" => Ok(Page::Readiness),
        _ => Err(Refusal::Unknown),
    };
    let head = method == "HEAD";
    Some(Request { page, head })
}

/// Whether the client names plain text and not OpenMetrics among what it accepts.
fn wants_classic(headers: &[httparse::Header<'_>]) -> bool {
    let accept = headers
        .iter()
        .filter(|header| header.name.eq_ignore_ascii_case("accept"))
        .map(|header| String::from_utf8_lossy(header.value).to_ascii_lowercase());
    let accept: Vec<_> = accept.collect();
    let names = |kind: &str| accept.iter().any(|value| value.contains(kind));
    names("text/plain") && !names("openmetrics-text")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str) -> Option<Result<Page, Refusal>> {
        parse(text.as_bytes()).map(|request| request.page)
    }

    #[test]
    fn a_request_is_read_when_it_is_complete() {
        let whole = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
        for end in 0..whole.len() {
            assert_eq!(page(&whole[..end]), None, "{:?}", &whole[..end]);
        }
        assert_eq!(page(whole), Some(Ok(Page::Health)));
        assert_eq!(
            page("GET /readyz?x=1 HTTP/1.0\r\n\r\n"),
            Some(Ok(Page::Readiness))
        );
    }

    #[test]
    fn what_is_not_served_is_refused_for_its_reason() {
        for (text, refusal) in [
            ("GET / HTTP/1.1\r\n\r\n", Refusal::Unknown),
            ("GET /metrics/ HTTP/1.1\r\n\r\n", Refusal::Unknown),
            ("GET //metrics HTTP/1.1\r\n\r\n", Refusal::Unknown),
            ("POST /metrics HTTP/1.1\r\n\r\n", Refusal::Method),
            ("BREW /pot HTTP/1.1\r\n\r\n", Refusal::Method),
            ("GET /metrics HTTP/2.0\r\n\r\n", Refusal::Malformed),
            ("GET /metrics\r\n\r\n", Refusal::Malformed),
            ("\u{1}\u{2}\u{3}", Refusal::Malformed),
            (
                "GET /metrics HTTP/1.1\r\nno colon\r\n\r\n",
                Refusal::Malformed,
            ),
        ] {
            assert_eq!(page(text), Some(Err(refusal)), "{text:?}");
        }
        let long = format!("GET /{} HTTP/1.1\r\n", "x".repeat(LONGEST));
        assert_eq!(page(&long), Some(Err(Refusal::Malformed)));
        let many = format!("GET /metrics HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(65));
        assert_eq!(page(&many), Some(Err(Refusal::Malformed)));
    }

    #[test]
    fn the_older_format_is_for_those_who_name_it_alone() {
        for (accept, classic) in [
            ("*/*", false),
            ("text/plain", true),
            ("text/plain; version=0.0.4", true),
            (
                "application/openmetrics-text; version=1.0.0, text/plain",
                false,
            ),
            ("Application/OpenMetrics-Text, text/plain;q=0.5", false),
        ] {
            let text = format!("GET /metrics HTTP/1.1\r\naccept: {accept}\r\n\r\n");
            assert_eq!(page(&text), Some(Ok(Page::Metrics { classic })), "{accept}");
        }
    }
}
