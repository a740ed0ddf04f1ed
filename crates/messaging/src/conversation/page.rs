//! Pages of lists: how many items, and the cursor that leads to the next ones.

/// The size of a page where the caller does not say.
const DEFAULT: u32 = 50;
/// The size of the largest page.
const MOST: u32 = 200;

/// How many items a page has.
pub fn size(limit: u32) -> usize {
    match limit {
        0 => DEFAULT as usize,
        limit => limit.min(MOST) as usize,
    }
}

/// Cuts `items`, of which one more than `size` was read, to a page; answers the page's last where more follow.
pub fn cut<T: Clone>(items: &mut Vec<T>, size: usize) -> Option<T> {
    let more = items.len() > size;
    items.truncate(size);
    items.last().filter(|_| more).cloned()
}
