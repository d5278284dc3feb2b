//! How noise is taken away step by step: DDIM, PNDM and Euler, as diffusers has them.
//!
//! Song et al. 2020, <https://arxiv.org/abs/2010.02502>; Liu et al. 2022, <https://arxiv.org/abs/2202.09778>;
//! Karras et al. 2022, <https://arxiv.org/abs/2206.00364> (Euler, without its noise). Latent pixels are few, so
//! this runs on the CPU, in plain numbers.

use std::path::Path;

use showroom_catalog::seams::ModelError;

use super::keys::Keys;

/// Times that a model is trained with, at the most.
const MAX_TIMES: usize = 10_000;
/// Earlier answers that PNDM looks at.
const HISTORY: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Ddim,
    Pndm,
    Euler,
}

/// Which of the trained times are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spacing {
    Leading,
    Linspace,
    Trailing,
}

/// What the network says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Prediction {
    Noise,
    /// v = √ᾱ · noise − √(1 − ᾱ) · picture
    Velocity,
}

/// How a model was trained, and which way back is taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Scheduler {
    kind: Kind,
    spacing: Spacing,
    offset: usize,
    prediction: Prediction,
    /// ᾱ of each time: how much of the picture is left.
    alphas: Vec<f64>,
    /// ᾱ after the last step.
    last_alpha: f64,
}

impl Scheduler {
    pub fn read(path: &Path) -> Result<Scheduler, ModelError> {
        Scheduler::parse(Keys::read(path)?)
    }

    pub fn parse(mut keys: Keys) -> Result<Scheduler, ModelError> {
        let kind = keys.one_of(
            "_class_name",
            "",
            &[
                ("DDIMScheduler", Kind::Ddim),
                ("PNDMScheduler", Kind::Pndm),
                ("EulerDiscreteScheduler", Kind::Euler),
            ],
        )?;
        let spacings = [
            ("leading", Spacing::Leading),
            ("linspace", Spacing::Linspace),
            ("trailing", Spacing::Trailing),
        ];
        let predictions = [
            ("epsilon", Prediction::Noise),
            ("v_prediction", Prediction::Velocity),
        ];
        let usual_spacing = match kind {
            Kind::Euler => "linspace",
            Kind::Ddim | Kind::Pndm => "leading",
        };
        let spacing = keys.one_of("timestep_spacing", usual_spacing, &spacings)?;
        let prediction = keys.one_of("prediction_type", "epsilon", &predictions)?;
        let offset = keys.number("steps_offset", 0.0)? as usize;
        let alphas = alphas(&mut keys)?;
        let ends_clean = keys.flag("set_alpha_to_one", kind == Kind::Ddim)?;
        // What the class itself does, where it is not told otherwise.
        match kind {
            Kind::Ddim if keys.flag("clip_sample", true)? => {
                return Err(keys.refused("its clip_sample is on, which is not known here"));
            }
            Kind::Pndm if !keys.flag("skip_prk_steps", false)? => {
                return Err(keys.refused("its skip_prk_steps is off; it is known here switched on"));
            }
            _ => {}
        }
        keys.only("final_sigmas_type", "zero")?;
        keys.only("interpolation_type", "linear")?;
        keys.only("timestep_type", "discrete")?;
        // Of other schedulers, whose switches diffusers leaves in the file and passes over, and sizes of what
        // is switched off.
        keys.ignore(&[
            "skip_prk_steps",
            "clip_sample",
            "clip_sample_range",
            "sample_max_value",
            "dynamic_thresholding_ratio",
        ]);
        let first = alphas[0];
        keys.end()?;
        Ok(Scheduler {
            kind,
            spacing,
            offset,
            prediction,
            last_alpha: if ends_clean { 1.0 } else { first },
            alphas,
        })
    }

    /// The way in so many steps; each runs the network once, PNDM's second one twice.
    pub fn begin(&self, steps: usize) -> Result<Run<'_>, ModelError> {
        let trained = self.alphas.len();
        if !(1..=trained).contains(&steps) {
            return Err(ModelError::BadInput(format!(
                "{steps} steps are not 1 to {trained}, the times that this model was trained with"
            )));
        }
        let ratio = trained / steps;
        let last = (trained - 1) as f64;
        let mut times: Vec<f64> = (0..steps)
            .map(|i| match self.spacing {
                Spacing::Leading => (i * ratio + self.offset) as f64,
                Spacing::Linspace if steps == 1 => 0.0,
                Spacing::Linspace => last * i as f64 / (steps - 1) as f64,
                Spacing::Trailing => {
                    let step = trained as f64 / steps as f64;
                    (trained as f64 - step * (steps - 1 - i) as f64).round_ties_even() - 1.0
                }
            })
            .map(|time| time.clamp(0.0, last))
            .collect();
        if self.kind != Kind::Euler {
            times
                .iter_mut()
                .for_each(|time| *time = time.round_ties_even());
        }
        if self.kind == Kind::Pndm && steps > 1 {
            // The second step is made again with what its end says.
            times.insert(steps - 1, times[steps - 2]);
        }
        times.reverse();
        let mut sigmas: Vec<f64> = times.iter().map(|time| self.sigma(*time)).collect();
        sigmas.push(0.0);
        Ok(Run {
            scheduler: self,
            times,
            sigmas,
            ratio,
            history: Vec::new(),
            before: Vec::new(),
        })
    }

    /// How much noise there is for each part of the picture, between two times in a straight line.
    fn sigma(&self, time: f64) -> f64 {
        let at = |time: f64| {
            let alpha = self.alphas[time as usize];
            ((1.0 - alpha) / alpha).sqrt()
        };
        let (low, high) = (time.floor(), time.ceil());
        at(low) + (at(high) - at(low)) * (time - low)
    }

    /// ᾱ of a time, which may be before the first.
    fn alpha(&self, time: i64) -> f64 {
        let found = usize::try_from(time).ok();
        let found = found.map(|time| self.alphas[time.min(self.alphas.len() - 1)]);
        found.unwrap_or(self.last_alpha)
    }
}

fn alphas(keys: &mut Keys) -> Result<Vec<f64>, ModelError> {
    #[derive(Clone, Copy)]
    enum Betas {
        Linear,
        Scaled,
    }
    let count = keys.size("num_train_timesteps", 1000, MAX_TIMES)?;
    let (first, last) = (
        keys.number("beta_start", 0.0001)?,
        keys.number("beta_end", 0.02)?,
    );
    let known = [("linear", Betas::Linear), ("scaled_linear", Betas::Scaled)];
    let betas = keys.one_of("beta_schedule", "linear", &known)?;
    if !(0.0 < first && first <= last && last < 1.0) {
        return Err(keys.refused("its beta_start and beta_end are no shares of noise"));
    }
    let mut product = 1.0;
    let between = |first: f64, last: f64, i: usize| {
        first + (last - first) * i as f64 / (count.max(2) - 1) as f64
    };
    let alphas = (0..count).map(|i| {
        let beta = match betas {
            Betas::Linear => between(first, last, i),
            Betas::Scaled => between(first.sqrt(), last.sqrt(), i).powi(2),
        };
        product *= 1.0 - beta;
        product
    });
    Ok(alphas.collect())
}

/// One picture on its way.
pub struct Run<'a> {
    scheduler: &'a Scheduler,
    times: Vec<f64>,
    /// One more than there are times: 0 is the last.
    sigmas: Vec<f64>,
    /// Trained times from step to step.
    ratio: usize,
    /// The network's last answers, PNDM's alone, the newest last.
    history: Vec<Vec<f32>>,
    /// The picture before PNDM's first step.
    before: Vec<f32>,
}

impl Run<'_> {
    /// The time of each step, as the network is told.
    pub fn times(&self) -> &[f64] {
        &self.times
    }

    /// Noise of variance 1 times this is where it begins.
    pub fn first_scale(&self) -> f64 {
        let most = self.sigmas[0];
        match (self.scheduler.kind, self.scheduler.spacing) {
            (Kind::Euler, Spacing::Leading) => most.hypot(1.0),
            (Kind::Euler, _) => most,
            (Kind::Ddim | Kind::Pndm, _) => 1.0,
        }
    }

    /// Latent pixels times this are what the network takes in that step.
    pub fn input_scale(&self, step: usize) -> f64 {
        match self.scheduler.kind {
            Kind::Euler => 1.0 / self.sigmas[step].hypot(1.0),
            Kind::Ddim | Kind::Pndm => 1.0,
        }
    }

    /// Latent pixels after a step, from those before it and what the network said.
    pub fn step(&mut self, step: usize, said: Vec<f32>, latents: Vec<f32>) -> Vec<f32> {
        match self.scheduler.kind {
            Kind::Ddim => self.ddim(step, &said, &latents),
            Kind::Pndm => self.pndm(step, said, latents),
            Kind::Euler => self.euler(step, &said, &latents),
        }
    }

    fn ddim(&self, step: usize, said: &[f32], latents: &[f32]) -> Vec<f32> {
        let time = self.times[step] as i64;
        let alpha = self.scheduler.alpha(time);
        let next = self.scheduler.alpha(time - self.ratio as i64);
        let (a, b) = (alpha.sqrt(), (1.0 - alpha).sqrt());
        // Picture and noise as sums of the latent pixels and of what was said.
        let (picture, noise) = match self.scheduler.prediction {
            Prediction::Noise => ([1.0 / a, -b / a], [0.0, 1.0]),
            Prediction::Velocity => ([a, -b], [b, a]),
        };
        let sum = |i: usize| next.sqrt() * picture[i] + (1.0 - next).sqrt() * noise[i];
        mixed(latents, sum(0), said, sum(1))
    }

    fn euler(&self, step: usize, said: &[f32], latents: &[f32]) -> Vec<f32> {
        let (sigma, next) = (self.sigmas[step], self.sigmas[step + 1]);
        let width = next - sigma;
        match self.scheduler.prediction {
            Prediction::Noise => mixed(latents, 1.0, said, width),
            Prediction::Velocity => {
                // The slope is (latents - picture) / sigma.
                let all = sigma * sigma + 1.0;
                let kept = (1.0 - 1.0 / all) / sigma;
                mixed(latents, 1.0 + width * kept, said, width / all.sqrt())
            }
        }
    }

    fn pndm(&mut self, step: usize, said: Vec<f32>, mut latents: Vec<f32>) -> Vec<f32> {
        let ratio = self.ratio as i64;
        let mut time = self.times[step] as i64;
        let mut next = time - ratio;
        let weights: &[f64] = if step == 1 {
            // The first step again, with the mean of what was said at its start and at its end.
            (time, next) = (time + ratio, time);
            latents = std::mem::take(&mut self.before);
            self.history.push(said);
            &[0.5, 0.5]
        } else {
            self.history.push(said);
            if self.history.len() > HISTORY {
                self.history.remove(0);
            }
            match self.history.len() {
                1 => &[1.0],
                2 => &[-0.5, 1.5],
                3 => &[5.0 / 12.0, -16.0 / 12.0, 23.0 / 12.0],
                _ => &[-9.0 / 24.0, 37.0 / 24.0, -59.0 / 24.0, 55.0 / 24.0],
            }
        };
        let mut sum = vec![0.0; latents.len()];
        for (said, weight) in self.history.iter().zip(weights) {
            sum = mixed(&sum, 1.0, said, *weight);
        }
        if step == 1 {
            self.history.pop();
        }
        let moved = self.pndm_to(time, next, &sum, &latents);
        if step == 0 {
            self.before = latents;
        }
        moved
    }

    /// Formula (9) of Liu et al.
    fn pndm_to(&self, time: i64, next: i64, said: &[f32], latents: &[f32]) -> Vec<f32> {
        let (alpha, to) = (self.scheduler.alpha(time), self.scheduler.alpha(next));
        let (beta, to_beta) = (1.0 - alpha, 1.0 - to);
        let below = alpha * to_beta.sqrt() + (alpha * beta * to).sqrt();
        let (kept, moved) = ((to / alpha).sqrt(), -(to - alpha) / below);
        match self.scheduler.prediction {
            Prediction::Noise => mixed(latents, kept, said, moved),
            Prediction::Velocity => {
                let noise = mixed(said, alpha.sqrt(), latents, beta.sqrt());
                mixed(latents, kept, &noise, moved)
            }
        }
    }
}

/// `a · x + b · y`
pub fn mixed(x: &[f32], a: f64, y: &[f32], b: f64) -> Vec<f32> {
    let sum = |(x, y): (&f32, &f32)| (a * f64::from(*x) + b * f64::from(*y)) as f32;
    x.iter().zip(y).map(sum).collect()
}
