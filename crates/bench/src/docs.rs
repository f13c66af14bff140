//! What was measured, written into the documentation: between two markers, and nowhere else.

use std::path::Path;

use anyhow::{Context, Result};

/// Replaces what is between `<!-- NAME:begin -->` and `<!-- NAME:end -->` in a file.
pub fn write_between(file: &Path, name: &str, text: &str) -> Result<()> {
    let before = std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    let after = replaced(&before, name, text).with_context(|| {
        format!("{} has no markers <!-- {name}:begin --> and <!-- {name}:end -->", file.display())
    })?;
    std::fs::write(file, after).with_context(|| format!("writing {}", file.display()))
}

fn replaced(before: &str, name: &str, text: &str) -> Option<String> {
    let begin = format!("<!-- {name}:begin -->");
    let (head, rest) = before.split_once(&begin)?;
    let (_old, tail) = rest.split_once(&format!("<!-- {name}:end -->"))?;
    Some(format!("{head}{begin}\n\n{}\n\n<!-- {name}:end -->{tail}", text.trim()))
}

#[cfg(test)]
mod tests {
    use super::replaced;

    #[test]
    fn only_what_is_between_the_markers_changes() {
        let before = "a\n<!-- x:begin -->\nold\n<!-- x:end -->\nb\n";
        let after = replaced(before, "x", "new\n").unwrap();
        assert_eq!(after, "a\n<!-- x:begin -->\n\nnew\n\n<!-- x:end -->\nb\n");
        assert_eq!(replaced(&after, "x", "new").unwrap(), after);
        assert_eq!(replaced(before, "y", "new"), None);
    }
}
