import Postgres

/// The last lines of a runtime's log. They are kept whole, so that what must not stand in them is found, and shown cut.
enum LogTail {
    /// Of each line, in characters.
    private static let shownWidth = 300

    /// As people see it; nothing of what was not told.
    static func shown(_ tail: SQL) -> SQL {
        """
        CASE WHEN \(tail) IS NOT NULL THEN (SELECT coalesce(jsonb_agg(left(line, \(shownWidth)) ORDER BY place), '[]')
            FROM jsonb_array_elements_text(\(tail)) WITH ORDINALITY AS told (line, place)) END
        """
    }
}
