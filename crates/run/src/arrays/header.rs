//! The header of a `.npy` file: `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.

use super::Fault;
use std::io::Read;

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// NumPy itself reads no header longer than 10,000 bytes unless told to.
const LONGEST: usize = 1 << 16;
/// NumPy has no array of more axes.
const MOST_AXES: usize = 64;

/// What a header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    /// The type of the values.
    pub kind: Kind,
    /// The order of their bytes.
    pub big_endian: bool,
    /// Whether the first axis varies fastest.
    pub fortran_order: bool,
    /// The extents.
    pub shape: Vec<usize>,
    /// How many bytes the header takes in the file.
    pub length: u64,
}

/// A type of values, with the number of bytes each takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `?`
    Bool,
    /// `f2`, `f4`, `f8`
    Float(usize),
    /// `i1` to `i8`
    Signed(usize),
    /// `u1` to `u8`
    Unsigned(usize),
}

impl Kind {
    /// How many bytes a value takes.
    pub fn bytes(self) -> usize {
        match self {
            Kind::Bool => 1,
            Kind::Float(bytes) | Kind::Signed(bytes) | Kind::Unsigned(bytes) => bytes,
        }
    }
}

impl Header {
    /// Reads a header, and nothing after it.
    pub fn read(reader: &mut dyn Read) -> Result<Header, Fault> {
        let start: [u8; 8] = bytes(reader, Fault::Magic)?;
        if start[..6] != *MAGIC {
            return Err(Fault::Magic);
        }
        let (length, prefix) = match (start[6], start[7]) {
            (1, 0) => (u16::from_le_bytes(bytes(reader, Fault::Truncated)?) as usize, 10),
            (2 | 3, 0) => (u32::from_le_bytes(bytes(reader, Fault::Truncated)?) as usize, 12),
            (major, minor) => return Err(Fault::Version(major, minor)),
        };
        if length > LONGEST {
            return Err(Fault::Header(format!("it is {length} bytes long, more than {LONGEST}")));
        }
        let mut text = vec![0; length];
        fill(reader, &mut text, Fault::Truncated)?;
        let mut header = Parser { text: &text, at: 0 }.header()?;
        header.length = (prefix + length) as u64;
        Ok(header)
    }

    /// The bytes before the values, for little-endian floats of so many bytes.
    pub fn write(float_bytes: usize, shape: &[usize]) -> Vec<u8> {
        let axes: String = match shape {
            [one] => format!("{one},"),
            _ => shape.iter().map(usize::to_string).collect::<Vec<_>>().join(", "),
        };
        let mut text = format!("{{'descr': '<f{float_bytes}', 'fortran_order': False, 'shape': ({axes}), }}");
        // The values begin at a multiple of 64 bytes. With at most 64 axes version 1 is long enough.
        let used = MAGIC.len() + 4 + text.len() + 1;
        text.extend(std::iter::repeat_n(' ', used.next_multiple_of(64) - used));
        text.push('\n');
        let mut all = MAGIC.to_vec();
        all.extend([1, 0]);
        all.extend((text.len() as u16).to_le_bytes());
        all.extend(text.into_bytes());
        all
    }
}

/// So many bytes, or the fault where the data ends before.
fn bytes<const N: usize>(reader: &mut dyn Read, ended: Fault) -> Result<[u8; N], Fault> {
    let mut bytes = [0; N];
    fill(reader, &mut bytes, ended)?;
    Ok(bytes)
}

/// Fills all of `buffer`, or gives the fault where the data ends before.
pub(super) fn fill(reader: &mut dyn Read, buffer: &mut [u8], ended: Fault) -> Result<(), Fault> {
    reader.read_exact(buffer).map_err(|error| match Fault::while_reading(&error) {
        Fault::Truncated => ended,
        other => other,
    })
}

/// A reader of the few Python literals that a header holds.
struct Parser<'a> {
    text: &'a [u8],
    at: usize,
}

impl Parser<'_> {
    fn header(mut self) -> Result<Header, Fault> {
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        self.expect(b'{')?;
        while !self.take(b'}') {
            let key = self.string()?;
            self.expect(b':')?;
            let again = match key.as_str() {
                "descr" => descr.replace(self.descr()?).is_some(),
                "fortran_order" => fortran_order.replace(self.truth()?).is_some(),
                "shape" => shape.replace(self.shape()?).is_some(),
                _ => return Err(Fault::Header(format!("it has a field {key:?}"))),
            };
            if again {
                return Err(Fault::Header(format!("{key:?} stands there twice")));
            }
            if !self.take(b',') {
                self.expect(b'}')?;
                break;
            }
        }
        self.skip();
        if self.at != self.text.len() {
            return Err(Fault::Header("there is text after the closing brace".to_owned()));
        }
        let missing = |field: &str| Fault::Header(format!("{field:?} is missing"));
        let (kind, big_endian) = descr.ok_or_else(|| missing("descr"))?;
        let fortran_order = fortran_order.ok_or_else(|| missing("fortran_order"))?;
        let shape = shape.ok_or_else(|| missing("shape"))?;
        Ok(Header { kind, big_endian, fortran_order, shape, length: 0 })
    }

    fn skip(&mut self) {
        while self.text.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        self.skip();
        let found = self.text.get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Result<(), Fault> {
        if self.take(byte) {
            return Ok(());
        }
        Err(Fault::Header(format!("`{}` should stand at byte {}", byte as char, self.at)))
    }

    fn string(&mut self) -> Result<String, Fault> {
        self.skip();
        let quote = match self.text.get(self.at) {
            Some(&quote @ (b'\'' | b'"')) => quote,
            _ => return Err(Fault::Header(format!("a text in quotes should stand at byte {}", self.at))),
        };
        let rest = &self.text[self.at + 1..];
        let length = rest.iter().position(|&byte| byte == quote);
        let length = length.ok_or_else(|| Fault::Header("a quotation mark is not closed".to_owned()))?;
        self.at += length + 2;
        Ok(String::from_utf8_lossy(&rest[..length]).into_owned())
    }

    fn truth(&mut self) -> Result<bool, Fault> {
        self.skip();
        for (word, value) in [("True", true), ("False", false)] {
            if self.text[self.at..].starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(Fault::Header("'fortran_order' is neither True nor False".to_owned()))
    }

    fn shape(&mut self) -> Result<Vec<usize>, Fault> {
        let mut shape = Vec::new();
        self.expect(b'(')?;
        while !self.take(b')') {
            if shape.len() == MOST_AXES {
                return Err(Fault::Header(format!("the shape has more than {MOST_AXES} axes")));
            }
            shape.push(self.extent()?);
            if !self.take(b',') {
                self.expect(b')')?;
                break;
            }
        }
        Ok(shape)
    }

    fn extent(&mut self) -> Result<usize, Fault> {
        self.skip();
        let digits = self.text[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let text = str::from_utf8(&self.text[self.at..][..digits]).unwrap_or_default();
        let extent = text.parse().map_err(|_| match digits {
            0 => Fault::Header(format!("an extent should stand at byte {}", self.at)),
            _ => Fault::Header(format!("the extent {text} is too large")),
        })?;
        self.at += digits;
        // Files written by Python 2 have long integers.
        self.at += usize::from(self.text.get(self.at) == Some(&b'L'));
        Ok(extent)
    }

    fn descr(&mut self) -> Result<(Kind, bool), Fault> {
        self.skip();
        if self.text.get(self.at) == Some(&b'[') {
            return Err(Fault::Type("with named fields".to_owned()));
        }
        let text = self.string()?;
        let (order, name) = match text.chars().next() {
            Some(order @ ('<' | '>' | '=' | '|')) => (order, &text[1..]),
            _ => ('=', text.as_str()),
        };
        let kind = match name {
            "b1" | "?" => Kind::Bool,
            "f2" => Kind::Float(2),
            "f4" => Kind::Float(4),
            "f8" => Kind::Float(8),
            "i1" => Kind::Signed(1),
            "i2" => Kind::Signed(2),
            "i4" => Kind::Signed(4),
            "i8" => Kind::Signed(8),
            "u1" => Kind::Unsigned(1),
            "u2" => Kind::Unsigned(2),
            "u4" => Kind::Unsigned(4),
            "u8" => Kind::Unsigned(8),
            _ if name.starts_with('O') => return Err(Fault::Objects),
            _ => return Err(Fault::Type(format!("{text:?}"))),
        };
        // `=` is the order of the machine that wrote it, which NumPy never leaves in a file.
        let big_endian = order == '>';
        Ok((kind, big_endian))
    }
}
