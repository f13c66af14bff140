//! A look at all routes that the kernel has of ours, one domain after the other, while changes go on.
//!
//! ```text
//!   begin    from now on note which prefixes are changed in the domain   ->  list its table, in a thread of its own
//!   compare  so many routes at a time, with what they should be; those that differ are suspects
//!   repair   the suspects that nobody changed meanwhile                  ->  the next domain
//! ```
//!
//! Listing 100,000 routes takes a tenth of a second, comparing them some milliseconds; a change never waits for more than one
//! piece of the latter. What was changed since the listing began is what it was changed to, and the listing may have it
//! either way.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;
use std::thread::JoinHandle;

use causeway_control::desired::Domain;
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use ipnet::Ipv4Net;

use super::{DomainError, Domains};
use crate::config::StartError;
use crate::netlink::message::Target;
use crate::routes::{
    LinuxRoutes, RouteError, RouteNumbers, TableRoutes, Visible, table_changes, table_wanted, wanted_route,
};

/// So many routes are compared at a time.
const COMPARED_ROUTES: usize = 2_000;

/// The thread that lists tables, over a socket of its own.
pub(super) struct Lister {
    tables: Option<Sender<u32>>,
    listed: Receiver<Listed>,
    thread: Option<JoinHandle<()>>,
}

/// What a table holds of ours, by prefix.
pub struct Listed(Result<Vec<(Ipv4Net, Target)>, RouteError>);

/// Where the look at all routes is.
#[derive(Default)]
pub(super) struct Survey {
    /// The domains that are still to be looked at.
    left: VecDeque<Domain>,
    stage: Stage,
}

#[derive(Default)]
enum Stage {
    /// Nobody looks.
    #[default]
    Rest,
    /// The table of this domain is being listed.
    Listing(Domain),
    /// It is compared with what it should be.
    Comparing(Comparison),
}

struct Comparison {
    domain: Domain,
    listed: Vec<(Ipv4Net, Target)>,
    /// How many of them are compared.
    done: usize,
    /// What there is of those that are not as they should be.
    suspects: Suspects,
}

type Suspects = BTreeMap<Ipv4Net, Option<Target>>;

impl Lister {
    /// Starts it, in the network namespace of the calling thread.
    pub(super) fn start(numbers: RouteNumbers) -> Result<Self, StartError> {
        let mut routes = LinuxRoutes::open(numbers)?;
        let (tables, asked) = unbounded::<u32>();
        let (tell, listed) = bounded(1);
        let work = move || {
            for table in asked {
                let answer = routes.observe(table).map(|routes| routes.into_iter().collect());
                if tell.send(Listed(answer)).is_err() {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("list".to_owned()).spawn(work);
        let thread = thread.map_err(|error| StartError::of_system("starting a thread", error))?;
        Ok(Self { tables: Some(tables), listed, thread: Some(thread) })
    }

    fn ask(&self, table: u32) {
        // The thread ends with this, not before.
        let _asked = self.tables.as_ref().map(|tables| tables.send(table));
    }
}

impl Drop for Lister {
    fn drop(&mut self) {
        self.tables = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that lists routes had panicked");
        }
    }
}

impl Domains {
    /// Begins to look at all routes, unless that is under way.
    pub fn begin_survey(&mut self) {
        if matches!(self.survey.stage, Stage::Rest) {
            self.survey = Survey { left: self.open.keys().cloned().collect(), ..Survey::default() };
            self.survey_next();
        }
    }

    /// Whether somebody looks.
    pub fn is_surveying(&self) -> bool {
        !matches!(self.survey.stage, Stage::Rest)
    }

    /// Whether there is something to compare now.
    pub fn is_comparing(&self) -> bool {
        matches!(self.survey.stage, Stage::Comparing(_))
    }

    /// Where the tables come in that are listed.
    pub fn listings(&self) -> Receiver<Listed> {
        self.lister.listed.clone()
    }

    /// A table is listed.
    pub fn listed(&mut self, Listed(listed): Listed) -> Result<(), RouteError> {
        let Stage::Listing(domain) = &self.survey.stage else { return Ok(()) };
        let domain = domain.clone();
        let listed = listed.inspect_err(|_| {
            // What was to be looked at still is.
            self.changes.note_ours();
            self.survey_next();
        })?;
        self.survey.stage =
            Stage::Comparing(Comparison { domain, listed, done: 0, suspects: Suspects::new() });
        Ok(())
    }

    /// Compares some more routes, and when all of a domain are compared, repairs those that are not as they should be. Routes for
    /// what is `tolerated` may be there as well. Returns how many changes that took.
    pub fn compare(
        &mut self,
        tolerated: impl FnOnce(&Domain) -> BTreeSet<Ipv4Net>,
    ) -> Result<usize, DomainError> {
        let mut comparison = match std::mem::take(&mut self.survey.stage) {
            Stage::Comparing(comparison) => comparison,
            other => {
                self.survey.stage = other;
                return Ok(0);
            }
        };
        if self.compare_some(&mut comparison) {
            self.survey.stage = Stage::Comparing(comparison);
            return Ok(0);
        }
        let Comparison { domain, suspects, .. } = comparison;
        let repaired = match suspects.is_empty() {
            true => Ok(0),
            false => self.repair(&domain, suspects, &tolerated(&domain)),
        };
        if let Some(open) = self.open.get_mut(&domain) {
            open.touched = None;
        }
        self.survey_next();
        repaired
    }

    /// Has the table of the next domain listed.
    fn survey_next(&mut self) {
        self.survey.stage = Stage::Rest;
        while let Some(domain) = self.survey.left.pop_front() {
            if let Some(open) = self.open.get_mut(&domain) {
                open.touched = Some(BTreeSet::new());
                self.lister.ask(open.table);
                self.survey.stage = Stage::Listing(domain);
                return;
            }
        }
    }

    /// False if there is nothing left to compare.
    fn compare_some(&self, comparison: &mut Comparison) -> bool {
        let Comparison { domain, listed, done, suspects } = comparison;
        // A domain that was closed meanwhile, and perhaps opened anew, is not what was listed.
        let Some(open) = self.open.get(domain).filter(|open| open.touched.is_some()) else {
            suspects.clear();
            return false;
        };
        let end = listed.len().min(*done + COMPARED_ROUTES);
        let before = done.checked_sub(1).map_or(Bound::Unbounded, |last| Bound::Excluded(listed[last].0));
        let to = if end == listed.len() { Bound::Unbounded } else { Bound::Included(listed[end - 1].0) };
        let range = (before, to);
        let main = Visible { prefixes: &self.main.prefixes, hidden: &open.hidden };
        let device = open.plane.device.index();
        let wanted = table_wanted(&open.prefixes, main, device, range);
        let there: TableRoutes = listed[*done..end].iter().copied().collect();
        let differs = |dest: &&Ipv4Net| there.get(*dest) != wanted.get(*dest);
        let found = there.keys().chain(wanted.keys()).filter(differs);
        suspects.extend(found.map(|dest| (*dest, there.get(dest).copied())));
        *done = end;
        end < listed.len()
    }

    fn repair(
        &mut self,
        domain: &Domain,
        mut suspects: Suspects,
        tolerated: &BTreeSet<Ipv4Net>,
    ) -> Result<usize, DomainError> {
        let open = self.open.get_mut(domain).ok_or(DomainError::NotOpen)?;
        if let Some(touched) = &open.touched {
            suspects.retain(|dest, _| !touched.contains(dest));
        }
        let device = open.plane.device.index();
        let main = Visible { prefixes: &self.main.prefixes, hidden: &open.hidden };
        // Going through all prefixes is only worth it where something is tolerated.
        let all = match tolerated.is_empty() {
            true => BTreeSet::new(),
            false => open.prefixes.union(tolerated).copied().collect(),
        };
        let wanted = |(dest, there): (&Ipv4Net, &Option<Target>)| {
            let wanted = wanted_route(*dest, &open.prefixes, main, device);
            let may_be = || wanted_route(*dest, &all, main, device).filter(|may_be| Some(*may_be) == *there);
            Some((*dest, wanted.or_else(may_be)?))
        };
        let wanted: TableRoutes = suspects.iter().filter_map(wanted).collect();
        let there = suspects.iter().filter_map(|(dest, there)| Some((*dest, (*there)?))).collect();
        let changes = table_changes(&there, &wanted);
        if let Err(error) = self.routes.apply(open.table, &changes) {
            self.changes.note_ours();
            return Err(error.into());
        }
        let mut present = open.present.lock();
        for dest in suspects.keys() {
            match wanted.get(dest) {
                Some(target) => drop(present.insert(*dest, *target)),
                None => drop(present.remove(dest)),
            }
        }
        Ok(changes.len())
    }
}
