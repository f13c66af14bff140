//! Signed nonsense to every operation of every product, over HTTP: no answer is of the server's own fault, and what is refused
//! changes nothing.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test panics when something is wrong, its functions too"
)]

#[allow(dead_code, reason = "the binary's own client, of which these tests need a part")]
#[path = "../src/client.rs"]
mod client;
#[path = "support/stepped.rs"]
mod server;

use causeway_control::operation;
use client::{CAUSEWAY, Client, Product, VPC};
use serde_json::Value;
use server::Server;

/// In the place of every parameter at once: nothing, too much, of another type, and broken inside.
const NONSENSE: [&str; 6] = ["", "-1", "99999999999999999999", "[{}]", "{\"a\":", "é\u{0} \u{2028}"];

const CONFIG: &str =
    "[api]\nrate_limits = false\n[gateway]\nsimulated_steps = true\n[metrics]\nenabled = false\n";

const REGION: &str = "eu-central-1";

/// Who changed what last: the same as long as nothing is changed.
fn newest_change(client: &Client) -> Value {
    client.call(CAUSEWAY, "ListChanges", &[("MaxResults", "1")]).unwrap()["Changes"].clone()
}

#[test]
fn no_operation_fails_for_reasons_of_its_own_or_changes_what_it_refuses_to() {
    let server = Server::start(CONFIG);
    let client = server.client();
    let gateway = [("RegionId", REGION), ("IpAddress", "198.51.100.7")];
    client.call(VPC, "CreateCustomerGateway", &gateway).unwrap();
    let mut before = newest_change(&client);
    let (mut answered, mut refused) = (0, 0);
    for entry in operation::all() {
        let product = Product { version: entry.product.version() };
        let schema = entry.request_schema().to_value();
        let names: Vec<&str> =
            schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        for value in NONSENSE {
            let parameters: Vec<(&str, &str)> =
                names.iter().map(|name| (*name, if *name == "RegionId" { REGION } else { value })).collect();
            let (status, body) = client.ask(product, entry.name, &parameters).unwrap();
            assert!(status < 500, "{} with {value:?}: {status} {body}", entry.full_name());
            let after = newest_change(&client);
            if status == 200 {
                answered += 1;
            } else {
                refused += 1;
                assert_eq!(after, before, "{} with {value:?} was refused with {body}", entry.full_name());
            }
            before = after;
        }
    }
    assert!(answered > 10 && refused > 300, "{answered} were answered and {refused} refused");
}
