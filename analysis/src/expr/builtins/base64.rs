//! Base64 with the standard alphabet and padding.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Writes bytes.
pub(super) fn encode(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len().div_ceil(3).saturating_mul(4));
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let group = (byte(0) << 16) | (byte(1) << 8) | byte(2);
        for index in 0..4_usize {
            let shift = 18_usize.saturating_sub(index.saturating_mul(6));
            let digit = usize::try_from((group >> shift) & 63).unwrap_or(0);
            out.push(if index > chunk.len() { b'=' } else { ALPHABET.get(digit).copied().unwrap_or(b'=') });
        }
    }
    out
}

/// Reads what [`encode`] writes; line ends are skipped. None if it is malformed.
pub(super) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.iter().copied().filter(|c| !matches!(c, b'\r' | b'\n')).collect();
    if digits.len() % 4 != 0 {
        return None;
    }
    let groups = digits.len() / 4;
    let mut out = Vec::with_capacity(groups.saturating_mul(3));
    for (index, chunk) in digits.chunks(4).enumerate() {
        let padding = chunk.iter().rev().take_while(|c| **c == b'=').count();
        if padding > 2 || (padding > 0 && index.saturating_add(1) < groups) {
            return None;
        }
        let mut group: u32 = 0;
        for (place, c) in chunk.iter().enumerate() {
            let digit = if place >= 4_usize.saturating_sub(padding) { 0 } else { value(*c)? };
            group = (group << 6) | digit;
        }
        let [_, bytes @ ..] = group.to_be_bytes();
        out.extend(bytes.iter().take(3_usize.saturating_sub(padding)));
    }
    Some(out)
}

fn value(c: u8) -> Option<u32> {
    let place = ALPHABET.iter().position(|known| *known == c)?;
    u32::try_from(place).ok()
}
