//! Decisions of people → the rows of the catalogue, so that they hold at once and for good.
//!
//! The log is the truth; a row is what searches and exports see of it. [`decide_label`] and
//! [`decide_category`] write a new decision to a row and give the line for the log, [`restore`] takes
//! one that is undone back, and [`settle`] brings a row that a tagger has just written to what is
//! decided of its photo.

use crate::decision::{CATEGORY, CategoryNode, Decisions, Details, HumanDecision, PERSON, Verdict};
use crate::label::LABELS;
use crate::record::Record;
use crate::tag::{Category, Decision, Tag};

/// A label that can be decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownLabel {
    /// [`Tag::id`].
    pub id: String,
    pub name: String,
    /// [`Tag::source`].
    pub source: String,
    /// Ids of the labels that it excludes.
    pub rivals: Vec<String>,
}

impl From<&Tag> for KnownLabel {
    /// Of a label of which no more is known than that a photo has it.
    fn from(tag: &Tag) -> Self {
        KnownLabel {
            id: tag.id.clone(),
            name: tag.name.clone(),
            source: tag.source.clone(),
            rivals: Vec::new(),
        }
    }
}

/// What is the same of all that is decided together.
#[derive(Clone, Copy, Debug)]
pub struct Made<'a> {
    /// Milliseconds since 1970-01-01 UTC.
    pub at_ms: i64,
    /// See [`Details::batch`].
    pub batch: &'a str,
    pub by: Option<&'a str>,
}

/// Writes what a person says of a label to a row, whether or not it has the label. The first line is
/// about the label; each further one rejects a label that a person had accepted and that this one
/// excludes.
pub fn decide_label(
    record: &mut Record,
    label: &KnownLabel,
    verdict: Verdict,
    made: Made<'_>,
    decisions: &Decisions,
) -> Vec<HumanDecision> {
    let earlier = decisions.last(record.id, &label.id);
    let at = record.labels.iter().position(|tag| tag.id == label.id);
    let mut displaced = earlier.map_or_else(Vec::new, |line| line.details.displaced.clone());
    if verdict == Verdict::Reject {
        put_back(record, std::mem::take(&mut displaced));
    }
    let details = Details {
        name: Some(label.name.clone()),
        source: Some(label.source.clone()),
        before: match earlier {
            Some(earlier) => earlier.details.before.clone(),
            None => at.map(|at| record.labels[at].clone()),
        },
        ..Details::default()
    };
    let mut line = line(record, &label.id, verdict, details, made);
    let mut more = Vec::new();
    if verdict == Verdict::Accept {
        let is_rival = |tag: &Tag| tag.id != label.id && label.rivals.contains(&tag.id);
        let (rivals, others): (Vec<Tag>, Vec<Tag>) = (record.labels.drain(..))
            .partition(|tag| is_rival(tag) && tag.decision != Decision::Reject);
        record.labels = others;
        for rival in rivals {
            if rival.model != PERSON {
                displaced.push(rival);
                continue;
            }
            let known = KnownLabel::from(&rival);
            record.labels.push(rival);
            more.extend(decide_label(
                record,
                &known,
                Verdict::Reject,
                made,
                decisions,
            ));
        }
        line.details.displaced = displaced;
    }
    put_label(record, &line, true);
    more.insert(0, line);
    more
}

/// Writes what a person says of a category to a row: that it is `node`, or, rejecting, that it is
/// neither `node` nor anything below it.
pub fn decide_category(
    record: &mut Record,
    node: &CategoryNode,
    verdict: Verdict,
    made: Made<'_>,
    decisions: &Decisions,
) -> HumanDecision {
    let category_before = match decisions.last(record.id, CATEGORY) {
        Some(earlier) => earlier.details.category_before.clone(),
        None => record.category.clone(),
    };
    let details = Details {
        category: Some(node.clone()),
        category_before,
        ..Details::default()
    };
    let line = line(record, CATEGORY, verdict, details, made);
    // A category that a person gave before goes too.
    if verdict == Verdict::Reject {
        record.category = None;
    }
    put_category(record, &line);
    line
}

/// Takes a decision that is undone back from its row. `decisions` are those that still count.
pub fn restore(record: &mut Record, undone: &HumanDecision, decisions: &Decisions) {
    let Details {
        before,
        category_before,
        displaced,
        ..
    } = &undone.details;
    if undone.label == CATEGORY {
        record.category.clone_from(category_before);
    } else {
        let at = record.labels.iter().position(|tag| tag.id == undone.label);
        match (at, before) {
            (Some(at), Some(before)) => record.labels[at] = before.clone(),
            (Some(at), None) => drop(record.labels.remove(at)),
            (None, Some(before)) => record.labels.push(before.clone()),
            (None, None) => {}
        }
        put_back(record, displaced.clone());
        // The word before it, which counts again.
        if let Some(line) = decisions.last(record.id, &undone.label) {
            let gone = &line.details.displaced;
            let is_gone =
                |tag: &Tag| tag.model != PERSON && gone.iter().any(|gone| gone.id == tag.id);
            record.labels.retain(|tag| !is_gone(tag));
            put_label(record, line, true);
        }
    }
    settle(record, decisions);
}

/// Brings a row to what is decided of its photo; whether that changed it. Labels of label sets are
/// not added where they are missing: applying the set does that.
pub fn settle(record: &mut Record, decisions: &Decisions) -> bool {
    if decisions.is_empty() {
        return false;
    }
    let mut changed = false;
    for line in decisions.on(record.id) {
        changed |= match line.label == CATEGORY {
            true => put_category(record, line),
            false => put_label(record, line, false),
        };
    }
    changed
}

fn line(
    record: &Record,
    label: &str,
    verdict: Verdict,
    details: Details,
    made: Made<'_>,
) -> HumanDecision {
    HumanDecision {
        at_ms: made.at_ms,
        photo: record.id,
        uri: record.source.uri.clone(),
        sku: record.source.sku.clone(),
        label: label.into(),
        verdict,
        details: Details {
            batch: Some(made.batch.into()),
            by: made.by.map(Into::into),
            ..details
        },
    }
}

pub(crate) fn put_back(record: &mut Record, tags: Vec<Tag>) {
    for tag in tags {
        if record.labels.iter().all(|found| found.id != tag.id) {
            record.labels.push(tag);
        }
    }
}

/// `own` also adds a label of a label set.
pub(crate) fn put_label(record: &mut Record, line: &HumanDecision, own: bool) -> bool {
    let (calibrated, decision) = match line.verdict {
        Verdict::Accept => (Some(1.0), Decision::Accept),
        Verdict::Reject => (Some(0.0), Decision::Reject),
    };
    let mut changed = false;
    let mut found = false;
    for tag in (record.labels.iter_mut()).filter(|tag| tag.id == line.label) {
        found = true;
        if (tag.calibrated, tag.decision, tag.model.as_str()) != (calibrated, decision, PERSON) {
            (tag.calibrated, tag.decision) = (calibrated, decision);
            tag.model = PERSON.into();
            changed = true;
        }
    }
    let Details {
        name: Some(name),
        source: Some(source),
        ..
    } = &line.details
    else {
        return changed;
    };
    let is_own = source.starts_with(LABELS);
    // A rejected label that nobody says need not stand there, but sets keep theirs.
    let is_missing = !found
        && if is_own {
            own
        } else {
            line.verdict == Verdict::Accept
        };
    if is_missing {
        record.labels.push(Tag {
            id: line.label.clone(),
            name: name.clone(),
            score: 0.0,
            calibrated,
            decision,
            source: source.clone(),
            model: PERSON.into(),
        });
    }
    changed || is_missing
}

fn put_category(record: &mut Record, line: &HumanDecision) -> bool {
    let Some(node) = &line.details.category else {
        return false;
    };
    let said = record.category.as_ref();
    let new = match line.verdict {
        Verdict::Accept => Some(Category {
            id: node.id.clone(),
            name: node.name.clone(),
            path: node.path.clone(),
            score: 1.0,
            model: PERSON.into(),
        }),
        Verdict::Reject if said.is_some_and(|said| said.ancestors().any(|id| id == node.id)) => {
            None
        }
        Verdict::Reject => return false,
    };
    let changed = record.category != new;
    record.category = new;
    changed
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::decision::{DecisionLog, LogEntry, Undo};
    use crate::embedding::Vectors;
    use crate::photo::{Facts, Format, PhotoId, PhotoRef};

    pub fn made(batch: &str) -> Made<'_> {
        Made {
            at_ms: 7,
            batch,
            by: Some("ann"),
        }
    }

    pub fn tag(id: &str, source: &str) -> Tag {
        Tag {
            id: id.into(),
            name: id.into(),
            score: 0.4,
            calibrated: Some(0.6),
            decision: Decision::Review,
            source: source.into(),
            model: "m".into(),
        }
    }

    pub fn known(id: &str, source: &str, rivals: &[&str]) -> KnownLabel {
        KnownLabel {
            id: id.into(),
            name: id.into(),
            source: source.into(),
            rivals: rivals.iter().map(ToString::to_string).collect(),
        }
    }

    pub fn node(id: &str) -> CategoryNode {
        CategoryNode {
            id: id.into(),
            name: id.into(),
            path: vec![id.into()],
        }
    }

    pub fn category(id: &str, model: &str) -> Category {
        Category {
            id: id.into(),
            name: id.into(),
            path: vec![id.into()],
            score: if model == PERSON { 1.0 } else { 0.5 },
            model: model.into(),
        }
    }

    pub fn record(labels: Vec<Tag>) -> Record {
        Record {
            id: PhotoId([1; 32]),
            source: PhotoRef {
                uri: "/a.jpg".into(),
                etag: "1".into(),
                bytes: 1,
                sku: Some("A".into()),
            },
            title: None,
            attributes: Default::default(),
            facts: Facts {
                width: 1,
                height: 1,
                bytes: 1,
                format: Format::Jpeg,
                sharpness: 0.0,
                brightness: 0.0,
                clipped_dark: 0.0,
                clipped_bright: 0.0,
                border_white: 0.0,
                border_uniform: 0.0,
                transparent: 0.0,
                product_share: 0.0,
                phash: 0,
            },
            category: Some(category("aa-8-8", "m")),
            colours: vec![],
            labels,
            classes: vec![],
            vectors: Vectors::default(),
            tagger: "m".into(),
            ingested_at_ms: 0,
        }
    }

    fn states(record: &Record) -> Vec<(&str, Decision, &str)> {
        let each = record.labels.iter();
        each.map(|tag| (tag.id.as_str(), tag.decision, tag.model.as_str()))
            .collect()
    }

    #[test]
    fn a_decision_is_written_and_undone_to_the_letter() {
        let before = record(vec![tag("mug", "classes"), tag("n/crew", "labels:n")]);
        let mut now = before.clone();
        let mut decisions = Decisions::default();
        let v_neck = known("n/v", "labels:n", &["n/crew", "n/v"]);
        let lines = decide_label(&mut now, &v_neck, Verdict::Accept, made("1"), &decisions);
        assert_eq!(
            states(&now),
            [
                ("mug", Decision::Review, "m"),
                ("n/v", Decision::Accept, PERSON)
            ]
        );
        assert_eq!(lines[0].details.displaced, [tag("n/crew", "labels:n")]);
        lines.iter().cloned().for_each(|line| decisions.add(line));

        // A second word on it, then both undone, last first.
        let again = decide_label(&mut now, &v_neck, Verdict::Reject, made("2"), &decisions);
        assert_eq!(states(&now)[2].0, "n/crew", "nothing excludes it any more");
        let mut undone = now.clone();
        restore(&mut undone, &again[0], &decisions);
        let accepted = ("n/v", Decision::Accept, PERSON);
        assert!(states(&undone).contains(&accepted), "{:?}", states(&undone));
        restore(&mut now, &lines[0], &Decisions::default());
        assert_eq!(now.labels, before.labels);
    }

    #[test]
    fn accepting_a_label_rejects_what_a_person_accepted_before_and_it_excludes() {
        let mut row = record(vec![]);
        let mut decisions = Decisions::default();
        let crew = known("n/crew", "labels:n", &["n/v"]);
        for line in decide_label(&mut row, &crew, Verdict::Accept, made("1"), &decisions) {
            decisions.add(line);
        }
        let v_neck = known("n/v", "labels:n", &["n/crew"]);
        let lines = decide_label(&mut row, &v_neck, Verdict::Accept, made("2"), &decisions);
        let said: Vec<_> = (lines.iter().map(|line| (line.label.as_str(), line.verdict))).collect();
        assert_eq!(
            said,
            [("n/v", Verdict::Accept), ("n/crew", Verdict::Reject)]
        );
        let expected = [
            ("n/crew", Decision::Reject, PERSON),
            ("n/v", Decision::Accept, PERSON),
        ];
        assert_eq!(states(&row), expected);
    }

    #[test]
    fn what_is_decided_outlives_a_tagger_that_says_otherwise() {
        let mut row = record(vec![tag("mug", "classes")]);
        let mut decisions = Decisions::default();
        let mug = known("mug", "classes", &[]);
        let cup = known("cup", "classes", &[]);
        let lines = [
            decide_label(&mut row, &mug, Verdict::Reject, made("1"), &decisions),
            decide_label(&mut row, &cup, Verdict::Accept, made("1"), &decisions),
            vec![decide_category(
                &mut row,
                &node("hg-2"),
                Verdict::Accept,
                made("1"),
                &decisions,
            )],
        ];
        let lines: Vec<HumanDecision> = lines.into_iter().flatten().collect();
        lines.iter().cloned().for_each(|line| decisions.add(line));
        // Taken in again: the tagger knows nothing of it.
        let mut fresh = record(vec![tag("mug", "classes")]);
        assert!(settle(&mut fresh, &decisions));
        assert_eq!(
            states(&fresh),
            [
                ("mug", Decision::Reject, PERSON),
                ("cup", Decision::Accept, PERSON)
            ]
        );
        assert_eq!(fresh.category, Some(category("hg-2", PERSON)));
        assert!(!settle(&mut fresh, &decisions), "nothing is left to do");
        let mut other = record(vec![tag("mug", "classes")]);
        other.id = PhotoId([2; 32]);
        assert!(!settle(&mut other, &decisions), "another photo");
    }

    #[test]
    fn a_rejected_category_goes_with_all_below_it_and_another_stays() {
        let mut row = record(vec![]);
        let none = Decisions::default();
        let line = decide_category(&mut row, &node("aa-8"), Verdict::Reject, made("1"), &none);
        assert_eq!(row.category, None);
        let decisions = Decisions::new([line.clone()]);
        let mut deeper = record(vec![]);
        assert!(settle(&mut deeper, &decisions));
        assert_eq!(deeper.category, None);
        let mut other = record(vec![]);
        other.category = Some(category("aa-80", "m2"));
        assert!(!settle(&mut other, &decisions));
        assert_eq!(other.category, Some(category("aa-80", "m2")));
        restore(&mut row, &line, &none);
        assert_eq!(row.category, Some(category("aa-8-8", "m")));
    }

    #[test]
    fn the_log_alone_brings_a_row_to_where_it_was() {
        let mut row = record(vec![tag("mug", "classes")]);
        let none = Decisions::default();
        let mug = known("mug", "classes", &[]);
        let lines = decide_label(&mut row, &mug, Verdict::Accept, made("1"), &none);
        let entries = lines
            .into_iter()
            .map(|line| LogEntry::Decision(Box::new(line)));
        let mut log = DecisionLog {
            entries: entries.collect(),
            problems: vec![],
        };
        let mut fresh = record(vec![tag("mug", "classes")]);
        settle(&mut fresh, &log.decisions());
        assert_eq!(fresh, row);
        log.entries.push(LogEntry::Undo(Undo {
            at_ms: 8,
            undo: "1".into(),
            by: None,
        }));
        let mut fresh = record(vec![tag("mug", "classes")]);
        assert!(!settle(&mut fresh, &log.decisions()));
    }
}
