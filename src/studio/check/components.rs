//! Connected parts of a map.

/// A part: how many pixels it has, and the box round it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    pub area: usize,
    pub left: usize,
    pub top: usize,
    /// One past the last column and row.
    pub right: usize,
    pub bottom: usize,
}

impl Part {
    pub fn width(&self) -> usize {
        self.right - self.left
    }

    pub fn height(&self) -> usize {
        self.bottom - self.top
    }
}

/// Parts of what is `true`, eight neighbours each, in the order of their first pixel.
pub fn parts(map: &[bool], width: usize) -> Vec<Part> {
    let width = width.max(1);
    let height = map.len() / width;
    let mut left_over = map[..width * height].to_vec();
    let (mut found, mut stack) = (Vec::new(), Vec::new());
    for first in 0..left_over.len() {
        if !std::mem::take(&mut left_over[first]) {
            continue;
        }
        let (x, y) = (first % width, first / width);
        let mut part = Part {
            area: 0,
            left: x,
            top: y,
            right: x + 1,
            bottom: y + 1,
        };
        stack.push(first);
        while let Some(at) = stack.pop() {
            let (x, y) = (at % width, at / width);
            part.area += 1;
            part.left = part.left.min(x);
            part.right = part.right.max(x + 1);
            part.bottom = part.bottom.max(y + 1);
            for ny in y.saturating_sub(1)..=(y + 1).min(height - 1) {
                for nx in x.saturating_sub(1)..=(x + 1).min(width - 1) {
                    if std::mem::take(&mut left_over[ny * width + nx]) {
                        stack.push(ny * width + nx);
                    }
                }
            }
        }
        found.push(part);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_apart() {
        let picture = [
            "##..#", //
            "..#..", "....#", "....#",
        ];
        let map: Vec<bool> = picture.concat().bytes().map(|b| b == b'#').collect();
        let found = parts(&map, 5);
        let areas: Vec<usize> = found.iter().map(|part| part.area).collect();
        assert_eq!(areas, [3, 1, 2], "touching at a corner is one part");
        let last = found[2];
        assert_eq!((last.left, last.top, last.right, last.bottom), (4, 2, 5, 4));
    }

    #[test]
    fn nothing_has_no_parts() {
        assert!(parts(&[], 0).is_empty());
        assert!(parts(&[false; 6], 3).is_empty());
    }
}
