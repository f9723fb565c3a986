//! Judging a key that a client registers.

/// Whether this is a point of P-384, big end first: tokens are not signed on that curve,
/// but a client's assertion may be.
pub fn is_on_p384(x: &[u8], y: &[u8]) -> bool {
    const UNCOMPRESSED: u8 = 4;
    let is_whole = x.len() == 48 && y.len() == 48;
    let point = [&[UNCOMPRESSED], x, y].concat();
    is_whole && aws_lc_rs::signature::ParsedPublicKey::new(&aws_lc_rs::signature::ECDSA_P384_SHA384_FIXED, point).is_ok()
}
