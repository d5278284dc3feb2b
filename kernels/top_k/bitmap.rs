/// Which rows a search may find: a bit a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bitmap {
    rows: usize,
    /// Row `r` is bit `r % 32` of word `r / 32`; bits past the last row are 0.
    words: Vec<u32>,
}

impl Bitmap {
    /// Of so many rows, none allowed.
    pub fn none(rows: usize) -> Self {
        let words = vec![0; rows.div_ceil(32)];
        Self { rows, words }
    }

    /// Of so many rows, all allowed.
    pub fn all(rows: usize) -> Self {
        let mut words = vec![u32::MAX; rows.div_ceil(32)];
        if let Some(last) = words.last_mut()
            && !rows.is_multiple_of(32)
        {
            *last = (1 << (rows % 32)) - 1;
        }
        Self { rows, words }
    }

    /// Of so many rows, those allowed for which `allows` holds.
    pub fn of(rows: usize, allows: impl Fn(usize) -> bool) -> Self {
        let mut bitmap = Self::none(rows);
        for row in (0..rows).filter(|&row| allows(row)) {
            bitmap.allow(row);
        }
        bitmap
    }

    /// # Panics
    /// Where there is no such row.
    pub fn allow(&mut self, row: usize) {
        assert!(row < self.rows, "row {row} of {}", self.rows);
        self.words[row / 32] |= 1 << (row % 32);
    }

    /// # Panics
    /// Where there is no such row.
    pub fn allows(&self, row: usize) -> bool {
        assert!(row < self.rows, "row {row} of {}", self.rows);
        self.words[row / 32] >> (row % 32) & 1 == 1
    }

    /// How many rows it is about.
    pub fn len(&self) -> usize {
        self.rows
    }

    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// How many rows are allowed.
    pub fn allowed(&self) -> usize {
        self.words
            .iter()
            .map(|word| word.count_ones() as usize)
            .sum()
    }

    pub(super) fn words(&self) -> &[u32] {
        &self.words
    }
}
