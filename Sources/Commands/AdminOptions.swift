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

    @Option(name: .shortAndLong, help: "How answers are printed.")
    var output = Output.table

    @Option(help: "Profile of ~/.config/plimsoll/profiles.json, before PLIMSOLL_ADMIN_URL and PLIMSOLL_ADMIN_TOKEN.")
    var profile: String?

    func client() throws -> AdminClient {
        AdminClient(try AdminAccess.find(profile: profile, environment: ProcessEnvironment.current))
    }

    func show(_ rows: [JSONValue], columns: [AdminColumn], empty: String) {
        switch output {
        case .json: print(JSONPrinter.pretty(.array(rows)))
        case .table where rows.isEmpty: print(empty)
        case .table:
            let whole = Set(columns.indices.filter { columns[$0].isWhole })
            let table = TextTable(titles: columns.map(\.title), rows: rows.map { row in columns.map { $0.text(row) } }, whole: whole)
            print(table.render(width: Self.terminalWidth))
        }
    }

    /// One document: each member on a line.
    func show(_ document: JSONValue) {
        guard output == .table, let members = document.object?.members else { return print(JSONPrinter.pretty(document)) }
        let names = members.map { PrintableText.clean($0.name) }
        let width = names.map(\.count).max() ?? 0
        for (name, member) in zip(names, members) {
            print("\(name)\(String(repeating: " ", count: width - name.count))  \(AdminColumn.text(member.value))")
        }
    }

    private static var terminalWidth: Int? {
        let columns = cplatform_terminal_columns(STDOUT_FILENO)
        return columns > 0 ? Int(columns) : nil
    }
}
