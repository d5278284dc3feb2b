//! EfficientNet-Lite 0 to 2: photo → 1,280 pooled features and the scores of the 1,000 ImageNet classes.
//!
//! Plain and depthwise convolutions, batch norm (epsilon 1e-3) folded into them, ReLU6. Padding is
//! TensorFlow's `SAME`, as in the reference (PyPI `efficientnet_lite_pytorch`): where it cannot be
//! even, the odd zero is at the bottom right. Tan and Le 2019, <https://arxiv.org/abs/1905.11946>;
//! <https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite>.

use std::sync::Arc;

use burn::tensor::{DType, Tensor, TensorData as BurnData};
use showroom_catalog::seams::ModelError;

use super::layers::{Conv, ConvShape, ConvWeights, Linear, Weights};
use crate::engines::graph::{Graph, Size};
use crate::engines::{Architecture, BurnModel, Input, Output, Place};
use crate::weights::onnx::AttributeProto;

/// Length of the pooled features.
pub const FEATURES: usize = 1280;
/// Number of classes.
pub const CLASSES: usize = 1000;
const EPSILON: f32 = 1e-3;
const STEM_CHANNELS: usize = 32;

/// Which of the family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    Lite0,
    Lite2,
}

impl Variant {
    /// Edge of the square input in pixels.
    pub fn size(self) -> usize {
        match self {
            Variant::Lite0 => 224,
            Variant::Lite2 => 260,
        }
    }

    /// Widths and depths relative to Lite0.
    fn scale(self) -> (f64, f64) {
        match self {
            Variant::Lite0 => (1.0, 1.0),
            Variant::Lite2 => (1.1, 1.2),
        }
    }

    /// Channels scaled and rounded to eight, at most a tenth down.
    fn width(self, channels: usize) -> usize {
        let wanted = channels as f64 * self.scale().0;
        let rounded = ((wanted as usize + 4) / 8 * 8).max(8);
        if (rounded as f64) < 0.9 * wanted {
            rounded + 8
        } else {
            rounded
        }
    }

    /// Every block in order. The first and the last stage keep their depth.
    fn blocks(self) -> Vec<BlockShape> {
        let mut blocks = Vec::new();
        let mut channels_in = STEM_CHANNELS;
        let mut size = self.size().div_ceil(2);
        for (i, stage) in STAGES.iter().enumerate() {
            let ends = i == 0 || i == STAGES.len() - 1;
            let depth = if ends { 1.0 } else { self.scale().1 };
            let channels_out = self.width(stage.channels_out);
            for repeat in 0..(stage.repeats as f64 * depth).ceil() as usize {
                let stride = if repeat == 0 { stage.stride } else { 1 };
                blocks.push(BlockShape {
                    index: blocks.len(),
                    channels_in,
                    channels_out,
                    expansion: stage.expansion,
                    kernel: stage.kernel,
                    stride,
                    size,
                });
                channels_in = channels_out;
                size = size.div_ceil(stride);
            }
        }
        blocks
    }
}

struct Stage {
    repeats: usize,
    kernel: usize,
    stride: usize,
    expansion: usize,
    channels_out: usize,
}

const fn stage(
    repeats: usize,
    kernel: usize,
    stride: usize,
    expansion: usize,
    channels_out: usize,
) -> Stage {
    Stage {
        repeats,
        kernel,
        stride,
        expansion,
        channels_out,
    }
}

const STAGES: [Stage; 7] = [
    stage(1, 3, 1, 1, 16),
    stage(2, 3, 2, 6, 24),
    stage(2, 5, 2, 6, 40),
    stage(3, 3, 2, 6, 80),
    stage(3, 5, 1, 6, 112),
    stage(4, 5, 2, 6, 192),
    stage(1, 3, 1, 6, 320),
];

/// One inverted bottleneck: expand, depthwise, project.
#[derive(Clone, Copy, Debug)]
struct BlockShape {
    index: usize,
    channels_in: usize,
    channels_out: usize,
    expansion: usize,
    kernel: usize,
    stride: usize,
    /// Edge of its input.
    size: usize,
}

impl BlockShape {
    /// Whether the input is added to the output.
    fn skips(&self) -> bool {
        self.stride == 1 && self.channels_in == self.channels_out
    }

    /// The three convolutions; the first is missing where nothing is expanded.
    fn weights(&self, weights: &Weights) -> Result<BlockWeights, ModelError> {
        let wide = self.channels_in * self.expansion;
        let load = |conv: &str, bn: &str, shape| {
            let at = format!("_blocks.{}", self.index);
            weights.conv_bn(
                &format!("{at}.{conv}"),
                &format!("{at}.{bn}"),
                EPSILON,
                shape,
            )
        };
        let expand = match self.expansion {
            1 => None,
            _ => Some(load(
                "_expand_conv",
                "_bn0",
                pointwise(self.channels_in, wide),
            )?),
        };
        let depthwise = ConvShape {
            channels_in: wide,
            channels_out: wide,
            kernel: self.kernel,
            stride: self.stride,
            padding: same_padding(self.size, self.kernel, self.stride),
            dilation: 1,
            groups: wide,
        };
        Ok(BlockWeights {
            expand,
            depthwise: load("_depthwise_conv", "_bn1", depthwise)?,
            project: load("_project_conv", "_bn2", pointwise(wide, self.channels_out))?,
        })
    }
}

struct BlockWeights {
    expand: Option<ConvWeights>,
    depthwise: ConvWeights,
    project: ConvWeights,
}

fn stem(weights: &Weights, variant: Variant) -> Result<ConvWeights, ModelError> {
    let shape = ConvShape {
        channels_in: 3,
        channels_out: STEM_CHANNELS,
        kernel: 3,
        stride: 2,
        padding: same_padding(variant.size(), 3, 2),
        dilation: 1,
        groups: 1,
    };
    weights.conv_bn("_conv_stem", "_bn0", EPSILON, shape)
}

fn head(weights: &Weights, variant: Variant) -> Result<ConvWeights, ModelError> {
    let shape = pointwise(variant.width(320), FEATURES);
    weights.conv_bn("_conv_head", "_bn1", EPSILON, shape)
}

fn pointwise(channels_in: usize, channels_out: usize) -> ConvShape {
    ConvShape {
        channels_in,
        channels_out,
        kernel: 1,
        stride: 1,
        padding: [0; 4],
        dilation: 1,
        groups: 1,
    }
}

/// TensorFlow's `SAME`: zeros at the top, left, bottom and right.
fn same_padding(size: usize, kernel: usize, stride: usize) -> [usize; 4] {
    let total = ((size.div_ceil(stride) - 1) * stride + kernel).saturating_sub(size);
    let before = total / 2;
    [before, before, total - before, total - before]
}

/// The model as its weights. Takes pixels (batch, 3, size, size); gives the embedding (batch, 1280,
/// not scaled) and the logits (batch, 1000).
pub struct EfficientNetLite {
    pub variant: Variant,
    pub weights: Weights,
}

impl Architecture for EfficientNetLite {
    fn name(&self) -> &str {
        &self.weights.model
    }

    fn onnx(&self) -> Result<Vec<u8>, ModelError> {
        let mut graph = Graph::default();
        let size = self.variant.size();
        let batch = Size::Free("batch");
        let pixels = [batch, Size::Fixed(3), Size::Fixed(size), Size::Fixed(size)];
        let mut x = graph.input_f32("pixels", &pixels);
        let zero = graph.constant(&[], &[0.0]);
        let six = graph.constant(&[], &[6.0]);
        let conv_relu6 = |graph: &mut Graph, x: &str, conv: &ConvWeights| {
            let y = graph.conv(x, conv);
            graph.node("Clip", &[&y, &zero, &six], vec![])
        };
        x = conv_relu6(&mut graph, &x, &stem(&self.weights, self.variant)?);
        for shape in self.variant.blocks() {
            let block = shape.weights(&self.weights)?;
            let mut y = x.clone();
            if let Some(expand) = &block.expand {
                y = conv_relu6(&mut graph, &y, expand);
            }
            y = conv_relu6(&mut graph, &y, &block.depthwise);
            y = graph.conv(&y, &block.project);
            x = if shape.skips() {
                graph.node("Add", &[&y, &x], vec![])
            } else {
                y
            };
        }
        x = conv_relu6(&mut graph, &x, &head(&self.weights, self.variant)?);
        x = graph.node("GlobalAveragePool", &[&x], vec![]);
        x = graph.node("Flatten", &[&x], vec![AttributeProto::int("axis", 1)]);
        graph.output("embedding", &x, &[batch, Size::Fixed(FEATURES)]);
        let weight = self.weights.get("_fc.weight", &[CLASSES, FEATURES])?;
        let weight = graph.constant(&weight.shape, &weight.data);
        let bias = graph.constant(&[CLASSES], &self.weights.get("_fc.bias", &[CLASSES])?.data);
        let logits = graph.node(
            "Gemm",
            &[&x, &weight, &bias],
            vec![AttributeProto::int("transB", 1)],
        );
        graph.output("logits", &logits, &[batch, Size::Fixed(CLASSES)]);
        Ok(graph.finish(self.name()))
    }

    /// The widest of the expansions.
    fn largest_tensor(&self) -> usize {
        let expanded = |block: BlockShape| block.channels_in * block.expansion * block.size.pow(2);
        self.variant
            .blocks()
            .into_iter()
            .map(expanded)
            .max()
            .unwrap_or(0)
    }

    fn burn(&self, place: &Place) -> Result<Arc<dyn BurnModel>, ModelError> {
        let conv = |conv| Conv::new(conv, place);
        let blocks = self
            .variant
            .blocks()
            .into_iter()
            .map(|shape| {
                let block = shape.weights(&self.weights)?;
                Ok(Block {
                    expand_conv: block.expand.map(conv),
                    depthwise_conv: conv(block.depthwise),
                    project_conv: conv(block.project),
                    skips: shape.skips(),
                })
            })
            .collect::<Result<_, ModelError>>()?;
        Ok(Arc::new(Net {
            size: self.variant.size(),
            conv_stem: conv(stem(&self.weights, self.variant)?),
            blocks,
            conv_head: conv(head(&self.weights, self.variant)?),
            fc: Linear::new(&self.weights, "_fc", [FEATURES, CLASSES], place)?,
            place: place.clone(),
        }))
    }
}

/// The model in burn; fields are named after the checkpoint's keys.
struct Net {
    size: usize,
    conv_stem: Conv,
    blocks: Vec<Block>,
    conv_head: Conv,
    fc: Linear,
    place: Place,
}

struct Block {
    expand_conv: Option<Conv>,
    depthwise_conv: Conv,
    project_conv: Conv,
    skips: bool,
}

impl Block {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let mut y = x.clone();
        if let Some(expand) = &self.expand_conv {
            y = relu6(expand.forward(y));
        }
        y = relu6(self.depthwise_conv.forward(y));
        y = self.project_conv.forward(y);
        if self.skips { y + x } else { y }
    }
}

fn relu6(x: Tensor<4>) -> Tensor<4> {
    x.clamp(0.0, 6.0)
}

impl BurnModel for Net {
    fn run(&self, inputs: &[Input<'_>]) -> Result<Vec<Output>, ModelError> {
        let &[Input::F32(&[batch, 3, height, width], pixels)] = inputs else {
            return Err(ModelError::Failed(
                "EfficientNet-Lite takes one batch of pixels".into(),
            ));
        };
        if [height, width] != [self.size; 2] {
            return Err(ModelError::Failed(format!(
                "EfficientNet-Lite takes {0} × {0} pixels and not {width} × {height}",
                self.size
            )));
        }
        let data = BurnData::new(pixels.to_vec(), [batch, 3, height, width]);
        let outputs = self.forward(Tensor::from_data(data, &self.place.device))?;
        outputs.into_iter().map(Output::from_burn).collect()
    }

    fn forward(&self, pixels: Tensor<4>) -> Result<Vec<Tensor<2>>, ModelError> {
        let batch = pixels.dims()[0];
        let mut x = relu6(
            self.conv_stem
                .forward(pixels.cast(self.place.precision.dtype())),
        );
        for block in &self.blocks {
            x = block.forward(x);
        }
        x = relu6(self.conv_head.forward(x));
        let [_, _, height, width] = x.dims();
        let x = x.reshape([batch, FEATURES, height * width]);
        let embedding = x.mean_dim(2).reshape([batch, FEATURES]);
        let logits = self.fc.forward(embedding.clone());
        Ok(vec![embedding.cast(DType::F32), logits.cast(DType::F32)])
    }
}
