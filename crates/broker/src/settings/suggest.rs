//! The known name that a mistyped one probably meant.

/// The nearest of `known`, if it is near: at most one edit in four letters, and three at most.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (name.chars().count() / 4).clamp(1, 3);
    known
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Edits (insert, delete, replace, swap of neighbours) from one to the other; dots, dashes and underscores
/// are the same letter.
fn distance(a: &str, b: &str) -> usize {
    let letters = |text: &str| -> Vec<char> {
        text.chars()
            .map(|c| {
                if matches!(c, '_' | '-') {
                    '.'
                } else {
                    c.to_ascii_lowercase()
                }
            })
            .collect()
    };
    let (a, b) = (letters(a), letters(b));
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_misses_are_found_and_far_ones_are_not() {
        let known = [
            "num.partitions",
            "log.dirs",
            "log.dir",
            "listeners",
            "log.retention.ms",
        ];
        let nearest = |name| nearest(name, known.into_iter());
        assert_eq!(nearest("num.partition"), Some("num.partitions"));
        assert_eq!(nearest("num_partitions"), Some("num.partitions"));
        assert_eq!(nearest("log.retnetion.ms"), Some("log.retention.ms"));
        assert_eq!(nearest("listener"), Some("listeners"));
        assert_eq!(nearest("zookeeper.connect"), None);
    }
}
