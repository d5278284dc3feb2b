//! Maximal marginal relevance: hits that are unlike each other.
//!
//! Source: Carbonell and Goldstein, The Use of MMR, Diversity-Based Reranking (1998).

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
