//! `causeway env`: the environment variables with which the tools find this server.
//!
//! ```sh
//! eval "$(causeway env)"
//! ```

use std::process::ExitCode;

use anyhow::Result;

use crate::DataFolder;
use crate::client::Credentials;

/// What `causeway env` takes.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    data: DataFolder,
    /// The region that the tools shall use.
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
}

/// Prints the variables as shell assignments.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut credentials = Credentials::load(&arguments.data.path())?;
    if let Some(region) = &arguments.region {
        credentials.region_id.clone_from(region);
    }
    for (name, value) in variables(&credentials) {
        println!("export {name}='{value}'");
    }
    Ok(ExitCode::SUCCESS)
}

/// The names that the SDKs, the CLI and the Terraform provider read, each with its value.
fn variables(credentials: &Credentials) -> Vec<(&'static str, &str)> {
    let Credentials { account_id, access_key_id, access_key_secret, security_token, endpoint, region_id } =
        credentials;
    let token = security_token.as_deref().map(|token| ("ALIBABA_CLOUD_SECURITY_TOKEN", token));
    let mut variables: Vec<(&'static str, &str)> = vec![
        // SDKs' default credential chain, and the CLI.
        ("ALIBABA_CLOUD_ACCESS_KEY_ID", access_key_id),
        ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", access_key_secret),
        ("ALIBABA_CLOUD_REGION_ID", region_id),
        ("ALIBABACLOUD_REGION_ID", region_id),
        ("REGION", region_id),
        // Terraform's provider.
        ("ALICLOUD_ACCESS_KEY", access_key_id),
        ("ALICLOUD_SECRET_KEY", access_key_secret),
        ("ALICLOUD_REGION", region_id),
        ("ALICLOUD_ACCOUNT_ID", account_id),
        ("ALIBABA_CLOUD_ENDPOINT_VPC", endpoint),
        ("ALIBABA_CLOUD_ENDPOINT_CBN", endpoint),
        ("ALIBABA_CLOUD_ENDPOINT_STS", endpoint),
        ("ALIBABA_CLOUD_ENDPOINT_RAM", endpoint),
        ("VPC_ENDPOINT", endpoint),
        ("CBN_ENDPOINT", endpoint),
        ("STS_ENDPOINT", endpoint),
        ("RAM_ENDPOINT", endpoint),
        // This project's own examples: host and port, spoken to in plain HTTP.
        ("CAUSEWAY_ENDPOINT", endpoint),
    ];
    variables.extend(token);
    variables
}

#[cfg(test)]
mod tests {
    use crate::client::Credentials;

    use super::variables;

    #[test]
    fn every_variable_has_one_name_and_a_value() {
        let credentials = Credentials {
            account_id: "1234567890123456".into(),
            access_key_id: "LTAIexample".into(),
            access_key_secret: "secret".into(),
            security_token: Some("token".into()),
            endpoint: "127.0.0.1:8686".into(),
            region_id: "eu-central-1".into(),
        };
        let variables = variables(&credentials);
        let mut names: Vec<_> = variables.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), variables.len());
        assert!(variables.iter().all(|(_, value)| !value.is_empty() && !value.contains('\'')));
    }
}
