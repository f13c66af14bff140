#![allow(clippy::unwrap_used, reason = "a test panics when something is wrong")]

use crate::{Check, Expected, Step, Transcript};

fn refused(text: &str) -> String {
    Transcript::parse("x", text).unwrap_err().to_string()
}

#[test]
fn a_call_is_read_with_its_parameters_and_checks() {
    let text =
        "# over http: no, because of a clock\nAsk\n    A.1 = b = c\n    E =\n->\n    $x = Id\n    L has 2\n";
    let transcript = Transcript::parse("x", text).unwrap();
    assert_eq!(transcript.not_over_http.as_deref(), Some("of a clock"));
    let [(2, Step::Call(call))] = transcript.steps.as_slice() else { unreachable!("{transcript:?}") };
    assert_eq!(call.parameters, [("A.1".to_owned(), "b = c".to_owned()), ("E".to_owned(), String::new())]);
    let Expected::Answer(checks) = &call.expected else { unreachable!("{call:?}") };
    let paths: Vec<&str> = checks.iter().map(|check: &Check| check.path.as_str()).collect();
    assert_eq!(paths, ["Id", "L"]);
    assert_eq!(transcript.answered().collect::<Vec<_>>(), ["Ask"]);
}

#[test]
fn an_operation_may_be_written_with_its_product() {
    let transcript = Transcript::parse("x", "Cbn:TagResources\n->\n").unwrap();
    assert_eq!(transcript.answered().collect::<Vec<_>>(), ["Cbn:TagResources"]);
}

#[test]
fn directives_are_read() {
    let text = "@ +30s\n@ +24h\n@ tunnel down $vco 2\n@ restart\n@ as root\n@ reconcile\n";
    let steps: Vec<Step> =
        Transcript::parse("x", text).unwrap().steps.into_iter().map(|(_, step)| step).collect();
    let down = Step::Tunnel { connection: "$vco".to_owned(), index: 2, is_up: false };
    let all = [
        Step::Pass(30_000),
        Step::Pass(86_400_000),
        down,
        Step::Restart,
        Step::CallAs(None),
        Step::Reconcile,
    ];
    assert_eq!(steps, all);
}

#[test]
fn what_says_nothing_is_refused_with_its_line() {
    for (text, line) in [
        ("Ask\n", "x:1: Ask has no answer"),
        ("Ask\n->\n->\n", "x:3: Ask has its answer already"),
        ("Ask\n    what\n", "x:2: a parameter is"),
        ("Ask\n->\n    what\n", "x:3: a check is"),
        ("    A = b\n", "x:1: there is no operation"),
        ("@ dance\n", "x:1: there is no directive dance"),
        ("@ +30\n", "x:1: 30 is no time"),
        ("Ask\n!! Code\n", "x:2: a refusal is"),
        ("what is this\n", "x:1: neither"),
        ("Cbn:\n", "x:1: neither"),
        ("Cbn:Tag:Resources\n", "x:1: neither"),
    ] {
        assert!(refused(text).starts_with(line), "{}", refused(text));
    }
}
