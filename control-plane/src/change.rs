//! What a change does to the content of a revision. Pure: no clock, no store, no compiling.

mod pack_diff;

use secbeat_engine::{
    config::{Category, Mode, PatternConfig},
    packs::PackConfig,
};

pub use pack_diff::{PackDiff, diff};

use crate::{revision::Content, store::OwnerState};

/// Ids of rule packs; no pattern of the API may take one.
const PACK_IDS: std::ops::RangeInclusive<u32> = 7_000_000..=7_999_999;
/// The first id that the control plane gives away.
const FIRST_ID: u32 = 8_000_000;
/// Patterns that came by API, in one revision.
pub const MAX_PATTERNS: usize = 10_000;

/// A change that someone asks for.
#[derive(Debug, Clone)]
pub enum Change {
    /// Adds patterns; an id of 0 is replaced by a fresh one.
    Add(Vec<PatternConfig>),
    /// Replaces the pattern of that id, or adds it.
    Put(Box<PatternConfig>),
    /// Alters some fields of a pattern.
    Patch(u32, Box<PatternPatch>),
    /// Removes the pattern of that id.
    Remove(u32),
    /// Removes every pattern of that text and, where given, that category.
    RemoveText(String, Option<Category>),
    /// Replaces the rule packs.
    Packs(Vec<PackConfig>),
    /// Sets the mode, or hands it back to the settings, whose mode is the second value.
    Mode(Option<Mode>, Mode),
}

/// Fields of a pattern to alter; what is absent stays.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "the fields are those of PatternConfig")]
pub struct PatternPatch {
    pub name: Option<String>,
    pub operator: Option<secbeat_engine::config::PatternOperator>,
    pub pattern: Option<String>,
    pub unless: Option<String>,
    pub category: Option<Category>,
    pub targets: Option<Vec<String>>,
    pub transformations: Option<Vec<String>>,
    pub severity: Option<secbeat_engine::config::Severity>,
    pub action: Option<secbeat_engine::config::PatternAction>,
    pub paranoia: Option<u8>,
    pub score: Option<Option<u32>>,
    pub enabled: Option<bool>,
    pub tags: Option<Vec<String>>,
}

/// What a change leads to, before it was compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The new content.
    pub content: Content,
    /// What the owner remembers from now on.
    pub owner: OwnerState,
    /// Ids of the patterns that were added, altered or removed.
    pub affected: Vec<u32>,
    /// Where the patterns of the request stand in the new content, in the order of the request.
    pub placed: Vec<usize>,
    /// What changed, in a few words.
    pub reason: String,
}

/// One thing that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FieldError {
    /// Which of the request's patterns; absent when the error is not about one of them.
    pub item: Option<usize>,
    /// JSON pointer within the pattern, or within the whole request; empty for all of it.
    pub field: String,
    /// What was found, bounded.
    pub value: Option<String>,
    /// Why that is wrong.
    pub reason: String,
}

/// Why a change is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such pattern.
    NotFound(String),
    /// It contradicts what is there.
    Conflict(Vec<FieldError>),
    /// It is wrong in itself.
    Invalid(Vec<FieldError>),
}

/// Applies a change to content.
pub fn apply(content: &Content, owner: OwnerState, change: &Change) -> Result<Step, Refusal> {
    let mut step = Step {
        content: content.clone(),
        owner,
        affected: Vec::new(),
        placed: Vec::new(),
        reason: String::new(),
    };
    match change {
        Change::Add(patterns) => step.add(patterns)?,
        Change::Put(pattern) => step.put(pattern)?,
        Change::Patch(id, patch) => step.patch(*id, patch)?,
        Change::Remove(id) => step.remove(*id)?,
        Change::RemoveText(text, category) => step.remove_text(text, *category)?,
        Change::Packs(packs) => step.packs(packs),
        Change::Mode(mode, settings) => step.mode(*mode, *settings),
    }
    Ok(step)
}

impl Step {
    fn add(&mut self, patterns: &[PatternConfig]) -> Result<(), Refusal> {
        let total = self.content.patterns.len().saturating_add(patterns.len());
        if total > MAX_PATTERNS {
            let reason = format!("at most {MAX_PATTERNS} patterns are kept, this would make it {total}");
            return Err(Refusal::Invalid(vec![FieldError {
                reason,
                ..FieldError::default()
            }]));
        }
        let mut invalid = Vec::new();
        let mut conflicts = Vec::new();
        for (item, pattern) in patterns.iter().enumerate() {
            let mut pattern = pattern.clone();
            if pattern.id == 0 {
                pattern.id = self.fresh_id(patterns);
            } else if PACK_IDS.contains(&pattern.id) {
                invalid.push(id_error(
                    item,
                    pattern.id,
                    "must not lie in 7000000 to 7999999, which rule packs use".to_owned(),
                ));
                continue;
            }
            if let Some(error) = self.conflict(item, &pattern, None) {
                conflicts.push(error);
                continue;
            }
            self.affected.push(pattern.id);
            self.placed.push(self.content.patterns.len());
            self.content.patterns.push(pattern);
        }
        if !invalid.is_empty() {
            return Err(Refusal::Invalid(invalid));
        }
        if !conflicts.is_empty() {
            return Err(Refusal::Conflict(conflicts));
        }
        self.reason = self.say("add");
        Ok(())
    }

    fn put(&mut self, pattern: &PatternConfig) -> Result<(), Refusal> {
        let Some(index) = self.find(pattern.id)? else {
            return self.add(std::slice::from_ref(pattern));
        };
        self.replace(index, pattern.clone())
    }

    fn patch(&mut self, id: u32, patch: &PatternPatch) -> Result<(), Refusal> {
        let index = self.find(id)?.ok_or_else(|| not_found(id))?;
        let Some(old) = self.content.patterns.get(index) else {
            return Err(not_found(id));
        };
        let mut new = old.clone();
        set(&mut new.name, patch.name.as_ref());
        set(&mut new.operator, patch.operator.as_ref());
        set(&mut new.pattern, patch.pattern.as_ref());
        set(&mut new.unless, patch.unless.as_ref());
        set(&mut new.category, patch.category.as_ref());
        set(&mut new.targets, patch.targets.as_ref());
        set(&mut new.transformations, patch.transformations.as_ref());
        set(&mut new.severity, patch.severity.as_ref());
        set(&mut new.action, patch.action.as_ref());
        set(&mut new.paranoia, patch.paranoia.as_ref());
        set(&mut new.score, patch.score.as_ref());
        set(&mut new.enabled, patch.enabled.as_ref());
        set(&mut new.tags, patch.tags.as_ref());
        self.replace(index, new)
    }

    fn replace(&mut self, index: usize, new: PatternConfig) -> Result<(), Refusal> {
        if let Some(error) = self.conflict(0, &new, Some(index)) {
            return Err(Refusal::Conflict(vec![error]));
        }
        let id = new.id;
        if let Some(slot) = self.content.patterns.get_mut(index)
            && *slot != new
        {
            *slot = new;
            self.affected.push(id);
        }
        self.placed.push(index);
        self.reason = self.say("change");
        Ok(())
    }

    fn remove(&mut self, id: u32) -> Result<(), Refusal> {
        let index = self.find(id)?.ok_or_else(|| not_found(id))?;
        self.content.patterns.remove(index);
        self.affected.push(id);
        self.reason = self.say("remove");
        Ok(())
    }

    fn remove_text(&mut self, text: &str, category: Option<Category>) -> Result<(), Refusal> {
        let is_meant = |pattern: &PatternConfig| {
            pattern.pattern == text && category.is_none_or(|category| pattern.category == category)
        };
        let packs = self.content.packs.iter();
        let from_pack = packs
            .flat_map(|pack| pack.patterns.iter().map(move |pattern| (pack, pattern)))
            .find(|(_, pattern)| is_meant(pattern));
        self.affected = self
            .content
            .patterns
            .iter()
            .filter(|pattern| is_meant(pattern))
            .map(|pattern| pattern.id)
            .collect();
        if self.affected.is_empty() {
            return Err(match from_pack {
                Some((pack, pattern)) => Refusal::Conflict(vec![FieldError {
                    field: "/pattern".to_owned(),
                    ..pack_error(pattern.id, &pack.name)
                }]),
                None => Refusal::NotFound("no pattern has this text".to_owned()),
            });
        }
        self.content.patterns.retain(|pattern| !is_meant(pattern));
        self.reason = self.say("remove");
        Ok(())
    }

    fn packs(&mut self, packs: &[PackConfig]) {
        let changed = diff(&self.content.packs, packs);
        self.affected = changed.iter().flat_map(PackDiff::ids).collect();
        self.content.packs = packs.to_vec();
        let names = changed
            .iter()
            .map(|pack| pack.name.as_str())
            .collect::<Vec<_>>()
            .join(", ");
        self.reason = format!(
            "reload rule packs: {}",
            if names.is_empty() {
                "nothing changed"
            } else {
                &names
            }
        );
    }

    fn mode(&mut self, mode: Option<Mode>, settings: Mode) {
        self.owner.mode = mode;
        self.content.mode = mode.unwrap_or(settings);
        self.reason = format!("set mode {}", self.content.mode.as_str());
    }

    /// Where a pattern of the API stands; a pattern of a pack is refused.
    fn find(&self, id: u32) -> Result<Option<usize>, Refusal> {
        if let Some(pack) = pack_of(&self.content, id) {
            return Err(Refusal::Conflict(vec![pack_error(id, pack)]));
        }
        Ok(self.content.patterns.iter().position(|pattern| pattern.id == id))
    }

    fn conflict(&self, item: usize, new: &PatternConfig, except: Option<usize>) -> Option<FieldError> {
        if let Some(pack) = pack_of(&self.content, new.id) {
            return Some(id_error(
                item,
                new.id,
                format!("is taken by the rule pack {pack}"),
            ));
        }
        let mut others = self
            .content
            .patterns
            .iter()
            .enumerate()
            .filter(|(index, _)| Some(*index) != except);
        others.find_map(|(_, other)| {
            if other.id == new.id {
                return Some(id_error(item, new.id, "is taken by another pattern".to_owned()));
            }
            let is_same = other.operator == new.operator
                && other.pattern == new.pattern
                && other.targets == new.targets;
            is_same.then(|| FieldError {
                item: Some(item),
                field: "/pattern".to_owned(),
                value: Some(bounded(&new.pattern)),
                reason: format!("pattern {} has this text and these targets already", other.id),
            })
        })
    }

    fn fresh_id(&mut self, request: &[PatternConfig]) -> u32 {
        let mut id = self.owner.next_pattern.max(FIRST_ID);
        while request
            .iter()
            .chain(&self.content.patterns)
            .any(|pattern| pattern.id == id)
            || pack_of(&self.content, id).is_some()
        {
            id = id.checked_add(1).unwrap_or(FIRST_ID);
        }
        self.owner.next_pattern = id.checked_add(1).unwrap_or(FIRST_ID);
        id
    }

    fn say(&self, verb: &str) -> String {
        match self.affected.as_slice() {
            [one] => format!("{verb} pattern {one}"),
            many => format!("{verb} {} patterns", many.len()),
        }
    }
}

/// The pack that a rule comes from.
pub fn pack_of(content: &Content, id: u32) -> Option<&str> {
    let is_in = |pack: &&PackConfig| pack.patterns.iter().any(|pattern| pattern.id == id);
    content.packs.iter().find(is_in).map(|pack| pack.name.as_str())
}

/// Cuts text to what an error may carry.
pub fn bounded(text: &str) -> String {
    const LIMIT: usize = 256;
    match text.get(..text.floor_char_boundary(LIMIT)) {
        Some(start) if start.len() < text.len() => format!("{start}…"),
        _ => text.to_owned(),
    }
}

fn set<T: Clone>(slot: &mut T, value: Option<&T>) {
    if let Some(value) = value {
        slot.clone_from(value);
    }
}

fn not_found(id: u32) -> Refusal {
    Refusal::NotFound(format!("there is no pattern {id}"))
}

fn pack_error(id: u32, pack: &str) -> FieldError {
    FieldError {
        reason: format!("rule {id} comes from the rule pack {pack} and cannot be changed by API"),
        value: Some(id.to_string()),
        ..FieldError::default()
    }
}

fn id_error(item: usize, id: u32, reason: String) -> FieldError {
    FieldError {
        item: Some(item),
        field: "/id".to_owned(),
        value: Some(id.to_string()),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(id: u32, text: &str) -> PatternConfig {
        PatternConfig {
            id,
            pattern: text.to_owned(),
            ..PatternConfig::default()
        }
    }

    fn pack(name: &str, version: u32, patterns: Vec<PatternConfig>) -> PackConfig {
        PackConfig {
            name: name.to_owned(),
            version,
            patterns,
            ..PackConfig::default()
        }
    }

    fn ids(content: &Content) -> Vec<u32> {
        content.patterns.iter().map(|pattern| pattern.id).collect()
    }

    #[test]
    fn fresh_ids_pass_over_those_that_are_taken() {
        let content = Content {
            packs: vec![pack("p", 1, vec![pattern(8_000_001, "a")])],
            patterns: vec![pattern(8_000_000, "b")],
            ..Content::default()
        };
        let wanted = vec![pattern(0, "c"), pattern(8_000_002, "d"), pattern(0, "e")];
        let step = apply(&content, OwnerState::default(), &Change::Add(wanted)).unwrap();
        assert_eq!(ids(&step.content), [8_000_000, 8_000_003, 8_000_002, 8_000_004]);
        assert_eq!(step.placed, [1, 2, 3]);
        assert_eq!(step.owner.next_pattern, 8_000_005);
    }

    #[test]
    fn a_request_may_not_repeat_itself() {
        let twice = Change::Add(vec![
            pattern(0, "a"),
            pattern(0, "a"),
            pattern(9, "b"),
            pattern(9, "c"),
        ]);
        let Err(Refusal::Conflict(errors)) = apply(&Content::default(), OwnerState::default(), &twice) else {
            panic!("it was accepted");
        };
        let places = errors
            .iter()
            .map(|error| (error.item, error.field.as_str()))
            .collect::<Vec<_>>();
        assert_eq!(places, [(Some(1), "/pattern"), (Some(3), "/id")]);
    }

    #[test]
    fn patterns_are_bounded_in_number() {
        let many = (0..=MAX_PATTERNS)
            .map(|number| pattern(0, &format!("word-{number}")))
            .collect();
        let refusal = apply(&Content::default(), OwnerState::default(), &Change::Add(many)).unwrap_err();
        assert!(matches!(refusal, Refusal::Invalid(errors) if errors.len() == 1));
    }

    #[test]
    fn text_in_errors_is_bounded_at_a_character() {
        assert_eq!(bounded("short"), "short");
        let cut = bounded(&"ö".repeat(1_000));
        assert!(cut.len() < 270 && cut.ends_with('…'), "{cut}");
    }
}
