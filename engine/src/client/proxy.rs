//! Asking a proxy to connect in our place: SOCKS 5 (RFC 1928, RFC 1929) and HTTP's CONNECT.
//!
//! What is read here is read byte by byte as far as the answer goes and no further: behind it the server may have spoken
//! already.

use std::net::IpAddr;

use super::connection::{Connection, errno};
use super::fault::ClientError;
use super::settings::Proxy;
use crate::error::code;
use crate::net::dial::Reading;
use crate::net::waiting::Deadline;

/// The most that an HTTP proxy may say before its headers end.
const ANSWER_MAX: usize = 16 * 1024;

impl Connection {
    fn say(&mut self, bytes: &[u8], deadline: Deadline) -> Result<(), ClientError> {
        match self.send(bytes, false, deadline)? {
            all if all == bytes.len() => Ok(()),
            _ => Err(errno::ETIMEDOUT.into()),
        }
    }

    /// Exactly so many bytes of the answer. `broken` is the number for an early end.
    fn hear(
        &mut self,
        count: usize,
        broken: i32,
        deadline: Deadline,
    ) -> Result<Vec<u8>, ClientError> {
        while self.inbox.len() < count {
            let most = count - self.inbox.len();
            let read = self.fill(most, Reading::default(), deadline);
            if read.map_err(timed_out)? == 0 {
                return Err(ClientError::with(
                    broken,
                    "the proxy has closed the connection",
                ));
            }
        }
        let range = self.inbox.take(count);
        Ok(self.inbox.shown(range).to_vec())
    }

    pub(super) fn ask_socks5(
        &mut self,
        proxy: &Proxy,
        host: &str,
        port: u16,
        deadline: Deadline,
    ) -> Result<(), ClientError> {
        const VERSION: u8 = 5;
        const OPEN: u8 = 0;
        const BY_PASSWORD: u8 = 2;
        let broken = code::SOCKS5_HANDSHAKE;
        let method = if proxy.user.is_empty() {
            OPEN
        } else {
            BY_PASSWORD
        };
        self.say(&[VERSION, 1, method], deadline)?;
        let chosen = self.hear(2, broken, deadline)?;
        match chosen.as_slice() {
            [VERSION, chosen] if *chosen == method => {}
            [VERSION, _] => return Err(code::SOCKS5_METHOD.into()),
            _ => return Err(code::SOCKS5_VERSION.into()),
        }
        if method == BY_PASSWORD {
            let mut request = vec![1, proxy.user.len() as u8];
            request.extend_from_slice(proxy.user.as_bytes());
            request.push(proxy.password.len() as u8);
            request.extend_from_slice(proxy.password.as_bytes());
            self.say(&request, deadline)?;
            if self.hear(2, broken, deadline)?.get(1) != Some(&0) {
                return Err(code::SOCKS5_AUTH.into());
            }
        }
        let mut request = vec![VERSION, 1, 0];
        match host.parse::<IpAddr>() {
            Ok(IpAddr::V4(ip)) => {
                request.push(1);
                request.extend_from_slice(&ip.octets());
            }
            Ok(IpAddr::V6(ip)) => {
                request.push(4);
                request.extend_from_slice(&ip.octets());
            }
            Err(_) => {
                let length = u8::try_from(host.len()).map_err(|_| errno::EINVAL)?;
                request.extend_from_slice(&[3, length]);
                request.extend_from_slice(host.as_bytes());
            }
        }
        request.extend_from_slice(&port.to_be_bytes());
        self.say(&request, deadline)?;
        let answer = self.hear(4, broken, deadline)?;
        let kind = match answer.as_slice() {
            [VERSION, 0, _, kind] => *kind,
            [VERSION, refusal, ..] => {
                let text = socks5_refusal(*refusal);
                return Err(ClientError::with(code::SOCKS5_SERVER, text));
            }
            _ => return Err(code::SOCKS5_VERSION.into()),
        };
        let address = match kind {
            1 => 4,
            4 => 16,
            3 => {
                let length = self.hear(1, broken, deadline)?;
                usize::from(length.first().copied().unwrap_or(0))
            }
            _ => return Err(code::SOCKS5_SERVER.into()),
        };
        self.hear(address + 2, broken, deadline)?;
        Ok(())
    }

    pub(super) fn ask_http(
        &mut self,
        proxy: &Proxy,
        host: &str,
        port: u16,
        deadline: Deadline,
    ) -> Result<(), ClientError> {
        let bad = |text: &str| Err(ClientError::with(code::HTTP_PROXY_BAD_RESPONSE, text));
        if host.contains(|c: char| c.is_control() || c == ' ') || proxy.user.contains(':') {
            return Err(errno::EINVAL.into()); // it would become another request, or another user
        }
        let bracketed = match host.contains(':') && !host.starts_with('[') {
            true => format!("[{host}]:{port}"),
            false => format!("{host}:{port}"),
        };
        let mut request = format!("CONNECT {bracketed} HTTP/1.1\r\nHost: {bracketed}\r\n");
        if !proxy.user.is_empty() {
            let pair = format!("{}:{}", proxy.user, proxy.password);
            request += &format!("Proxy-Authorization: Basic {}\r\n", base64(pair.as_bytes()));
        }
        request += "\r\n";
        self.say(request.as_bytes(), deadline)?;
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            if answer.len() == ANSWER_MAX {
                return bad("its headers do not end");
            }
            answer.extend(self.hear(1, code::HTTP_PROXY_BAD_RESPONSE, deadline)?);
        }
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut response = httparse::Response::new(&mut headers);
        match response.parse(&answer) {
            Ok(httparse::Status::Complete(_)) => {}
            _ => return bad("this is no HTTP"),
        }
        match response.code {
            Some(200..=299) => Ok(()),
            status => {
                let text = format!(
                    "the proxy says {} {}",
                    status.unwrap_or(0),
                    response.reason.unwrap_or_default()
                );
                Err(ClientError::with(code::HTTP_PROXY_REFUSED, text))
            }
        }
    }
}

/// While connecting, the end of the time has another number.
pub(super) fn timed_out(error: ClientError) -> ClientError {
    match error.code() {
        errno::EAGAIN => errno::ETIMEDOUT.into(),
        _ => error,
    }
}

fn socks5_refusal(number: u8) -> &'static str {
    match number {
        1 => "general failure",
        2 => "not allowed",
        3 => "network unreachable",
        4 => "host unreachable",
        5 => "connection refused",
        6 => "time to live expired",
        7 => "command not supported",
        8 => "address type not supported",
        _ => "refused for an unknown reason",
    }
}

/// Base 64 with padding, by the PEM library: a block without its frame is just that.
fn base64(bytes: &[u8]) -> String {
    let text = pem::encode(&pem::Pem::new("X", bytes));
    let lines = text.lines().filter(|line| !line.starts_with("-----"));
    lines.map(str::trim).collect()
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn base64_is_on_one_line_whatever_its_length() {
        assert_eq!(
            base64(b"Aladdin:open sesame"),
            "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
        );
        assert_eq!(base64(&[0; 300]), "A".repeat(400));
    }
}
