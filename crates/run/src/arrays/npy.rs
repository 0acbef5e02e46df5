//! The `.npy` format: a header, then the values.

use super::error::Fault;
use super::header::{Header, Kind, fill};
use super::{Array, ArrayError, LARGEST, Values, entries, half, write_atomically};
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

/// Reads a `.npy` file. Longer files than [`LARGEST`] are refused.
///
/// # Errors
/// See [`Fault`].
pub fn read_npy(path: &Path) -> Result<Array, ArrayError> {
    let file = File::open(path).map_err(|error| ArrayError::system(path, &error))?;
    let mut budget = LARGEST;
    decode(&mut BufReader::new(file), &mut budget).map_err(|fault| ArrayError::new(path, fault))
}

/// Writes a `.npy` file that `numpy.load` reads, as a whole or not at all.
///
/// # Errors
/// What the system refuses.
pub fn write_npy(path: &Path, array: &Array) -> Result<(), ArrayError> {
    write_atomically(path, |writer| encode(writer, array)).map_err(|error| ArrayError::system(path, &error))
}

/// Values are read in pieces of so many bytes: a multiple of every size of a value.
const PIECE: usize = 1 << 16;

/// Reads an array and checks that nothing follows. The memory it takes is taken off the budget.
pub(super) fn decode(reader: &mut dyn Read, budget: &mut u64) -> Result<Array, Fault> {
    let header = Header::read(reader)?;
    let count = entries(&header.shape);
    let single = matches!(header.kind, Kind::Float(2 | 4));
    let memory = count.and_then(|count| (count as u64).checked_mul(if single { 4 } else { 8 }));
    let too_large = Fault::TooLarge { bytes: memory, limit: *budget };
    let (Some(count), Some(memory)) = (count, memory) else { return Err(too_large) };
    *budget = budget.checked_sub(memory).ok_or(too_large)?;
    let mut values = if single { Values::F32(Vec::new()) } else { Values::F64(Vec::new()) };
    let width = header.kind.bytes();
    let mut left = count;
    let mut piece = vec![0; PIECE.min(count * width)];
    while left > 0 {
        let now = left.min(PIECE / width);
        let bytes = &mut piece[..now * width];
        fill(reader, bytes, Fault::Truncated)?;
        append(&mut values, bytes, &header)?;
        left -= now;
    }
    // This also lets the archive compare its checksum.
    match reader.read(&mut [0]) {
        Ok(0) => {}
        Ok(_) => return Err(Fault::Longer),
        Err(error) => return Err(Fault::while_reading(&error)),
    }
    if header.fortran_order && header.shape.len() > 1 {
        values = match values {
            Values::F32(values) => Values::F32(row_major(&header.shape, &values)),
            Values::F64(values) => Values::F64(row_major(&header.shape, &values)),
        };
    }
    Ok(Array { shape: header.shape, values })
}

/// Appends the values that some bytes hold. Memory grows with the data that really came.
fn append(values: &mut Values, bytes: &[u8], header: &Header) -> Result<(), Fault> {
    let numbers = bytes.chunks_exact(header.kind.bytes()).map(|value| {
        // As the bytes of a little-endian number of 64 bits.
        let mut wide = [0; 8];
        wide[..value.len()].copy_from_slice(value);
        if header.big_endian {
            wide[..value.len()].reverse();
        }
        u64::from_le_bytes(wide)
    });
    match (values, header.kind) {
        (Values::F32(values), Kind::Float(2)) => values.extend(numbers.map(|bits| half::to_f32(bits as u16))),
        (Values::F32(values), _) => values.extend(numbers.map(|bits| f32::from_bits(bits as u32))),
        (Values::F64(values), Kind::Float(_)) => values.extend(numbers.map(f64::from_bits)),
        (Values::F64(values), Kind::Bool) => values.extend(numbers.map(|bits| f64::from(u8::from(bits != 0)))),
        (Values::F64(values), Kind::Unsigned(_)) => {
            for bits in numbers {
                values.push(exact(i128::from(bits))?);
            }
        }
        (Values::F64(values), Kind::Signed(width)) => {
            let unused = 64 - 8 * width as u32;
            for bits in numbers {
                values.push(exact(i128::from((bits << unused).cast_signed() >> unused))?);
            }
        }
    }
    Ok(())
}

fn exact(integer: i128) -> Result<f64, Fault> {
    let value = integer as f64;
    if value as i128 == integer { Ok(value) } else { Err(Fault::Integer(integer)) }
}

/// The values with the last axis fastest, of values with the first axis fastest.
fn row_major<T: Copy>(shape: &[usize], values: &[T]) -> Vec<T> {
    let mut strides = Vec::with_capacity(shape.len());
    let mut stride = 1;
    for extent in shape {
        strides.push(stride);
        stride *= extent;
    }
    let mut at = vec![0; shape.len()];
    let mut offset = 0;
    let mut ordered = Vec::with_capacity(values.len());
    while ordered.len() < values.len() {
        ordered.push(values[offset]);
        for axis in (0..shape.len()).rev() {
            at[axis] += 1;
            offset += strides[axis];
            if at[axis] < shape[axis] {
                break;
            }
            offset -= strides[axis] * shape[axis];
            at[axis] = 0;
        }
    }
    ordered
}

/// Writes an array in little-endian, row-major order.
pub(super) fn encode(writer: &mut dyn Write, array: &Array) -> io::Result<()> {
    let mut piece = Vec::with_capacity(PIECE);
    match &array.values {
        Values::F32(values) => {
            writer.write_all(&Header::write(4, &array.shape))?;
            for part in values.chunks(PIECE / 4) {
                piece.clear();
                piece.extend(part.iter().flat_map(|value| value.to_le_bytes()));
                writer.write_all(&piece)?;
            }
        }
        Values::F64(values) => {
            writer.write_all(&Header::write(8, &array.shape))?;
            for part in values.chunks(PIECE / 8) {
                piece.clear();
                piece.extend(part.iter().flat_map(|value| value.to_le_bytes()));
                writer.write_all(&piece)?;
            }
        }
    }
    Ok(())
}
