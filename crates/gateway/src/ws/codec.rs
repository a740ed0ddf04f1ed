//! WebSocket framing (RFC 6455) as a pure function of bytes: no I/O, no timers, no buffers but for what is incomplete.
//!
//! The server's side only: frames that come in are masked, frames that go out are not, and no extension is spoken, so
//! the reserved bits must be zero. A frame that lies whole in the caller's buffer is unmasked in place and lent out; only
//! a frame or message that is still incomplete when the buffer ends is kept.

/// What a frame is (RFC 6455, section 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opcode {
    /// Goes on with a message that an earlier frame began.
    Continuation = 0,
    /// A message in UTF-8.
    Text = 1,
    /// A message in bytes.
    Binary = 2,
    /// Ends the conversation.
    Close = 8,
    /// Asks whether the other side is there.
    Ping = 9,
    /// Answers a ping.
    Pong = 10,
}

impl Opcode {
    fn parse(bits: u8) -> Option<Self> {
        Some(match bits {
            0 => Opcode::Continuation,
            1 => Opcode::Text,
            2 => Opcode::Binary,
            8 => Opcode::Close,
            9 => Opcode::Ping,
            10 => Opcode::Pong,
            _ => return None,
        })
    }

    fn is_control(self) -> bool {
        self as u8 >= 8
    }
}

/// A whole message, lent by the decoder or by the caller's buffer.
#[derive(Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// A text message.
    Text(&'a str),
    /// A binary message.
    Binary(&'a [u8]),
    /// A ping; its payload comes back in a pong.
    Ping(&'a [u8]),
    /// A pong.
    Pong,
    /// The other side wants to close, with this code if it gave one.
    Close(Option<u16>),
}

/// Why a connection cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// The bytes are not what RFC 6455 allows a client to send.
    Malformed(&'static str),
    /// A text, or the reason of a close, is not UTF-8.
    NotText,
    /// A message is larger than the limit, or in more pieces.
    TooLarge,
}

/// What a message may be.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Its bytes.
    pub bytes: u32,
    /// Its fragments: empty ones would otherwise cost us work for ever and never fill a message.
    pub fragments: u32,
}

const MAX_HEADER: usize = 14;
const MAX_CONTROL: usize = 125;

/// Takes bytes apart into messages.
#[derive(Debug)]
pub struct Decoder {
    bounds: Bounds,
    /// The first bytes of a header that is not complete.
    header: [u8; MAX_HEADER],
    header_length: u8,
    /// The frame whose payload is not complete.
    frame: Option<Frame>,
    /// The kind of the message whose last frame has not come.
    fragmented: Option<Opcode>,
    /// How many of its fragments have.
    fragments: u32,
    /// What has come of an incomplete message.
    message: Vec<u8>,
    /// What has come of an incomplete control frame; these may stand between the fragments of a message.
    control: Vec<u8>,
    /// Whether `message` or `control` was lent out and can go.
    lent: Option<Kept>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    Message,
    Control,
}

#[derive(Clone, Copy, Debug)]
struct Frame {
    opcode: Opcode,
    last: bool,
    mask: [u8; 4],
    left: usize,
}

/// Where the payload of a complete message is.
enum Complete<'i> {
    InPlace(Opcode, &'i mut [u8]),
    Kept(Opcode, Kept),
}

impl Decoder {
    /// A decoder for messages within `bounds`.
    pub fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            header: [0; MAX_HEADER],
            header_length: 0,
            frame: None,
            fragmented: None,
            fragments: 0,
            message: Vec::new(),
            control: Vec::new(),
            lent: None,
        }
    }

    /// Changes what a message may be, from the next frame on.
    pub fn set_bounds(&mut self, bounds: Bounds) {
        self.bounds = bounds;
    }

    /// How much memory is held for what is incomplete.
    #[cfg(any(test, feature = "fuzzing"))]
    pub fn held(&self) -> usize {
        self.message.capacity() + self.control.capacity()
    }

    /// The next message in `input`, which afterwards begins behind it. `None` when all of `input` is taken in and no
    /// further message is complete. After a violation the decoder is of no more use.
    pub fn next<'s, 'i, 'm>(&'s mut self, input: &mut &'i mut [u8]) -> Result<Option<Message<'m>>, Violation>
    where
        's: 'm,
        'i: 'm,
    {
        match self.advance(input)? {
            None => Ok(None),
            Some(Complete::InPlace(opcode, payload)) => message(opcode, payload).map(Some),
            Some(Complete::Kept(opcode, kept)) => {
                self.lent = Some(kept);
                let payload = match kept {
                    Kept::Message => &self.message,
                    Kept::Control => &self.control,
                };
                message(opcode, payload).map(Some)
            }
        }
    }

    fn advance<'i>(&mut self, input: &mut &'i mut [u8]) -> Result<Option<Complete<'i>>, Violation> {
        match self.lent.take() {
            Some(Kept::Message) => self.message = Vec::new(),
            Some(Kept::Control) => self.control = Vec::new(),
            None => {}
        }
        loop {
            let frame = match self.frame {
                Some(frame) => frame,
                None => match self.header(input)? {
                    Some(frame) => frame,
                    None => return Ok(None),
                },
            };
            let whole = frame.left <= input.len();
            let alone = frame.opcode.is_control() || (frame.last && self.fragmented.is_none());
            if whole && alone && self.frame.is_none() {
                let payload = take(input, frame.left);
                unmask(payload, frame.mask);
                return Ok(Some(Complete::InPlace(frame.opcode, payload)));
            }
            if let Some(complete) = self.keep(frame, input) {
                return Ok(Some(complete));
            }
            if !whole {
                return Ok(None);
            }
        }
    }

    /// Keeps what `input` has of the frame's payload. Some when that completes a message.
    fn keep<'i>(&mut self, mut frame: Frame, input: &mut &mut [u8]) -> Option<Complete<'i>> {
        let payload = take(input, frame.left.min(input.len()));
        unmask(payload, frame.mask);
        frame.mask.rotate_left(payload.len() % 4);
        frame.left -= payload.len();
        let control = frame.opcode.is_control();
        let kept = if control { &mut self.control } else { &mut self.message };
        kept.extend_from_slice(payload);
        if frame.left > 0 {
            self.frame = Some(frame);
            return None;
        }
        self.frame = None;
        if control {
            return Some(Complete::Kept(frame.opcode, Kept::Control));
        }
        let opcode = self.fragmented.unwrap_or(frame.opcode);
        self.fragmented = (!frame.last).then_some(opcode);
        frame.last.then_some(Complete::Kept(opcode, Kept::Message))
    }

    /// The next frame's header, or `None` while it is incomplete.
    fn header(&mut self, input: &mut &mut [u8]) -> Result<Option<Frame>, Violation> {
        loop {
            let have = self.header_length as usize;
            let want = header_length(&self.header[..have]);
            if have == want {
                break;
            }
            let part = take(input, (want - have).min(input.len()));
            if part.is_empty() {
                return Ok(None);
            }
            self.header[have..have + part.len()].copy_from_slice(part);
            self.header_length += part.len() as u8;
            if have < 2 && self.header_length >= 2 {
                self.check(self.header[0], self.header[1])?;
            }
        }
        let header = &self.header[..self.header_length as usize];
        let (lengths, mask) = header.split_at(header.len() - 4);
        let (length, least) = match lengths.len() {
            2 => (u64::from(lengths[1] & 0x7f), 0),
            4 => (u64::from(u16::from_be_bytes([lengths[2], lengths[3]])), 126),
            _ => (u64::from_be_bytes(lengths[2..10].try_into().expect("it has eight bytes of length")), 1 << 16),
        };
        if length < least || length > i64::MAX as u64 {
            return Err(Violation::Malformed("a length is not written as it must be"));
        }
        let opcode = Opcode::parse(header[0] & 0x0f).expect("checked with the first two bytes");
        let room = if opcode.is_control() {
            MAX_CONTROL
        } else {
            (self.bounds.bytes as usize).saturating_sub(self.message.len())
        };
        if length > room as u64 {
            return Err(Violation::TooLarge);
        }
        if !opcode.is_control() {
            self.fragments = if opcode == Opcode::Continuation { self.fragments + 1 } else { 1 };
            if self.fragments > self.bounds.fragments {
                return Err(Violation::TooLarge);
            }
        }
        let mask = mask.try_into().expect("a mask has four bytes");
        self.header_length = 0;
        Ok(Some(Frame { opcode, last: header_is_last(self.header[0]), mask, left: length as usize }))
    }

    /// Refuses at the second byte what no later byte can mend.
    fn check(&self, first: u8, second: u8) -> Result<(), Violation> {
        if first & 0x70 != 0 {
            return Err(Violation::Malformed("a reserved bit is set"));
        }
        let opcode = Opcode::parse(first & 0x0f).ok_or(Violation::Malformed("an unknown opcode"))?;
        if second & 0x80 == 0 {
            return Err(Violation::Malformed("a frame is not masked"));
        }
        if opcode.is_control() {
            if !header_is_last(first) || usize::from(second & 0x7f) > MAX_CONTROL {
                return Err(Violation::Malformed("a control frame is fragmented or too long"));
            }
        } else if (opcode == Opcode::Continuation) != self.fragmented.is_some() {
            return Err(Violation::Malformed("a continuation is missing or out of place"));
        }
        Ok(())
    }
}

fn header_is_last(first: u8) -> bool {
    first & 0x80 != 0
}

/// How long a header is, as far as its first bytes tell.
fn header_length(known: &[u8]) -> usize {
    match known.get(1).map(|second| second & 0x7f) {
        None => 2,
        Some(126) => 8,
        Some(127) => MAX_HEADER,
        Some(_) => 6,
    }
}

fn take<'i>(input: &mut &'i mut [u8], length: usize) -> &'i mut [u8] {
    let (head, tail) = std::mem::take(input).split_at_mut(length);
    *input = tail;
    head
}

fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let wide = u64::from_ne_bytes([mask[0], mask[1], mask[2], mask[3], mask[0], mask[1], mask[2], mask[3]]);
    let mut chunks = payload.chunks_exact_mut(8);
    for chunk in &mut chunks {
        let word = u64::from_ne_bytes((&*chunk).try_into().expect("chunks are eight bytes"));
        chunk.copy_from_slice(&(word ^ wide).to_ne_bytes());
    }
    for (byte, mask) in chunks.into_remainder().iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}

fn message(opcode: Opcode, payload: &[u8]) -> Result<Message<'_>, Violation> {
    Ok(match opcode {
        Opcode::Text => Message::Text(std::str::from_utf8(payload).map_err(|_| Violation::NotText)?),
        Opcode::Binary => Message::Binary(payload),
        Opcode::Ping => Message::Ping(payload),
        Opcode::Pong => Message::Pong,
        Opcode::Close => Message::Close(close_code(payload)?),
        Opcode::Continuation => return Err(Violation::Malformed("a continuation is out of place")),
    })
}

fn close_code(payload: &[u8]) -> Result<Option<u16>, Violation> {
    let [high, low, reason @ ..] = payload else {
        return if payload.is_empty() { Ok(None) } else { Err(Violation::Malformed("half a close code")) };
    };
    let code = u16::from_be_bytes([*high, *low]);
    // Those that RFC 6455, section 7.4, and IANA's registry let an endpoint send.
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(Violation::Malformed("a close code that may not be sent"));
    }
    std::str::from_utf8(reason).map_err(|_| Violation::NotText)?;
    Ok(Some(code))
}

/// Writes the header of an unmasked, unfragmented frame whose payload has `length` bytes.
pub fn put_header(out: &mut Vec<u8>, opcode: Opcode, length: usize) {
    out.push(0x80 | opcode as u8);
    match length {
        0..=125 => out.push(length as u8),
        126..=0xffff => {
            out.push(126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            out.push(127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
}

/// Writes a whole unmasked frame.
pub fn put_frame(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) {
    put_header(out, opcode, payload.len());
    out.extend_from_slice(payload);
}

/// Writes a close frame.
pub fn put_close(out: &mut Vec<u8>, code: u16, reason: &str) {
    let mut payload = Vec::with_capacity(2 + reason.len());
    payload.extend_from_slice(&code.to_be_bytes());
    payload.extend_from_slice(reason.as_bytes());
    payload.truncate(MAX_CONTROL);
    put_frame(out, Opcode::Close, &payload);
}

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod tests;
