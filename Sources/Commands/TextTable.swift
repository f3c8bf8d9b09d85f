/// Rows in columns that fit a terminal. The widest columns give way first; what is cut ends in `…`.
struct TextTable {
    private let titles: [String]
    private let rows: [[String]]
    private let whole: Set<Int>
    private static let gap = "  "
    private static let leastWidth = 6

    /// - Parameter whole: columns that are never cut, because half of an id is none. A table of many of them may become too wide.
    init(titles: [String], rows: [[String]], whole: Set<Int> = []) {
        self.titles = titles.map { $0.uppercased() }
        self.rows = rows.map { $0.map(PrintableText.clean) }
        self.whole = whole
    }

    /// - Parameter width: columns of the terminal; nil: as wide as it gets.
    func render(width: Int?) -> String {
        var widths = titles.indices.map { column in ([titles] + rows).map { $0[column].count }.max() ?? 0 }
        if let width { shrink(&widths, to: width - Self.gap.count * max(0, titles.count - 1)) }
        return ([titles] + rows).map { line($0, widths) }.joined(separator: "\n")
    }

    private func shrink(_ widths: inout [Int], to room: Int) {
        let yielding = widths.indices.filter { !whole.contains($0) }
        while widths.reduce(0, +) > room, let widest = yielding.max(by: { widths[$0] < widths[$1] }), widths[widest] > Self.leastWidth {
            widths[widest] -= 1
        }
    }

    private func line(_ cells: [String], _ widths: [Int]) -> String {
        var line = ""
        for (column, (cell, width)) in zip(cells, widths).enumerated() {
            let cut = cell.count > width ? cell.prefix(max(0, width - 1)) + "…" : cell[...]
            line += cut
            if column < cells.count - 1 { line += String(repeating: " ", count: width - cut.count) + Self.gap }
        }
        return line
    }
}
