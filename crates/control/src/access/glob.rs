//! Patterns with `*` for any characters and `?` for one.

/// A pattern. Matching takes at most pattern length times text length steps, whatever the pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Glob {
    pattern: Vec<char>,
    ignores_case: bool,
}

impl Glob {
    /// A pattern for which upper and lower case differ.
    pub(super) fn new(pattern: &str) -> Self {
        Self { pattern: pattern.chars().collect(), ignores_case: false }
    }

    /// A pattern for which ASCII letters of either case are the same.
    pub(super) fn ignoring_case(pattern: &str) -> Self {
        Self { pattern: pattern.chars().collect(), ignores_case: true }
    }

    /// Whether the pattern matches the whole text.
    pub(super) fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        let (mut at, mut in_pattern) = (0, 0);
        // After the last `*`: where the pattern goes on, and up to where in the text the `*` has eaten. An
        // earlier `*` never needs another try, because the last one can eat whatever it could.
        let mut last_star: Option<(usize, usize)> = None;
        while at < text.len() {
            match (self.pattern.get(in_pattern), last_star) {
                (Some('*'), _) => {
                    in_pattern += 1;
                    last_star = Some((in_pattern, at));
                }
                (Some(&pattern), _) if self.is_match(pattern, text[at]) => {
                    in_pattern += 1;
                    at += 1;
                }
                (_, Some((after_star, eaten))) => {
                    last_star = Some((after_star, eaten + 1));
                    in_pattern = after_star;
                    at = eaten + 1;
                }
                (_, None) => return false,
            }
        }
        self.pattern[in_pattern..].iter().all(|pattern| *pattern == '*')
    }

    fn is_match(&self, pattern: char, char: char) -> bool {
        pattern == '?' || pattern == char || (self.ignores_case && pattern.eq_ignore_ascii_case(&char))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert_eq, proptest};

    use super::Glob;

    #[test]
    fn stars_and_question_marks_match_the_whole_text() {
        let table = [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "anything", true),
            ("?", "", false),
            ("?", "ä", true),
            ("?", "ab", false),
            ("a*", "a", true),
            ("a*", "ba", false),
            ("*a", "ba", true),
            ("*a", "ab", false),
            ("a*b*c", "aXbXbXc", true),
            ("a*b*c", "aXcXb", false),
            ("a**b", "ab", true),
            ("*?*?*", "a", false),
            ("*?*?*", "ab", true),
            ("*ab*ab", "abab", true),
            ("*ab*ab", "aab", false),
            ("a.c", "abc", false),
            ("A", "a", false),
        ];
        for (pattern, text, expected) in table {
            assert_eq!(Glob::new(pattern).matches(text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn case_is_ignored_where_asked() {
        assert!(Glob::ignoring_case("vpc:Delete*").matches("VPC:deleteVcoRouteEntry"));
        assert!(!Glob::ignoring_case("vpc:Delete?").matches("VPC:delete"));
    }

    #[test]
    fn a_pattern_made_to_be_slow_is_not() {
        let pattern = "*a".repeat(200) + "b";
        assert!(!Glob::new(&pattern).matches(&"a".repeat(2000)));
    }

    /// The definition, in exponential time.
    fn by_definition(pattern: &[char], text: &[char]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            (['*', rest @ ..], _) => (0..=text.len()).any(|eaten| by_definition(rest, &text[eaten..])),
            (['?', pattern @ ..], [_, text @ ..]) => by_definition(pattern, text),
            ([first, pattern @ ..], [char, text @ ..]) if first == char => by_definition(pattern, text),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn it_matches_what_the_definition_matches(pattern in "[ab*?]{0,8}", text in "[ab]{0,8}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(Glob::new(&pattern).matches(&text), by_definition(&chars(&pattern), &chars(&text)));
        }
    }
}
