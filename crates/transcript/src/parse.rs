//! From text to steps, line by line.

use crate::expect::{Check, Expected, Wanted};
use crate::{Call, ReadError, Step, Transcript};

const NOT_OVER_HTTP: &str = "over http: no, because ";

/// Reads a transcript; which line cannot be understood is the error.
pub(crate) fn parse(name: &str, text: &str) -> Result<Transcript, ReadError> {
    let mut reader = Reader { not_over_http: None, steps: Vec::new() };
    for (position, line) in text.lines().enumerate() {
        let line_number = position + 1;
        reader.line(line_number, line).map_err(|reason| ReadError::Line {
            name: name.to_owned(),
            line: line_number,
            reason,
        })?;
    }
    if let Some((line, Step::Call(call))) = reader.steps.iter().find(|(_, step)| is_open(step)) {
        let reason = format!("{} has no answer: write -> or !! after it", call.action);
        return Err(ReadError::Line { name: name.to_owned(), line: *line, reason });
    }
    Ok(Transcript { name: name.to_owned(), not_over_http: reader.not_over_http, steps: reader.steps })
}

fn is_open(step: &Step) -> bool {
    matches!(step, Step::Call(Call { expected: Expected::NotSaid, .. }))
}

/// `DeleteVcoRouteEntry`, or `Cbn:TagResources` where several products have one.
fn is_operation(line: &str) -> bool {
    let mut names = line.splitn(2, ':');
    names.all(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

struct Reader {
    not_over_http: Option<String>,
    steps: Vec<(usize, Step)>,
}

impl Reader {
    fn line(&mut self, number: usize, line: &str) -> Result<(), String> {
        if let Some(comment) = line.trim_start().strip_prefix('#') {
            if let Some(reason) = comment.trim().strip_prefix(NOT_OVER_HTTP) {
                self.not_over_http = Some(reason.to_owned());
            }
            return Ok(());
        }
        if line.trim().is_empty() {
            return Ok(());
        }
        if line.starts_with(' ') {
            return self.indented(line.trim_start());
        }
        if line == "->" {
            return self.expect(Expected::Answer(Vec::new()));
        }
        if let Some(refusal) = line.strip_prefix("!! ") {
            return self.expect(parse_refusal(refusal)?);
        }
        let step = match line.strip_prefix("@ ") {
            Some(directive) => parse_directive(directive)?,
            None if is_operation(line) => Step::Call(Call {
                action: line.to_owned(),
                parameters: Vec::new(),
                expected: Expected::NotSaid,
            }),
            None => return Err("neither an operation, `->`, `!! 404 Code` nor `@ directive`".to_owned()),
        };
        self.steps.push((number, step));
        Ok(())
    }

    fn last_call(&mut self) -> Result<&mut Call, String> {
        match self.steps.last_mut() {
            Some((_, Step::Call(call))) => Ok(call),
            _ => Err("there is no operation before it".to_owned()),
        }
    }

    fn expect(&mut self, expected: Expected) -> Result<(), String> {
        let call = self.last_call()?;
        if call.expected != Expected::NotSaid {
            return Err(format!("{} has its answer already", call.action));
        }
        call.expected = expected;
        Ok(())
    }

    fn indented(&mut self, line: &str) -> Result<(), String> {
        let call = self.last_call()?;
        match &mut call.expected {
            Expected::NotSaid => call.parameters.push(parse_parameter(line)?),
            Expected::Answer(checks) | Expected::Refusal { checks, .. } => checks.push(parse_check(line)?),
        }
        Ok(())
    }
}

fn parse_parameter(line: &str) -> Result<(String, String), String> {
    let (name, value) = line.split_once('=').ok_or("a parameter is `Name = value`")?;
    Ok((name.trim().to_owned(), value.trim_start().to_owned()))
}

fn parse_check(line: &str) -> Result<Check, String> {
    if let Some(path) = line.strip_suffix(" is absent") {
        return Ok(Check { path: path.trim().to_owned(), wanted: Wanted::Absent });
    }
    if let Some((left, right)) = line.split_once(" =") {
        let (left, right) = (left.trim(), right.trim_start());
        if let Some(variable) = left.strip_prefix('$') {
            return Ok(Check { path: right.to_owned(), wanted: Wanted::Capture(variable.to_owned()) });
        }
        return Ok(Check { path: left.to_owned(), wanted: Wanted::Text(right.to_owned()) });
    }
    if let Some((path, count)) = line.rsplit_once(" has ") {
        let count = count.trim().parse().map_err(|_not_a_number| format!("{count} is no number"))?;
        return Ok(Check { path: path.trim().to_owned(), wanted: Wanted::Count(count) });
    }
    Err("a check is `Path = value`, `Path is absent`, `Path has 2` or `$name = Path`".to_owned())
}

fn parse_refusal(text: &str) -> Result<Expected, String> {
    let wrong = || "a refusal is `!! 404 Code`".to_owned();
    let (status, code) = text.split_once(' ').ok_or_else(wrong)?;
    let status = status.parse().map_err(|_not_a_number| wrong())?;
    Ok(Expected::Refusal { status, code: code.trim().to_owned(), checks: Vec::new() })
}

fn parse_directive(text: &str) -> Result<Step, String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.as_slice() {
        ["reconcile"] => Ok(Step::Reconcile),
        ["restart"] => Ok(Step::Restart),
        ["as", "root"] => Ok(Step::CallAs(None)),
        ["as", id, secret] => Ok(Step::CallAs(Some(((*id).to_owned(), (*secret).to_owned())))),
        ["tunnel", to @ ("up" | "down"), connection, index] => {
            let index = index.parse().map_err(|_not_a_number| "a tunnel is 1 or 2")?;
            Ok(Step::Tunnel { connection: (*connection).to_owned(), index, is_up: *to == "up" })
        }
        [time] if time.starts_with('+') => parse_time(&time[1..]).map(Step::Pass),
        _ => Err(format!("there is no directive {text}")),
    }
}

fn parse_time(text: &str) -> Result<i64, String> {
    let wrong = || format!("{text} is no time such as 30s");
    let unit = text.find(|letter: char| !letter.is_ascii_digit()).ok_or_else(wrong)?;
    let number: i64 = text[..unit].parse().map_err(|_not_a_number| wrong())?;
    let unit_ms = match &text[unit..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(wrong()),
    };
    number.checked_mul(unit_ms).ok_or_else(wrong)
}

#[cfg(test)]
mod tests;
