//! Which card torch calls `cuda:0`.
//!
//! `nvidia-smi` numbers cards by their place in the machine. CUDA does so if `CUDA_DEVICE_ORDER` is `PCI_BUS_ID`; else the
//! card that the driver takes for the fastest is the first, and it does not say how it compares them. Cards of one kind keep
//! the order of their places. `CUDA_VISIBLE_DEVICES` then picks some of them, by number or by identifier.
//!
//! Source: the section on environment variables of the CUDA C++ Programming Guide.

use super::Card;

/// The cards in the order in which torch numbers them, with the values of `CUDA_DEVICE_ORDER` and `CUDA_VISIBLE_DEVICES`.
///
/// # Errors Why the order is not known.
pub fn numbered<'c>(cards: &'c [Card], order: Option<&str>, visible: Option<&str>) -> Result<Vec<&'c Card>, String> {
    let mut all: Vec<&Card> = cards.iter().collect();
    all.sort_by_key(|card| card.index);
    let kind = |card: &Card| (card.name.clone(), card.total_bytes, card.compute_capability.clone());
    let is_known = order == Some("PCI_BUS_ID") || all.windows(2).all(|pair| kind(pair[0]) == kind(pair[1]));
    let unknown = || {
        String::from(
            "CUDA gives the number 0 to the card that it takes for the fastest, unless CUDA_DEVICE_ORDER is PCI_BUS_ID",
        )
    };
    let Some(visible) = visible else { return if is_known { Ok(all) } else { Err(unknown()) } };
    let mut picked: Vec<&Card> = Vec::new();
    for part in visible.split(',').map(str::trim) {
        let card = match part.parse::<usize>() {
            Ok(_) if !is_known => return Err(unknown()),
            Ok(number) => all.get(number).copied(),
            Err(_) => by_identifier(&all, part),
        };
        // At the first that is no card, CUDA stops.
        match card {
            Some(card) if !picked.contains(&card) => picked.push(card),
            // It shows no card at all if one is named twice.
            Some(_) => return Ok(Vec::new()),
            None => break,
        }
    }
    Ok(picked)
}

/// The only card whose identifier begins like this.
fn by_identifier<'c>(cards: &[&'c Card], part: &str) -> Option<&'c Card> {
    let begins =
        |card: &&&Card| card.uuid.as_deref().is_some_and(|uuid| part.starts_with("GPU-") && uuid.starts_with(part));
    let mut matching = cards.iter().filter(begins);
    matching.next().copied().filter(|_| matching.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(index: u32, gigabytes: u64) -> Card {
        Card { index, total_bytes: gigabytes << 30, uuid: Some(format!("GPU-{index}a")), ..Card::default() }
    }

    fn order(cards: &[Card], order: Option<&str>, visible: Option<&str>) -> Option<Vec<u32>> {
        Some(numbered(cards, order, visible).ok()?.iter().map(|card| card.index).collect())
    }

    #[test]
    fn cards_of_one_kind_are_numbered_by_their_place() {
        let cards = [card(0, 12), card(1, 12), card(2, 12)];
        assert_eq!(order(&cards, None, None), Some(vec![0, 1, 2]));
        assert_eq!(order(&cards, None, Some("2,0")), Some(vec![2, 0]));
        assert_eq!(order(&cards, None, Some("1, 7, 0")), Some(vec![1]));
        assert_eq!(order(&cards, None, Some("1,1")), Some(vec![]));
        for none in ["", "-1", "none"] {
            assert_eq!(order(&cards, None, Some(none)), Some(vec![]), "{none}");
        }
    }

    #[test]
    fn different_cards_are_only_known_by_place_or_identifier() {
        let cards = [card(0, 12), card(1, 16)];
        assert_eq!(order(&cards, None, None), None);
        assert_eq!(order(&cards, Some("FASTEST_FIRST"), Some("0")), None);
        assert_eq!(order(&cards, Some("PCI_BUS_ID"), Some("1,0")), Some(vec![1, 0]));
        assert_eq!(order(&cards, None, Some("GPU-1a,GPU-0")), Some(vec![1, 0]));
        assert_eq!(order(&cards, None, Some("GPU-")), Some(vec![]));
        assert_eq!(order(&cards[..1], None, None), Some(vec![0]));
    }
}
