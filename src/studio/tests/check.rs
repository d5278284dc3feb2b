//! Checks on drawn photos whose every number is known.

use std::sync::Arc;

use showroom_catalog::seams::{Maker, Matting, TextBox};
use showroom_catalog::{AssetKind, Format, PhotoId, Pixels};
use showroom_pixels::{DecodeOptions, Limits, Mask, decode};
use showroom_studio::check::{
    CheckMaker, CheckReport, Measure, Measures, RuleSet, Value, Verdict, judge, measure, overall,
};
use showroom_studio::write::{ImageFormat, Metadata, encode};

use crate::drawn::{DarkIsProduct, Sees, facts, masked, painted, product_grey, text_at};

const SIDE: u32 = 1000;

fn inside(x: u32, y: u32) -> bool {
    (50..950).contains(&x) && (100..900).contains(&y)
}

/// A sharp grey product of 900 × 800 on a background.
fn photo(background: impl Fn(u32, u32) -> [u8; 3]) -> Pixels {
    painted(SIDE, SIDE, |x, y| {
        let [r, g, b] = match inside(x, y) {
            true => [product_grey(x, y); 3],
            false => background(x, y),
        };
        [r, g, b, 255]
    })
}

fn measures(photo: &Pixels) -> Measures {
    measured(photo, Some(&masked(photo.width, photo.height, inside)))
}

fn measured(photo: &Pixels, mask: Option<&Mask>) -> Measures {
    measure(photo, &facts(photo, Format::Jpeg), mask, Ok(&[]))
}

/// With text where the boxes are.
fn written(photo: &Pixels, mask: Option<&Mask>, text: &[TextBox]) -> Measures {
    measure(photo, &facts(photo, Format::Jpeg), mask, Ok(text))
}

#[track_caller]
fn number(measures: &Measures, measure: Measure) -> f64 {
    match measures.get(measure) {
        Value::Number(number) => number,
        other => panic!("{measure:?}: {other:?}"),
    }
}

fn amazon() -> RuleSet {
    RuleSet::built_in("amazon").unwrap().unwrap()
}

#[test]
fn a_photo_that_keeps_every_rule_passes() {
    let good = measures(&photo(|_, _| [255; 3]));
    assert_eq!(number(&good, Measure::BackgroundExactWhite), 1.0);
    assert_eq!(number(&good, Measure::Fill), 0.9);
    assert_eq!(number(&good, Measure::CutByFrame), 0.0);
    assert_eq!(number(&good, Measure::EdgeMarks), 0.0);
    assert_eq!(number(&good, Measure::Frame), 0.0);
    assert_eq!(number(&good, Measure::Text), 0.0);
    assert_eq!(number(&good, Measure::Products), 1.0);
    let findings = judge(&amazon(), &good);
    let not_kept: Vec<&str> = findings
        .iter()
        .filter(|finding| finding.verdict != Verdict::Pass)
        .map(|finding| finding.measure.as_str())
        .collect();
    assert_eq!(
        not_kept,
        ["longest-side"],
        "1000 pixels: 1600 are recommended"
    );
    assert_eq!(overall(&findings), Verdict::Warn);
}

#[test]
fn a_background_that_is_nearly_white_is_not_white() {
    let nearly = measures(&photo(|_, _| [254, 255, 255]));
    assert_eq!(number(&nearly, Measure::BackgroundExactWhite), 0.0);
    assert_eq!(number(&nearly, Measure::BackgroundNearWhite), 1.0);
    let findings = judge(&amazon(), &nearly);
    assert_eq!(overall(&findings), Verdict::Fail);
    // The upper half grey: of the background's pixels beyond the rim of 16 pixels round the product.
    let half = measures(&photo(|_, y| if y < 500 { [200; 3] } else { [255; 3] }));
    let share = number(&half, Measure::BackgroundExactWhite);
    assert!((share - 0.5).abs() < 0.01, "{share}");
}

#[test]
fn what_lies_near_the_product_is_the_rim_and_not_the_background() {
    let smeared = measures(&photo(|x, y| {
        let near = (40..960).contains(&x) && (90..910).contains(&y);
        if near { [240; 3] } else { [255; 3] }
    }));
    assert_eq!(number(&smeared, Measure::BackgroundExactWhite), 1.0);
}

#[test]
fn a_shadow_that_reaches_the_edge_is_seen() {
    let shadow = measures(&photo(|_, y| if y >= 985 { [215; 3] } else { [255; 3] }));
    assert!(number(&shadow, Measure::EdgeMarks) > 0.1);
    assert_eq!(
        number(&shadow, Measure::Frame),
        0.0,
        "a shadow on one side is no border"
    );
}

#[test]
fn a_border_is_measured_and_a_plain_background_is_none() {
    let bordered = measures(&photo(|x, y| {
        let from_edge = x.min(y).min(SIDE - 1 - x).min(SIDE - 1 - y);
        if from_edge < 20 {
            [10, 60, 160]
        } else {
            [255; 3]
        }
    }));
    assert_eq!(number(&bordered, Measure::Frame), 0.02);
    for plain in [[255; 3], [180, 190, 200]] {
        assert_eq!(number(&measures(&photo(|_, _| plain)), Measure::Frame), 0.0);
    }
    // Nothing but one colour, and a product that fills the photo.
    let flat = painted(300, 200, |_, _| [90, 90, 90, 255]);
    assert_eq!(number(&measured(&flat, None), Measure::Frame), 0.0);
}

#[test]
fn text_beside_the_product_counts_and_print_on_it_does_not() {
    let white = photo(|_, _| [255; 3]);
    let mask = masked(SIDE, SIDE, inside);
    // Above the product, which begins at 100; on it; and three quarters beside it.
    let boxes = [
        text_at(0.1, 0.02, 0.3, 0.07),
        text_at(0.4, 0.5, 0.6, 0.6),
        text_at(0.5, 0.04, 0.6, 0.12),
    ];
    let found = written(&white, Some(&mask), &boxes);
    assert_eq!(number(&found, Measure::Text), 2.0);
    let share = number(&found, Measure::TextShare);
    assert!((share - (0.2 * 0.05 + 0.1 * 0.08)).abs() < 0.001, "{share}");
    let text = found.text.unwrap();
    let on_product: Vec<_> = text.iter().map(|one| one.on_product).collect();
    assert_eq!(on_product, [Some(false), Some(true), Some(false)]);
    let first = text[0];
    for (found, wanted) in [
        (first.x, 100),
        (first.y, 20),
        (first.width, 200),
        (first.height, 50),
    ] {
        assert!(found.abs_diff(wanted) <= 1, "{first:?}");
    }
    assert_eq!(
        overall(&judge(
            &amazon(),
            &written(&white, Some(&mask), &boxes[..1])
        )),
        Verdict::Fail
    );
}

#[test]
fn a_turned_line_takes_the_share_of_its_own_rectangle() {
    let white = painted(SIDE, SIDE, |_, _| [255; 4]);
    let corner = masked(SIDE, SIDE, |x, y| x > 900 && y > 900);
    let turned = TextBox {
        corners: [[0.2, 0.1], [0.6, 0.5], [0.5, 0.6], [0.1, 0.2]],
        score: 0.8,
    };
    let found = written(&white, Some(&corner), &[turned]);
    // Sides of 0.4 √2 and 0.1 √2.
    let share = number(&found, Measure::TextShare);
    assert!((share - 0.08).abs() < 0.001, "{share}");
}

#[test]
fn a_stamp_that_the_network_took_for_a_thing_is_no_product() {
    let white = photo(|_, _| [255; 3]);
    let stamp = |x: u32, y: u32| (100..500).contains(&x) && (10..60).contains(&y);
    let mask = masked(SIDE, SIDE, |x, y| inside(x, y) || stamp(x, y));
    let found = written(&white, Some(&mask), &[text_at(0.1, 0.01, 0.5, 0.06)]);
    assert_eq!(number(&found, Measure::Text), 1.0);
    assert_eq!(number(&found, Measure::Products), 1.0);
}

#[test]
fn a_product_that_looks_like_a_letter_is_no_text() {
    let white = photo(|_, _| [255; 3]);
    // Round a table: most of the box is air, most of the product is in it.
    let table = |x: u32, y: u32| {
        let leg = (100..140).contains(&x) || (860..900).contains(&x);
        (100..900).contains(&x) && (200..260).contains(&y) || leg && (260..800).contains(&y)
    };
    let mask = masked(SIDE, SIDE, table);
    let found = written(&white, Some(&mask), &[text_at(0.05, 0.15, 0.95, 0.85)]);
    assert_eq!(number(&found, Measure::Text), 0.0);
    assert_eq!(number(&found, Measure::Products), 1.0);
    assert_eq!(found.text, Some(Vec::new()));
}

#[test]
fn text_is_unknown_where_nobody_looked_or_no_product_is() {
    let white = photo(|_, _| [255; 3]);
    let mask = masked(SIDE, SIDE, inside);
    let facts = facts(&white, Format::Jpeg);
    let blind = measure(&white, &facts, Some(&mask), Err("it is not here; fetch it"));
    let findings = judge(&amazon(), &blind);
    let text = findings.iter().find(|one| one.measure == "text").unwrap();
    assert_eq!(text.verdict, Verdict::Unknown);
    assert!(
        text.says.ends_with("it is not here; fetch it"),
        "{}",
        text.says
    );
    assert_eq!(blind.text, None);
    // Without a product it may be print on one; where there is none, there is none.
    let some = written(&white, None, &[text_at(0.1, 0.1, 0.3, 0.2)]);
    assert!(matches!(some.get(Measure::Text), Value::Unknown(_)));
    assert_eq!(some.text.unwrap()[0].on_product, None);
    assert_eq!(number(&written(&white, None, &[]), Measure::Text), 0.0);
}

#[test]
fn boxes_on_the_rim_of_a_tiny_photo_stay_in_it() {
    for (width, height) in [(1, 1), (3, 2), (5000, 1)] {
        let tiny = painted(width, height, |_, _| [255; 4]);
        let whole = text_at(0.0, 0.0, 1.0, 1.0);
        let rim = text_at(1.0, 1.0, 1.0, 1.0);
        let found = written(&tiny, None, &[whole, rim]).text.unwrap();
        for one in &found {
            assert!(one.width >= 1 && one.x + one.width <= width, "{one:?}");
            assert!(one.height >= 1 && one.y + one.height <= height, "{one:?}");
        }
        assert_eq!((found[0].width, found[0].height), (width, height));
    }
}

#[test]
fn what_cannot_be_told_is_unknown_and_never_passes() {
    let busy = photo(|x, y| [(x % 251) as u8, (y % 241) as u8, ((x * y) % 239) as u8]);
    let no_product = measured(&photo(|_, _| [255; 3]), None);
    let findings = judge(&amazon(), &no_product);
    let of = |name: &str| findings.iter().find(|one| one.measure == name).unwrap();
    for name in ["background-exact-white", "fill", "cut-by-frame", "products"] {
        assert_eq!(of(name).verdict, Verdict::Unknown, "{name}");
        assert!(of(name).says.contains("no product"), "{}", of(name).says);
        assert!(of(name).value.is_null());
    }
    assert_eq!(overall(&findings), Verdict::Unknown);
    let all = Mask {
        width: 1,
        height: 1,
        values: vec![255],
    };
    let full = measured(&photo(|_, _| [255; 3]), Some(&all));
    assert!(matches!(
        full.get(Measure::BackgroundExactWhite),
        Value::Unknown(_)
    ));
    assert_eq!(number(&full, Measure::CutByFrame), 1.0);
    let empty = Mask {
        width: 4,
        height: 4,
        values: vec![0; 16],
    };
    assert!(matches!(
        measured(&busy, Some(&empty)).get(Measure::Fill),
        Value::Unknown(_)
    ));
}

#[test]
fn products_are_counted_and_a_pair_is_one() {
    let count = |second: [u32; 4], colour: [u8; 4]| {
        let [left, top, right, bottom] = second;
        let first = |x: u32, y: u32| (50..250).contains(&x) && (100..400).contains(&y);
        let second = |x: u32, y: u32| (left..right).contains(&x) && (top..bottom).contains(&y);
        let two = painted(500, 500, |x, y| match (first(x, y), second(x, y)) {
            (true, _) => [40, 40, 40, 255],
            (_, true) => colour,
            _ => [255; 4],
        });
        let mask = masked(500, 500, |x, y| first(x, y) || second(x, y));
        number(&measured(&two, Some(&mask)), Measure::Products)
    };
    let grey = [40, 40, 40, 255];
    assert_eq!(count([270, 110, 460, 400], grey), 1.0, "a pair");
    assert_eq!(
        count([270, 110, 460, 400], [200, 30, 30, 255]),
        2.0,
        "of another colour"
    );
    assert_eq!(count([270, 100, 350, 400], grey), 2.0, "of another width");
    assert_eq!(count([270, 300, 460, 400], grey), 2.0, "of another height");
    assert_eq!(count([50, 410, 250, 500], grey), 2.0, "below it");
    assert_eq!(count([270, 100, 290, 120], grey), 1.0, "a crumb");
}

#[test]
fn tiny_and_thin_photos_are_measured() {
    for (width, height) in [(1, 1), (2, 3), (20_000, 1), (1, 3000)] {
        let tiny = painted(width, height, |_, _| [255; 4]);
        let found = measured(&tiny, Some(&masked(width, height, |x, _| x == 0)));
        assert!(number(&found, Measure::Fill) > 0.0, "{width}x{height}");
        let _ = judge(&amazon(), &found);
    }
}

fn maker(rules: RuleSet, fix: bool) -> CheckMaker {
    CheckMaker {
        rules: Arc::new(rules),
        rules_hash: "1".to_string(),
        matting: Box::new(DarkIsProduct),
        text: Ok(Box::new(Sees(Vec::new()))),
        cutter: fix.then(|| Box::new(DarkIsProduct) as Box<dyn Matting>),
        limits: Limits::default(),
    }
}

/// A small product low on a grey floor, with a border round the photo, as PNG.
fn bad_photo() -> Vec<u8> {
    let picture = painted(1400, 1100, |x, y| {
        let from_edge = x.min(y).min(1399 - x).min(1099 - y);
        let value = match (x, y) {
            (300..900, 500..950) => product_grey(x, y),
            _ if from_edge < 15 => 235,
            _ => 246,
        };
        [value, value, value, 255]
    });
    encode(&picture, ImageFormat::Png, 100, &Metadata::default()).unwrap()
}

#[test]
fn the_picture_that_is_made_keeps_the_rules() {
    for name in RuleSet::built_in_names() {
        let rules = RuleSet::built_in(name).unwrap().unwrap();
        let target = rules.rendition.clone();
        let made = maker(rules, true)
            .make(PhotoId([1; 32]), &bad_photo())
            .unwrap()
            .unwrap();
        let report: CheckReport = serde_json::from_slice(&made.last().unwrap().bytes).unwrap();
        assert!(report.verdict > Verdict::Pass, "{name}");
        let fixed = report
            .fixed
            .unwrap_or_else(|| panic!("{name}: {:?}", report.not_fixed));
        let failed: Vec<_> = fixed
            .findings
            .iter()
            .filter(|one| one.verdict >= Verdict::Unknown)
            .collect();
        // The product is 600 × 450: what is too small stays so.
        let too_small = ["height", "width", "shortest-side"];
        assert!(
            failed
                .iter()
                .all(|one| too_small.contains(&one.measure.as_str())),
            "{name}: {failed:#?}"
        );
        assert_eq!(made[0].planned.kind, AssetKind::Compliant);
        let shown = decode(
            &made[0].bytes,
            &DecodeOptions {
                min_side: u32::MAX,
                ..Default::default()
            },
        );
        let shown = shown.unwrap().pixels;
        assert_eq!(shown.rgba[..4], [255; 4], "{name}: the corner is white");
        let aspect = f64::from(shown.width) / f64::from(shown.height);
        assert!((aspect - target.aspect).abs() < 0.01, "{name}: {aspect}");
        assert!(made[0].bytes.len() as u64 <= target.max_bytes);
    }
}

#[test]
fn a_good_photo_is_checked_and_left_alone() {
    let good = painted(2000, 2000, |x, y| {
        let inside = (100..1900).contains(&x) && (200..1800).contains(&y);
        let value = if inside { product_grey(x, y) } else { 255 };
        [value, value, value, 255]
    });
    let file = encode(&good, ImageFormat::Jpeg, 95, &Metadata::default()).unwrap();
    let mut maker = maker(amazon(), true);
    let photo = PhotoId([2; 32]);
    let made = maker.make(photo, &file).unwrap().unwrap();
    assert_eq!(made.len(), 1, "no picture is made");
    assert_eq!(maker.plan(photo), vec![made[0].planned.clone()]);
    let report: CheckReport = serde_json::from_slice(&made[0].bytes).unwrap();
    assert_eq!(report.verdict, Verdict::Pass, "{:#?}", report.findings);
    assert_eq!((report.fixed, report.not_fixed), (None, None));
}

#[test]
fn a_photo_without_a_product_says_why_nothing_was_made() {
    let white = painted(600, 600, |_, _| [255; 4]);
    let file = encode(&white, ImageFormat::Png, 100, &Metadata::default()).unwrap();
    let made = maker(amazon(), true)
        .make(PhotoId([4; 32]), &file)
        .unwrap()
        .unwrap();
    let report: CheckReport = serde_json::from_slice(&made[0].bytes).unwrap();
    assert_eq!(report.verdict, Verdict::Unknown);
    assert!(report.not_fixed.unwrap().contains("no product"));
    let bad = maker(amazon(), false)
        .make(PhotoId([4; 32]), b"")
        .unwrap()
        .unwrap_err();
    assert_eq!(bad.code, "empty");
}

#[test]
fn a_cut_out_is_checked_by_its_own_transparency() {
    let cut = painted(1000, 1000, |x, y| match inside(x, y) {
        true => [product_grey(x, y), 80, 80, 255],
        false => [0; 4],
    });
    let found = measured(&cut, None);
    assert_eq!(number(&found, Measure::Fill), 0.9);
    assert_eq!(
        number(&found, Measure::BackgroundExactWhite),
        1.0,
        "it is shown on white"
    );
    let warned = judge(&amazon(), &found)
        .into_iter()
        .find(|one| one.measure == "transparent");
    assert_eq!(warned.unwrap().verdict, Verdict::Warn);
}

#[test]
fn rules_of_a_shop_are_read_and_wrong_ones_refused() {
    let head = "name = 'shop'\ntitle = 'Shop'\nsource = 'our wiki'\nread = '2026-11'\n";
    let target = "[rendition]\nformat = 'jpeg'\naspect = 1.0\nlongest_side = 800\nfill = 0.8\nmax_bytes = 1000000\n";
    let rule = "[[rule]]\nmeasure = 'fill'\nmin = 0.5\nsays = 'half'\n";
    assert!(RuleSet::parse(&format!("{head}{target}{rule}")).is_ok());
    for (text, said) in [
        (format!("{head}{target}"), "rule"),
        (format!("{head}{rule}"), "rendition"),
        (
            format!("{head}{target}{}", rule.replace("min = 0.5", "")),
            "min, max or both",
        ),
        (
            format!("{head}{target}{}", rule.replace("'fill'", "'fil'")),
            "fil",
        ),
        (
            format!(
                "{head}{target}{}",
                rule.replace("min", "one_of = ['a']\nmin")
            ),
            "min, max or both",
        ),
        (
            format!("{head}{}{rule}", target.replace("fill = 0.8", "fill = 8")),
            "rendition.fill",
        ),
    ] {
        let error = RuleSet::parse(&text).unwrap_err();
        assert!(error.contains(said), "{said:?} is not in {error}");
    }
}
