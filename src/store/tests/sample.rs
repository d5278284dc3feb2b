//! Records made up from a seed, with everything in them that a record can have.

use showroom_catalog::embedding::{Dimensions, normalise};
use showroom_catalog::manifest::{STORE_FORMAT, StoreManifest};
use showroom_catalog::{
    AttributeValue, Attributes, Category, Colour, Decision, Facts, Format, PhotoId, PhotoRef,
    Record, Reject, Stage, Tag, Vectors,
};

pub const DIMENSIONS: Dimensions = Dimensions {
    shape: 24,
    colour: 12,
    text: 17,
    classes: 5,
};

pub fn manifest() -> StoreManifest {
    StoreManifest {
        format: STORE_FORMAT,
        encoder: "sample-1".into(),
        dimensions: DIMENSIONS,
    }
}

/// xorshift64*.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() >> 33) as usize % end
    }

    /// 0 up to 1.
    pub fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1 << 24) as f32
    }

    pub fn unit_vector(&mut self, length: usize) -> Vec<f32> {
        let mut vector: Vec<f32> = (0..length).map(|_| self.unit() - 0.5).collect();
        normalise(&mut vector);
        vector
    }

    pub fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }
}

const CATEGORIES: [(&str, &[&str]); 4] = [
    ("aa", &["Apparel & Accessories"]),
    ("aa-8", &["Apparel & Accessories", "Shoes"]),
    ("aa-8-8", &["Apparel & Accessories", "Shoes", "Sneakers"]),
    ("hg-2", &["Home & Garden", "Decor"]),
];
const COLOURS: [&str; 4] = ["red", "navy", "white", "black"];
const LABELS: [&str; 3] = ["Striped", "Velvet", "On Model"];

/// The record of photo `number`; the same number gives the same record, and numbers are in the
/// order of their URIs.
pub fn record(number: u64) -> Record {
    let random = &mut Random::new(number + 1);
    let mut id = [0; 32];
    for chunk in id.chunks_exact_mut(8) {
        chunk.copy_from_slice(&random.next().to_le_bytes());
    }
    let (category_id, path) = random.pick(&CATEGORIES);
    let category = (random.below(4) > 0).then(|| Category {
        id: category_id.into(),
        name: path[path.len() - 1].into(),
        path: path.iter().map(|name| name.to_string()).collect(),
        score: (random.below(11) as f32) / 10.0,
        model: "tagger-of-tests".into(),
    });
    let bytes = 1000 + random.next() % 100_000;
    let mut classes: Vec<f32> = (0..DIMENSIONS.classes)
        .map(|_| random.unit() + 0.01)
        .collect();
    let sum: f32 = classes.iter().sum();
    classes.iter_mut().for_each(|class| *class /= sum);
    let without_product = random.below(7) == 0;
    Record {
        id: PhotoId(id),
        source: PhotoRef {
            uri: format!("/photos/{number:06}.jpg"),
            etag: "1".into(),
            bytes,
            sku: (random.below(3) > 0).then(|| format!("SKU-{}", random.below(50))),
        },
        title: title(number),
        attributes: attributes(number),
        facts: Facts {
            width: 100 + random.below(2000) as u32,
            height: 100 + random.below(2000) as u32,
            bytes: bytes + 1,
            format: random.pick(&[Format::Jpeg, Format::Png, Format::Webp, Format::Gif]),
            sharpness: random.unit() * 500.0,
            brightness: random.below(11) as f32 / 10.0,
            clipped_dark: random.unit(),
            clipped_bright: random.unit(),
            border_white: random.unit(),
            border_uniform: random.unit(),
            transparent: random.below(2) as f32,
            product_share: random.unit(),
            phash: random.next(),
        },
        category,
        colours: (0..random.below(3))
            .map(|at| Colour {
                name: COLOURS[(at + random.below(2)) % 4].into(),
                hex: format!("#{:06x}", random.below(1 << 24)),
                share: random.unit(),
            })
            .collect(),
        labels: (0..random.below(3))
            .map(|_| {
                let name = random.pick(&LABELS);
                Tag {
                    id: format!("l-{}", name.len()),
                    name: name.into(),
                    score: random.unit(),
                    calibrated: (random.below(2) > 0).then(|| random.unit()),
                    decision: random.pick(&[Decision::Accept, Decision::Review, Decision::Reject]),
                    source: "classes".into(),
                    model: "labels-of-tests".into(),
                }
            })
            .collect(),
        classes,
        vectors: Vectors {
            shape: random.unit_vector(DIMENSIONS.shape),
            colour: if without_product {
                vec![0.0; DIMENSIONS.colour]
            } else {
                random.unit_vector(DIMENSIONS.colour)
            },
            text: random.unit_vector(DIMENSIONS.text),
        },
        tagger: "tagger-of-tests".into(),
        ingested_at_ms: 1_700_000_000_000 + number as i64,
    }
}

fn title(number: u64) -> Option<String> {
    (!number.is_multiple_of(3)).then(|| format!("Title {}", number % 7))
}

/// Values of every kind, and for one name of several.
fn attributes(number: u64) -> Attributes {
    let mut attributes = Attributes::new();
    let mut add = |name: &str, value| attributes.insert(name.to_string(), value);
    if !number.is_multiple_of(4) {
        let brand = ["Acme", "Müller & Söhne", "O'Neill"][number as usize % 3];
        add("brand", AttributeValue::Text(brand.into()));
    }
    if !number.is_multiple_of(5) {
        add("price", AttributeValue::Number(number as f64 + 0.5));
        add("in_stock", AttributeValue::Bool(number.is_multiple_of(2)));
    }
    match number % 3 {
        0 => add("größe", AttributeValue::Number((number % 6) as f64 + 36.0)),
        1 => add("größe", AttributeValue::Text("XL".into())),
        _ => add("größe", AttributeValue::List(vec!["S".into(), "38".into()])),
    };
    attributes
}

pub fn records(numbers: std::ops::Range<u64>) -> Vec<Record> {
    numbers.map(record).collect()
}

/// A later version of a record.
pub fn changed(number: u64, etag: &str) -> Record {
    let mut changed = record(number + 500_000);
    let source = record(number).source;
    changed.source = PhotoRef {
        etag: etag.into(),
        ..source
    };
    changed
}

/// The reject of a version of photo `number`.
pub fn reject(number: u64, etag: &str) -> Reject {
    Reject {
        source: PhotoRef {
            etag: etag.into(),
            ..record(number).source
        },
        stage: Stage::Decode,
        code: "truncated".into(),
        reason: "the file ends before the picture does".into(),
        rejected_at_ms: 1_800_000_000_000,
    }
}
