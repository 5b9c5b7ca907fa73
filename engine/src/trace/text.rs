//! A trace for people: the verdict first, then what it rests on, then every value.

use std::fmt::{Display, Formatter, Result};

use super::{Outcome, Trace, TraceMatch, TraceStep, TraceValue};

impl Display for Trace {
    fn fmt(&self, out: &mut Formatter<'_>) -> Result {
        match (self.verdict, self.status) {
            (Outcome::Deny, Some(status)) => write!(out, "deny {status}")?,
            (verdict, _) => write!(out, "{verdict}")?,
        }
        writeln!(out, ": {}", self.reason)?;
        let phases = if self.phases.is_empty() {
            "none".to_owned()
        } else {
            self.phases.join(", ")
        };
        let (mode, revision, rules) = (self.mode.as_str(), self.revision, self.rules);
        writeln!(
            out,
            "mode {mode}, revision {revision}, {rules} rules, phases: {phases}"
        )?;
        let score = &self.score;
        let (inbound, outbound) = (score.inbound, score.outbound);
        let (most_in, most_out) = (score.inbound_threshold, score.outbound_threshold);
        writeln!(
            out,
            "score: request {inbound} of {most_in}, response {outbound} of {most_out}"
        )?;
        if let Some(limit) = &self.limit {
            writeln!(out, "limit exceeded: {limit}")?;
        }
        if !self.matches.is_empty() {
            writeln!(out, "\nmatches")?;
        }
        for found in &self.matches {
            let TraceMatch {
                rule,
                action,
                category,
                severity,
                score,
                message,
                ..
            } = found;
            writeln!(
                out,
                "  {rule} {action} {category} {severity} score {score}: {message}"
            )?;
            let shown = if found.masked {
                "(masked)".to_owned()
            } else {
                found.matched.to_string()
            };
            writeln!(out, "    {}  {shown}", found.target)?;
        }
        beyond(out, "  ", self.matches_beyond, "matches")?;
        if !self.values.is_empty() {
            writeln!(out, "\nvalues")?;
        }
        for value in &self.values {
            write!(out, "{value}")?;
        }
        beyond(out, "  ", self.values_beyond, "values")
    }
}

impl Display for Outcome {
    fn fmt(&self, out: &mut Formatter<'_>) -> Result {
        out.write_str(match self {
            Self::Allow => "allow",
            Self::Hold => "hold",
            Self::Deny => "deny",
        })
    }
}

impl Display for TraceValue {
    fn fmt(&self, out: &mut Formatter<'_>) -> Result {
        writeln!(out, "  {}", self.target)?;
        for step in &self.steps {
            write!(out, "{step}")?;
        }
        beyond(out, "    ", self.steps_beyond, "copies")
    }
}

impl Display for TraceStep {
    fn fmt(&self, out: &mut Formatter<'_>) -> Result {
        let after = if self.after.is_empty() {
            "as it came".to_owned()
        } else {
            self.after.join(" > ")
        };
        write!(out, "    {after}: ")?;
        match (&self.value, self.length) {
            (Some(value), Some(length)) => {
                write!(out, "{value}")?;
                let rest = length.saturating_sub(value.0.len());
                if rest > 0 {
                    write!(out, " … and {rest} more bytes")?;
                }
            }
            _ => write!(out, "(masked)")?,
        }
        writeln!(out)?;
        if self.rules > 0 {
            let (rules, candidates) = (self.rules, self.candidates);
            let asked = self.asked.len() + self.asked_beyond;
            writeln!(
                out,
                "      rules: {rules} look at it, {candidates} are candidates, {asked} were asked"
            )?;
        }
        for found in &self.matched {
            write!(out, "      {} {}", found.rule, found.message)?;
            if let (Some([start, end]), Some(matched)) = (found.span, &found.matched) {
                write!(out, ", bytes {start} to {end}: {matched}")?;
            }
            writeln!(out)?;
        }
        beyond(out, "      ", self.matched_beyond, "rules that matched")
    }
}

fn beyond(out: &mut Formatter<'_>, indent: &str, count: usize, what: &str) -> Result {
    if count > 0 {
        writeln!(out, "{indent}… and {count} more {what}")?;
    }
    Ok(())
}
