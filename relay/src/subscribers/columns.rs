//! The columns of a subscribers file, found by their names in the first row.

use shared::control::Plan;

use super::finding::FileError;
use super::further::{self, FurtherColumn};
use super::limit::{self, LimitError, Order};
use super::unit::{Unit, plain};

/// The place of each value in a row.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) count: usize,
    pub(super) username: usize,
    pub(super) customer: Option<usize>,
    pub(super) package: Option<usize>,
    pub(super) further: Vec<FurtherColumn>,
    download: Option<LimitColumn>,
    upload: Option<LimitColumn>,
}

/// A column with one limit or two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct LimitColumn {
    at: usize,
    unit: Option<Unit>,
    holds: Holds,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    One,
    Two(Order),
}

/// The direction of an unreadable limit, and the reason.
pub(super) type UnreadLimit = (&'static str, LimitError);

/// How surely a column's name means something: of two columns the surer one counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sure {
    /// The name has another meaning in some exports.
    Weakly,
    Usually,
    /// The name says PPPoE.
    Fully,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Username,
    Customer,
    Package,
    Download,
    Upload,
}

/// The meaning of a column's name.
struct Named {
    at: usize,
    role: Role,
    sure: Sure,
    limit: LimitColumn,
}

const NAMES: [(Role, Sure, &[&str]); 7] = [
    (
        Role::Username,
        Sure::Fully,
        &[
            "pppoe",
            "pppoeusername",
            "pppoeuser",
            "pppoelogin",
            "pppoename",
            "pppusername",
            "pppuser",
            "ppplogin",
            "pppname",
        ],
    ),
    (Role::Username, Sure::Usually, &["username", "user", "login", "loginname", "radiususername", "radiuslogin"]),
    (
        Role::Customer,
        Sure::Usually,
        &["customer", "customername", "client", "clientname", "subscriber", "subscribername", "fullname"],
    ),
    (Role::Customer, Sure::Weakly, &["name"]),
    (
        Role::Package,
        Sure::Usually,
        &[
            "package",
            "packagename",
            "plan",
            "planname",
            "profile",
            "profilename",
            "product",
            "productname",
            "serviceplan",
            "serviceplanname",
            "servicename",
            "tariff",
            "tariffname",
            "tariffplan",
        ],
    ),
    // A router's export of PPP secrets has "pppoe" here in every row.
    (Role::Package, Sure::Weakly, &["service", "servicetype"]),
    (Role::Download, Sure::Weakly, &["mikrotikratelimit"]),
];

/// The words in names of limit columns, the longer of two before the shorter.
const LIMIT_WORDS: [(&str, Option<Role>); 19] = [
    ("download", Some(Role::Download)),
    ("downlink", Some(Role::Download)),
    ("downstream", Some(Role::Download)),
    ("down", Some(Role::Download)),
    ("dl", Some(Role::Download)),
    ("upload", Some(Role::Upload)),
    ("uplink", Some(Role::Upload)),
    ("upstream", Some(Role::Upload)),
    ("up", Some(Role::Upload)),
    ("ul", Some(Role::Upload)),
    ("bandwidth", None),
    ("maximum", None),
    ("max", None),
    ("speeds", None),
    ("speed", None),
    ("rate", None),
    ("limits", None),
    ("limit", None),
    ("plan", None),
];

impl Columns {
    /// Finds the columns by their names.
    ///
    /// # Errors
    /// [`FileError::NoUsername`] or [`FileError::Twice`].
    pub(super) fn find(names: &[String]) -> Result<Self, FileError> {
        let named: Vec<Named> = names.iter().enumerate().flat_map(|(at, name)| meanings(at, name)).collect();
        let one = |role, what| surest(&named, role).map_err(|at| twice(what, names, at));
        let username = one(Role::Username, "username")?.ok_or(FileError::NoUsername)?.at;
        let mut columns = Self {
            count: names.len(),
            username,
            customer: one(Role::Customer, "customer")?.map(|named| named.at),
            package: one(Role::Package, "package")?.map(|named| named.at),
            further: Vec::new(),
            download: one(Role::Download, "download")?.map(|named| named.limit),
            upload: one(Role::Upload, "upload")?.map(|named| named.limit),
        };
        let uses = columns.uses();
        columns.further = further::find(names, |at| uses.get(at).is_some_and(Option::is_some));
        Ok(columns)
    }

    /// Reads the plan of a row, whose values `value` gives by their column; an unreadable limit is unknown and returned.
    pub(super) fn plan<'a>(&self, value: impl Fn(usize) -> std::borrow::Cow<'a, str>) -> (Plan, Vec<UnreadLimit>) {
        let read =
            |column: Option<LimitColumn>| column.map_or(Ok(Plan::default()), |column| column.read(&value(column.at)));
        match (read(self.download), read(self.upload)) {
            (Ok(down), Ok(up)) => (Plan { download: down.download, upload: up.upload }, Vec::new()),
            (Err(reason), Err(_)) if self.is_one_column() => (Plan::default(), vec![("download and upload", reason)]),
            (down, up) => {
                let unread = [("download", down.as_ref().err()), ("upload", up.as_ref().err())];
                let unread = unread.into_iter().filter_map(|(name, error)| Some((name, *error?))).collect();
                let known = |plan: Result<Plan, LimitError>| plan.unwrap_or_default();
                (Plan { download: known(down).download, upload: known(up).upload }, unread)
            }
        }
    }

    /// Names the use of each column, in the order of the file; `None` is not used.
    pub(super) fn uses(&self) -> Vec<Option<&'static str>> {
        let at = |column: Option<LimitColumn>| column.map(|column| column.at);
        let all = [
            (Some(self.username), "username"),
            (self.customer, "customer"),
            (self.package, "package"),
            (at(self.download).filter(|_| self.is_one_column()), "download and upload"),
            (at(self.download), "download"),
            (at(self.upload), "upload"),
        ];
        let further = self.further.iter().map(|column| (Some(column.at), column.used));
        let all: Vec<_> = all.into_iter().chain(further).collect();
        (0..self.count).map(|at| all.iter().find(|(used, _)| *used == Some(at)).map(|(_, name)| *name)).collect()
    }

    fn is_one_column(&self) -> bool {
        matches!((self.download, self.upload), (Some(down), Some(up)) if down.at == up.at)
    }
}

impl LimitColumn {
    fn read(self, value: &str) -> Result<Plan, LimitError> {
        match self.holds {
            Holds::One => limit::single(value, self.unit).map(|limit| Plan { download: limit, upload: limit }),
            Holds::Two(order) => limit::pair(value, self.unit, order),
        }
    }
}

fn meanings(at: usize, name: &str) -> Vec<Named> {
    let word = plain(name);
    if let Some((role, sure, _)) = NAMES.iter().find(|(.., words)| words.contains(&&*word)) {
        let limit = LimitColumn { at, unit: None, holds: Holds::Two(Order::Router) };
        let roles =
            if *role == Role::Download { &[Role::Download, Role::Upload][..] } else { std::slice::from_ref(role) };
        return roles.iter().map(|role| Named { at, role: *role, sure: *sure, limit }).collect();
    }
    let (stem, unit) = Unit::of_column(name);
    let limit = |holds| LimitColumn { at, unit, holds };
    let named = |role, holds| Named { at, role, sure: Sure::Usually, limit: limit(holds) };
    match *limited(&stem) {
        [role] => vec![named(role, Holds::One)],
        [Role::Download, Role::Upload] => two(Order::DownloadFirst, named),
        [Role::Upload, Role::Download] => two(Order::UploadFirst, named),
        _ => Vec::new(),
    }
}

fn two(order: Order, named: impl Fn(Role, Holds) -> Named) -> Vec<Named> {
    vec![named(Role::Download, Holds::Two(order)), named(Role::Upload, Holds::Two(order))]
}

/// The directions in a limit column's name, in order; none if the name has other words too.
fn limited(stem: &str) -> Vec<Role> {
    let mut roles = Vec::new();
    let mut rest = stem;
    while !rest.is_empty() {
        let word = LIMIT_WORDS.iter().find_map(|(word, role)| Some((rest.strip_prefix(word)?, role)));
        let Some((behind, role)) = word else { return Vec::new() };
        roles.extend(role);
        rest = behind;
    }
    roles
}

/// The surest column of a role, or the places of two equally sure ones.
fn surest(named: &[Named], role: Role) -> Result<Option<&Named>, [usize; 2]> {
    let sure = named.iter().filter(|named| named.role == role).map(|named| named.sure).max();
    let mut best = named.iter().filter(|named| named.role == role && Some(named.sure) == sure);
    match (best.next(), best.next()) {
        (Some(first), Some(second)) => Err([first.at, second.at]),
        (first, _) => Ok(first),
    }
}

fn twice(what: &'static str, names: &[String], [first, second]: [usize; 2]) -> FileError {
    let column = |at: usize| format!("column {} ({:?})", at + 1, names.get(at).map_or("", |name| shortened(name)));
    FileError::Twice { what, first: column(first), second: column(second) }
}

/// The start of a column's name: one longer than this is no name, but a row.
fn shortened(name: &str) -> &str {
    name.trim().get(..name.trim().floor_char_boundary(60)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(names: &str) -> Result<Columns, FileError> {
        Columns::find(&names.split('|').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn names_of_exports() {
        for (names, uses) in [
            ("username|customer|package|download|upload", "username|customer|package|download|upload"),
            ("PPPoE-Username|Full Name|Plan|Download (Mbps)|Max. upload", "username|customer|package|download|upload"),
            ("username|pppoe_username|name", "+|username|customer"),
            ("login|Tariff|Speed (down/up)", "username|package|download and upload"),
            ("login|Upload/Download Mbit/s", "username|download and upload"),
            ("username|Mikrotik-Rate-Limit", "username|download and upload"),
            ("name|username|service|profile", "customer|username|+|package"),
            ("username|speed_download|speed_upload|Uptime|Update|Bandwidth", "username|download|upload|+|+|+"),
            ("user|rate_down kbps|rate_up kbps|uploaded|Download MB", "username|download|upload|+|+"),
            ("username|downrate|uprate", "username|download|upload"),
            ("login|Mikrotik-Rate-Limit|download", "username|upload|download"),
            ("user|Password|Account number|cell|Street", "username||reference|phone|address"),
        ] {
            let found: Vec<&str> = find(names).unwrap().uses().into_iter().map(Option::unwrap_or_default).collect();
            assert_eq!(found.join("|").replace("further, for support", "+"), uses, "{names}");
        }
    }

    #[test]
    fn two_columns_that_mean_the_same_are_both_named() {
        for (names, what, parts) in [
            ("username|x|login", "username", ["column 1 (\"username\")", "column 3 (\"login\")"]),
            ("PPPoE|ppp user", "username", ["column 1 (\"PPPoE\")", "column 2 (\"ppp user\")"]),
            ("user|Customer|Client name", "customer", ["column 2 (\"Customer\")", "column 3 (\"Client name\")"]),
            ("user|down|Download (Mbps)", "download", ["column 2 (\"down\")", "column 3 (\"Download (Mbps)\")"]),
            ("user|up|down/up", "upload", ["column 2 (\"up\")", "column 3 (\"down/up\")"]),
        ] {
            let error = find(names).unwrap_err().to_string();
            assert!(error.contains(&format!("two of its columns are the {what}")), "{error}");
            assert!(parts.iter().all(|part| error.contains(part)), "{error}");
        }
    }

    #[test]
    fn a_file_without_usernames_is_refused() {
        for names in ["", "name|download", "ali|Ali|50M"] {
            assert!(matches!(find(names), Err(FileError::NoUsername)), "{names}");
        }
    }
}
