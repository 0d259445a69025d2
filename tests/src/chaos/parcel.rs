//! What tasks, messages and results carry: who it is for, and bytes that show any damage.
//!
//! `<verb> <ticket> <session> <bytes>[ <order>]\n` and so many bytes of the ticket, again and again. A ticket is
//! `<client>.<number>`, different for each errand of a run.

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    /// What to do: `work`, `order`; or what was done: `slept`.
    pub verb: String,
    /// Whose it is.
    pub ticket: String,
    /// Session that gets the answer; 0: nobody.
    pub session: u64,
    /// Bytes behind the first line.
    pub bytes: usize,
    /// With the verb `order`: which.
    pub order: String,
}

impl Parcel {
    /// With so many bytes.
    pub fn new(verb: &str, ticket: &str, session: u64, bytes: usize) -> Parcel {
        Parcel {
            verb: verb.into(),
            ticket: ticket.into(),
            session,
            bytes,
            order: String::new(),
        }
    }

    /// All its bytes.
    pub fn encode(&self) -> Vec<u8> {
        let Parcel {
            verb,
            ticket,
            session,
            bytes,
            ..
        } = self;
        let mut encoded = format!("{verb} {ticket} {session} {bytes}\n").into_bytes();
        encoded.extend(filler(ticket, *bytes));
        encoded
    }

    /// `None`: it is damaged.
    pub fn decode(encoded: &[u8]) -> Option<Parcel> {
        let end = encoded.iter().position(|byte| *byte == b'\n')?;
        let head = std::str::from_utf8(&encoded[..end]).ok()?;
        let mut words = head.splitn(5, ' ');
        let mut word = || words.next();
        let parcel = Parcel {
            verb: word()?.into(),
            ticket: word()?.into(),
            session: word()?.parse().ok()?,
            bytes: word()?.parse().ok()?,
            order: word().unwrap_or_default().into(),
        };
        let rest = &encoded[end + 1..];
        let good = rest.len() == parcel.bytes
            && filler(&parcel.ticket, parcel.bytes).eq(rest.iter().copied());
        good.then_some(parcel)
    }
}

fn filler(ticket: &str, bytes: usize) -> impl Iterator<Item = u8> {
    ticket.bytes().chain([b'\n']).cycle().take(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_shows() {
        let whole = Parcel::new("work", "3.17", 5, 100);
        let mut encoded = whole.encode();
        assert_eq!(Parcel::decode(&encoded), Some(whole));
        assert_eq!(Parcel::decode(&encoded[..encoded.len() - 1]), None);
        encoded[60] ^= 1;
        assert_eq!(Parcel::decode(&encoded), None);
        let order = Parcel::decode(b"order o.1 9 0 !sleep 300\n").map(|parcel| parcel.order);
        assert_eq!(order, Some("!sleep 300".into()));
    }
}
