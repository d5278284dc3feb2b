//! CSV and TSV as rows: any of `,` `;` tab and `|` between cells, quotes, a byte order mark, CRLF.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use csv::{ByteRecord, ReaderBuilder};
use showroom_catalog::feed::{BadRow, Cell, Row, Table};
use showroom_catalog::seams::SourceError;

use crate::folder::{reason_of, source_error};

/// Longest heading line, and longest row, in bytes: a quotation that is never closed would otherwise
/// be a whole file in one cell.
const MAX_ROW: usize = 4 << 20;

/// A CSV or TSV file.
pub struct CsvTable {
    path: String,
}

impl CsvTable {
    pub fn new(path: String) -> CsvTable {
        CsvTable { path }
    }

    fn unreadable(&self, reason: impl Into<String>) -> SourceError {
        SourceError::Unreadable {
            uri: self.path.clone(),
            reason: reason.into(),
        }
    }

    /// The file after its byte order mark, and what stands between its cells.
    fn open(&self) -> Result<(BufReader<File>, u8), SourceError> {
        let file = File::open(&self.path).map_err(|e| source_error(self.path.clone(), &e))?;
        let mut reader = BufReader::with_capacity(1 << 16, file);
        let head = reader
            .fill_buf()
            .map_err(|e| self.unreadable(reason_of(&e)))?;
        if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
            return Err(self.unreadable("it is UTF-16; save it as CSV UTF-8"));
        }
        let mark = if head.starts_with(b"\xef\xbb\xbf") {
            3
        } else {
            0
        };
        let is_tsv = Path::new(&self.path)
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("tsv"));
        let delimiter = if is_tsv {
            b'\t'
        } else {
            delimiter(&head[mark..])
        };
        reader.consume(mark);
        Ok((reader, delimiter))
    }
}

/// What comes most often in the heading line outside quotes.
fn delimiter(head: &[u8]) -> u8 {
    let mut counts = [0usize; 4];
    let mut quoted = false;
    for byte in head {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' | b'\r' if !quoted => break,
            byte if !quoted => {
                if let Some(at) = DELIMITERS.iter().position(|d| d == byte) {
                    counts[at] += 1;
                }
            }
            _ => {}
        }
    }
    let most = (0..DELIMITERS.len()).rev().max_by_key(|at| counts[*at]);
    DELIMITERS[most.unwrap_or(0)]
}

/// The first of those that come equally often is taken.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

impl Table for CsvTable {
    fn path(&self) -> &str {
        &self.path
    }

    fn rows(&self, each: &mut dyn FnMut(Result<Row, BadRow>) -> bool) -> Result<(), SourceError> {
        let (reader, delimiter) = self.open()?;
        let mut reader = ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .flexible(true)
            .from_reader(Bounded::new(reader));
        let mut record = ByteRecord::new();
        let mut read = |record: &mut ByteRecord| {
            reader.get_mut().restart();
            let any = reader.read_byte_record(record);
            any.map_err(|e| self.unreadable(why(e)))
        };
        if !read(&mut record)? {
            return Err(self.unreadable("it is empty; its first line must name the columns"));
        }
        let headings: Vec<String> = record
            .iter()
            .map(|cell| std::str::from_utf8(cell).map(|text| text.trim().to_string()))
            .collect::<Result<_, _>>()
            .map_err(|_| self.unreadable(not_utf8("its first line")))?;
        while read(&mut record)? {
            let number = record.position().map_or(0, |position| position.line());
            let row = cells(&record, &headings, delimiter)
                .map(|cells| Row { number, cells })
                .map_err(|reason| BadRow { number, reason });
            if !each(row) {
                break;
            }
        }
        Ok(())
    }
}

fn cells(
    record: &ByteRecord,
    headings: &[String],
    delimiter: u8,
) -> Result<Vec<(String, Cell)>, String> {
    if record.len() > headings.len() && record.iter().skip(headings.len()).any(|c| !c.is_empty()) {
        return Err(format!(
            "it has {} cells, the first line names {}; put cells that contain {:?} in quotes",
            record.len(),
            headings.len(),
            char::from(delimiter),
        ));
    }
    let mut cells = Vec::new();
    for (heading, cell) in headings.iter().zip(record.iter()) {
        let text = std::str::from_utf8(cell)
            .map_err(|_| not_utf8(&format!("its cell {heading:?}")))?
            .trim();
        if !text.is_empty() && !heading.is_empty() {
            cells.push((heading.clone(), Cell::Untyped(decimal(text, delimiter))));
        }
    }
    Ok(cells)
}

/// Where `;` stands between cells, programs write numbers with a comma: `12,50` → `12.50`.
fn decimal(text: &str, delimiter: u8) -> String {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    match text.split_once(',') {
        Some((whole, part))
            if delimiter == b';'
                && digits(whole.strip_prefix('-').unwrap_or(whole))
                && digits(part) =>
        {
            format!("{whole}.{part}")
        }
        _ => text.to_string(),
    }
}

fn not_utf8(what: &str) -> String {
    format!("{what} is not UTF-8 (perhaps Latin-1); save the file as CSV UTF-8")
}

fn why(error: csv::Error) -> String {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => reason_of(&error),
        kind => format!("{kind:?}"),
    }
}

/// A reader that fails where one row takes more than [`MAX_ROW`] bytes.
struct Bounded<R> {
    inner: R,
    left: usize,
}

impl<R: Read> Bounded<R> {
    fn new(inner: R) -> Bounded<R> {
        Bounded {
            inner,
            left: MAX_ROW,
        }
    }

    fn restart(&mut self) {
        self.left = MAX_ROW;
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(into)?;
        self.left = self.left.checked_sub(read).ok_or_else(|| {
            std::io::Error::other(format!(
                "a row is longer than {MAX_ROW} bytes; a quotation may be open"
            ))
        })?;
        Ok(read)
    }
}
