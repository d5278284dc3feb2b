//! Evaluation: numbers that can be worked out by hand, from rows that the test makes up.

use std::path::Path;

use showroom_catalog::seams::{Catalogue, ModelError, TextQuery};
use showroom_catalog::{Category, Query, QueryPart, Record, VectorName};
use showroom_pipeline::*;

use crate::fakes::*;

const TRUTH: &str = "\u{feff}File,item,label,category,colour,split,price
p000.png,a,Shoe,Apparel & Accessories > Shoes,red,test,10
p001.png,a,shoe,Apparel & Accessories,blue|red,test,10
p002.png,b,shoe,Luggage & Bags,green,train,10
p003.png,,mug,,teal,train,10
,c,mug,,,,10
gone.png,a,shoe,,,test,10
";

/// Five photos; the fifth is not in the truth. The first, second and fifth look alike.
fn catalogue(folder: &Path) -> Memory {
    put_photos(folder, 5);
    let memory = Memory::new();
    run_ok(&counting(folder), &memory);
    let mut records = memory.records();
    for (at, record) in records.iter_mut().enumerate() {
        record.vectors.shape = match at {
            0 | 1 | 4 => vec![1.0, 0.0, 0.0, 0.0],
            2 => vec![0.0, 1.0, 0.0, 0.0],
            _ => vec![0.8, 0.6, 0.0, 0.0],
        };
        record.vectors.text = vec![0.0, at as f32, 0.0];
        record.colours[0].name = ["red", "red", "blue", "teal", "teal"][at].to_string();
        record.category = (at < 3).then(|| Category {
            id: "aa-8".into(),
            name: "Shoes".into(),
            path: vec!["Apparel & Accessories".into(), "Shoes".into()],
            score: [0.95, 0.95, 0.55][at],
            model: "tagger-1".into(),
        });
    }
    runtime()
        .block_on(memory.upsert(records, Vec::new()))
        .unwrap();
    memory
}

fn like(record: &Record) -> Query {
    Query {
        parts: vec![QueryPart {
            on: VectorName::Shape,
            vector: record.vectors.shape.clone(),
            weight: 1.0,
        }],
        exclude_uris: vec![record.source.uri.clone()],
        ..Query::default()
    }
}

/// Looks for the photos with the highest number.
struct Words;

impl TextQuery for Words {
    fn text_query(&self, words: &str) -> Result<Vec<f32>, ModelError> {
        match words {
            "" | "???" => Err(ModelError::BadInput("these words name nothing".into())),
            _ => Ok(vec![0.0, 1.0, 0.0]),
        }
    }
}

fn options(split: &str) -> EvaluateOptions {
    EvaluateOptions {
        split: split.into(),
        questions: 100,
        depth: 10,
        resampling: Resampling {
            seed: 1,
            times: 100,
        },
    }
}

fn measured(split: &str, questions: &str, cancel: &Cancel) -> Result<Evaluation, EvaluateError> {
    let folder = tempfile::tempdir().unwrap();
    let memory = catalogue(folder.path());
    let truth = read_truth(put(folder.path(), "truth.csv", TRUTH.as_bytes()).as_ref()).unwrap();
    assert_eq!((truth.rows.len(), truth.left_out), (5, 1));
    assert!(truth.problems[0].contains("line 6: no file"), "{truth:?}");
    let path = put(folder.path(), "queries.csv", questions.as_bytes());
    let questions = read_questions(path.as_ref()).unwrap().rows;
    let subject = Subject {
        catalogue: &memory,
        words: Some(&Words),
        like: &like,
    };
    let options = options(split);
    runtime().block_on(evaluate(
        subject,
        truth.rows,
        &questions,
        &options,
        cancel,
        &mut |_, _| {},
    ))
}

fn values(found: &Retrieval) -> [f64; 4] {
    let all = [
        found.recall_at_1,
        found.recall_at_5,
        found.recall_at_10,
        found.mean_average_precision,
    ];
    all.map(|estimate| (estimate.value * 1000.0).round() / 1000.0)
}

const QUESTIONS: &str = "query,labels,colours,also_ok
a shoe,shoe,,mug
a red shoe,shoe,red,
a lamp,lamp,,
???,mug,,
";

#[test]
fn every_number_is_the_one_worked_out_by_hand() {
    let found = measured("", QUESTIONS, &Cancel::new()).unwrap();
    assert_eq!((found.photos, found.unknown, found.missing), (4, 1, 1));
    assert_eq!(found.missing_files, ["gone.png"]);
    assert_eq!(found.taggers, ["tagger-1"]);
    // The two photos of item a find each other before the rest.
    let same_item = found.same_item.unwrap();
    assert_eq!(values(&same_item), [1.0; 4]);
    assert_eq!(same_item.recall_at_1.of, 2);
    // Shoes: the first two find (right, mug, right) -> (1 + 2/3) / 2; the third finds the mug first,
    // then both -> (1/2 + 2/3) / 2.
    let same_label = found.same_label.unwrap();
    let expected = (5.0 / 6.0 + 5.0 / 6.0 + 7.0 / 12.0) / 3.0;
    assert!((same_label.mean_average_precision.value - expected).abs() < 1e-9);
    assert_eq!(values(&same_label)[..2], [0.667, 1.0]);
    // The hits are mug, green shoe, red shoe, red shoe; mugs count neither way for the first question.
    assert_eq!(values(&found.text["type"]), [1.0; 4]);
    assert_eq!(
        values(&found.text["colour+type"]),
        [
            0.0,
            1.0,
            1.0,
            ((1.0 / 3.0 + 0.5) / 2.0f64 * 1000.0).round() / 1000.0
        ]
    );
    assert_eq!(found.text["all"].recall_at_1.of, 2);
    assert_eq!(found.left_out_questions.len(), 2);
    // Three have a category in the truth, all three are answered, two rightly.
    let category = found.category.unwrap();
    assert_eq!((category.answered.value, category.answered.of), (1.0, 3));
    assert!((category.right.unwrap().value - 2.0 / 3.0).abs() < 1e-9);
    let calibration = category.calibration.unwrap();
    assert!((calibration.ece - (2.0 / 3.0 * 0.05 + 1.0 / 3.0 * 0.55)).abs() < 1e-6);
    assert_eq!(category.confusion[0].photos, 2);
    assert_eq!(category.confusion[1].truth, "luggage & bags");
    let colour = found.colour.unwrap();
    assert!((colour.right.unwrap().value - 0.75).abs() < 1e-9);
    assert_eq!((colour.answered.of, colour.confusion.len()), (4, 4));
}

#[test]
fn a_split_is_measured_by_itself() {
    let found = measured("train", QUESTIONS, &Cancel::new()).unwrap();
    assert_eq!((found.photos, found.missing, found.unknown), (2, 0, 3));
    assert!(found.same_item.is_none() && found.same_label.is_none());
    assert_eq!(found.colour.unwrap().right.unwrap().value, 0.5);
    let error = measured("nowhere", QUESTIONS, &Cancel::new()).unwrap_err();
    assert!(matches!(error, EvaluateError::NothingToMeasure(_)));
}

#[test]
fn a_run_can_be_stopped() {
    let cancel = Cancel::new();
    cancel.cancel();
    let stopped = measured("", QUESTIONS, &cancel);
    assert!(matches!(stopped, Err(EvaluateError::Interrupted)));
}

#[test]
fn a_file_that_is_no_truth_says_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let path = put(folder.path(), "truth.csv", b"photo,colour\na.png,red\n");
    let error = read_truth(path.as_ref()).unwrap_err().to_string();
    assert!(error.contains("truth.csv") && error.contains("no column called file"));
    let error = read_truth(&folder.path().join("none.csv")).unwrap_err();
    assert!(error.to_string().contains("none.csv"));
    // Bytes that are no text lose their row and no more.
    let path = put(
        folder.path(),
        "bad.csv",
        b"file,colour\na.png,\xff\xfe\nb.png,red\n",
    );
    let table = read_truth(path.as_ref()).unwrap();
    assert_eq!((table.rows.len(), table.left_out), (1, 1));
    assert!(table.problems[0].contains("line 2"), "{:?}", table.problems);
}
