//! The photo at half its size, again and again; alpha back up.

/// A photo at one size: red, green and blue of each pixel.
pub struct Level {
    pub width: usize,
    pub height: usize,
    pub rgb: Vec<[u8; 3]>,
}

impl Level {
    /// The pixels of `rgba`, without alpha.
    pub fn of(width: u32, height: u32, rgba: &[u8]) -> Level {
        let rgb = rgba
            .as_chunks::<4>()
            .0
            .iter()
            .map(|&[r, g, b, _]| [r, g, b])
            .collect();
        Level {
            width: width as usize,
            height: height as usize,
            rgb,
        }
    }

    /// Half as wide and high (rounded up): each pixel the mean of the up to four that it covers.
    pub fn halved(&self) -> Level {
        let (width, height) = (self.width.div_ceil(2), self.height.div_ceil(2));
        let mut rgb = Vec::with_capacity(width * height);
        for y in 0..height {
            let rows = [2 * y, (2 * y + 1).min(self.height - 1)].map(|y| y * self.width);
            for x in 0..width {
                let columns = [2 * x, (2 * x + 1).min(self.width - 1)];
                let mut sum = [0u16; 3];
                for at in rows
                    .iter()
                    .flat_map(|row| columns.map(|column| row + column))
                {
                    (0..3).for_each(|c| sum[c] += u16::from(self.rgb[at][c]));
                }
                rgb.push(sum.map(|sum| ((sum + 2) / 4) as u8));
            }
        }
        Level { width, height, rgb }
    }
}

/// Values (row by row) brought to another size, bilinear, the centres of pixels matched.
pub fn stretched(values: &[f32], from: (usize, usize), to: (usize, usize)) -> Vec<f32> {
    let taps = |from: usize, to: usize| -> Vec<(usize, usize, f32)> {
        let scale = from as f64 / to as f64;
        let tap = |i: usize| {
            let at = ((i as f64 + 0.5) * scale - 0.5).clamp(0.0, (from - 1) as f64);
            let low = at as usize;
            (low, (low + 1).min(from - 1), (at - low as f64) as f32)
        };
        (0..to).map(tap).collect()
    };
    let columns = taps(from.0, to.0);
    let mut out = Vec::with_capacity(to.0 * to.1);
    for (upper, lower, down) in taps(from.1, to.1) {
        let rows = [upper, lower].map(|row| &values[row * from.0..][..from.0]);
        out.extend(columns.iter().map(|&(left, right, across)| {
            let [upper, lower] = rows.map(|row| row[left] + (row[right] - row[left]) * across);
            upper + (lower - upper) * down
        }));
    }
    out
}
