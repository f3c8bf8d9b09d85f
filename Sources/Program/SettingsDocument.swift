import Configuration
import HTTPWire

/// One file and one environment with the faults found in them. Used by one thread while a program starts.
final class SettingsDocument {
    private(set) var faults: [String] = []
    private let environment: EnvironmentVariablesProvider
    /// Keys that were asked for, by the path of the object they stand in.
    private var known: [String: Set<String>] = [:]
    private var visited: [String: (path: [String], keys: Set<String>)] = [:]
    private static let fileLimit = 16 << 20

    init(environment: [String: String]) {
        self.environment = EnvironmentVariablesProvider(environmentVariables: environment)
    }

    func load(_ path: String) -> SettingsNode? {
        guard let bytes = FileBytes.read(path, limit: Self.fileLimit) else {
            faults.append("\(path): the file cannot be read")
            return nil
        }
        return parse(bytes, name: path)
    }

    func parse(_ bytes: [UInt8], name: String) -> SettingsNode? {
        do {
            let value = try JSONValue.parse(bytes)
            guard case .object = value else {
                faults.append("\(name): must hold one JSON object")
                return nil
            }
            return SettingsNode(value)
        } catch {
            let before = bytes.prefix(error.offset)
            let line = before.count { $0 == UInt8(ascii: "\n") } + 1
            let place = error.path.isEmpty ? "" : " at \(error.path)"
            faults.append("\(name): line \(line)\(place): \(error.message)")
            return nil
        }
    }

    func fault(at path: [String], _ problem: String, from source: String? = nil) {
        let origin = source.map { " (from \($0))" } ?? ""
        let line = "\(path.joined(separator: "."))\(origin): \(problem)"
        if !faults.contains(line) { faults.append(line) }
    }

    /// Notes that a key is a known one, so that the others in its object can be refused.
    func note(_ path: [String], in node: SettingsNode?) {
        guard let key = path.last else { return }
        let parent = path.dropLast().joined(separator: ".")
        known[parent, default: []].insert(key)
        if case .object(let members) = node { visited[parent] = (Array(path.dropLast()), Set(members.keys)) }
    }

    func reportUnknownKeys() {
        for (parent, entry) in visited.sorted(by: { $0.key < $1.key }) {
            let expected = known[parent] ?? []
            for key in entry.keys.subtracting(expected).sorted() {
                let hint = NearestName.find(key, in: expected).map { "; did you mean \($0)?" } ?? ""
                fault(at: entry.path + [key], "is not a setting\(hint)")
            }
        }
    }

    func environmentText(_ path: [String]) -> String? {
        do {
            return try environment.environmentValue(forName: Self.variable(path))
        } catch {
            fault(at: path, "cannot be read from the environment")
            return nil
        }
    }

    /// `PLIMSOLL_` and the path in capitals.
    static func variable(_ path: [String]) -> String {
        "PLIMSOLL_" + path.joined(separator: "_").uppercased().map { $0.isLetter || $0.isNumber ? String($0) : "_" }.joined()
    }
}

extension SettingsNode {
    init(_ value: JSONValue) {
        switch value {
        case .null: self = .null
        case .bool(let value): self = .bool(value)
        case .string(let text): self = .string(text)
        case .array(let elements): self = .array(elements.map(SettingsNode.init))
        case .object(let object):
            self = .object(Dictionary(object.members.map { ($0.name, SettingsNode($0.value)) }, uniquingKeysWith: { first, _ in first }))
        case .integer(let number): self = .number(String(number))
        case .number(let number): self = .number(String(describing: number))
        }
    }
}
