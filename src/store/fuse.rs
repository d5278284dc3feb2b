//! Two rankings become one: that of the vectors and that of the titles, joined by reciprocal ranks.

use std::collections::{HashMap, HashSet};

use crate::best::Candidate;
use crate::titles::Titled;

/// How little the first ranks stand out. Source: Cormack, Clarke and Büttcher, Reciprocal Rank Fusion
/// (2009), who found 60 to serve everywhere.
const K: f32 = 60.0;

/// What the first of both rankings has.
pub(crate) const MOST: f32 = 2.0 / (K + 1.0);

/// What rank `place` (from 0) is worth.
fn worth(place: usize) -> f32 {
    1.0 / (K + 1.0 + place as f32)
}

/// The title ranking in terms of the rows that stand for their SKU in the vector ranking, or else are
/// the first of their SKU here.
pub(crate) fn first_of_sku(titles: Vec<Titled>, by_vector: &[Candidate]) -> Vec<Titled> {
    let known: HashMap<&str, u64> = by_vector
        .iter()
        .filter_map(|row| Some((row.sku.as_deref()?, row.row_id)))
        .collect();
    let mut seen: HashSet<String> = HashSet::new();
    titles
        .into_iter()
        .filter(|title| match &title.sku {
            Some(sku) => seen.insert(sku.clone()),
            None => true,
        })
        .map(|title| {
            let stands_in = title.sku.as_deref().and_then(|sku| known.get(sku));
            Titled {
                row_id: stands_in.copied().unwrap_or(title.row_id),
                ..title
            }
        })
        .collect()
}

/// The rows of both rankings with the sum of what their ranks are worth, best first. `rows` are those
/// of both; the first `by_vector` of them, in order, are the vector ranking.
pub(crate) fn fuse(
    rows: Vec<Candidate>,
    by_vector: usize,
    by_title: &[u64],
) -> Vec<(f32, Candidate)> {
    let titles: HashMap<u64, f32> = by_title
        .iter()
        .enumerate()
        .map(|(place, id)| (*id, worth(place)))
        .collect();
    let mut fused: Vec<(f32, Candidate)> = rows
        .into_iter()
        .enumerate()
        .map(|(place, row)| {
            let vector = if place < by_vector { worth(place) } else { 0.0 };
            let title = titles.get(&row.row_id).copied().unwrap_or(0.0);
            (vector + title, row)
        })
        .collect();
    fused.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    fused
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::best::{Best, Row};

    fn ranking(rows: &[(u64, f32, Option<&str>)]) -> Vec<Candidate> {
        let mut best = Best::new(rows.len());
        for (id, score, sku) in rows {
            let uri = format!("/{id}");
            let row = Row {
                id: *id,
                uri: &uri,
                sku: *sku,
            };
            best.offer(*score, row, &[]);
        }
        best.in_order()
    }

    fn ids(fused: &[(f32, Candidate)]) -> Vec<u64> {
        fused.iter().map(|(_, row)| row.row_id).collect()
    }

    #[test]
    fn ranks_are_added_up() {
        // By vectors 1, 2, 3; by titles 3, 9; 9 is in no vector ranking.
        let rows = ranking(&[
            (1, 0.9, None),
            (2, 0.8, None),
            (3, 0.7, None),
            (9, 0.1, None),
        ]);
        let fused = fuse(rows, 3, &[3, 9]);
        // 3: 1/63 + 1/61, 1: 1/61, 9: 1/62, 2: 1/62; 2 goes before 9 by its score.
        assert_eq!(ids(&fused), [3, 1, 2, 9]);
        let worth: Vec<f32> = fused.iter().map(|(worth, _)| *worth).collect();
        let wanted = [1.0 / 63.0 + 1.0 / 61.0, 1.0 / 61.0, 1.0 / 62.0, 1.0 / 62.0];
        for (got, want) in worth.iter().zip(wanted) {
            assert!((got - want).abs() < 1e-7, "{got} is not {want}");
        }
    }

    #[test]
    fn without_titles_nothing_changes() {
        let rows = ranking(&[(1, 0.9, None), (2, 0.8, None), (3, 0.7, None)]);
        assert_eq!(ids(&fuse(rows, 3, &[])), [1, 2, 3]);
    }

    #[test]
    fn a_title_speaks_for_the_best_photo_of_its_sku() {
        let by_vector = ranking(&[(1, 0.9, Some("a")), (2, 0.8, None)]);
        let titled = |row_id, sku: Option<&str>| Titled {
            row_id,
            uri: format!("/{row_id}"),
            sku: sku.map(str::to_string),
            score: 1.0,
        };
        let titles = vec![
            titled(7, Some("b")),
            titled(5, Some("a")),
            titled(1, Some("a")),
            titled(8, Some("b")),
            titled(6, None),
        ];
        let first: Vec<u64> = first_of_sku(titles, &by_vector)
            .iter()
            .map(|title| title.row_id)
            .collect();
        assert_eq!(first, [7, 1, 6]);
    }
}
