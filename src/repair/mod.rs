//! One checkout on its way from its files to its repaired texts.

mod found;

use std::cell::OnceCell;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};

use self::found::Found;
use crate::advice::Advise as _;
use crate::allocator::Device;
use crate::cache::{Cache, Key};
use crate::comfyui::Asks;
use crate::fixes::{Accounting, Fix, Status, Survey};
use crate::gather::{self, Unread};
use crate::install::{Checkout, Revision};
use crate::python::{Edits, Overlap, Package, Unreadable};
use crate::store::Replacement;
use crate::verify::placing::{self, Question};
use crate::verify::{self, Engine, Options, Verdict};

/// What repairing a checkout comes to. Nothing of it is written yet.
pub struct Repair {
    /// The checkout's files.
    pub package: Package,
    /// What each fix that was asked for found, in the order of [`Fix::ALL`].
    pub surveys: Vec<Survey>,
    /// The files that change, in the order of the package.
    pub changes: Vec<Change>,
    /// The upstream releases that it is like.
    pub release: Option<String>,
    /// What it asks of its ComfyUI beside load lists.
    pub asks: Asks,
    /// The files as they would be, once they are needed.
    after: OnceCell<Package>,
    /// What the other fixes found, which are not to be made.
    others: Vec<Survey>,
    accounting: Accounting,
    root: PathBuf,
    /// Whether the files are those of a revision, so that nothing on disk says anything about them.
    committed: bool,
    /// What running the code came to, if that is known from an earlier run.
    evidence: Option<verify::Evidence>,
    /// Where to keep what this run comes to.
    entry: Option<(Cache, Key)>,
}

/// A file that changes.
pub struct Change {
    /// Its number in the package.
    pub file: usize,
    /// Its text afterwards.
    pub text: String,
    /// What leads there, in order of place.
    pub edits: Edits,
}

impl Repair {
    /// Reads a checkout, surveys it and makes the edits, in memory.
    pub fn of(checkout: &Checkout, fixes: &[Fix], accounting: Accounting) -> Result<Self> {
        let package = gather::on_disk(checkout)?;
        let found = Found::of(checkout, &package, accounting)?;
        Self::made(checkout, package, found, fixes, accounting)?.parsed()
    }

    /// The same for the checkout as it stands in a revision of its repository. Nothing on disk is looked at; the paths
    /// are those that the files have, or would have, there.
    pub fn at(checkout: &Checkout, revision: &Revision, fixes: &[Fix], accounting: Accounting) -> Result<Self> {
        let package = gather::in_revision(checkout, revision)?;
        let found = Found::of(checkout, &package, accounting)?;
        Self::made(checkout, package, found, fixes, accounting)?.of_revision().parsed()
    }

    /// One or the other, for those who only want to know: what an earlier run [kept](Self::keep) of the same files, asked
    /// for the same proof, is taken from the cache.
    pub fn cached(
        checkout: &Checkout,
        revision: Option<&Revision>,
        fixes: &[Fix],
        accounting: Accounting,
        proof: Option<&Options>,
        cache: &Cache,
    ) -> Result<Self> {
        let package = match revision {
            None => gather::on_disk(checkout)?,
            Some(revision) => gather::in_revision(checkout, revision)?,
        };
        let key = found::key(checkout, &package, fixes, accounting, proof);
        let repair = if let Some(found) = cache.get(&key) {
            Self::made(checkout, package, found, fixes, accounting)?
        } else {
            let found = Found::of(checkout, &package, accounting)?;
            let repair = Self::made(checkout, package, found, fixes, accounting)?.parsed()?;
            Self { entry: Some((cache.clone(), key)), ..repair }
        };
        Ok(if revision.is_some() { repair.of_revision() } else { repair })
    }

    fn made(
        checkout: &Checkout,
        package: Package,
        found: Found,
        fixes: &[Fix],
        accounting: Accounting,
    ) -> Result<Self> {
        let root = checkout.file.parent().unwrap_or(&checkout.root).to_owned();
        let Found { surveys, release, asks, evidence } = found;
        let (surveys, others): (Vec<_>, Vec<_>) = surveys.into_iter().partition(|survey| fixes.contains(&survey.fix));
        let edits = edits_of(&surveys, &package).map_err(|file| {
            anyhow!("two edits of {} overlap", package.path(file).display())
                .help("this is a mistake in distorch-fix; please report it with the file")
        })?;
        let change = |(file, edits): (usize, Edits)| {
            let text = edits.apply(package.text(file).unwrap_or_default());
            Change { file, text, edits }
        };
        let changes = edits.into_iter().map(change).collect();
        let (after, entry) = (OnceCell::new(), None);
        let committed = false;
        Ok(Self {
            package,
            surveys,
            changes,
            release,
            asks,
            after,
            others,
            accounting,
            root,
            committed,
            evidence,
            entry,
        })
    }

    fn of_revision(self) -> Self {
        Self { committed: true, ..self }
    }

    /// Fails if a repaired text is not Python any more, or could not be read again.
    fn parsed(self) -> Result<Self> {
        for change in &self.changes {
            self.after().source(change.file).map_err(|broken| match broken {
                // It could not be reverted either.
                Unreadable::TooLarge(_) => {
                    anyhow!(Unread { path: self.path(change.file), reason: broken.clone() })
                }
                _ => anyhow!("the repaired {} would be {broken}", self.package.path(change.file).display())
                    .help("this is a mistake in distorch-fix; please report it with the file"),
            })?;
        }
        Ok(self)
    }

    fn after(&self) -> &Package {
        let edits = || self.changes.iter().map(|change| (change.file, &change.edits));
        self.after.get_or_init(|| self.package.edited(edits()))
    }

    /// Runs the repaired code, or the code as it is where there is nothing to repair. See [`crate::verify`].
    pub fn verify(&self, options: &Options) -> Verdict {
        if let Some(known) = &self.evidence {
            return Verdict::Verified(known.clone());
        }
        let mut surveys = self.surveys.clone();
        surveys.extend(self.others.iter().cloned().map(Survey::without_edits));
        let fixes: Vec<_> = self.surveys.iter().map(|survey| survey.fix).collect();
        let subject = verify::Subject {
            before: &self.package,
            surveys: &surveys,
            after: if self.changes.is_empty() { &self.package } else { self.after() },
            fixes: &fixes,
            accounting: self.accounting,
        };
        verify::verify(&subject, options)
    }

    /// Keeps what was found, and what running it [came to](Self::verify) if it was run, for later runs that ask the same
    /// and may take it from the cache. Only what ended well is kept: anything else may have had other reasons.
    pub fn keep(&self, verdict: Option<&Verdict>) {
        let Some((cache, key)) = &self.entry else { return };
        let evidence = match verdict {
            None => None,
            Some(Verdict::Verified(evidence)) => Some(evidence.clone()),
            Some(Verdict::Wrong(_) | Verdict::Inconclusive(_)) => return,
        };
        let surveys = self.surveys.iter().chain(&self.others).cloned().collect();
        cache.keep(key, &Found { surveys, release: self.release.clone(), asks: self.asks.clone(), evidence });
    }

    /// What is to be written.
    pub fn replacements(&self) -> Vec<Replacement<'_>> {
        let replacements = self.changes.iter().map(|change| Replacement {
            path: self.path(change.file),
            // What was edited was parsed.
            old: self.package.source(change.file).map_or("", |source| source.text()),
            new: &change.text,
        });
        replacements.collect()
    }

    /// Where the analysis of the checkout as it is puts the blocks of a model: what the reference allocator and a plan
    /// should say too.
    pub fn place(&self, question: &Question<'_>, engine: &Engine) -> Result<Vec<Device>, String> {
        let surveys: Vec<_> = self.surveys.iter().chain(&self.others).cloned().collect();
        placing::place(&self.package, &surveys, question, engine)
    }

    /// The path of a file of the package.
    pub fn path(&self, file: usize) -> PathBuf {
        self.root.join(self.package.path(file))
    }

    /// The path that a file has in its checkout, behind any link.
    pub fn real_path(&self, file: usize) -> PathBuf {
        if self.committed {
            return self.package.path(file).to_owned();
        }
        let real = |path: &Path| fs::canonicalize(path).ok();
        let inside = |(path, root): (PathBuf, PathBuf)| path.strip_prefix(root).map(Path::to_owned).ok();
        let path = real(&self.path(file)).zip(real(&self.root)).and_then(inside);
        path.unwrap_or_else(|| self.package.path(file).to_owned())
    }

    /// Did neither fix find anything that it is about? Then this is not the file that it was taken for.
    pub fn is_foreign(&self) -> bool {
        let found = |survey: &Survey| survey.status != Status::NotApplicable || survey.note.is_some();
        self.surveys.len() == Fix::ALL.len() && !self.surveys.iter().any(found)
    }

    /// Is there something to repair?
    pub fn is_needed(&self) -> bool {
        self.surveys.iter().any(|survey| survey.status == Status::Needed)
    }
}

/// The edits that repair what was surveyed, by the number of the file; or the number of a file in which two
/// of them overlap.
pub fn edits_of(surveys: &[Survey], package: &Package) -> Result<Vec<(usize, Edits)>, usize> {
    let mut edits = Vec::new();
    for file in 0..package.len() {
        let all = surveys.iter().flat_map(|survey| &survey.sites).flat_map(|site| &site.edits);
        let of_file = all.filter(|(of, _)| *of == file).map(|(_, edit)| edit.clone()).collect();
        let of_file = Edits::new(of_file).map_err(|Overlap| file)?;
        if !of_file.is_empty() {
            edits.push((file, of_file));
        }
    }
    Ok(edits)
}
