//! What is wrong with a server's certificate, by the words of the TLS library that the database's and Redis' clients share.
//! Each stage adds which of its keys fixes it.

/// Why a server's certificate, or its lack of TLS, closes the way in. Waiting does not fix any of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Signed by nobody that is trusted here.
    UnknownAuthority,
    /// Made for another name than the address.
    OtherName,
    Expired,
    /// Its time begins in the future, which mostly means that the clock here is wrong.
    NotYet,
    /// Anything else that the library refuses in it.
    Invalid,
    /// The server speaks no TLS on this port.
    NoTls,
}

impl Fault {
    /// None: the text is about something else.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let says = |words: &str| text.contains(words);
        if says("UnknownIssuer") || says("BadSignature") {
            Some(Self::UnknownAuthority)
        } else if says("NotValidForName") || says("not valid for name") {
            Some(Self::OtherName)
        } else if says("certificate expired") || says("Expired") {
            Some(Self::Expired)
        } else if says("not valid yet") || says("NotValidYet") {
            Some(Self::NotYet)
        } else if says("invalid peer certificate") {
            Some(Self::Invalid)
        } else if says("server does not support TLS") || says("InvalidContentType") {
            Some(Self::NoTls)
        } else {
            None
        }
    }

    /// Goes on after "the certificate of …", or for `NoTls` after the server's name.
    pub(crate) fn cause(self) -> &'static str {
        match self {
            Self::UnknownAuthority => "is signed by an authority that is not known here",
            Self::OtherName => "is for another name than the address",
            Self::Expired => "has expired",
            Self::NotYet => "is not valid yet: its time begins in the future, or the clock here is wrong",
            Self::Invalid => "is refused",
            Self::NoTls => "speaks no TLS on this port",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_librarys_words_name_the_fault() {
        for (text, fault) in [
            ("invalid peer certificate: UnknownIssuer", Some(Fault::UnknownAuthority)),
            ("invalid peer certificate: certificate not valid for name \"127.0.0.1\"; …", Some(Fault::OtherName)),
            ("invalid peer certificate: certificate expired: verification time …", Some(Fault::Expired)),
            ("invalid peer certificate: certificate not valid yet: verification time …", Some(Fault::NotYet)),
            ("invalid peer certificate: BadEncoding", Some(Fault::Invalid)),
            ("received corrupt message of type InvalidContentType", Some(Fault::NoTls)),
            ("broken pipe", None),
        ] {
            assert_eq!(Fault::of(text), fault, "{text}");
        }
    }
}
