use std::time::Duration;

use causeway_control::observed::{FailureKind, Negotiated, ProposalItem};
use causeway_control::resource::ike_config::{EncAlg, IkePfs};

use crate::{Action, Expectation, Front, KeyKind, Lost, ReadError, Scenario, Side, Step};

const WHOLE: &str = "\
# A title.
# More of it.

connection
    IkeEncAlg = aes256
    LocalSubnet = 10.1.0.0/24, 10.101.0.0/24
    IkeLifetime = 60
gateway
    dpd = 250ms
    certificate = ecdsa p384
peer
    IkePfs = group14
    begins = yes
path
    before peer = translator
    loss = 30%

steps
 -> up within 5s begun by peer
    # a word on what follows
    peer rekeys ike
    connection changes IkePfs = group5
 -> failure is ike proposal: group, encryption within 2m
 -> ping loses at most 70%
 -> peer logs received fragment #2
";

fn error(text: &str) -> (usize, String) {
    match Scenario::parse("x", text) {
        Err(ReadError::Line { line, reason, .. }) => (line, reason),
        other => panic!("{other:?}"),
    }
}

/// The error of a line among the steps.
fn step_error(line: &str) -> String {
    let (number, reason) = error(&format!("# A title.\nsteps\n -> ping loses nothing\n    {line}\n"));
    assert_eq!(number, 4, "{reason}");
    reason
}

fn setting_error(section: &str, line: &str) -> String {
    let text = format!("# A title.\n{section}\n    {line}\nsteps\n -> ping loses nothing\n");
    let (number, reason) = error(&text);
    assert_eq!(number, 3, "{reason}");
    reason
}

#[test]
fn a_scenario_is_read_as_it_is_written() {
    let scenario = Scenario::parse("ikev2/x", WHOLE).unwrap();
    assert_eq!((scenario.name.as_str(), scenario.title.as_str()), ("ikev2/x", "A title."));
    assert_eq!(scenario.connection.ike.ike_enc_alg, EncAlg::Aes256);
    assert_eq!(scenario.connection.ike.ike_lifetime_s, 60);
    assert_eq!(scenario.connection.local_subnets.len(), 2);
    assert_eq!(scenario.gateway.dpd_interval, Some(Duration::from_millis(250)));
    assert_eq!(scenario.gateway.certificate, Some(KeyKind::EcdsaP384));
    assert_eq!((scenario.path.before_peer, scenario.path.weather.loss), (Front::Translator, 30));
    let items = vec![ProposalItem::Group, ProposalItem::Encryption];
    let expected = [
        Step::Expect(Expectation::Up { within: Duration::from_secs(5), begun_by: Some(Side::Peer) }),
        Step::Do(Action::PeerRekeys(crate::Sa::Ike)),
        Step::Do(Action::ConnectionChanges { name: "IkePfs".to_owned(), value: "group5".to_owned() }),
        Step::Expect(Expectation::Failure {
            kind: FailureKind::Proposal { of: Negotiated::Ike, items },
            within: Duration::from_secs(120),
        }),
        Step::Expect(Expectation::Ping(Lost::AtMostPercent(70))),
        Step::Expect(Expectation::PeerLogs("received fragment #2".to_owned())),
    ];
    assert_eq!(scenario.steps.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [19, 21, 22, 23, 24, 25]);
    assert_eq!(scenario.steps.into_iter().map(|(_, step)| step).collect::<Vec<_>>(), expected);
}

#[test]
fn the_peer_has_what_the_connection_has_and_what_differs() {
    let scenario = Scenario::parse("x", WHOLE).unwrap();
    assert_eq!(scenario.peer.tunnel.ike.ike_enc_alg, EncAlg::Aes256);
    assert_eq!(scenario.peer.tunnel.ike.ike_pfs, IkePfs::Group14);
    assert_eq!(scenario.connection.ike.ike_pfs, IkePfs::Group2);
    let without = "# A title.\nconnection\n  IkeEncAlg = des\nsteps\n -> ping loses all\n";
    let scenario = Scenario::parse("x", without).unwrap();
    assert_eq!(scenario.peer.tunnel, scenario.connection);
}

#[test]
fn a_value_that_the_api_does_not_have_is_refused_in_its_words() {
    let reason = setting_error("connection", "IkeEncAlg = rot13");
    assert!(reason.contains("IkeEncAlg") && reason.contains("rot13") && reason.contains("3des"), "{reason}");
    assert!(setting_error("connection", "IkePfs =").contains("IkePfs has no value"));
    assert!(setting_error("connection", "IkeEncryption = aes").contains("IkeEncryption"));
    assert!(setting_error("connection", "LocalSubnet = 10.1.0.0/24, ten").contains("`ten`"));
    assert!(setting_error("connection", "EnableDpd = on").contains("`on`"));
    assert!(step_error("connection changes IkePfs = group3").contains("group3"));
}

#[test]
fn a_word_that_is_unknown_is_named_with_those_that_there_are() {
    for (section, line, word) in [
        ("gateway", "certificate = dsa", "`dsa`"),
        ("gateway", "colour = red", "`colour`"),
        ("gateway", "ike packet = 576", "`576`"),
        ("peer", "begins = perhaps", "`perhaps`"),
        ("peer", "begin = yes", "`begin`"),
        ("peer", "dpd = soon", "`soon`"),
        ("peer", "retransmissions = 100", "`100`"),
        ("path", "before peer = wall", "`wall`"),
        ("path", "loss = 300%", "`300%`"),
        ("path", "loss = 30", "`30`"),
        ("path", "mtu = 100", "`100`"),
        ("path", "loss 30%", "`loss 30%`"),
    ] {
        let reason = setting_error(section, line);
        assert!(reason.contains(word), "{line}: {reason}");
    }
    for (line, word) in [
        ("peer sleeps", "`peer sleeps`"),
        ("peer rekeys everything", "`everything`"),
        ("peer moves to there", "`there`"),
        ("wait long", "`long`"),
        ("path loses 101%", "`101%`"),
        ("-> up", "`up`"),
        ("-> up within 5", "`5`"),
        ("-> up within 5s begun by nobody", "`nobody`"),
        ("-> status is up within 5s", "`up`"),
        ("-> ping loses some", "`loses some`"),
        ("-> failure is boredom within 5s", "`boredom`"),
        ("-> failure is ike proposal: colour within 5s", "`colour`"),
        ("-> child rekeyed many times within 5s", "`many`"),
    ] {
        let reason = step_error(line);
        assert!(reason.contains(word), "{line}: {reason}");
    }
}

#[test]
fn what_is_expected_has_an_arrow_and_what_happens_has_none() {
    assert!(step_error("up within 5s").contains("-> up within 5s"));
    assert!(step_error("-> peer restarts").contains("`peer restarts`"));
}

#[test]
fn a_peer_that_starts_before_anything_else_happens_to_it_was_not_there() {
    let later = |steps: &str| {
        Scenario::parse("x", &format!("# A title.\nsteps\n -> ping loses all\n{steps}"))
            .unwrap()
            .peer_comes_later()
    };
    assert!(later("    path breaks\n    peer starts\n"));
    assert!(!later("    peer stops\n    peer starts\n"));
    assert!(!later(""));
}

#[test]
fn the_form_of_the_whole_is_held() {
    assert!(error("connection\n").1.contains("sentence"));
    assert!(error("# A title.\n  IkePfs = group1\n").1.contains("section"));
    assert!(error("# A title.\nsteps\n -> ping loses all\npeer\n").1.contains("order"));
    assert!(error("# A title.\nroute\n").1.contains("`route`"));
    assert!(error("# A title.\nsteps\n    peer restarts\n").1.contains("nothing is expected"));
    assert!(error("# A title\nsteps\n -> ping loses all\n").1.contains("full stop"));
    let twice = "# A title.\npath\n    loss = 1%\n    loss = 2%\nsteps\n -> ping loses all\n";
    assert_eq!(error(twice), (4, "loss is said twice".to_owned()));
}
