import ArgumentParser
import CPlatform
import Glibc
import HTTPWire
import Program

/// Options of every command that asks the admin API.
struct AdminOptions: ParsableArguments {
    enum Output: String, ExpressibleByArgument, CaseIterable {
        case table
        case json
    }

    @Option(name: .shortAndLong, help: "table or json.")
    var output = Output.table

    @Option(help: "Profile of ~/.config/plimsoll/profiles.json. Without it PLIMSOLL_ADMIN_URL and PLIMSOLL_ADMIN_TOKEN count first.")
    var profile: String?

    func client() throws -> AdminClient {
        AdminClient(try AdminAccess.find(profile: profile, environment: ProcessEnvironment.current))
    }

    func show(_ rows: [JSONValue], columns: [AdminColumn], empty: String) {
        switch output {
        case .json: print(JSONPrinter.pretty(.array(rows)))
        case .table where rows.isEmpty: print(empty)
        case .table:
            let table = TextTable(titles: columns.map(\.title), rows: rows.map { row in columns.map { $0.text(row) } })
            print(table.render(width: Self.terminalWidth))
        }
    }

    /// One document: each member on a line.
    func show(_ document: JSONValue) {
        guard output == .table, let members = document.object?.members else { return print(JSONPrinter.pretty(document)) }
        let width = members.map(\.name.count).max() ?? 0
        for member in members {
            print("\(member.name)\(String(repeating: " ", count: width - member.name.count))  \(AdminColumn.text(member.value))")
        }
    }

    private static var terminalWidth: Int? {
        let columns = cplatform_terminal_columns(STDOUT_FILENO)
        return columns > 0 ? Int(columns) : nil
    }
}
