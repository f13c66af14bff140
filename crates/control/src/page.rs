//! Pages of lists.

use crate::fields::{PageNumber, PageSize};

/// Which part of a list is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    number: u32,
    size: u32,
}

impl Page {
    /// What the parameters `PageNumber` and `PageSize` ask for.
    pub fn new(number: Option<PageNumber>, size: Option<PageSize>) -> Self {
        Self { number: number.unwrap_or_default().get(), size: size.unwrap_or_default().get() }
    }

    /// The number of the page, as it is answered.
    pub fn number(self) -> i32 {
        count(self.number)
    }

    /// How many entries a page has, as it is answered.
    pub fn size(self) -> i32 {
        count(self.size)
    }

    /// The entries of this page, and how many there are on all pages.
    pub fn of<T>(self, entries: impl Iterator<Item = T>) -> (Vec<T>, i32) {
        let before = u64::from(self.number - 1) * u64::from(self.size);
        let mut page = Vec::new();
        let mut total: u64 = 0;
        for entry in entries {
            if (before..before + u64::from(self.size)).contains(&total) {
                page.push(entry);
            }
            total += 1;
        }
        (page, count(total))
    }
}

/// The entries after the one that a token names, and the token that names the last of them, if more follow. The
/// entries are ordered by their names, so that one that has come or gone meanwhile disturbs no other.
pub fn after<T>(
    entries: Vec<T>,
    token: Option<&str>,
    max_results: u32,
    name: impl Fn(&T) -> String,
) -> (Vec<T>, Option<String>) {
    let max = usize::try_from(max_results).unwrap_or(usize::MAX);
    let mut page: Vec<T> = entries
        .into_iter()
        .filter(|entry| token.is_none_or(|token| *name(entry) > *token))
        .take(max + 1)
        .collect();
    let more = page.len() > max;
    page.truncate(max);
    let next = page.last().filter(|_| more).map(name);
    (page, next)
}

/// A count as the API answers it.
pub fn count(number: impl TryInto<i32>) -> i32 {
    number.try_into().unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::Page;
    use crate::fields::{PageNumber, PageSize};

    fn page(number: u32, size: u32) -> Page {
        let number: PageNumber = serde_json::from_value(number.into()).unwrap();
        let size: PageSize = serde_json::from_value(size.into()).unwrap();
        Page::new(Some(number), Some(size))
    }

    #[test]
    fn all_pages_together_are_the_list() {
        for length in [0, 1, 9, 10, 11, 100] {
            let mut together = Vec::new();
            for number in 1..=11 {
                let (entries, total) = page(number, 10).of(0..length);
                assert_eq!(total, length);
                together.extend(entries);
            }
            assert_eq!(together, (0..length).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_page_after_the_last_is_empty() {
        assert_eq!(page(i32::MAX as u32, 50).of(0..100), (Vec::new(), 100));
    }
}
