//! How a message of the exchange lies in its frame: number of the call and stamp in the head, then the time of dispatch,
//! then the payload, or the number of the parcel that has it.

use super::exchange::{Exchange, Party, Stamp, Way};
use super::frame::{Head, Kind};
use super::lane::LaneWriter;
use super::parcels::{INLINE, Parcel, Unpacked};

/// Bit of the call's number in the head: the payload is in a parcel.
const IN_PARCEL: u64 = 1 << 63;

/// A message shorter than this never takes the way of a parcel: a page and three calls cost more than its room in the ring.
const CROWDING: usize = 4 << 10;

/// What a message says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Envelope {
    pub(crate) kind: Kind,
    /// Number of the call.
    pub(crate) id: u64,
    pub(crate) stamp: Stamp,
    /// When it was sent, Unix time in microseconds.
    pub(crate) given: u64,
}

/// Why something could not be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unsent {
    /// As much waits as may wait.
    Full,
    /// As much as may be is under way to others.
    NoParcel,
    /// More than may ever wait.
    TooBig,
}

/// Where its payload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body<'a> {
    /// Here.
    Inline(&'a [u8]),
    /// In a parcel.
    Parcel(Parcel),
}

impl Envelope {
    /// As head of a frame.
    pub(crate) fn head(&self, in_parcel: bool) -> Head {
        let mark = if in_parcel { IN_PARCEL } else { 0 };
        Head::new(self.kind, self.id & !IN_PARCEL | mark, self.stamp.encode())
    }

    /// Publish a message of `party` in a queue, of which `writer` is the end, and say so. Whom to wake is the caller's business.
    pub(crate) fn post(
        &self,
        exchange: &Exchange,
        (party, way): (Party, Way),
        writer: &mut LaneWriter,
        data: &[u8],
    ) -> Result<(), Unsent> {
        if data.len() as u64 > exchange.parcels().longest() {
            return Err(Unsent::TooBig);
        }
        let fits = data.len() <= INLINE.min(writer.longest() / 2);
        if fits && !self.crowds(exchange, way, writer, data) {
            return self.post_inline(exchange, way, writer, data);
        }
        let parcels = exchange.parcels();
        let parcel = match parcels.pack(party, exchange.number_of(way), writer.end(), data) {
            Ok(parcel) => parcel,
            Err(_) if fits => return self.post_inline(exchange, way, writer, data),
            Err(Unpacked::TooLong) => return Err(Unsent::TooBig),
            Err(Unpacked::Full) => return Err(Unsent::NoParcel),
        };
        if let Err(unsent) = self.pass_on(exchange, way, writer, parcel) {
            parcels.take_back(party, parcel);
            return Err(unsent);
        }
        parcels.sent(party);
        Ok(())
    }

    fn post_inline(
        &self,
        exchange: &Exchange,
        way: Way,
        writer: &mut LaneWriter,
        data: &[u8],
    ) -> Result<(), Unsent> {
        if !writer.post(self.head(false), [&self.given.to_ne_bytes(), data]) {
            return Err(Unsent::Full);
        }
        exchange.flag(way);
        Ok(())
    }

    /// Whether a message that would fit the ring goes as a parcel all the same, so that a few long ones do not keep out what comes
    /// behind them. Not where the ring is as long as what may wait.
    fn crowds(&self, exchange: &Exchange, way: Way, writer: &mut LaneWriter, data: &[u8]) -> bool {
        data.len() >= CROWDING
            && !matches!(way, Way::Tasks(_))
            && exchange.parcels().are_possible()
            && writer.is_crowded_by(data.len())
    }

    /// The same with a parcel that is there.
    pub(crate) fn pass_on(
        &self,
        exchange: &Exchange,
        way: Way,
        writer: &mut LaneWriter,
        parcel: Parcel,
    ) -> Result<(), Unsent> {
        let (given, word) = (self.given.to_ne_bytes(), parcel.word().to_ne_bytes());
        if !writer.post(self.head(true), [&given, &word]) {
            return Err(Unsent::Full);
        }
        exchange.flag(way);
        Ok(())
    }

    /// Read a frame. What no sender of ours has written is an empty message.
    pub(crate) fn open(head: Head, payload: &[u8]) -> (Envelope, Body<'_>) {
        let (given, rest) = match payload.split_first_chunk() {
            Some((given, rest)) => (u64::from_ne_bytes(*given), rest),
            None => (0, payload),
        };
        let envelope = Envelope {
            kind: head.kind,
            id: head.session & !IN_PARCEL,
            stamp: Stamp::decode(head.argument),
            given,
        };
        let parcel = (head.session & IN_PARCEL != 0)
            .then(|| <[u8; 8]>::try_from(rest).ok())
            .flatten()
            .and_then(|word| Parcel::from_word(u64::from_ne_bytes(word)));
        match parcel {
            Some(parcel) => (envelope, Body::Parcel(parcel)),
            None => (envelope, Body::Inline(rest)),
        }
    }
}
