//! Licence expressions of the SPDX specification (version 3, annex B), as crates have them.

/// A licence expression.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Expression {
    /// A licence, with its exception where there is one: `Apache-2.0 WITH LLVM-exception`.
    Licence(String),
    /// All of them hold.
    And(Vec<Expression>),
    /// One may be chosen.
    Or(Vec<Expression>),
}

impl Expression {
    /// Reads an expression. A slash means OR, as in the crates of old.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let spaced = text.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
        let mut words = spaced.split_whitespace().peekable();
        let expression = or(&mut words)?;
        match words.next() {
            None => Ok(expression),
            Some(word) => Err(format!("`{word}` was not expected")),
        }
    }

    /// Whether it holds when each licence is allowed or not.
    pub(super) fn holds(&self, allows: &dyn Fn(&str) -> bool) -> bool {
        match self {
            Self::Licence(licence) => allows(licence),
            Self::And(parts) => parts.iter().all(|part| part.holds(allows)),
            Self::Or(parts) => parts.iter().any(|part| part.holds(allows)),
        }
    }
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn or(words: &mut Words<'_>) -> Result<Expression, String> {
    let mut parts = vec![and(words)?];
    while words.next_if_eq(&"OR").is_some() {
        parts.push(and(words)?);
    }
    Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::Or(parts) })
}

fn and(words: &mut Words<'_>) -> Result<Expression, String> {
    let mut parts = vec![licence(words)?];
    while words.next_if_eq(&"AND").is_some() {
        parts.push(licence(words)?);
    }
    Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::And(parts) })
}

fn licence(words: &mut Words<'_>) -> Result<Expression, String> {
    match words.next() {
        None | Some("OR" | "AND" | "WITH" | ")") => Err("a licence was expected".to_owned()),
        Some("(") => {
            let inner = or(words)?;
            words.next_if_eq(&")").map(|_| inner).ok_or_else(|| "a `)` is missing".to_owned())
        }
        Some(name) => {
            if words.next_if_eq(&"WITH").is_none() {
                return Ok(Expression::Licence(name.to_owned()));
            }
            let exception = words.next().ok_or("an exception was expected")?;
            Ok(Expression::Licence(format!("{name} WITH {exception}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Expression;

    fn holds(text: &str, allowed: &[&str]) -> bool {
        Expression::parse(text).unwrap().holds(&|licence| allowed.contains(&licence))
    }

    #[test]
    fn and_binds_tighter_than_or() {
        assert!(holds("MIT OR ISC AND GPL-3.0-only", &["MIT"]));
        assert!(!holds("(MIT OR ISC) AND GPL-3.0-only", &["MIT"]));
        assert!(holds("MIT/Apache-2.0", &["Apache-2.0"]));
    }

    #[test]
    fn an_exception_belongs_to_its_licence() {
        assert!(holds("Apache-2.0 WITH LLVM-exception", &["Apache-2.0 WITH LLVM-exception"]));
        assert!(!holds("GPL-2.0-only WITH Classpath-exception-2.0", &["GPL-2.0-only"]));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "MIT OR", "(MIT", "MIT)", "MIT ISC", "AND MIT", "MIT WITH"] {
            assert!(Expression::parse(text).is_err(), "{text}");
        }
    }
}
