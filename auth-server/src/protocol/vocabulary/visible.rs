//! Letters that a person can see.

/// Not what is invisible or turns the direction of writing: one name could pass for another.
pub fn is_seen(letter: char) -> bool {
    let hidden = matches!(letter, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}');
    !letter.is_control() && !hidden
}
