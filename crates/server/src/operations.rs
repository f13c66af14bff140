//! `causeway operations`: every operation that there is, with its product, parameters and answer, as JSON.

use std::process::ExitCode;

use anyhow::{Context, Result};
use causeway_control::operation::{self, Entry, Kind};
use serde_json::{Value, json};

/// What `causeway operations` takes.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Only these operations.
    #[arg(value_name = "OPERATION")]
    names: Vec<String>,
}

/// Prints them, in the order of the server's list.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let all = operation::all().iter();
    let wanted: Vec<Value> = all
        .filter(|entry| arguments.names.is_empty() || arguments.names.iter().any(|name| name == entry.name))
        .map(describe)
        .collect();
    println!("{}", serde_json::to_string_pretty(&wanted).context("the list cannot be written as JSON")?);
    Ok(ExitCode::SUCCESS)
}

fn describe(entry: &Entry) -> Value {
    json!({
        "Name": entry.name,
        "Product": entry.product.name(),
        "Version": entry.product.version(),
        "Changes": entry.kind == Kind::Write,
        "RequestsPerMinute": entry.rate_limit.map(|limit| limit.requests * 60 / limit.per_seconds.max(1)),
        "Errors": entry.errors.iter().map(|error| error.code).collect::<Vec<_>>(),
        "Parameters": entry.request_schema().to_value(),
        "Answer": entry.response_schema().to_value(),
    })
}

#[cfg(test)]
mod tests {
    use causeway_control::operation;

    use super::describe;

    #[test]
    fn each_operation_says_its_parameters_and_its_answer() {
        for entry in operation::all() {
            let described = describe(entry);
            assert!(described["Parameters"]["type"] == "object", "{described}");
            assert!(described["Answer"]["type"] == "object", "{described}");
        }
    }
}
