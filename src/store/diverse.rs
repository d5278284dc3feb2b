//! Maximal marginal relevance: hits that are unlike each other.
//!
//! Source: Carbonell and Goldstein, The Use of MMR, Diversity-Based Reranking (1998).

use std::collections::HashMap;

use arrow_array::RecordBatch;
use lancedb::Table;
use showroom_catalog::VectorName;
use showroom_catalog::embedding::dot;
use showroom_catalog::seams::StoreError;

use crate::best::Candidate;
use crate::decode::Rows;
use crate::open::LanceCatalogue;
use crate::schema::ROW_ID;

impl LanceCatalogue {
    /// The `k` rows that are relevant and unlike each other. Photos are compared by their shape and
    /// colours, whatever was asked with.
    pub(crate) async fn diversified(
        &self,
        table: &Table,
        ranked: Vec<(f32, Candidate)>,
        k: usize,
        weight: f32,
    ) -> Result<Vec<(f32, Candidate)>, StoreError> {
        let ids: Vec<u64> = ranked.iter().map(|(_, row)| row.row_id).collect();
        let columns = [VectorName::Shape, VectorName::Colour].map(|name| name.name().to_string());
        let mut looks: HashMap<u64, Look> = HashMap::with_capacity(ids.len());
        for batch in self.take_batches(table, &ids, &columns).await? {
            looks_of(&batch, &mut looks).map_err(|reason| self.damaged(reason))?;
        }
        let looks: Vec<&Look> = ids
            .iter()
            .map(|id| {
                looks
                    .get(id)
                    .ok_or_else(|| self.damaged("a row cannot be found again"))
            })
            .collect::<Result<_, _>>()?;
        let relevance: Vec<f32> = ranked.iter().map(|(relevance, _)| *relevance).collect();
        let alike = |a: usize, b: usize| looks[a].likeness(looks[b]);
        let picked = pick(&relevance, alike, k, weight);
        let mut ranked: Vec<Option<(f32, Candidate)>> = ranked.into_iter().map(Some).collect();
        let picked = picked.into_iter().filter_map(|row| ranked[row].take());
        Ok(picked.collect())
    }
}

/// Places of the `k` rows picked, in the order of picking. Each is the one with the largest
/// `weight * relevance - (1 - weight) * likeness to the likest that was picked`, the first of equals;
/// a likeness below 0 counts 0, so that to be the opposite of a hit is no merit.
pub(crate) fn pick(
    relevance: &[f32],
    alike: impl Fn(usize, usize) -> f32,
    k: usize,
    weight: f32,
) -> Vec<usize> {
    let mut left: Vec<usize> = (0..relevance.len()).collect();
    let mut likest = vec![0f32; relevance.len()];
    let mut picked = Vec::new();
    while picked.len() < k && !left.is_empty() {
        let gain = |row: usize| weight * relevance[row] - (1.0 - weight) * likest[row];
        let mut best = 0;
        for at in 1..left.len() {
            if gain(left[at]) > gain(left[best]) {
                best = at;
            }
        }
        let row = left.remove(best);
        for &other in &left {
            likest[other] = likest[other].max(alike(row, other));
        }
        picked.push(row);
    }
    picked
}

/// How a photo looks, for comparing hits with each other.
struct Look {
    shape: Vec<f32>,
    colour: Vec<f32>,
}

impl Look {
    /// Mean of the likenesses in shape and colour; of shape alone where one has no colour.
    fn likeness(&self, other: &Look) -> f32 {
        let shape = dot(&self.shape, &other.shape);
        let has_colour = |look: &Look| look.colour.iter().any(|x| *x != 0.0);
        if has_colour(self) && has_colour(other) {
            (shape + dot(&self.colour, &other.colour)) / 2.0
        } else {
            shape
        }
    }
}

fn looks_of(batch: &RecordBatch, looks: &mut HashMap<u64, Look>) -> Result<(), String> {
    let rows = Rows(batch);
    let (shapes, shape) = rows.vectors(VectorName::Shape.name())?;
    let (colours, colour) = rows.vectors(VectorName::Colour.name())?;
    for (at, id) in rows.u64s(ROW_ID)?.iter().enumerate() {
        let look = Look {
            shape: shapes[at * shape..(at + 1) * shape].to_vec(),
            colour: colours[at * colour..(at + 1) * colour].to_vec(),
        };
        looks.insert(*id, look);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 0 and 1 are all but the same, 2 is unlike both.
    fn alike(a: usize, b: usize) -> f32 {
        match (a.min(b), a.max(b)) {
            (0, 1) => 0.9,
            (0, 2) => 0.1,
            _ => -0.5,
        }
    }

    #[test]
    fn worked_by_hand() {
        let relevance = [0.8, 0.7, 0.5];
        // After 0: 1 gives .35 - .45 = -.1, 2 gives .25 - .05 = .2.
        assert_eq!(pick(&relevance, alike, 3, 0.5), [0, 2, 1]);
        // After 0: 1 gives .63 - .09 = .54, 2 gives .45 - .01 = .44.
        assert_eq!(pick(&relevance, alike, 3, 0.9), [0, 1, 2]);
        assert_eq!(pick(&relevance, alike, 3, 1.0), [0, 1, 2]);
        // Nothing counts but being unlike: the first, then the least like it.
        assert_eq!(pick(&relevance, alike, 2, 0.0), [0, 2]);
        assert_eq!(pick(&relevance, alike, 9, 0.5).len(), 3);
        assert!(pick(&[], alike, 3, 0.5).is_empty());
        assert!(pick(&relevance, alike, 0, 0.5).is_empty());
    }
}
