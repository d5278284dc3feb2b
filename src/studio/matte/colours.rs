//! What the colours of a photo say of a pixel: those of the product, or those of its background?

/// Steps of each channel.
const BINS: usize = 24;
/// How many colours there are.
const COLOURS: f32 = (BINS * BINS * BINS) as f32;
/// Share of the pixels whose colour was not seen on the sure ones. A product has parts of other colours (a
/// stem, a strap) sooner than a background has.
const NEW_ON_PRODUCT: f32 = 0.2;
const NEW_ON_BACKGROUND: f32 = 0.01;

/// How often each colour is the product's and the background's.
pub struct ColourModel {
    product: Vec<f32>,
    background: Vec<f32>,
}

impl ColourModel {
    /// Of pixels that are surely one (`Some(true)`: the product's) or the other.
    pub fn new(pixels: impl Iterator<Item = ([u8; 3], Option<bool>)>) -> ColourModel {
        let [mut product, mut background] = [(); 2].map(|()| vec![0.0f32; BINS * BINS * BINS]);
        for (colour, sure) in pixels {
            match sure {
                Some(true) => product[bin(colour)] += 1.0,
                Some(false) => background[bin(colour)] += 1.0,
                None => {}
            }
        }
        ColourModel {
            product: spread(product),
            background: spread(background),
        }
    }

    /// How probably a pixel of this colour is the product's, and how far that can be relied on, both 0–1.
    pub fn judge(&self, colour: [u8; 3]) -> (f32, f32) {
        let mixed = |shares: &[f32], new: f32| (1.0 - new) * shares[bin(colour)] + new / COLOURS;
        let product = mixed(&self.product, NEW_ON_PRODUCT);
        let background = mixed(&self.background, NEW_ON_BACKGROUND);
        let probability = product / (product + background);
        (probability, (2.0 * probability - 1.0).powi(2))
    }
}

fn bin([r, g, b]: [u8; 3]) -> usize {
    let step = |value: u8| usize::from(value) * BINS / 256;
    (step(r) * BINS + step(g)) * BINS + step(b)
}

/// Shares, each colour spread a little over those beside it (1 2 1 in each channel).
fn spread(mut counts: Vec<f32>) -> Vec<f32> {
    for stride in [1, BINS, BINS * BINS] {
        let before = counts.clone();
        for (at, value) in counts.iter_mut().enumerate() {
            let step = at / stride % BINS;
            let below = if step > 0 { before[at - stride] } else { 0.0 };
            let above = if step + 1 < BINS {
                before[at + stride]
            } else {
                0.0
            };
            *value = (below + 2.0 * before[at] + above) / 4.0;
        }
    }
    let sum: f32 = counts.iter().sum();
    counts.iter_mut().for_each(|count| *count /= sum.max(1.0));
    counts
}
