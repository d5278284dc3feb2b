//! Where a cut-out goes in a picture: how much of it the product fills, in which shape.

use showroom_catalog::Pixels;
use showroom_pixels::{Rect, crop};

/// A pixel belongs to the product from this alpha on.
pub const VISIBLE: u8 = 8;
/// The largest picture that is made, in pixels.
const MOST_PIXELS: u64 = 100_000_000;

/// The picture to make.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Canvas {
    /// How much of the picture the product takes along the axis that it fills more, 0–1.
    pub fill: f64,
    /// Width / height; `None` is that of the product.
    pub aspect: Option<f64>,
    /// Pixels of the longer side. Where the product would have to be enlarged for it, the picture is
    /// smaller. `None` keeps the product's pixels as they are, one for one.
    pub longest_side: Option<u32>,
}

/// Why there is no picture.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    #[error("the cut-out is empty: no product was found in the photo")]
    Empty,
    #[error(
        "a picture of {width}x{height} pixels is too large; ask for a smaller --size or a larger --fill"
    )]
    TooLarge { width: u64, height: u64 },
}

/// The box round everything that can be seen.
pub fn visible_box(cutout: &Pixels) -> Option<Rect> {
    let width = cutout.width as usize;
    let (mut left, mut top, mut right, mut bottom) = (u32::MAX, u32::MAX, 0, 0);
    for (at, pixel) in cutout.rgba.as_chunks::<4>().0.iter().enumerate() {
        if pixel[3] >= VISIBLE {
            let (x, y) = ((at % width) as u32, (at / width) as u32);
            (left, right) = (left.min(x), right.max(x));
            (top, bottom) = (top.min(y), bottom.max(y));
        }
    }
    (left <= right).then_some(Rect {
        x: left,
        y: top,
        width: right.wrapping_sub(left).wrapping_add(1),
        height: bottom.wrapping_sub(top).wrapping_add(1),
    })
}

/// The cut-out, cropped to what can be seen of it, in the middle of a transparent picture.
pub fn canvas(cutout: &Pixels, wanted: &Canvas) -> Result<Pixels, PlaceError> {
    let found = visible_box(cutout).ok_or(PlaceError::Empty)?;
    let product = crop(cutout, found).map_err(|_| PlaceError::Empty)?;
    let (width, height) = size_round(f64::from(product.width), f64::from(product.height), wanted);
    let longest = width.max(height);
    let scale = wanted
        .longest_side
        .map_or(1.0, |side| (f64::from(side) / longest).min(1.0));
    let whole = |side: f64| (side * scale).round().max(1.0);
    let (width, height) = (whole(width), whole(height));
    if width * height > MOST_PIXELS as f64 {
        return Err(PlaceError::TooLarge {
            width: width as u64,
            height: height as u64,
        });
    }
    let (width, height) = (width as u32, height as u32);
    let side = |side: u32, most: u32| ((f64::from(side) * scale).round() as u32).clamp(1, most);
    let product = showroom_pixels::scale(
        &product,
        side(product.width, width),
        side(product.height, height),
    );
    let at = ((width - product.width) / 2, (height - product.height) / 2);
    Ok(on_transparent(&product, width, height, at))
}

/// Size of the picture round a product of this size.
fn size_round(width: f64, height: f64, wanted: &Canvas) -> (f64, f64) {
    let fill = wanted.fill.clamp(0.01, 1.0);
    let aspect = wanted.aspect.unwrap_or(width / height);
    // The axis that the product fills more decides.
    if width / height >= aspect {
        (width / fill, width / fill / aspect)
    } else {
        (height / fill * aspect, height / fill)
    }
}

fn on_transparent(product: &Pixels, width: u32, height: u32, at: (u32, u32)) -> Pixels {
    let mut rgba = vec![0; width as usize * height as usize * 4];
    let (stride, row_bytes) = (width as usize * 4, product.width as usize * 4);
    let rows = rgba.chunks_exact_mut(stride).skip(at.1 as usize);
    for (row, source) in rows.zip(product.rgba.chunks_exact(row_bytes)) {
        let first = at.0 as usize * 4;
        row[first..first + row_bytes].copy_from_slice(source);
    }
    Pixels {
        width,
        height,
        rgba,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 10 × 10, transparent but for a grey box of 4 × 2 at 3, 5.
    fn cutout() -> Pixels {
        let mut rgba = vec![0; 400];
        for (x, y) in (3..7).flat_map(|x| [(x, 5), (x, 6)]) {
            let value = 10 * x as u8 + y as u8;
            rgba[(y * 10 + x) * 4..][..4].copy_from_slice(&[value, value, value, 255]);
        }
        Pixels {
            width: 10,
            height: 10,
            rgba,
        }
    }

    #[test]
    fn the_product_is_in_the_middle_and_untouched() {
        // 4 wide at a fill of .5 is 8 wide, square is 8 × 8; the product begins at 2, 3.
        let wanted = Canvas {
            fill: 0.5,
            aspect: Some(1.0),
            longest_side: None,
        };
        let placed = canvas(&cutout(), &wanted).unwrap();
        assert_eq!((placed.width, placed.height), (8, 8));
        let found = visible_box(&placed).unwrap();
        assert_eq!((found.x, found.y, found.width, found.height), (2, 3, 4, 2));
        assert_eq!(placed.rgba[(3 * 8 + 2) * 4], 35);
    }

    #[test]
    fn a_size_makes_it_smaller_and_never_larger() {
        let wanted = |longest_side| Canvas {
            fill: 1.0,
            aspect: None,
            longest_side: Some(longest_side),
        };
        let small = canvas(&cutout(), &wanted(2)).unwrap();
        assert_eq!((small.width, small.height), (2, 1));
        let large = canvas(&cutout(), &wanted(4000)).unwrap();
        assert_eq!((large.width, large.height), (4, 2));
    }

    #[test]
    fn an_empty_cutout_and_a_huge_picture_are_refused() {
        let wanted = Canvas {
            fill: 0.5,
            aspect: None,
            longest_side: None,
        };
        let empty = Pixels {
            width: 3,
            height: 3,
            rgba: vec![0; 36],
        };
        assert_eq!(canvas(&empty, &wanted), Err(PlaceError::Empty));
        let thin = Pixels {
            width: 20_000,
            height: 1,
            rgba: [9, 9, 9, 255].repeat(20_000),
        };
        let square = Canvas {
            aspect: Some(1.0),
            ..wanted
        };
        let error = canvas(&thin, &square).unwrap_err();
        assert!(matches!(error, PlaceError::TooLarge { .. }), "{error}");
    }
}
