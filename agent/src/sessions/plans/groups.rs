//! Shared queues: queues with several lines as target, and parents of other queues.

use shared::LineHandle;
use shared::control::Plan;

/// The most kept shared queues.
const MAX_GROUPS: usize = 1_024;

/// The most shared queues of a line, on average.
const MEMBERSHIPS: usize = 4;

/// The longest chain of parents.
const MAX_DEPTH: usize = 8;

#[derive(Debug)]
struct Group {
    name: Box<[u8]>,
    parent: Option<Box<[u8]>>,
    plan: Plan,
    lines: usize,
}

/// The shared queues and their lines.
#[derive(Debug, Default)]
pub(super) struct Groups {
    groups: Vec<Group>,
    members: Vec<(LineHandle, u16)>,
    /// Lines with an own queue without a limit, and the queue's parent.
    children: Vec<(LineHandle, Box<[u8]>)>,
}

impl Groups {
    /// Takes a queue with several lines as target. A queue without known lines is a parent only.
    pub(super) fn add(
        &mut self,
        name: &[u8],
        parent: Option<&[u8]>,
        plan: Plan,
        lines: Vec<LineHandle>,
        capacity: usize,
    ) {
        let room = (capacity * MEMBERSHIPS).saturating_sub(self.members.len());
        let Some(nth) = u16::try_from(self.groups.len()).ok().filter(|_| self.groups.len() < MAX_GROUPS) else {
            return;
        };
        self.groups.push(Group { name: name.into(), parent: parent.map(Into::into), plan, lines: lines.len() });
        self.members.extend(lines.into_iter().take(room).map(|line| (line, nth)));
    }

    /// Takes a line's own queue without a limit.
    pub(super) fn add_child(&mut self, line: LineHandle, parent: Option<&[u8]>, capacity: usize) {
        if let Some(parent) = parent.filter(|_| self.children.len() < capacity) {
            self.children.push((line, parent.into()));
        }
    }

    /// Brings the lines into order, before [`limit_of`](Self::limit_of).
    pub(super) fn sort(&mut self) {
        let Self { groups, members, children } = self;
        children.sort_by_key(|(line, _)| *line);
        // The queue with the fewest lines comes first.
        members.sort_by_key(|(line, nth)| (*line, groups.get(usize::from(*nth)).map(|group| group.lines)));
    }

    /// The shared limit of a line: the limit of the own queue's parent, or of the smallest shared queue.
    pub(super) fn limit_of(&self, line: LineHandle) -> Option<Plan> {
        let start = self.children.partition_point(|(child, _)| *child < line);
        let of_line = self.children.iter().skip(start).take_while(|(child, _)| *child == line);
        let by_parent = of_line.filter_map(|(_, parent)| self.limit_named(parent)).next();
        let start = self.members.partition_point(|(member, _)| *member < line);
        let of_line = self.members.iter().skip(start).take_while(|(member, _)| *member == line);
        by_parent.or_else(|| of_line.filter_map(|(_, nth)| self.limit_from(self.groups.get(usize::from(*nth))?)).next())
    }

    fn limit_named(&self, name: &[u8]) -> Option<Plan> {
        self.limit_from(self.named(name)?)
    }

    /// The limit of a queue; without one, the limit of the nearest parent with a limit.
    fn limit_from(&self, group: &Group) -> Option<Plan> {
        let parents = std::iter::successors(Some(group), |group| self.named(group.parent.as_deref()?));
        parents.take(MAX_DEPTH).map(|group| group.plan).find(|plan| !plan.is_unknown())
    }

    fn named(&self, name: &[u8]) -> Option<&Group> {
        self.groups.iter().find(|group| *group.name == *name)
    }
}
