import Program

/// Environments: the children's and the file for users.
enum DevEnvironment {
    /// What a child sees. No `PLIMSOLL_` variable of the caller reaches it: its file says everything.
    static var forChildren: [String: String] {
        ProcessEnvironment.current.filter { name, _ in !name.hasPrefix("PLIMSOLL_") }
    }

    /// `demo.env`, to be sourced by a shell, which gives what it says to the programs that are started from there.
    static func render(_ pairs: [(String, String)]) -> String {
        assignments(pairs) + "export \(pairs.map(\.0).joined(separator: " "))\n"
    }

    /// A line each.
    static func assignments(_ pairs: [(String, String)]) -> String {
        pairs.map { name, value in
            let isPlain = !value.isEmpty && value.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "_-./:@".contains($0)) }
            return "\(name)=\(isPlain ? value : "\"\(value)\"")\n"
        }.joined()
    }

    static func parse(_ text: String) -> [String: String] {
        var values: [String: String] = [:]
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { continue }
            let value = parts[1]
            values[String(parts[0])] = String(
                value.hasPrefix("\"") && value.hasSuffix("\"") && value.count > 1 ? value.dropFirst().dropLast() : value)
        }
        return values
    }
}
