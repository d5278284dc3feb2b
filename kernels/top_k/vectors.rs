use half::f16;
use half::slice::HalfFloatSliceExt;

use crate::GpuError;

/// What the elements of a vector are stored as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// As given.
    F32,
    /// Rounded to 11 bits; magnitudes above 65504 become infinite.
    F16,
    /// Whole numbers from −127 to 127 times a scale, max |x| / 127, of their row's own. A row with a
    /// NaN or an infinity in it scores NaN, so it is never found.
    I8,
}

/// Rows of vectors as they are stored: what is searched, be it on the CPU or on a GPU.
#[derive(Clone, Debug)]
pub struct Vectors {
    dimension: usize,
    rows: usize,
    data: Data,
}

#[derive(Clone, Debug)]
enum Data {
    F32(Vec<f32>),
    F16(Vec<f16>),
    I8 { elements: Vec<i8>, scales: Vec<f32> },
}

impl Vectors {
    /// From `rows × dimension` numbers, row after row.
    ///
    /// # Errors
    /// [`GpuError::BadInput`] where the dimension is 0, the numbers are no whole rows, or there are
    /// `u32::MAX` rows or more.
    pub fn encode(element: Element, dimension: usize, rows: &[f32]) -> Result<Self, GpuError> {
        if dimension == 0 || !rows.len().is_multiple_of(dimension) {
            let given = rows.len();
            let reason = format!("{given} numbers are no whole rows of dimension {dimension}");
            return Err(GpuError::BadInput(reason));
        }
        let data = match element {
            Element::F32 => Data::F32(rows.to_vec()),
            Element::F16 => {
                let mut elements = vec![f16::ZERO; rows.len()];
                elements.convert_from_f32_slice(rows);
                Data::F16(elements)
            }
            Element::I8 => {
                let scales: Vec<f32> = rows.chunks(dimension).map(scale).collect();
                let scaled = rows.chunks(dimension).zip(&scales);
                let elements =
                    scaled.flat_map(|(row, &scale)| row.iter().map(move |&x| round(x, scale)));
                Data::I8 {
                    elements: elements.collect(),
                    scales,
                }
            }
        };
        let rows = rows.len() / dimension;
        if rows >= u32::MAX as usize {
            let reason = format!("{rows} rows; fewer than {} can be searched", u32::MAX);
            return Err(GpuError::BadInput(reason));
        }
        Ok(Self {
            dimension,
            rows,
            data,
        })
    }

    pub fn element(&self) -> Element {
        match self.data {
            Data::F32(_) => Element::F32,
            Data::F16(_) => Element::F16,
            Data::I8 { .. } => Element::I8,
        }
    }

    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows
    }

    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// What a row holds after rounding: `dimension` numbers.
    ///
    /// # Panics
    /// Where there is no such row.
    pub fn decoded(&self, row: usize) -> Vec<f32> {
        let mut decoded = vec![0.0; self.dimension];
        self.decode(row, &mut decoded).to_vec()
    }

    /// What a row holds, in `scratch` (of `dimension` numbers) where it is not stored like that.
    pub(super) fn decode<'a>(&'a self, row: usize, scratch: &'a mut [f32]) -> &'a [f32] {
        let range = row * self.dimension..(row + 1) * self.dimension;
        match &self.data {
            Data::F32(elements) => return &elements[range],
            Data::F16(elements) => elements[range].convert_to_f32_slice(scratch),
            Data::I8 { elements, scales } => {
                let scale = scales[row];
                for (decoded, &element) in scratch.iter_mut().zip(&elements[range]) {
                    *decoded = f32::from(element) * scale;
                }
            }
        }
        scratch
    }

    /// A row as it lies in memory, without its scale.
    pub(super) fn row_bytes(&self, row: usize) -> &[u8] {
        let range = row * self.dimension..(row + 1) * self.dimension;
        match &self.data {
            Data::F32(elements) => bytemuck::cast_slice(&elements[range]),
            Data::F16(elements) => bytemuck::cast_slice(elements[range].reinterpret_cast()),
            Data::I8 { elements, .. } => bytemuck::cast_slice(&elements[range]),
        }
    }

    /// A scale a row; none where elements need none.
    pub(super) fn scales(&self) -> Option<&[f32]> {
        match &self.data {
            Data::I8 { scales, .. } => Some(scales),
            Data::F32(_) | Data::F16(_) => None,
        }
    }
}

/// NaN for a row that is not finite.
fn scale(row: &[f32]) -> f32 {
    if row.iter().all(|x| x.is_finite()) {
        row.iter().fold(0.0_f32, |max, x| max.max(x.abs())) / 127.0
    } else {
        f32::NAN
    }
}

/// The cast takes what is beyond the range to its end (a scale rounded down to a subnormal number lets it
/// be) and NaN, from a scale of 0 or NaN, to 0.
fn round(x: f32, scale: f32) -> i8 {
    ((x / scale).round() as i8).max(-127)
}
