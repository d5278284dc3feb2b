//! Takes the time of an encoder's steps, for those who look for the slowest.

use std::time::{Duration, Instant};

/// One step of an encoder, all its photos together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    pub name: &'static str,
    pub spent: Duration,
}

/// Off until it is switched on, and free until then.
#[derive(Debug)]
pub struct Clock {
    on: bool,
    began: Option<Instant>,
    /// Names in the order of the work.
    order: &'static [&'static str],
    steps: Vec<Step>,
}

impl Clock {
    /// Of the steps that are named here.
    pub fn new(order: &'static [&'static str]) -> Self {
        Clock {
            on: false,
            began: None,
            order,
            steps: Vec::new(),
        }
    }

    pub fn switch_on(&mut self) {
        self.on = true;
    }

    pub fn is_on(&self) -> bool {
        self.on
    }

    /// A batch begins.
    pub fn start(&mut self) {
        self.began = self.on.then(Instant::now);
    }

    /// The step `name` ends here.
    pub fn lap(&mut self, name: &'static str) {
        let Some(began) = self.began else {
            return;
        };
        let now = Instant::now();
        let spent = now - began;
        self.began = Some(now);
        match self.steps.iter_mut().find(|step| step.name == name) {
            Some(step) => step.spent += spent,
            None => {
                self.steps.push(Step { name, spent });
                let place = |step: &Step| self.order.iter().position(|name| *name == step.name);
                self.steps.sort_by_key(place);
            }
        }
    }

    pub fn steps(&self) -> &[Step] {
        &self.steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_add_up_and_cost_nothing_when_off() {
        let mut clock = Clock::new(&["resize", "network"]);
        clock.start();
        clock.lap("network");
        assert_eq!(clock.steps(), []);
        clock.switch_on();
        for _ in 0..2 {
            clock.start();
            std::thread::sleep(Duration::from_millis(3));
            clock.lap("network");
            clock.lap("resize");
        }
        let names: Vec<_> = clock.steps().iter().map(|step| step.name).collect();
        assert_eq!(names, ["resize", "network"]);
        assert!(clock.steps()[1].spent >= Duration::from_millis(6));
    }
}
