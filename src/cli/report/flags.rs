//! Measured facts → the few words that a shop's photo editor acts on.

use showroom_catalog::Facts;

/// Below this variance of the Laplacian edges look soft (see [`Facts::sharpness`]).
const SOFT_BELOW: f32 = 100.0;
/// Mean luma below which a photo reads as dark.
const DARK_BELOW: f32 = 0.25;
/// Share of the border that marketplaces want white.
const WHITE_BORDER: f32 = 0.95;
/// Longest side that shops ask for so that a customer can zoom, in pixels.
const ZOOM_SIDE: u32 = 1000;
/// Share of the frame below which the product looks lost in it.
const SMALL_PRODUCT: f32 = 0.10;
/// Share of transparent pixels from which on a photo counts as a cut-out.
const CUT_OUT: f32 = 0.05;

/// Something about a photo that a person may want to find or to mend.
#[derive(Clone, Copy, Debug)]
pub struct Flag {
    /// Word for the filter in the page.
    pub code: &'static str,
    /// On the card.
    pub label: &'static str,
    /// In the filter: what it means.
    pub meaning: &'static str,
    holds: fn(&Facts) -> bool,
}

impl Flag {
    pub fn holds(&self, facts: &Facts) -> bool {
        (self.holds)(facts)
    }
}

/// All flags, in the order in which they are shown.
pub const FLAGS: [Flag; 7] = [
    Flag {
        code: "soft",
        label: "soft",
        meaning: "out of focus or enlarged",
        holds: |facts| facts.sharpness < SOFT_BELOW,
    },
    Flag {
        code: "dark",
        label: "dark",
        meaning: "underexposed",
        holds: |facts| facts.brightness < DARK_BELOW,
    },
    Flag {
        code: "border",
        label: "border not white",
        meaning: "marketplaces ask for white",
        holds: |facts| facts.border_white < WHITE_BORDER && facts.transparent < CUT_OUT,
    },
    Flag {
        code: "small",
        label: "under 1000 px",
        meaning: "too small to zoom",
        holds: |facts| facts.width.max(facts.height) < ZOOM_SIDE,
    },
    Flag {
        code: "far",
        label: "small in frame",
        meaning: "the product fills under a tenth",
        holds: |facts| facts.product_share > 0.0 && facts.product_share < SMALL_PRODUCT,
    },
    Flag {
        code: "empty",
        label: "no product found",
        meaning: "the mask is empty",
        holds: |facts| facts.product_share <= 0.0,
    },
    Flag {
        code: "cut-out",
        label: "transparent",
        meaning: "has a see-through background",
        holds: |facts| facts.transparent >= CUT_OUT,
    },
];

/// The flags that hold for a photo.
pub fn flags(facts: &Facts) -> impl Iterator<Item = &'static Flag> {
    FLAGS.iter().filter(|flag| flag.holds(facts))
}
