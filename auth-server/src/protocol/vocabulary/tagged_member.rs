//! What a client says of itself in a named language: `client_name#fr` (RFC 7591 §2.2).

use std::str::FromStr;

use super::text::{by_text, names};

names! {
    /// A member of client metadata that is for people, so that it may come in several languages.
    HumanReadable, unknown
    /// A member of no such name.
    NotHumanReadable("this member is not for people"):
    /// What the client is called.
    ClientName = "client_name",
    /// Its home page.
    ClientUri = "client_uri",
    /// Its logo.
    LogoUri = "logo_uri",
    /// Its privacy policy.
    PolicyUri = "policy_uri",
    /// Its terms of service.
    TosUri = "tos_uri",
}

/// A member's name with a language tag, as it was written. Tags are equal whatever
/// their case (RFC 5646 §2.1.1); what is compared here is the writing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaggedMember {
    written: String,
    member: HumanReadable,
}

/// Why a text is not a tagged member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TaggedMemberError {
    /// No `#`, or something before it that is not for people.
    #[error(transparent)]
    Member(#[from] NotHumanReadable),
    /// What follows the `#` has not the shape of a language tag.
    #[error("what follows the # is not a language tag")]
    Tag,
}

/// What RFC 5646 §4.4.1 asks of everybody's buffers.
const LONGEST_TAG: usize = 35;
const LONGEST_SUBTAG: usize = 8;

impl TaggedMember {
    /// As it was written, `client_name#pt-BR`.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// The member.
    pub fn member(&self) -> HumanReadable {
        self.member
    }

    /// The language tag, in the case in which it was written.
    pub fn tag(&self) -> &str {
        self.written.split_once('#').map_or("", |(_, tag)| tag)
    }

    /// Whether it says the same of the same member as `other`.
    pub fn is_again(&self, other: &Self) -> bool {
        self.member == other.member && self.tag().eq_ignore_ascii_case(other.tag())
    }

    /// Whether the tag is that of a language, alone or with a script or region
    /// (RFC 4647 §3.3.1).
    pub fn is_in(&self, language: &str) -> bool {
        self.tag().split('-').next().is_some_and(|primary| primary.eq_ignore_ascii_case(language))
    }
}

/// The shape only, and not whether such a language is registered (RFC 5646 §2.2.9).
fn is_language_tag(text: &str) -> bool {
    let is_subtag = |subtag: &str| (1..=LONGEST_SUBTAG).contains(&subtag.len()) && subtag.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let begins_with_letters = text.split('-').next().is_some_and(|primary| primary.bytes().all(|byte| byte.is_ascii_alphabetic()));
    text.len() <= LONGEST_TAG && begins_with_letters && text.split('-').all(is_subtag)
}

impl FromStr for TaggedMember {
    type Err = TaggedMemberError;

    fn from_str(text: &str) -> Result<Self, TaggedMemberError> {
        let (member, tag) = text.split_once('#').ok_or(NotHumanReadable)?;
        let member = member.parse()?;
        if is_language_tag(tag) { Ok(Self { written: text.to_owned(), member }) } else { Err(TaggedMemberError::Tag) }
    }
}

by_text!(TaggedMember);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // OA-DR-13, RFC 7591 §2.2
    #[test]
    fn a_member_for_people_has_a_language_tag_behind_it() {
        let read = |text: &str| text.parse::<TaggedMember>();
        for good in
            ["client_name#fr", "client_uri#ja-Jpan-JP", "logo_uri#zh-Hant", "policy_uri#es-419", "tos_uri#x-private", "client_name#EN-us"]
        {
            assert_eq!(read(good).unwrap().as_str(), good);
        }
        for bad in ["#fr", "client_name", "redirect_uris#fr", "Client_Name#fr", "client_name #fr", "client_id#fr"] {
            assert_eq!(read(bad), Err(TaggedMemberError::Member(NotHumanReadable)), "{bad}");
        }
        for bad in [
            "",
            "-",
            "fr-",
            "-fr",
            "fr--FR",
            "fr_FR",
            "fr FR",
            "1a",
            "français",
            "abcdefghi",
            "fr#en",
            "a-b-c-d-e-f-g-h-i-j-k-l-m-n-o-p-q-r-s",
        ] {
            assert_eq!(read(&format!("client_name#{bad}")), Err(TaggedMemberError::Tag), "{bad}");
        }
    }

    // RFC 5646 §2.1.1
    #[test]
    fn tags_are_compared_without_case() {
        let [one, same, other, uri] = ["client_name#en-GB", "client_name#EN-gb", "client_name#eng", "client_uri#en-GB"]
            .map(|text| text.parse::<TaggedMember>().unwrap());
        assert!(one.is_again(&same) && !one.is_again(&other) && !one.is_again(&uri));
        assert!(one.is_in("en") && same.is_in("en") && !other.is_in("en"));
        assert_eq!((one.tag(), one.member()), ("en-GB", HumanReadable::ClientName));
    }

    proptest! {
        // OA-DR-13
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,60}", tag in "[ -~]{0,40}") {
            for text in [text, format!("client_name#{tag}")] {
                if let Ok(tagged) = text.parse::<TaggedMember>() {
                    prop_assert_eq!(format!("{}#{}", tagged.member().as_str(), tagged.tag()), text.as_str());
                    prop_assert!(tagged.tag().len() <= LONGEST_TAG && tagged.tag().bytes().all(|byte| byte == b'-' || byte.is_ascii_alphanumeric()));
                    let stored = serde_json::to_string(&tagged).unwrap();
                    prop_assert_eq!(serde_json::from_str::<TaggedMember>(&stored).unwrap(), tagged);
                }
            }
        }
    }
}
