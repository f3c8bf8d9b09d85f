/// Rows in columns that fit a terminal. The widest columns give way first; what is cut ends in `…`.
struct TextTable {
    private let titles: [String]
    private let rows: [[String]]
    private static let gap = "  "

    init(titles: [String], rows: [[String]]) {
        self.titles = titles.map { $0.uppercased() }
        self.rows = rows.map { $0.map(Self.printable) }
    }

    /// - Parameter width: columns of the terminal; nil: as wide as it gets.
    func render(width: Int?) -> String {
        var widths = titles.indices.map { column in ([titles] + rows).map { $0[column].count }.max() ?? 0 }
        if let width { Self.shrink(&widths, to: width - Self.gap.count * max(0, titles.count - 1)) }
        return ([titles] + rows).map { line($0, widths) }.joined(separator: "\n")
    }

    private static func shrink(_ widths: inout [Int], to room: Int) {
        let least = 6
        while widths.reduce(0, +) > room, let widest = widths.indices.max(by: { widths[$0] < widths[$1] }), widths[widest] > least {
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

    /// Names come from other people: nothing in a cell may steer the terminal.
    private static func printable(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 0x20 || (0x7f..<0xa0).contains($0.value) ? " " : $0 }))
    }
}
