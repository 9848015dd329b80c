use super::*;

/// The numbers of the lines that are no rows, of a content without a first row, in a table of so many columns.
fn refused(content: &str, columns: usize) -> Vec<u64> {
    let judged = judge(&lines(content.as_bytes()), b',', columns);
    judged.iter().filter(|line| line.fault.is_some()).map(|line| line.number).collect()
}

#[test]
fn line_ends_of_every_system() {
    for content in ["a\nb\n", "a\r\nb", "a\rb\r", "a\r\r\nb\r\r\n", "\n\na\n \nb"] {
        let lines = lines(content.as_bytes());
        assert_eq!(lines.iter().map(|(_, line)| *line).collect::<Vec<_>>(), [b"a", b"b"], "{content:?}");
    }
    assert_eq!(refused("a,b\rc,d\ne,f\n", 2), [1], "one line with a carriage return in it");
}

#[test]
fn a_quote_that_opens_and_does_not_close_costs_its_line_alone() {
    for content in [
        "user1,\"Uno,Fibre\nuser2,Due,Fibre\nuser3,Tre,Fibre",
        "user1,\"Uno,Fibre\nuser2,\"Due, SA\",Fibre\nuser3,Tre,Fibre",
        "user1,\"Uno,Fibre\nuser2,Due,Fibre\nuser3,\"Tre\",\"Fibre\"",
        "\"user1\",\"Shop 12\"\",\"Fibre\"\n\"user2\",\"Due\",\"Fibre\"\n",
        "\"user1\",\"Uno\",\"Fibre 12\"\"\n\"user2\",\"Due\",\"Fibre\"\n",
    ] {
        assert_eq!(refused(content, 3), [1], "{content}");
    }
    assert_eq!(refused("a,\"Uno,F\nb,Due,F\nc,\"Tre,F\nd,Q,F", 3), [1, 3]);
}

#[test]
fn a_value_with_a_line_break_costs_every_line_that_it_may_reach() {
    for (content, lines) in [
        ("carl,\"two\nlines\",50\nbob,Bob,50", &[1, 2][..]),
        ("carl,\"two\nbob,Evil,50\nlines\",50\neve,Eve,50", &[1, 2, 3]),
        ("carl,\"one\",\"two\n,\"\nbob,Bob,50", &[1, 2]),
        ("carl,\"two\n\nbob,\"\"Evil\"\"\n\",50\neve,Eve,50", &[1, 3, 4]),
        // The second line ends the first one's value, or begins one of its own.
        ("carl,\"x\nb,\"\nbob,Evil,50\n\",y\neve,Eve,50", &[1, 2, 3, 4]),
        // A program that escapes nothing.
        ("carl,\"He said \"hi\nbob,Evil\"\",x\neve,Eve,50", &[1, 2]),
        ("\"carl\",\"He said \"hi\nbob,Evil,x\nmore\"\",\"x\"\neve,Eve,50", &[1, 2, 3]),
        // MySQL's backslash.
        ("carl,\"two \\\"\nbob,Evil\",x\neve,Eve,50", &[1, 2]),
        ("carl,two\\\nlines,50\neve,Eve,50", &[1, 2]),
    ] {
        assert_eq!(refused(content, 3), lines, "{content}");
    }
}

#[test]
fn short_lines_that_make_one_row_have_two_readings() {
    assert_eq!(refused("ali,Ali,F,50,10\ncarl,two\nlines,F,50,10\nbob,Bob,F,50,10", 5), [2, 3]);
    assert_eq!(refused("ali,Ali,F,50,10\ncarl,two\nmore\nlines,F,50,10\nbob,Bob,F,50,10", 5), [2, 3, 4]);
    assert_eq!(refused("\"carl\",\"He said\n\"bob\",\"Evil\",\"x\"\nali,Ali,F,50", 4), [1, 2]);
}

#[test]
fn lines_that_are_short_by_habit_are_rows() {
    for (content, columns) in [
        ("ali,Ali\nbob,Bob\neve,Eve", 3),
        ("ali,Ali\nbob,Bob\neve,Eve,F", 3),
        ("eve,Eve,F\nfay\ngus,Gus,F", 3),
        ("ali\nbob\neve", 3),
        ("ali,Ali\nbob,Bob,F,5,5\neve,Eve", 5),
    ] {
        assert_eq!(refused(content, columns), [0; 0], "{content}");
    }
}

#[test]
fn many_open_quotes_are_read_in_a_moment() {
    // Each line would be read to the end of the file for every line before it.
    let content = "a,\"x\n".repeat(200_000);
    assert_eq!(refused(&content, 2).len(), 200_000);
    let content = "a,\"x\"\"\n".repeat(200_000);
    assert_eq!(refused(&content, 2).len(), 200_000);
}
