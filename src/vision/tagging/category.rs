//! Evidence of the classes summed up the taxonomy; the deepest node that is sure enough.

use showroom_catalog::Category;
use showroom_catalog::embedding::dot;
use showroom_catalog::seams::{ModelError, TextEncoder};

use super::classes::classes;
use super::phrases::encode_all;
use super::taxonomy::Taxonomy;

/// A node is answered with where it is right at least this often.
const SURE: f64 = 0.70;
/// No answer claims more than this.
const SUREST: f64 = 0.99;
/// Mass → probability of being right, `sigmoid(a * logit(mass) + b)`, at the top level, at the second, and
/// below. Logistic regression on 258 labelled shop photos, apparel and the rest weighted alike.
const CALIBRATION: [(f64, f64); 3] = [(1.97, 2.71), (2.11, 1.79), (0.68, -0.22)];
/// Masses are kept this far from 0 and 1.
const CLAMP: f64 = 1e-4;

/// The part of the taxonomy that classes map to.
#[derive(Debug)]
pub struct Categoriser {
    taxonomy: Taxonomy,
    /// Node of each class.
    class_nodes: Vec<Option<usize>>,
    /// Children with classes at or below them, in the order of the file; the last entry is the top level.
    children: Vec<Vec<usize>>,
    /// Whether the classes are summed up the tree; else the likeliest speaks alone.
    summed: bool,
}

impl Categoriser {
    /// Fails where the taxonomy lacks a node that the table of classes names.
    pub fn new(taxonomy: Taxonomy) -> Result<Self, ModelError> {
        let node = |id: &str| {
            let missing = || ModelError::Refused(format!("the taxonomy file has no category {id}"));
            taxonomy.find(id).ok_or_else(missing)
        };
        let nodes = classes()
            .iter()
            .map(|class| class.node.map(node).transpose());
        let class_nodes = nodes.collect::<Result<_, _>>()?;
        Ok(Self::of(taxonomy, class_nodes))
    }

    /// Without the table: each class stands where its label is likest to the category's name. To measure
    /// what the table is worth.
    pub fn by_names(taxonomy: Taxonomy, encoder: &dyn TextEncoder) -> Result<Self, ModelError> {
        let names: Vec<&str> = taxonomy
            .nodes
            .iter()
            .map(|node| node.name.as_str())
            .collect();
        let labels: Vec<&str> = classes().iter().map(|class| class.label).collect();
        let (width, names) = encode_all(encoder, &names)?;
        let (_, labels) = encode_all(encoder, &labels)?;
        let likest = |label: &[f32]| {
            let likeness = names.chunks_exact(width).map(|name| dot(name, label));
            let likest = likeness.enumerate().max_by(|a, b| a.1.total_cmp(&b.1));
            likest.map(|(node, _)| node)
        };
        let class_nodes = labels.chunks_exact(width).map(likest).collect();
        Ok(Self::of(taxonomy, class_nodes))
    }

    fn of(taxonomy: Taxonomy, class_nodes: Vec<Option<usize>>) -> Self {
        let mut used = vec![false; taxonomy.nodes.len()];
        for &node in class_nodes.iter().flatten() {
            taxonomy.up(node).for_each(|above| used[above] = true);
        }
        let top = taxonomy.nodes.len();
        let mut children = vec![Vec::new(); top + 1];
        for node in (0..top).filter(|&node| used[node]) {
            children[taxonomy.nodes[node].parent.unwrap_or(top)].push(node);
        }
        Self {
            taxonomy,
            class_nodes,
            children,
            summed: true,
        }
    }

    /// The likeliest class speaks alone. To measure what the sum is worth.
    pub fn of_likeliest(self) -> Self {
        Self {
            summed: false,
            ..self
        }
    }

    /// `None` where not even a top level is sure. `probabilities` in the order of the classes.
    pub fn decide(&self, probabilities: &[f32], model: &str) -> Option<Category> {
        let masses = self.masses(probabilities);
        let mut best = None;
        let mut at = self.taxonomy.nodes.len();
        let mut score = SUREST;
        for depth in 0.. {
            let Some(node) = heaviest(&self.children[at], &masses) else {
                break;
            };
            score = score.min(calibrate(masses[node], depth));
            if masses[node] <= 0.0 || score < SURE {
                break;
            }
            best = Some((node, score));
            at = node;
        }
        best.map(|(node, score)| Category {
            id: self.taxonomy.nodes[node].id.clone(),
            name: self.taxonomy.nodes[node].name.clone(),
            path: self.taxonomy.path(node),
            score: score as f32,
            model: model.to_owned(),
        })
    }

    /// Of each node: the sum over the classes at or below it.
    fn masses(&self, probabilities: &[f32]) -> Vec<f64> {
        let mut masses = vec![0.0; self.taxonomy.nodes.len()];
        let likeliest = probabilities.iter().copied().fold(0.0, f32::max);
        let least = if self.summed { 0.0 } else { likeliest };
        let classes = probabilities.iter().zip(&self.class_nodes);
        for (&probability, node) in classes.filter(|(probability, _)| **probability >= least) {
            for above in node.iter().flat_map(|&node| self.taxonomy.up(node)) {
                masses[above] += f64::from(probability);
            }
        }
        masses
    }

    pub fn version(&self) -> &str {
        &self.taxonomy.version
    }
}

/// The first of the heaviest.
fn heaviest(nodes: &[usize], masses: &[f64]) -> Option<usize> {
    nodes.iter().copied().reduce(|best, node| {
        if masses[node] > masses[best] {
            node
        } else {
            best
        }
    })
}

/// Probability that a node of this mass is right; `depth` 0 is the top level.
fn calibrate(mass: f64, depth: usize) -> f64 {
    let (a, b) = CALIBRATION[depth.min(CALIBRATION.len() - 1)];
    let mass = mass.clamp(CLAMP, 1.0 - CLAMP);
    let evidence = (mass / (1.0 - mass)).ln();
    1.0 / (1.0 + (-(a * evidence + b)).exp())
}
