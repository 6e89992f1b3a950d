//! The last step: running the repaired code, or the code as it is if there is nothing to repair.

use anyhow::{Error, anyhow};

use super::{Repair, Surveys};
use crate::advice::Advise as _;
use crate::allocator::Device;
use crate::fixes::{Status, Survey};
use crate::verify::placing::{self, Question};
use crate::verify::{self, Engine, Options, Spill, Verdict};

/// The result of running the code.
#[derive(Debug)]
pub enum Proof {
    /// A step before failed.
    NotReached,
    /// The user asked not to run it.
    Skipped,
    /// It was run.
    Ran(Verdict),
}

impl Repair {
    /// Runs the repaired code, or the code as it is if there is nothing to repair. See [`crate::verify`].
    pub fn verify(&self, options: &Options) -> Verdict {
        let Surveys { asked, others, accounting, .. } = &self.surveys;
        let mut surveys = asked.clone();
        surveys.extend(others.iter().cloned().map(Survey::without_edits));
        let fixes: Vec<_> = asked.iter().map(|survey| survey.fix).collect();
        let before = &self.sources.package;
        let subject = verify::Subject {
            before,
            surveys: &surveys,
            after: if self.changes.is_empty() { before } else { self.after() },
            fixes: &fixes,
            accounting: *accounting,
        };
        verify::verify(&subject, options)
    }

    /// Where the analysis of the checkout as it is puts the blocks of a model. The reference allocator and a plan
    /// should agree.
    pub fn place(&self, question: &Question<'_>, engine: &Engine) -> Result<Vec<Device>, String> {
        let surveys: Vec<_> = self.surveys.all().cloned().collect();
        placing::place(&self.sources.package, &surveys, question, engine)
    }
}

impl Proof {
    /// A version's own rule that still sends some layers to the CPU, at worst.
    fn spill(&self) -> Option<&Spill> {
        match self {
            Self::Ran(Verdict::Verified(evidence)) => evidence.spill.as_ref(),
            _ => None,
        }
    }

    /// The same as a warning.
    pub(super) fn warning(&self) -> Option<Error> {
        self.spill().map(|spill| {
            anyhow!(
                "byte quotas still send layers to the CPU: this version puts layers that fit no quota there, {} % of the \
                 model in one scenario ({:?})",
                spill.percent,
                spill.text
            )
            .help("`apply` leaves that rule as it is; a later version of the node keeps such layers on the compute device")
        })
    }

    /// The survey that is in order except for that.
    pub fn qualified<'s>(&self, surveys: &'s [Survey]) -> Option<&'s Survey> {
        self.spill()?;
        let shares = |survey: &&Survey| survey.fix.about().is_in_allocation && survey.status == Status::InOrder;
        surveys.iter().find(shares)
    }
}
