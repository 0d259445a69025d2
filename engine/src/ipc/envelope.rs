//! How a message of the exchange lies in its frame: number of the call and stamp in the head, then the time of dispatch,
//! then the payload, or the number of the parcel that has it.

use super::exchange::{Exchange, Party, Stamp, Way};
use super::frame::{Head, Kind};
use super::lane::LaneWriter;
use super::parcels::{INLINE, Parcel, Unpacked};

/// Bit of the call's number in the head: the payload is in a parcel.
const IN_PARCEL: u64 = 1 << 63;

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
        self.put(exchange, (party, way), writer, data)?;
        exchange.flag(way);
        Ok(())
    }

    /// The same, but nobody is told.
    pub(crate) fn put(
        &self,
        exchange: &Exchange,
        (party, way): (Party, Way),
        writer: &mut LaneWriter,
        data: &[u8],
    ) -> Result<(), Unsent> {
        if data.len() as u64 > exchange.parcels().longest() {
            return Err(Unsent::TooBig);
        }
        let given = self.given.to_ne_bytes();
        if data.len() <= INLINE.min(writer.longest() / 2) {
            let room = writer.post(self.head(false), [&given, data]);
            return room.then_some(()).ok_or(Unsent::Full);
        }
        let parcels = exchange.parcels();
        let parcel = parcels.pack(party, exchange.number_of(way), writer.end(), data);
        let parcel = parcel.map_err(|why| match why {
            Unpacked::TooLong => Unsent::TooBig,
            Unpacked::Full => Unsent::NoParcel,
        })?;
        if !self.put_parcel(writer, parcel) {
            parcels.take_back(party, parcel);
            return Err(Unsent::Full);
        }
        parcels.sent(party);
        Ok(())
    }

    /// Publish it with a parcel that is there, and say so.
    pub(crate) fn pass_on(
        &self,
        exchange: &Exchange,
        way: Way,
        writer: &mut LaneWriter,
        parcel: Parcel,
    ) -> Result<(), Unsent> {
        if !self.put_parcel(writer, parcel) {
            return Err(Unsent::Full);
        }
        exchange.flag(way);
        Ok(())
    }

    fn put_parcel(&self, writer: &mut LaneWriter, parcel: Parcel) -> bool {
        let (given, word) = (self.given.to_ne_bytes(), parcel.word().to_ne_bytes());
        writer.post(self.head(true), [&given, &word])
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
