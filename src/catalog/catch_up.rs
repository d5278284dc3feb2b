//! A row that was not written after the log was: a decision, or its undo, is written down, and then the disk is full
//! or the process is killed. The log is the truth, so the row follows it.

use crate::decide::{put_back, put_label, restore, settle};
use crate::decision::{CATEGORY, Decisions, HumanDecision, PERSON, Verdict};
use crate::record::Record;
use crate::tag::{Decision, Tag};

/// A line of the log about a photo, and whether it counts: one that was undone does not.
pub type Line<'a> = (&'a HumanDecision, bool);

/// Brings a row to what the log says of its photo; whether that changed it. A row that was written after the log is
/// left as it is.
///
/// `lines` are those about its photo, in their order, `decisions` the ones that count. `is_known` says of the id of
/// a label whether a label set still has it: labels of sets that are forgotten do not come back.
pub fn catch_up(
    record: &mut Record,
    lines: &[Line<'_>],
    decisions: &Decisions,
    is_known: &dyn Fn(&str) -> bool,
) -> bool {
    if lines.is_empty() {
        return false;
    }
    let before = (record.category.clone(), record.labels.clone());
    // Last first, as they were put on one another.
    for (line, counts) in lines.iter().rev() {
        if !counts && line.uri == record.source.uri && still_shows(record, line, decisions) {
            restore(record, line, decisions);
        }
    }
    for line in decisions.on(record.id) {
        if line.label != CATEGORY {
            follow(record, line, lines, is_known);
        }
    }
    settle(record, decisions);
    (&before.0, &before.1) != (&record.category, &record.labels)
}

/// Whether a row says what this line did, which was undone.
fn still_shows(record: &Record, line: &HumanDecision, decisions: &Decisions) -> bool {
    let now = decisions.last(record.id, &line.label);
    if line.label != CATEGORY {
        let says_otherwise = now.is_none_or(|now| now.verdict != line.verdict);
        return says_otherwise && record.labels.iter().any(|tag| shows(tag, line));
    }
    let before = line.details.category_before.as_ref();
    match (line.verdict, &record.category, &line.details.category) {
        (_, _, None) => false,
        (Verdict::Accept, Some(said), Some(node)) => {
            let is_it = |now: &HumanDecision| now.details.category.as_ref() == Some(node);
            said.model == PERSON && said.id == node.id && !now.is_some_and(is_it)
        }
        (Verdict::Accept, None, _) => false,
        // A tagger that says nothing looks the same, so what was said before must be of the tagger of this row.
        (Verdict::Reject, said, _) => {
            said.is_none() && now.is_none() && before.is_some_and(|b| b.model == record.tagger)
        }
    }
}

fn shows(tag: &Tag, line: &HumanDecision) -> bool {
    let decision = match line.verdict {
        Verdict::Accept => Decision::Accept,
        Verdict::Reject => Decision::Reject,
    };
    tag.id == line.label && tag.model == PERSON && tag.decision == decision
}

/// Writes the last word on a label to a row that does not show it, with what goes and comes for it.
fn follow(
    record: &mut Record,
    line: &HumanDecision,
    lines: &[Line<'_>],
    is_known: &dyn Fn(&str) -> bool,
) {
    if record.labels.iter().any(|tag| shows(tag, line)) {
        return;
    }
    match line.verdict {
        Verdict::Accept => {
            let gone = &line.details.displaced;
            let is_gone =
                |tag: &Tag| tag.model != PERSON && gone.iter().any(|gone| gone.id == tag.id);
            record.labels.retain(|tag| !is_gone(tag));
        }
        // It was accepted before, for which others had gone.
        Verdict::Reject => {
            let accepted = |tag: &Tag| tag.id == line.label && tag.model == PERSON;
            if record.labels.iter().any(accepted) {
                let earlier = lines.iter().filter(|(earlier, counts)| {
                    *counts && earlier.label == line.label && earlier.uri == record.source.uri
                });
                let gone = earlier.flat_map(|(earlier, _)| earlier.details.displaced.clone());
                put_back(record, gone.collect());
            }
        }
    }
    put_label(record, line, is_known(&line.label));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::tests::{category, known, made, node, record, tag};
    use crate::decide::{decide_category, decide_label};
    use crate::decision::{DecisionLog, LogEntry, Undo};

    /// What the log says now, of all its photos.
    fn caught_up(row: &Record, log: &DecisionLog) -> Record {
        let mut row = row.clone();
        let photo = row.id;
        let lines = log.about(&[photo].into());
        let lines = lines.get(&photo).map(Vec::as_slice).unwrap_or_default();
        let is_known = |id: &str| id.starts_with("n/");
        catch_up(&mut row, lines, &log.decisions(), &is_known);
        row
    }

    /// Rows as they are after each of these is decided, the first before any; and the log then.
    fn history() -> (Vec<Record>, Vec<DecisionLog>) {
        let mut row = record(vec![tag("n/crew", "labels:n"), tag("mug", "classes")]);
        row.tagger = "m".into();
        row.category = Some(category("aa-8", "m"));
        let (crew, v) = (
            known("n/crew", "labels:n", &["n/v"]),
            known("n/v", "labels:n", &["n/crew"]),
        );
        let mug = known("mug", "classes", &[]);
        let (mut rows, mut log) = (vec![row.clone()], DecisionLog::default());
        let mut logs = vec![log.clone()];
        for step in 0..7 {
            let decisions = log.decisions();
            let batch = step.to_string();
            let made = made(&batch);
            let lines = match step {
                0 => decide_label(&mut row, &mug, Verdict::Reject, made, &decisions),
                1 => decide_label(&mut row, &v, Verdict::Accept, made, &decisions),
                2 => vec![decide_category(
                    &mut row,
                    &node("aa-8"),
                    Verdict::Reject,
                    made,
                    &decisions,
                )],
                3 => decide_label(&mut row, &v, Verdict::Reject, made, &decisions),
                4 => vec![decide_category(
                    &mut row,
                    &node("hg-2"),
                    Verdict::Accept,
                    made,
                    &decisions,
                )],
                5 => decide_label(&mut row, &crew, Verdict::Accept, made, &decisions),
                _ => decide_label(&mut row, &mug, Verdict::Accept, made, &decisions),
            };
            log.entries.extend(
                lines
                    .into_iter()
                    .map(|line| LogEntry::Decision(Box::new(line))),
            );
            rows.push(row.clone());
            logs.push(log.clone());
        }
        (rows, logs)
    }

    /// Labels in no order, as those that come back are put last.
    fn said(mut row: Record) -> Record {
        row.labels.sort_by(|a, b| a.id.cmp(&b.id));
        row
    }

    #[test]
    fn a_row_that_missed_a_decision_follows_and_one_that_did_not_stays() {
        let (rows, logs) = history();
        for step in 0..logs.len() {
            assert_eq!(
                caught_up(&rows[step], &logs[step]),
                rows[step],
                "after {step}"
            );
            if step > 0 {
                let late = caught_up(&rows[step - 1], &logs[step]);
                assert_eq!(said(late), said(rows[step].clone()), "step {step}");
            }
        }
    }

    #[test]
    fn a_row_that_missed_an_undo_follows() {
        let (rows, logs) = history();
        for step in 1..logs.len() {
            let mut log = logs[step].clone();
            let undo = (step - 1).to_string();
            log.entries.push(LogEntry::Undo(Undo {
                at_ms: 9,
                undo,
                by: None,
            }));
            let back = caught_up(&rows[step], &log);
            assert_eq!(said(back), said(rows[step - 1].clone()), "step {step}");
        }
    }

    #[test]
    fn a_label_of_a_set_that_is_forgotten_does_not_come_back() {
        let (mut row, mut log) = (record(vec![]), DecisionLog::default());
        let gone = known("old/x", "labels:old", &[]);
        let lines = decide_label(
            &mut row,
            &gone,
            Verdict::Accept,
            made("b"),
            &log.decisions(),
        );
        log.entries.extend(
            lines
                .into_iter()
                .map(|line| LogEntry::Decision(Box::new(line))),
        );
        row.labels.clear();
        assert_eq!(caught_up(&row, &log), row);
    }
}
