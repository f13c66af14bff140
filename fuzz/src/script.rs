//! Bytes as a script: numbers and slices, taken from the front for as long as there are any.

/// What is left of a script.
pub struct Script<'a>(pub &'a [u8]);

impl<'a> Script<'a> {
    /// The next byte; `None` at the end.
    pub fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    /// The next two bytes as a number, the higher one first.
    pub fn number(&mut self) -> Option<usize> {
        Some(usize::from(self.byte()?) << 8 | usize::from(self.byte()?))
    }

    /// The next bytes, as many as the two before them say or there are.
    pub fn slice(&mut self) -> Option<&'a [u8]> {
        let len = self.number()?.min(self.0.len());
        let (slice, rest) = self.0.split_at(len);
        self.0 = rest;
        Some(slice)
    }
}
