//! Limits of posts a minute: of one client and of all together. They may come all at once.
//!
//! What belongs here: the counts, with the time as a value. What doesn't: the client of a post (`client`),
//! and the limit for one participant (`mapping`).

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use super::client::network;

/// The period of the limits.
const MINUTE: Duration = Duration::from_secs(60);

/// The number of refused posts that may read the store in a minute, for each that may be accepted.
const REFUSED: u32 = 10;

/// The posts of all clients together, in any minute.
///
/// Accepted posts use up the total, and so does a post in transit, which may be accepted. Refused posts
/// have their own limit, for the work that they cause.
#[derive(Debug)]
pub struct Total {
    posts_per_minute: u32,
    accepted: LastMinute,
    refused: LastMinute,
    in_transit: u32,
}

impl Total {
    /// Returns a limit on the accepted posts in any minute.
    pub fn new(posts_per_minute: u32) -> Self {
        let [accepted, refused] = [(); 2].map(|()| LastMinute::default());
        Self { posts_per_minute, accepted, refused, in_transit: 0 }
    }

    /// Returns true if there is room for one more post, which is in transit until [`Total::end`].
    /// `relays` share the total.
    pub fn admit(&mut self, relays: u32, now: Duration) -> bool {
        let most = (self.posts_per_minute / relays.max(1)).max(1);
        let has_room = |ended: u32, most: u32| ended.saturating_add(self.in_transit) < most;
        let is_within = has_room(self.accepted.count(now), most)
            && has_room(self.refused.count(now), most.saturating_mul(REFUSED));
        self.in_transit += u32::from(is_within);
        is_within
    }

    /// Counts a post that is no longer in transit.
    pub fn end(&mut self, is_accepted: bool, now: Duration) {
        self.in_transit = self.in_transit.saturating_sub(1);
        let ended = if is_accepted { &mut self.accepted } else { &mut self.refused };
        ended.add(now);
    }
}

/// The number of seconds that the last minute touches.
const SECONDS: usize = 61;

/// A count of the last minute, by the second.
#[derive(Debug)]
struct LastMinute {
    /// The number of each second, in its place among [`SECONDS`].
    counts: [u32; SECONDS],
    newest: u64,
}

impl Default for LastMinute {
    fn default() -> Self {
        Self { counts: [0; SECONDS], newest: 0 }
    }
}

impl LastMinute {
    fn add(&mut self, now: Duration) {
        self.forget(now);
        self.counts[place(self.newest)] += 1;
    }

    fn count(&mut self, now: Duration) -> u32 {
        self.forget(now);
        self.counts.iter().sum()
    }

    /// Clears the seconds that are more than a minute ago.
    fn forget(&mut self, now: Duration) {
        let now = now.as_secs().max(self.newest);
        let first = (self.newest + 1).max(now.saturating_sub(SECONDS as u64 - 1));
        for second in first..=now {
            self.counts[place(second)] = 0;
        }
        self.newest = now;
    }
}

fn place(second: u64) -> usize {
    usize::try_from(second % SECONDS as u64).expect("less than a minute and a second")
}

/// Counts by client. Each count is one time: when the posts accepted so far are paid off.
///
/// Clients stand in two generations. When the younger one is full, it replaces the older one. So the
/// memory is bounded, and recent clients stay.
#[derive(Debug)]
pub struct Limiter {
    /// The time that one post takes to be paid off.
    each: Duration,
    most: usize,
    young: HashMap<IpAddr, Duration>,
    old: HashMap<IpAddr, Duration>,
}

impl Limiter {
    /// Returns a limit on the posts of each client in a minute; remembers at most `clients` of
    /// them.
    pub fn new(posts_per_minute: u32, clients: usize) -> Self {
        let most = (clients / 2).max(1);
        Self {
            each: MINUTE / posts_per_minute.max(1),
            most,
            young: HashMap::new(),
            old: HashMap::new(),
        }
    }

    /// Returns true if one more post of a client is accepted at this time, and counts it.
    pub fn admit(&mut self, client: IpAddr, now: Duration) -> bool {
        let client = network(client);
        let known = self.young.get(&client).or_else(|| self.old.get(&client));
        let paid_off = known.copied().unwrap_or_default().max(now) + self.each;
        if paid_off > now + MINUTE {
            return false;
        }
        if self.young.len() >= self.most && !self.young.contains_key(&client) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(client, paid_off);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn second(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn so_many_are_taken_at_once_and_then_one_by_one() {
        let mut limiter = Limiter::new(3, 100);
        let client = ip("203.0.113.9");
        let taken =
            |limiter: &mut Limiter, at| (0..5).filter(|_| limiter.admit(client, at)).count();
        assert_eq!(taken(&mut limiter, second(100)), 3);
        assert_eq!(taken(&mut limiter, second(119)), 0);
        assert_eq!(taken(&mut limiter, second(120)), 1);
        assert_eq!(taken(&mut limiter, second(161)), 2);
        assert_eq!(taken(&mut limiter, second(1_000)), 3, "no more than a minute's are saved up");
        assert!(limiter.admit(ip("203.0.113.10"), second(1_000)), "others are others");
    }

    /// Admits posts that are accepted, or refused, until no more are admitted.
    fn admitted(total: &mut Total, relays: u32, is_accepted: bool, at: Duration) -> usize {
        let admit = |_: &_| {
            let is_within = total.admit(relays, at);
            if is_within {
                total.end(is_accepted, at);
            }
            is_within
        };
        (0..50_000).take_while(admit).count()
    }

    #[test]
    fn in_any_minute_only_so_many_are_accepted_and_relays_share_them() {
        let mut total = Total::new(1_200);
        assert_eq!(admitted(&mut total, 1, true, second(7)), 1_200);
        for later in [8, 30, 66, 67] {
            assert_eq!(admitted(&mut total, 1, true, second(later)), 0, "{later}");
        }
        assert_eq!(admitted(&mut total, 1, true, second(68)), 1_200);
        assert_eq!(admitted(&mut total, 1, true, second(1_000)), 1_200);
        assert_eq!(admitted(&mut Total::new(1_200), 3, true, second(7)), 400);
        assert_eq!(admitted(&mut Total::new(2), 3, true, second(7)), 1);
    }

    #[test]
    fn what_is_refused_takes_nothing_from_the_others_and_has_a_bound_of_its_own() {
        let mut total = Total::new(100);
        for _ in 0..900 {
            assert!(total.admit(1, second(7)));
            total.end(false, second(7));
        }
        assert_eq!(admitted(&mut total, 1, true, second(8)), 100);
        let mut total = Total::new(100);
        assert_eq!(admitted(&mut total, 1, false, second(7)), 1_000);
        assert!(!total.admit(1, second(67)) && total.admit(1, second(68)));
    }

    #[test]
    fn what_is_on_its_way_may_be_accepted_and_is_given_back_if_it_is_not() {
        let mut total = Total::new(3);
        let admitted = (0..5).filter(|_| total.admit(1, second(7))).count();
        assert_eq!(admitted, 3);
        total.end(false, second(8));
        assert!(total.admit(1, second(8)) && !total.admit(1, second(8)));
        (0..3).for_each(|_| total.end(true, second(9)));
        assert!(!total.admit(1, second(69)) && total.admit(1, second(70)));
    }

    #[test]
    fn an_ipv6_client_is_its_network() {
        let mut limiter = Limiter::new(1, 100);
        assert!(limiter.admit(ip("2001:db8:1:2::1"), second(1)));
        assert!(!limiter.admit(ip("2001:db8:1:2:ffff::7"), second(1)));
        assert!(limiter.admit(ip("2001:db8:1:3::1"), second(1)));
        assert!(limiter.admit(ip("::ffff:203.0.113.9"), second(1)));
        assert!(!limiter.admit(ip("203.0.113.9"), second(1)));
    }

    #[test]
    fn only_so_many_clients_are_remembered_and_the_latest_stay() {
        let mut limiter = Limiter::new(1, 100);
        let client = |number: u32| IpAddr::V4(number.into());
        for number in 0..100_000 {
            assert!(limiter.admit(client(number), second(1)));
            assert!(limiter.young.len() + limiter.old.len() <= 100);
        }
        assert!(!limiter.admit(client(99_999), second(2)));
        assert!(!limiter.admit(client(99_960), second(2)));
        assert!(limiter.admit(client(0), second(2)), "forgotten");
    }
}
