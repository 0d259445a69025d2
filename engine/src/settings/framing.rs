//! Which bytes make one message, as a port's settings say it.

use crate::error::{Error, Result};
use crate::protocol::{
    DEFAULT_MAX_LENGTH, Framing, LengthField, LengthFn, LengthKind, Marker, Rule,
};

/// Checked framing settings. Of several rules the first counts: end marker, length, MQTT, none.
#[derive(Clone)]
pub(crate) struct FramingSettings {
    pub(super) eof_check: bool,
    pub(super) eof_split: bool,
    pub(super) eof: Marker,
    pub(super) length_check: bool,
    pub(super) length_kind: LengthKind,
    pub(super) length_offset: usize,
    pub(super) body_offset: usize,
    pub(super) max_length: usize,
    pub(super) mqtt: bool,
    /// Given by a program, not by a value.
    pub(crate) length_by: Option<LengthFn>,
}

impl Default for FramingSettings {
    fn default() -> FramingSettings {
        FramingSettings {
            eof_check: false,
            eof_split: false,
            eof: Marker::default(),
            length_check: false,
            length_kind: LengthKind::N,
            length_offset: 0,
            body_offset: 4,
            max_length: DEFAULT_MAX_LENGTH,
            mqtt: false,
            length_by: None,
        }
    }
}

impl FramingSettings {
    pub(super) fn max_length(&self) -> usize {
        self.max_length
    }

    /// The framing of a port with these settings.
    pub(crate) fn framing(&self) -> Result<Framing> {
        let rule = if self.eof_split {
            Rule::EofSplit(self.eof.clone())
        } else if self.eof_check {
            Rule::EofCheck(self.eof.clone())
        } else if let Some(length) = &self.length_by {
            Rule::LengthBy(LengthFn::clone(length))
        } else if self.length_check {
            let field = LengthField::new(self.length_kind, self.length_offset, self.body_offset);
            Rule::Length(field.map_err(|text| Error::BadSetting(text.into()))?)
        } else if self.mqtt {
            Rule::Mqtt
        } else {
            Rule::Raw
        };
        Ok(Framing::new(rule, self.max_length))
    }

    /// Whether there is no framing at all.
    pub(crate) fn is_raw(&self) -> bool {
        !(self.eof_split || self.eof_check || self.length_check || self.mqtt)
            && self.length_by.is_none()
    }

    /// Whether end markers are looked for, but only at the end of what a read brings.
    pub(crate) fn is_loose(&self) -> bool {
        self.eof_check && !self.eof_split
    }
}

impl std::fmt::Debug for FramingSettings {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_struct("FramingSettings")
            .field("eof_check", &self.eof_check)
            .field("eof_split", &self.eof_split)
            .field("length_check", &self.length_check)
            .field("max_length", &self.max_length)
            .field("mqtt", &self.mqtt)
            .field("length_by", &self.length_by.is_some())
            .finish_non_exhaustive()
    }
}
