//! Traps and refused configurations on demand. In builds for tests only; never in a release.
//!
//! Envoy tries a configuration in a throw-away VM first, then configures the main thread's VM, then each
//! worker's. A configuration that only a worker refuses is the dangerous case: Envoy takes it, and the filter is
//! absent there. A filter cannot ask where it runs; a count in shared data tells the first two from the rest.

use std::hash::{DefaultHasher, Hasher};

use secbeat_engine::config::PolicyConfig;
use serde::Deserialize;

use crate::host::WorkerHost;

/// What shall go wrong.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Faults {
    /// A request that carries this header traps its VM.
    pub(crate) trap_on_header: Option<String>,
    /// A response that carries this header traps its VM.
    pub(crate) trap_on_response_header: Option<String>,
    /// A response traps its VM when a piece of its body comes that holds this text.
    pub(crate) trap_on_response_body: Option<String>,
    /// Workers refuse this configuration in so many generations of VMs (values of `vm_config.configuration`).
    fail_configure_on_worker: usize,
    /// Workers trap over this configuration in so many generations of VMs.
    trap_configure_on_worker: usize,
}

impl Faults {
    /// VMs outside of workers that are configured before them: the trial one, and the main thread's.
    const OUTSIDE_WORKERS: u64 = 2;
    const ATTEMPTS: usize = 100;

    /// Adds what tags of the policy's patterns order, as in `fault:fail_configure_on_worker=1`: the way in for a
    /// policy that comes through the control plane, which knows no faults.
    pub(crate) fn ordered_by(mut self, policy: &PolicyConfig) -> Self {
        let tags = policy.patterns.iter().flat_map(|pattern| &pattern.tags);
        let orders = tags.filter_map(|tag| tag.strip_prefix("fault:")?.split_once('='));
        for (fault, value) in orders {
            match (fault, value.parse()) {
                ("fail_configure_on_worker", Ok(generations)) => self.fail_configure_on_worker = generations,
                ("trap_configure_on_worker", Ok(generations)) => self.trap_configure_on_worker = generations,
                _ => {}
            }
        }
        self
    }

    /// Takes part in the count of VMs that were given this configuration, and fails if it is this one's turn.
    /// Returns whether to go on with the configuration.
    pub(crate) fn survive_configure<H: WorkerHost>(&self, host: &H, configuration: &[u8]) -> bool {
        if self.fail_configure_on_worker == 0 && self.trap_configure_on_worker == 0 {
            return true;
        }
        let Turn {
            generation,
            is_worker,
        } = take_turn(host, configuration);
        if is_worker && generation < self.trap_configure_on_worker {
            trap();
        }
        !is_worker || generation >= self.fail_configure_on_worker
    }
}

/// Ends the VM at once.
pub(crate) fn trap() {
    std::process::abort();
}

struct Turn {
    generation: usize,
    is_worker: bool,
}

/// Under a key of the configuration stands, for each generation of VMs in order, how many VMs were given it.
fn take_turn<H: WorkerHost>(host: &H, configuration: &[u8]) -> Turn {
    let key = format!("secbeat.faults.{:016x}", hash(configuration));
    let own = hash(&host.vm_configuration());
    for _ in 0..Faults::ATTEMPTS {
        let (value, token) = host.shared(&key);
        let mut generations = decode(&value.unwrap_or_default());
        let generation = generations
            .iter()
            .position(|(vm, _)| *vm == own)
            .unwrap_or(generations.len());
        let mut count = 1;
        match generations.get_mut(generation) {
            Some((_, known)) => {
                *known += 1;
                count = *known;
            }
            None => generations.push((own, 1)),
        }
        if host.set_shared(&key, &encode(&generations), token) {
            return Turn {
                generation,
                is_worker: count > Faults::OUTSIDE_WORKERS,
            };
        }
    }
    Turn {
        generation: usize::MAX,
        is_worker: false,
    }
}

fn decode(bytes: &[u8]) -> Vec<(u64, u64)> {
    let (words, _) = bytes.as_chunks::<8>();
    let (pairs, _) = words.as_chunks::<2>();
    pairs
        .iter()
        .map(|[vm, count]| (u64::from_le_bytes(*vm), u64::from_le_bytes(*count)))
        .collect()
}

fn encode(generations: &[(u64, u64)]) -> Vec<u8> {
    generations
        .iter()
        .flat_map(|(vm, count)| [vm.to_le_bytes(), count.to_le_bytes()])
        .flatten()
        .collect()
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fake::FakeHost;

    #[test]
    fn only_workers_fail_and_only_in_the_first_generations() {
        let host = FakeHost::default();
        let faults = Faults {
            fail_configure_on_worker: 1,
            ..Faults::default()
        };
        let generation = || -> Vec<bool> { (0..4).map(|_| faults.survive_configure(&host, b"a")).collect() };
        assert_eq!(generation(), [true, true, false, false]);
        host.vm_configuration.replace(b"epoch 1".to_vec());
        assert_eq!(generation(), [true, true, true, true]);
    }
}
