//! Limits of posts: of one client and of all together, so many a minute, all at once if they like.
//!
//! What belongs here: the counts, with the time as a value. What doesn't: who a client is (`client`), and
//! how many there may be for one participant (`mapping`).

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use super::super::client::network;

/// What the limit is for.
const MINUTE: Duration = Duration::from_secs(60);

/// Counts the posts of all clients together, as [`Limiter`] does those of one.
#[derive(Debug)]
pub struct Allowance {
    posts_per_minute: u32,
    paid_off: Duration,
}

impl Allowance {
    /// An allowance of so many posts a minute.
    pub fn new(posts_per_minute: u32) -> Self {
        Self { posts_per_minute, paid_off: Duration::ZERO }
    }

    /// True if one more post is accepted at this time, which counts it. So many relays share the
    /// allowance.
    pub fn admit(&mut self, relays: u32, now: Duration) -> bool {
        let each = MINUTE / (self.posts_per_minute / relays.max(1)).max(1);
        let paid_off = self.paid_off.max(now) + each;
        let is_within = paid_off <= now + MINUTE;
        if is_within {
            self.paid_off = paid_off;
        }
        is_within
    }
}

/// Counts by the client, each by one time: when all that was taken of them will have been paid off.
///
/// Clients are remembered in two generations. When the younger one is full it becomes the older one,
/// and the older one is forgotten: so the memory is bounded, and who was seen lately stays.
#[derive(Debug)]
pub struct Limiter {
    /// The time that one post takes to be paid off.
    each: Duration,
    most: usize,
    young: HashMap<IpAddr, Duration>,
    old: HashMap<IpAddr, Duration>,
}

impl Limiter {
    /// So many posts a minute of each client, of whom so many are remembered.
    pub fn new(posts_per_minute: u32, clients: usize) -> Self {
        let most = (clients / 2).max(1);
        Self {
            each: MINUTE / posts_per_minute.max(1),
            most,
            young: HashMap::new(),
            old: HashMap::new(),
        }
    }

    /// Whether one more post is taken of a client at this time, and counts it if so.
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

    #[test]
    fn all_clients_together_post_only_so_much_and_relays_share_it() {
        let mut total = Allowance::new(1_200);
        let admitted = |total: &mut Allowance, relays, at| {
            (0..5_000).filter(|_| total.admit(relays, at)).count()
        };
        assert_eq!(admitted(&mut total, 1, second(7)), 1_200);
        assert_eq!(admitted(&mut total, 1, second(8)), 20);
        assert_eq!(admitted(&mut total, 1, second(1_000)), 1_200);
        let mut part = Allowance::new(1_200);
        assert_eq!(admitted(&mut part, 3, second(7)), 400);
        let mut least = Allowance::new(2);
        assert_eq!(admitted(&mut least, 3, second(7)), 1);
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
