//! The tower of pictures: normalised pixels → a vector in the shared space.
//!
//! A picture is cut into square patches, each a token with the place it came from. CLIP adds a token of
//! its own in front, whose end is the answer; SigLIP lets a learnt question look at all tokens.

use std::sync::Arc;

use burn::tensor::{DType, Tensor, TensorData as BurnData};
use showroom_catalog::seams::ModelError;

use super::blocks::{Blocks, mlp, write_blocks, write_mlp};
use super::config::{Family, PairConfig};
use crate::engines::graph::{Graph, Size};
use crate::engines::{Architecture, BurnModel, Input, Output, Place};
use crate::models::layers::{Conv, ConvShape, ConvWeights, LayerNorm, Linear, Weights, tensor};
use crate::models::transformer::{Attention, AttentionWeights, Dense, Mlp, Writer};
use crate::weights::TensorData;

const AT: &str = "vision_model";

/// The tower as its weights. Takes pixels (batch, 3, image, image); gives vectors (batch, shared),
/// whose lengths mean nothing.
pub struct PictureTower {
    pub config: PairConfig,
    pub weights: Weights,
}

impl PictureTower {
    /// The names of its tensors among those of the pair.
    pub fn owns(tensor: &str) -> bool {
        tensor.starts_with("vision_model.") || tensor == "visual_projection.weight"
    }

    /// Each patch becomes a token.
    fn patch_embedding(&self) -> Result<ConvWeights, ModelError> {
        let shape = ConvShape {
            channels_in: 3,
            channels_out: self.config.picture.width,
            kernel: self.config.patch,
            stride: self.config.patch,
            padding: [0; 4],
            dilation: 1,
            groups: 1,
        };
        let name = format!("{AT}.embeddings.patch_embedding");
        let weight = self
            .weights
            .get(&format!("{name}.weight"), &shape.weight())?;
        let width = self.config.picture.width;
        let bias = match self.config.family {
            Family::Clip => vec![0.0; width],
            Family::Siglip => {
                let bias = self.weights.get(&format!("{name}.bias"), &[width])?;
                bias.data.clone()
            }
        };
        Ok(ConvWeights::new(weight.clone(), bias, shape))
    }

    /// What is added to the tokens (tokens, width): their places, and in the first row of CLIP's its own
    /// token, which has no patch.
    fn places(&self) -> Result<TensorData, ModelError> {
        let width = self.config.picture.width;
        let tokens = self.tokens();
        let name = format!("{AT}.embeddings.position_embedding.weight");
        let mut places = self.weights.get(&name, &[tokens, width])?.clone();
        if self.config.family == Family::Clip {
            let name = format!("{AT}.embeddings.class_embedding");
            let class = self.weights.get(&name, &[width])?;
            for (place, class) in places.data.iter_mut().zip(&class.data) {
                *place += class;
            }
        }
        Ok(places)
    }

    fn tokens(&self) -> usize {
        self.config.patches() + usize::from(self.config.family == Family::Clip)
    }

    fn projection(&self) -> Result<Dense, ModelError> {
        let sizes = [self.config.picture.width, self.config.shared];
        Dense::without_bias(&self.weights, "visual_projection", sizes)
    }

    /// The learnt question of SigLIP, (1, 1, width).
    fn probe(&self) -> Result<&TensorData, ModelError> {
        let shape = [1, 1, self.config.picture.width];
        self.weights.get(&format!("{AT}.head.probe"), &shape)
    }

    fn head_attention(&self) -> Result<AttentionWeights, ModelError> {
        let at = format!("{AT}.head.attention");
        AttentionWeights::packed(&self.weights, &at, &self.config.picture)
    }
}

impl Architecture for PictureTower {
    fn name(&self) -> &str {
        &self.weights.model
    }

    fn onnx(&self) -> Result<Vec<u8>, ModelError> {
        let config = &self.config;
        let (width, image) = (config.picture.width as i64, Size::Fixed(config.image));
        let mut graph = Graph::default();
        let pixels = graph.input_f32(
            "pixels",
            &[Size::Free("batch"), Size::Fixed(3), image, image],
        );
        let mut writer = Writer {
            graph,
            weights: &self.weights,
            tower: config.picture,
        };
        let x = writer.graph.conv(&pixels, &self.patch_embedding()?);
        let x = writer.reshape(&x, &[0, width, -1]);
        let mut x = writer.transpose(&x, &[0, 2, 1]);
        if config.family == Family::Clip {
            // One row of zeros in front.
            let one = writer.graph.list(&[0, 1, 0, 0, 0, 0]);
            x = writer.op("Pad", &[&x, &one]);
        }
        let places = self.places()?;
        let places = writer.graph.constant(&places.shape, &places.data);
        x = writer.op("Add", &[&x, &places]);
        let answer = match config.family {
            Family::Clip => {
                x = writer.norm(&format!("{AT}.pre_layrnorm"), &x)?;
                x = write_blocks(&mut writer, AT, &x, None)?;
                let first = writer.graph.list(&[0]);
                let axis = crate::weights::onnx::AttributeProto::int("axis", 1);
                x = writer.graph.node("Gather", &[&x, &first], vec![axis]);
                x = writer.norm(&format!("{AT}.post_layernorm"), &x)?;
                writer.dense(&x, &self.projection()?)
            }
            Family::Siglip => {
                x = write_blocks(&mut writer, AT, &x, None)?;
                x = writer.norm(&format!("{AT}.post_layernorm"), &x)?;
                let probe = self.probe()?;
                let probe = writer.graph.constant(&probe.shape, &probe.data);
                let seen = writer.attention(&self.head_attention()?, &probe, &x, None);
                let normed = writer.norm(&format!("{AT}.head.layernorm"), &seen)?;
                let y = write_mlp(&mut writer, &format!("{AT}.head.mlp"), &normed)?;
                writer.op("Add", &[&seen, &y])
            }
        };
        let answer = writer.reshape(&answer, &[-1, config.shared as i64]);
        let shape = [Size::Free("batch"), Size::Fixed(config.shared)];
        writer.graph.output("embedding", &answer, &shape);
        Ok(writer.graph.finish(self.name()))
    }

    /// The attention scores, or the inner layer, or the pixels.
    fn largest_tensor(&self) -> usize {
        let (tokens, tower) = (self.tokens(), &self.config.picture);
        (tower.heads * tokens * tokens)
            .max(tokens * tower.inner)
            .max(3 * self.config.image.pow(2))
    }

    fn burn(&self, place: &Place) -> Result<Arc<dyn BurnModel>, ModelError> {
        let tower = &self.config.picture;
        let norm = |name: &str| {
            let name = format!("{AT}.{name}");
            LayerNorm::new(&self.weights, &name, tower.width, tower.epsilon, place)
        };
        let head = match self.config.family {
            Family::Clip => Head::Token(Box::new(Token {
                pre_layrnorm: norm("pre_layrnorm")?,
                visual_projection: self.projection()?.burn(place),
            })),
            Family::Siglip => Head::Probe(Box::new(Probe {
                probe: tensor(self.probe()?.clone(), place),
                attention: Attention::new(self.head_attention()?, place),
                layernorm: norm("head.layernorm")?,
                mlp: mlp(&self.weights, &format!("{AT}.head.mlp"), tower, place)?,
            })),
        };
        Ok(Arc::new(Net {
            image: self.config.image,
            patch_embedding: Conv::new(self.patch_embedding()?, place),
            places: tensor(self.places()?, place),
            encoder: Blocks::new(&self.weights, AT, tower, place)?,
            post_layernorm: norm("post_layernorm")?,
            head,
            place: place.clone(),
        }))
    }
}

/// The tower in burn; fields are named after the checkpoint's keys.
struct Net {
    /// Edge of the picture.
    image: usize,
    patch_embedding: Conv,
    /// (tokens, width)
    places: Tensor<2>,
    encoder: Blocks,
    post_layernorm: LayerNorm,
    head: Head,
    place: Place,
}

enum Head {
    /// CLIP: the first token is the answer.
    Token(Box<Token>),
    /// SigLIP: a question looks at all tokens.
    Probe(Box<Probe>),
}

struct Token {
    pre_layrnorm: LayerNorm,
    visual_projection: Linear,
}

struct Probe {
    probe: Tensor<3>,
    attention: Attention,
    layernorm: LayerNorm,
    mlp: Mlp,
}

impl Net {
    fn embed(&self, pixels: Tensor<4>) -> Tensor<2> {
        let x = self.patch_embedding.forward(pixels);
        let [batch, width, down, across] = x.dims();
        let x = x.reshape([batch, width, down * across]).swap_dims(1, 2);
        let places = self.places.clone().unsqueeze::<3>();
        let x = match &self.head {
            Head::Token(head) => {
                let options = (&self.place.device, self.place.precision.dtype());
                let first = Tensor::<3>::zeros([batch, 1, width], options);
                let x = Tensor::cat(vec![first, x], 1) + places;
                let x = self.encoder.forward(head.pre_layrnorm.forward(x), None);
                head.visual_projection
                    .forward(self.post_layernorm.forward(x.narrow(1, 0, 1)))
            }
            Head::Probe(head) => {
                let x = self.encoder.forward(x + places, None);
                let x = self.post_layernorm.forward(x);
                let probe = head.probe.clone().repeat_dim(0, batch);
                let seen = head.attention.forward(probe, x, None);
                seen.clone() + head.mlp.forward(head.layernorm.forward(seen))
            }
        };
        let [batch, _, shared] = x.dims();
        x.reshape([batch, shared])
    }
}

impl BurnModel for Net {
    fn run(&self, inputs: &[Input<'_>]) -> Result<Vec<Output>, ModelError> {
        let &[Input::F32(&[batch, 3, height, width], pixels)] = inputs else {
            return Err(ModelError::Failed(
                "a tower of pictures takes normalised pixels".into(),
            ));
        };
        let pixels = BurnData::new(pixels.to_vec(), [batch, 3, height, width]);
        let pixels =
            Tensor::<4>::from_data(pixels, &self.place.device).cast(self.place.precision.dtype());
        let outputs = self.forward(pixels)?;
        outputs.into_iter().map(Output::from_burn).collect()
    }

    fn forward(&self, pixels: Tensor<4>) -> Result<Vec<Tensor<2>>, ModelError> {
        let [_, _, height, width] = pixels.dims();
        if [height, width] != [self.image; 2] {
            return Err(ModelError::Failed(format!(
                "this tower takes pictures of {0} × {0} pixels and not {width} × {height}",
                self.image
            )));
        }
        Ok(vec![self.embed(pixels).cast(DType::F32)])
    }
}
