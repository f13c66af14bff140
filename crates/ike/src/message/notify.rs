//! Notify payloads (RFC 7296, 3.10).

/// A notification.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Notify {
    pub protocol: u8,
    pub spi: Vec<u8>,
    pub kind: NotifyKind,
    pub data: Vec<u8>,
}

impl Notify {
    /// A notification about the IKE SA itself or the exchange.
    pub(crate) fn new(kind: NotifyKind, data: &[u8]) -> Self {
        Notify { protocol: 0, spi: Vec::new(), kind, data: data.to_vec() }
    }

    /// A notification about an ESP SA.
    pub(crate) fn about_child(kind: NotifyKind, spi: u32) -> Self {
        Notify {
            protocol: super::proposal::PROTOCOL_ESP,
            spi: spi.to_be_bytes().to_vec(),
            kind,
            data: Vec::new(),
        }
    }

    /// The ESP SPI it is about.
    pub(crate) fn child_spi(&self) -> Option<u32> {
        let spi: [u8; 4] = self.spi.as_slice().try_into().ok()?;
        (self.protocol == super::proposal::PROTOCOL_ESP).then_some(u32::from_be_bytes(spi))
    }
}

macro_rules! notify_kinds {
    ($($name:ident = $number:literal $text:literal,)*) => {
        /// What a notification says.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub(crate) enum NotifyKind { $($name,)* Other(u16) }

        impl NotifyKind {
            pub(crate) fn from_wire(number: u16) -> Self {
                match number { $($number => NotifyKind::$name,)* other => NotifyKind::Other(other) }
            }

            pub(crate) fn to_wire(self) -> u16 {
                match self { $(NotifyKind::$name => $number,)* NotifyKind::Other(other) => other }
            }
        }

        impl std::fmt::Display for NotifyKind {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self { $(NotifyKind::$name => f.write_str($text),)* NotifyKind::Other(other) => write!(f, "notification {other}") }
            }
        }
    };
}

notify_kinds! {
    UnsupportedCriticalPayload = 1 "UNSUPPORTED_CRITICAL_PAYLOAD",
    InvalidIkeSpi = 4 "INVALID_IKE_SPI",
    InvalidMajorVersion = 5 "INVALID_MAJOR_VERSION",
    InvalidSyntax = 7 "INVALID_SYNTAX",
    InvalidMessageId = 9 "INVALID_MESSAGE_ID",
    InvalidSpi = 11 "INVALID_SPI",
    NoProposalChosen = 14 "NO_PROPOSAL_CHOSEN",
    InvalidKePayload = 17 "INVALID_KE_PAYLOAD",
    AuthenticationFailed = 24 "AUTHENTICATION_FAILED",
    SinglePairRequired = 34 "SINGLE_PAIR_REQUIRED",
    NoAdditionalSas = 35 "NO_ADDITIONAL_SAS",
    InternalAddressFailure = 36 "INTERNAL_ADDRESS_FAILURE",
    FailedCpRequired = 37 "FAILED_CP_REQUIRED",
    TsUnacceptable = 38 "TS_UNACCEPTABLE",
    InvalidSelectors = 39 "INVALID_SELECTORS",
    TemporaryFailure = 43 "TEMPORARY_FAILURE",
    ChildSaNotFound = 44 "CHILD_SA_NOT_FOUND",
    InitialContact = 16384 "INITIAL_CONTACT",
    NatDetectionSourceIp = 16388 "NAT_DETECTION_SOURCE_IP",
    NatDetectionDestinationIp = 16389 "NAT_DETECTION_DESTINATION_IP",
    Cookie = 16390 "COOKIE",
    UseTransportMode = 16391 "USE_TRANSPORT_MODE",
    RekeySa = 16393 "REKEY_SA",
    EspTfcPaddingNotSupported = 16394 "ESP_TFC_PADDING_NOT_SUPPORTED",
    AuthLifetime = 16403 "AUTH_LIFETIME",
    ChildlessSupported = 16418 "CHILDLESS_IKEV2_SUPPORTED",
    SignatureHashAlgorithms = 16431 "SIGNATURE_HASH_ALGORITHMS",
    FragmentationSupported = 16430 "IKEV2_FRAGMENTATION_SUPPORTED",
}

impl NotifyKind {
    /// Whether it reports an error rather than a status (3.10.1).
    pub(crate) fn is_error(self) -> bool {
        self.to_wire() < 16_384
    }
}
