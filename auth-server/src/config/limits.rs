//! `[limits]`: how often something may fail.

use chrono::TimeDelta;
use ipnet::IpNet;

use super::section::section;

section! {
    /// How often something may fail before it has to wait.
    pub Limits at "limits" {
        /// So many wrong passwords for one account are forgiven before the next attempt has to wait.
        login_failures_per_account: u32 = 5, within 1 => 100;
        /// The same for one address, whichever accounts it tries.
        login_failures_per_source: u32 = 20, within 1 => 10_000;
        /// The longest wait after wrong passwords. There is no permanent lock: it would let anyone lock anyone out.
        longest_login_wait: TimeDelta = TimeDelta::minutes(15), within TimeDelta::seconds(1) => TimeDelta::days(1);
        /// How many failed requests a minute one client may make at the token, revocation and introspection endpoints.
        client_failures_per_minute: u32 = 30, within 1 => 100_000;
        /// The same for one address. Successes are never counted.
        source_failures_per_minute: u32 = 60, within 1 => 100_000;
        /// Networks that many people share because a vendor's clients come from there: a tenfold budget. The default is that of hosted Claude.
        vendor_networks: Vec<IpNet> = vec![IpNet::V4(ipnet::Ipv4Net::new_assert(std::net::Ipv4Addr::new(160, 79, 104, 0), 21))];
        /// How many passwords are checked at a time. Each check takes 19 MiB and a processor core for some tens of milliseconds.
        password_checks_at_once: u32 = 4, within 1 => 256;
    }
}
