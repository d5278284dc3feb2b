//! Against `models/imagenet-1k/expected/golden.json`, which an independent Python implementation wrote.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use showroom_catalog::Colour;
use showroom_catalog::seams::{MatchedKind, ModelError, Tagger, TextEncoder, TextQuery};

use super::classes::CLASSES;
use super::words::{NAMES, parse};
use super::*;

/// f32 here, f64 rounded to six places there.
const TOLERANCE: f32 = 2e-5;

#[derive(Deserialize)]
struct Golden {
    dimensions: usize,
    names: Vec<String>,
    cases: Vec<Case>,
    queries: Vec<QueryCase>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    spikes: BTreeMap<usize, f32>,
    floor: f32,
    colours: Vec<(String, f32)>,
    category: Option<Expected>,
    text: BTreeMap<usize, f32>,
}

#[derive(Deserialize)]
struct Expected {
    id: String,
    score: f32,
    path: Vec<String>,
}

#[derive(Deserialize)]
struct QueryCase {
    query: String,
    colours: Vec<String>,
    rest: String,
    top: BTreeMap<usize, f32>,
    colour: Vec<f32>,
}

/// Counts of the letters a–z, unit length.
struct Toy;

impl TextEncoder for Toy {
    fn id(&self) -> &str {
        "toy"
    }

    fn encode(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, ModelError> {
        Ok(texts
            .iter()
            .map(|text| {
                let mut vector = vec![0.0; 26];
                for letter in text.to_ascii_lowercase().bytes() {
                    if letter.is_ascii_lowercase() {
                        vector[usize::from(letter - b'a')] += 1.0;
                    }
                }
                showroom_catalog::embedding::normalise(&mut vector);
                vector
            })
            .collect())
    }
}

fn golden() -> Golden {
    serde_json::from_str(include_str!(
        "../../../models/imagenet-1k/expected/golden.json"
    ))
    .unwrap()
}

/// The taxonomy cut down to the nodes that the table names and those above them.
fn tagger() -> ClassTagger {
    let part = include_bytes!("../fixtures/taxonomy-part.json");
    ClassTagger::new(Taxonomy::from_json(part).unwrap()).unwrap()
}

fn near(got: f32, want: f32, what: &str) {
    assert!((got - want).abs() <= TOLERANCE, "{what}: {got}, not {want}");
}

#[test]
fn tags_equal_the_reference() {
    let golden = golden();
    assert_eq!(golden.dimensions, TEXT_DIMENSIONS);
    assert_eq!(golden.names, NAMES);
    let tagger = tagger();
    for case in golden.cases {
        let mut classes = vec![case.floor; CLASSES];
        for (class, probability) in &case.spikes {
            classes[*class] += probability;
        }
        let colours: Vec<Colour> = case
            .colours
            .iter()
            .map(|(name, share)| Colour {
                name: name.clone(),
                hex: String::new(),
                share: *share,
            })
            .collect();
        let tagged = tagger.tag(&classes, &colours);
        let name = &case.name;
        assert_eq!(tagged.category.is_some(), case.category.is_some(), "{name}");
        if let (Some(got), Some(want)) = (&tagged.category, &case.category) {
            assert_eq!((&got.id, &got.path), (&want.id, &want.path), "{name}");
            assert_eq!(got.path.last(), Some(&got.name), "{name}");
            near(got.score, want.score, name);
        }
        assert_eq!(tagged.text.len(), TEXT_DIMENSIONS);
        for (place, want) in &case.text {
            near(tagged.text[*place], *want, name);
        }
    }
}

#[test]
fn queries_equal_the_reference() {
    let query = WordQuery::new(Arc::new(Toy), Phrases::encode(&Toy).unwrap());
    for case in golden().queries {
        let parsed = parse(&case.query);
        let names: Vec<&str> = parsed.colours.iter().map(|&c| NAMES[c]).collect();
        assert_eq!(names, case.colours);
        assert_eq!(parsed.rest, case.rest);
        let vector = query.text_query(&case.query).unwrap();
        assert_eq!(vector.len(), TEXT_DIMENSIONS);
        for (place, want) in &case.top {
            near(vector[*place], *want, &case.query);
        }
        for (got, want) in vector[CLASSES..].iter().zip(&case.colour) {
            near(*got, *want, &case.query);
        }
    }
}

#[test]
fn colours_alone_are_understood_and_told_apart_from_things() {
    let query = WordQuery::new(Arc::new(Toy), Phrases::encode(&Toy).unwrap());
    let blue = query.understand("but in blue").unwrap();
    assert_eq!(
        (blue.colours.as_slice(), blue.only_colours),
        (&["blue".to_string()][..], true)
    );
    assert!(blue.vector[..CLASSES].iter().all(|weight| *weight == 0.0));
    assert_eq!(blue.vector, query.text_query("blue").unwrap());
    let thing = query.understand("gray and grey backpack").unwrap();
    assert_eq!(
        (thing.colours.as_slice(), thing.only_colours),
        (&["grey".to_string()][..], false)
    );
    assert!(thing.vector[..CLASSES].iter().any(|weight| *weight > 0.0));
}

#[test]
fn the_reasons_are_the_largest_shares_of_the_score() {
    let query = WordQuery::new(Arc::new(Toy), Phrases::encode(&Toy).unwrap());
    let place = |name: &str| CLASSES + NAMES.iter().position(|known| *known == name).unwrap();
    let mut asked = vec![0.0; TEXT_DIMENSIONS];
    let mut photo = asked.clone();
    for (at, asks, has) in [
        (414, 0.5, 0.6),
        (place("red"), 0.5, 0.8),
        (748, 0.1, 0.5),
        (place("pink"), 0.9, 0.0),
    ] {
        asked[at] = asks;
        photo[at] = has;
    }
    let told: Vec<(MatchedKind, String)> = query
        .matched(&asked, &photo)
        .into_iter()
        .map(|matched| (matched.kind, matched.word))
        .collect();
    // .4, .3 and .05 of .75: the last is below a tenth.
    let wanted = [
        (MatchedKind::Colour, "red"),
        (MatchedKind::Class, "backpack"),
    ];
    assert_eq!(told, wanted.map(|(kind, word)| (kind, word.to_string())));
    assert!(
        query
            .matched(&asked, &vec![0.0; TEXT_DIMENSIONS])
            .is_empty()
    );
}

#[test]
fn words_without_meaning_are_refused() {
    let query = WordQuery::new(Arc::new(Toy), Phrases::encode(&Toy).unwrap());
    for words in ["", "  ", "?!"] {
        assert!(matches!(
            query.text_query(words),
            Err(ModelError::BadInput(_))
        ));
    }
}

#[test]
fn phrases_survive_being_kept_as_bytes() {
    let phrases = Phrases::encode(&Toy).unwrap();
    let bytes = phrases.to_bytes();
    assert_eq!(Phrases::from_bytes(&bytes), Some(phrases));
    assert_eq!(Phrases::from_bytes(&bytes[4..]), None);
    assert_eq!(Phrases::from_bytes(&[]), None);
}

#[test]
fn labels_are_the_surest_classes_by_their_shop_name() {
    let mut classes = vec![0.0; CLASSES];
    classes[414] = 0.6;
    classes[748] = 0.3;
    classes[620] = 0.09;
    let tagged = tagger().tag(&classes, &[]);
    let names: Vec<&str> = tagged.labels.iter().map(|tag| tag.name.as_str()).collect();
    assert_eq!(names, ["backpack", "purse"]);
}

/// What a tagger answers where classes have these probabilities.
fn category(tagger: &ClassTagger, spikes: &[(usize, f32)]) -> Option<String> {
    let mut classes = vec![0.0; CLASSES];
    for &(class, probability) in spikes {
        classes[class] = probability;
    }
    let category = tagger.tag(&classes, &[]).category?;
    Some(category.path.join(" > "))
}

#[test]
fn the_likeliest_class_alone_says_less_than_the_sum() {
    // Six kinds of clothes, of which none is likely, beside one likelier piece of furniture.
    let clothes = [608, 610, 834, 841, 474, 578].map(|class| (class, 0.12));
    let spikes = [&clothes[..], &[(765, 0.2)]].concat();
    let summed = category(&tagger(), &spikes).unwrap();
    assert!(summed.starts_with("Apparel & Accessories"), "{summed}");
    assert_eq!(category(&tagger().of_likeliest(), &spikes), None);
    let sure = [(765, 0.9)];
    let alone = category(&tagger().of_likeliest(), &sure).unwrap();
    assert!(alone.starts_with("Furniture"), "{alone}");
    assert_ne!(tagger().of_likeliest().id(), tagger().id());
}

#[test]
fn without_the_table_a_class_stands_where_its_name_is_likest() {
    let part = include_bytes!("../fixtures/taxonomy-part.json");
    let by_names = ClassTagger::by_names(Taxonomy::from_json(part).unwrap(), &Toy).unwrap();
    let of = |tagger: &ClassTagger, class| category(tagger, &[(class, 0.99)]);
    // "sock" has its letters in "Socks".
    let socks = of(&by_names, 806);
    assert!(socks.is_some() && socks == of(&tagger(), 806), "{socks:?}");
    // The table knows that an alp is no product; there is a name likest to "alp" all the same.
    assert_eq!(of(&tagger(), 970), None);
    assert!(of(&by_names, 970).is_some());
}

#[test]
fn fewer_words_for_a_class_are_less_like_what_is_asked() {
    let class = super::classes::classes();
    let synonyms = |class: &super::classes::Class| class.phrases.len() > 1;
    let at = class.iter().position(synonyms).unwrap();
    let asked = Toy.encode(&[class[at].phrases[1]]).unwrap().remove(0);
    let likeness = |wording| {
        let phrases = Phrases::encode_as(&Toy, wording).unwrap();
        let likeness = phrases.likeness(&asked).unwrap();
        assert_eq!(likeness.len(), CLASSES);
        likeness[at]
    };
    near(likeness(Wording::Phrases), 1.0, "every phrase");
    assert!(likeness(Wording::First) < 0.99);
    let label = Toy.encode(&[class[at].label]).unwrap().remove(0);
    let want = showroom_catalog::embedding::dot(&label, &asked);
    near(likeness(Wording::Labels), want, "the label");
}

#[test]
fn words_for_colours_can_be_taken_as_any_others() {
    let query = || WordQuery::new(Arc::new(Toy), Phrases::encode(&Toy).unwrap());
    let seeing = query().understand("red backpack").unwrap();
    let blind = query()
        .blind_to_colours()
        .understand("red backpack")
        .unwrap();
    assert_eq!(seeing.colours, ["red"]);
    assert!(blind.colours.is_empty());
    assert!(blind.vector[CLASSES..].iter().all(|weight| *weight == 0.0));
    assert!(seeing.vector[CLASSES..].iter().any(|weight| *weight > 0.0));
}
