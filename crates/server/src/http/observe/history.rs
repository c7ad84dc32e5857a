//! The last hour of this server as a series of points: requests, latency, connections, open databases, memory, and
//! database servers.
//!
//! The upkeep of the serve loop adds a point every ten seconds, but none while no request is answered. A read adds the
//! present state. The series takes a fixed amount of memory, and an idle server reads no disk for it.

use super::{
    latency::{Buckets, quantile_us},
    metrics::{Metrics, Totals},
};
use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError, atomic::Ordering::Relaxed},
};
use tenantry::{Platform, name::ServerName};

/// Shortest time between two points, in seconds.
pub(crate) const EVERY_S: i64 = 10;
const EVERY_US: i64 = EVERY_S * 1_000_000;
/// Period that the points cover, in microseconds.
const HOUR_US: i64 = 3_600_000_000;
/// Maximum number of points: one more than the intervals of an hour.
const MOST: usize = 361;

/// The points of the last hour.
pub(crate) struct History(Mutex<Ring>);

struct Ring {
    /// Time at which the server started.
    since_us: i64,
    points: VecDeque<Point>,
    /// Time until which no request was answered after the newest point.
    quiet_us: i64,
}

/// The state of the server at one instant. The counters begin at the start of the server.
#[derive(Debug, Clone)]
struct Point {
    at_us: i64,
    totals: Totals,
    gauges: Gauges,
}

/// Values that rise and fall.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gauges {
    /// Number of connections of clients.
    pub(crate) connections: u64,
    /// Number of database files that this process has open.
    pub(crate) open_databases: u64,
    /// Memory of this process in bytes; `None` if the system does not report it.
    pub(crate) memory_bytes: Option<u64>,
    /// Database servers, in the order of the configuration.
    pub(crate) servers: Vec<ServerGauges>,
}

/// A database server from the point of view of this process.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ServerGauges {
    /// Free space for databases in bytes; `None` if it is unknown.
    pub(crate) free_bytes: Option<u64>,
    /// Number of connections that statements use, number of connections that this process may open, and number of
    /// statements that wait for a connection. `None` for a server of SQLite files.
    pub(crate) connections: Option<(usize, usize, usize)>,
}

/// The requests between two points, and the gauges at the later point.
#[derive(Debug, Clone)]
pub(crate) struct Interval {
    pub(crate) start_us: i64,
    pub(crate) end_us: i64,
    /// Number of answered requests.
    pub(crate) requests: u64,
    /// Number of answers with a status from 400 to 499.
    pub(crate) client_errors: u64,
    /// Number of answers with a status of 500 or more.
    pub(crate) server_errors: u64,
    /// Numbers of requests by duration.
    buckets: Buckets,
    pub(crate) gauges: Gauges,
}

impl History {
    /// Creates the history of a server that has answered no request yet.
    pub(crate) fn new(now_us: i64) -> Self {
        let point = Point { at_us: now_us, totals: Totals::default(), gauges: Gauges::default() };
        Self(Mutex::new(Ring { since_us: now_us, points: VecDeque::from([point]), quiet_us: now_us }))
    }

    /// Adds a point if ten seconds have passed since the newest one and requests were answered in that time.
    pub(crate) fn note(&self, metrics: &Metrics, platform: &Platform) {
        let (mut ring, now_us) = (self.ring(), platform.now_us());
        if ring.is_due(now_us) && ring.has_changed(metrics.totals(), now_us) {
            let point = Point::of(metrics, platform, now_us);
            ring.add(point);
        }
    }

    /// Returns the time at which the server started, and the intervals of the last hour, including the present one.
    pub(crate) fn read(&self, metrics: &Metrics, platform: &Platform) -> (i64, Vec<Interval>) {
        let present = Point::of(metrics, platform, platform.now_us());
        let mut ring = self.ring();
        let mut shown: Vec<_> = ring.points.iter().cloned().collect();
        if ring.is_due(present.at_us) && ring.has_changed(present.totals, present.at_us) {
            ring.add(present.clone());
            shown = ring.points.iter().cloned().collect();
        } else {
            shown.extend(ring.quiet_point());
            shown.push(present);
        }
        let oldest_us = ring.since_us.max(shown.last().map_or(0, |point| point.at_us - HOUR_US));
        let pairs = shown.windows(2).filter(|pair| pair[1].at_us > oldest_us);
        (ring.since_us, pairs.map(|pair| Interval::between(&pair[0], &pair[1])).collect())
    }

    fn ring(&self) -> std::sync::MutexGuard<'_, Ring> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ring {
    fn is_due(&self, now_us: i64) -> bool {
        let newest_us = self.points.back().map_or(0, |point| point.at_us).max(self.quiet_us);
        // If the clock was set back, a point is due, which starts the series anew.
        now_us - newest_us >= EVERY_US || now_us < newest_us
    }

    /// Returns true if requests were answered since the newest point. Otherwise records the end of the time without
    /// requests.
    fn has_changed(&mut self, totals: Totals, now_us: i64) -> bool {
        let is_same = self.points.back().is_some_and(|point| point.totals == totals);
        if is_same {
            self.quiet_us = now_us;
        }
        !is_same
    }

    /// Returns a point at the end of the time without requests, so that later requests are not spread over that time.
    fn quiet_point(&self) -> Option<Point> {
        let newest = self.points.back()?;
        (self.quiet_us > newest.at_us).then(|| Point { at_us: self.quiet_us, ..newest.clone() })
    }

    fn add(&mut self, point: Point) {
        if self.points.back().is_some_and(|newest| newest.at_us > point.at_us) {
            self.points.clear();
            self.since_us = self.since_us.min(point.at_us);
            self.quiet_us = point.at_us;
        }
        let quiet = self.quiet_point();
        self.points.extend(quiet);
        self.points.push_back(point);
        // Keep one point from before the hour, at which the first interval begins.
        let first_us = self.points.back().map_or(0, |point| point.at_us - HOUR_US);
        while self.points.len() > MOST || self.points.get(1).is_some_and(|second| second.at_us <= first_us) {
            self.points.pop_front();
        }
    }
}

impl Point {
    fn of(metrics: &Metrics, platform: &Platform, at_us: i64) -> Self {
        let (frees, connections) = (frees(platform), platform.connections());
        let server = |name: &ServerName| ServerGauges {
            free_bytes: frees.iter().find(|(server, ..)| server == name).map(|(_, free, _)| *free),
            connections: connections
                .iter()
                .find(|(server, _)| server == name)
                .map(|(_, counts)| (counts.open.saturating_sub(counts.idle), counts.most, counts.waiting)),
        };
        let gauges = Gauges {
            connections: metrics.connections.load(Relaxed),
            open_databases: platform.open_databases() as u64,
            memory_bytes: memory_bytes(),
            servers: platform.config().servers.iter().map(|of| server(&of.name)).collect(),
        };
        Self { at_us, totals: metrics.totals(), gauges }
    }
}

impl Interval {
    fn between(start: &Point, end: &Point) -> Self {
        let class = |of: usize| end.totals.classes[of].saturating_sub(start.totals.classes[of]);
        Self {
            start_us: start.at_us,
            end_us: end.at_us,
            requests: end.totals.requests().saturating_sub(start.totals.requests()),
            client_errors: class(3),
            server_errors: class(4),
            buckets: std::array::from_fn(|n| end.totals.buckets[n].saturating_sub(start.totals.buckets[n])),
            gauges: end.gauges.clone(),
        }
    }

    /// Returns the length of the interval in seconds.
    pub(crate) fn seconds(&self) -> f64 {
        (self.end_us - self.start_us).max(1) as f64 / 1e6
    }

    /// Estimates as [`quantile_us`] does.
    pub(crate) fn quantile_us(&self, part: f64) -> Option<u64> {
        quantile_us(&self.buckets, part)
    }
}

/// Returns the free space in bytes of every database server where it is known, and true if the space is low.
pub(crate) fn frees(platform: &Platform) -> Vec<(ServerName, u64, bool)> {
    let reserve = platform.config().limits.disk_reserve;
    let rooms = platform.remembered_rooms();
    let rooms =
        rooms.iter().filter_map(|room| Some((room.server.clone(), room.free()?, room.is_low(reserve))));
    platform.disks().into_iter().chain(rooms).collect()
}

/// Returns the memory that this process uses, in bytes; `None` if the system does not report it.
fn memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::{super::latency::BOUNDS_US, *};

    fn point(at_s: i64, requests: u64) -> Point {
        let mut totals = Totals::default();
        (totals.classes[1], totals.buckets[3]) = (requests, requests);
        Point { at_us: at_s * 1_000_000, totals, gauges: Gauges::default() }
    }

    fn ring(history: &History) -> Vec<(i64, u64)> {
        let ring = history.ring();
        ring.points.iter().map(|point| (point.at_us / 1_000_000, point.totals.requests())).collect()
    }

    /// Adds a point in the same way as [`History::note`].
    fn note(history: &History, at_s: i64, requests: u64) {
        let (mut ring, point) = (history.ring(), point(at_s, requests));
        if ring.is_due(point.at_us) && ring.has_changed(point.totals, point.at_us) {
            ring.add(point);
        }
    }

    #[test]
    fn requests_after_a_quiet_time_are_not_spread_over_it() {
        let history = History::new(0);
        for (at_s, requests) in [(5, 7), (10, 7), (20, 7), (21, 7), (3000, 7), (3010, 9)] {
            note(&history, at_s, requests);
        }
        assert_eq!(ring(&history), [(0, 0), (10, 7), (3000, 7), (3010, 9)]);
    }

    #[test]
    fn points_go_back_one_hour_and_their_number_is_bounded() {
        let history = History::new(0);
        for n in 1..=2000 {
            note(&history, n * 10, n as u64);
        }
        let points = ring(&history);
        assert_eq!(points.len(), MOST);
        assert_eq!((points[0].0, points[MOST - 1].0), (16_400, 20_000));
        note(&history, 90_000, 3000);
        assert_eq!(ring(&history), [(20_000, 2000), (90_000, 3000)]);
        note(&history, 50, 3001);
        assert_eq!(ring(&history), [(50, 3001)], "the clock was set back");
    }

    #[test]
    fn quantiles_are_estimated_within_their_range() {
        let between = |buckets: &[(usize, u64)]| {
            let mut end = point(10, 0);
            buckets.iter().for_each(|(n, count)| end.totals.buckets[*n] = *count);
            Interval::between(&point(0, 0), &end)
        };
        let even = between(&[(0, 50), (1, 50)]);
        assert_eq!((even.quantile_us(0.5), even.quantile_us(1.0)), (Some(100), Some(250)));
        assert_eq!(even.quantile_us(0.25), Some(50));
        let slow = between(&[(BOUNDS_US.len(), 1)]);
        assert_eq!(slow.quantile_us(0.99), Some(5_000_000), "at least the last bound");
        assert_eq!(between(&[]).quantile_us(0.5), None);
    }
}
