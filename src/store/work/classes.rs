//! Classes: the numbers that columns hold. Less is more urgent.

use crate::domain::{Class, Destination};
use crate::store::rows::LaneRow;

/// The number of the class page.
pub const PAGE: i16 = 2;

/// All numbers.
pub const ALL: &[i16] = &[0, 1, PAGE, 3];

/// Returns the number of calls that lead a way and have a class.
pub fn rank(destination: Destination, class: Class) -> i16 {
    match (destination, class) {
        (Destination::CustomerIo, Class::Live) => 0,
        (Destination::CustomerIo, Class::History) => 1,
        (Destination::CustomerIo, Class::Page) => PAGE,
        (Destination::GrowSurf, _) => 3,
    }
}

/// Returns the class of a number. Lanes to GrowSurf have only one.
pub fn class(rank: i16) -> Class {
    match rank {
        1 => Class::History,
        PAGE => Class::Page,
        _ => Class::Live,
    }
}

/// Returns the numbers of the lanes that lead a way, in the order they are served.
pub fn ranks(destination: Destination, page: bool) -> &'static [i16] {
    match (destination, page) {
        (Destination::CustomerIo, true) => &[0, 1, PAGE],
        (Destination::CustomerIo, false) => &[0, 1],
        (Destination::GrowSurf, _) => &[3],
    }
}

/// Ends the turn of a lane in which nothing is pending. The next call gives it its class.
pub fn empty(lane: &mut LaneRow) {
    (lane.leased, lane.due_at) = (false, None);
    lane.class = lane.class.max(PAGE);
}
