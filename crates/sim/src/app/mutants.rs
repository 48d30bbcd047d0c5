//! `sim mutants`: plants each known bug and counts the seeds until its own invariant catches it.

use super::children::{Answer, Job, in_parallel};
use super::cli::{Exit, Mutants};
use runtime::mutant::Mutant;

/// A mutant that lives this long from one starting point has survived.
const SEEDS_MAX: u64 = 200;
/// Starting points lie this far apart.
const STRIDE: u64 = 1_000_000;

/// The invariants that must catch a mutant, of which any will do.
pub fn caught_by(mutant: Mutant) -> &'static [&'static str] {
    match mutant {
        Mutant::AckBeforeDurable => &["P1"],
        Mutant::AppendAfterIoError => &["S4"],
        Mutant::SkipCrc => &["S3"],
        Mutant::DedupOneBatch => &["I1", "I2"],
        Mutant::SequenceOverflow => &["I2"],
        Mutant::StaleProducerSnapshot => &["I3"],
        Mutant::UnflushedCountsAsClean => &["S1", "S2"],
        Mutant::RetentionPastHighWatermark => &["C6"],
        Mutant::HashOrderLeaks => &["D1"],
    }
}

struct Hunt {
    mutant: Mutant,
    start: u64,
    seeds_max: u64,
}

struct Trophy {
    mutant: Mutant,
    start: u64,
    /// Seeds until the kill, and who killed.
    killed: Option<(u64, String)>,
    broken: Option<String>,
}

pub fn run(args: &Mutants) -> Exit {
    let (starts, seeds_max) = if args.quick { (2, 50) } else { (10, SEEDS_MAX) };
    let mutants: Vec<Mutant> = Mutant::ALL
        .into_iter()
        .filter(|m| args.only.is_none_or(|only| only == *m))
        .collect();
    let hunts = mutants
        .iter()
        .flat_map(|mutant| {
            (0..starts).map(|i| Hunt {
                mutant: *mutant,
                start: i * STRIDE,
                seeds_max,
            })
        })
        .collect::<Vec<_>>();
    let mut trophies = Vec::new();
    in_parallel(hunts.into_iter(), args.jobs, hunt, |trophy| {
        if let Some(why) = &trophy.broken {
            eprintln!("{} from seed {}: {why}", trophy.mutant, trophy.start);
        }
        trophies.push(trophy);
        true
    });
    println!(
        "{:<32} {:>6} {:>8} {:>7} {:>6}  caught by",
        "mutant", "kills", "of", "median", "worst"
    );
    let mut exit = Exit::Pass;
    for mutant in mutants {
        let of: Vec<&Trophy> = trophies.iter().filter(|t| t.mutant == mutant).collect();
        let row = row(mutant, &of);
        println!("{row}");
        if of.iter().any(|t| t.killed.is_none()) && exit == Exit::Pass {
            exit = Exit::Violation;
        }
        if of.iter().any(|t| t.broken.is_some()) {
            exit = Exit::Harness;
        }
    }
    exit
}

fn row(mutant: Mutant, trophies: &[&Trophy]) -> String {
    let mut seeds: Vec<u64> = trophies
        .iter()
        .filter_map(|t| t.killed.as_ref().map(|k| k.0))
        .collect();
    seeds.sort_unstable();
    let mut by: Vec<&str> = trophies
        .iter()
        .filter_map(|t| t.killed.as_ref().map(|k| k.1.as_str()))
        .collect();
    by.sort_unstable();
    by.dedup();
    let number = |n: Option<&u64>| n.map_or_else(|| "-".to_owned(), u64::to_string);
    let (median, worst) = (number(seeds.get(seeds.len() / 2)), number(seeds.last()));
    let survived = if seeds.len() < trophies.len() {
        "  SURVIVED"
    } else {
        ""
    };
    let expected = caught_by(mutant).join(", ");
    let by = if by.is_empty() {
        format!("nobody ({expected} should)")
    } else {
        by.join(", ")
    };
    format!(
        "{:<32} {:>6} {:>8} {median:>7} {worst:>6}  {by}{survived}",
        mutant.name(),
        seeds.len(),
        trophies.len()
    )
}

fn hunt(hunt: Hunt) -> Trophy {
    let ids = caught_by(hunt.mutant);
    let mut trophy = Trophy {
        mutant: hunt.mutant,
        start: hunt.start,
        killed: None,
        broken: None,
    };
    for i in 0..hunt.seeds_max {
        let job = Job::seed(hunt.start + i).with(&["--mutant", hunt.mutant.name(), "--heed", &ids.join(",")]);
        let first = match job.run() {
            Answer::Report(report) => report,
            Answer::Broken(why) => {
                trophy.broken = Some(format!("seed {}: {why}", hunt.start + i));
                return trophy;
            }
        };
        let killer = match ids {
            ["D1"] => hash_differs(&job, &first.trace_hash).then(|| "D1".to_owned()),
            _ => first.violation.map(|v| v.invariant),
        };
        if let Some(killer) = killer {
            trophy.killed = Some((i + 1, killer));
            return trophy;
        }
    }
    trophy
}

fn hash_differs(job: &Job, hash: &str) -> bool {
    matches!(job.run(), Answer::Report(again) if again.trace_hash != hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mutant_names_invariants_that_exist() {
        for mutant in Mutant::ALL {
            for id in caught_by(mutant) {
                assert!(
                    super::super::invariants::ALL.iter().any(|i| i.id == *id),
                    "{mutant}: {id}"
                );
            }
        }
    }

    #[test]
    fn the_table_counts() {
        let trophy = |killed: Option<u64>| Trophy {
            mutant: Mutant::SkipCrc,
            start: 0,
            killed: killed.map(|n| (n, "S3".to_owned())),
            broken: None,
        };
        let (a, b, c) = (trophy(Some(1)), trophy(Some(9)), trophy(Some(3)));
        let text = row(Mutant::SkipCrc, &[&a, &b, &c]);
        assert_eq!(
            text.split_whitespace().collect::<Vec<_>>(),
            ["skip-crc", "3", "3", "3", "9", "S3"]
        );
        let text = row(Mutant::SkipCrc, &[&a, &trophy(None)]);
        assert!(text.ends_with("SURVIVED"), "{text}");
    }
}
