/// Reads a program's settings: environment over file over the default that the caller gives.
///
/// A getter never fails: a missing or wrong value is noted and a stand-in returned, so that one run finds every fault. `finish` throws them
/// all together. Keys in the file are snake_case; `database.url` is `{"database": {"url": …}}` in the file and `PLIMSOLL_DATABASE_URL` in the
/// environment. Elements of lists of objects can only stand in the file.
package final class SettingsReader {
    private let document: SettingsDocument
    private let node: SettingsNode?
    private let path: [String]
    private let readsEnvironment: Bool

    /// - Parameters:
    ///   - file: path of a JSON file; nil: none.
    ///   - environment: `ProcessEnvironment.current` in a program.
    package convenience init(file: String?, environment: [String: String]) {
        let document = SettingsDocument(environment: environment)
        self.init(document: document, node: file.flatMap(document.load), path: [], readsEnvironment: true)
    }

    /// Reads from text in place of a file.
    package convenience init(json: String, environment: [String: String] = [:]) {
        let document = SettingsDocument(environment: environment)
        self.init(document: document, node: document.parse(Array(json.utf8), name: "settings"), path: [], readsEnvironment: true)
    }

    private init(document: SettingsDocument, node: SettingsNode?, path: [String], readsEnvironment: Bool) {
        self.document = document
        self.node = node
        self.path = path
        self.readsEnvironment = readsEnvironment
    }

    /// Throws every fault found so far, and every key of the file that nobody asked for. Call once, on the outermost reader, after all getters.
    package func finish() throws(SettingsFaults) {
        document.reportUnknownKeys()
        guard document.faults.isEmpty else { throw SettingsFaults(faults: document.faults) }
    }

    /// Adds a fault that only the caller can see, such as two settings that do not go together.
    package func fault(_ key: String, _ problem: String) {
        document.fault(at: path + [key], problem)
    }

    /// True when the file or the environment gives a value.
    package func has(_ key: String) -> Bool {
        document.note(path + [key], in: node)
        return environmentText(key) != nil || child(key) != nil
    }

    /// The settings below a key. When the key is missing, every getter of the result gives its default (or notes what is missing).
    package func object(_ key: String) -> SettingsReader {
        document.note(path + [key], in: node)
        let value = child(key)
        if let value, !value.isObject { document.fault(at: path + [key], "must be an object, is \(value.kind)") }
        return SettingsReader(
            document: document, node: value?.isObject == true ? value : .object([:]), path: path + [key], readsEnvironment: readsEnvironment)
    }

    /// One reader for each element of a list of objects; empty when the key is missing.
    package func objects(_ key: String) -> [SettingsReader] {
        document.note(path + [key], in: node)
        guard let value = child(key) else { return [] }
        guard case .array(let elements) = value else {
            document.fault(at: path + [key], "must be a list, is \(value.kind)")
            return []
        }
        return elements.enumerated().compactMap { index, element in
            let name = "\(key)[\(index)]"
            guard element.isObject else {
                document.fault(at: path + [name], "must be an object, is \(element.kind)")
                return nil
            }
            return SettingsReader(document: document, node: element, path: path + [name], readsEnvironment: false)
        }
    }

    // MARK: reading

    /// The value of a key as text or JSON, wherever it comes from; notes a fault and gives nil when it is required and missing.
    func lookUp<Value>(
        _ key: String, required: Bool, expected: String, text: (String) -> Value?, node read: (SettingsNode) -> Value?
    ) -> Value? {
        document.note(path + [key], in: node)
        if let given = environmentText(key) {
            if let value = text(given) { return value }
            document.fault(at: path + [key], "must be \(expected)", from: SettingsDocument.variable(path + [key]))
            return nil
        }
        guard let given = child(key) else {
            if required { document.fault(at: path + [key], "is required: \(expected)") }
            return nil
        }
        if let value = read(given) { return value }
        document.fault(at: path + [key], "must be \(expected), is \(given.kind)")
        return nil
    }

    private func child(_ key: String) -> SettingsNode? {
        guard case .object(let members) = node else { return nil }
        guard let value = members[key], value != .null else { return nil }
        return value
    }

    private func environmentText(_ key: String) -> String? {
        readsEnvironment ? document.environmentText(path + [key]) : nil
    }
}
