package import Telemetry

/// The kinds of values. Those with `default:` are optional in the file; those without are required.
extension SettingsReader {
    package func string(_ key: String, default value: String? = nil) -> String {
        optionalString(key, required: value == nil) ?? value ?? ""
    }

    package func optionalString(_ key: String) -> String? {
        optionalString(key, required: false)
    }

    /// One of the raw values of an enumeration.
    package func choice<Choice: RawRepresentable & CaseIterable>(_ key: String, default value: Choice) -> Choice where Choice.RawValue == String {
        let names = Choice.allCases.map(\.rawValue).joined(separator: ", ")
        return lookUp(key, required: false, expected: "one of \(names)", text: Choice.init, node: { $0.text.flatMap(Choice.init) }) ?? value
    }

    package func bool(_ key: String, default value: Bool) -> Bool {
        lookUp(key, required: false, expected: "true or false", text: Self.bool, node: \.bool) ?? value
    }

    /// A whole number within a range.
    package func int(_ key: String, default value: Int? = nil, in range: ClosedRange<Int> = 0...Int(Int32.max)) -> Int {
        let read = lookUp(
            key, required: value == nil, expected: "a whole number from \(range.lowerBound) to \(range.upperBound)",
            text: { Int($0).flatMap { range.contains($0) ? $0 : nil } }, node: { $0.int.flatMap { range.contains($0) ? $0 : nil } })
        return read ?? value ?? range.lowerBound
    }

    package func double(_ key: String, default value: Double, in range: ClosedRange<Double>) -> Double {
        lookUp(
            key, required: false, expected: "a number from \(range.lowerBound) to \(range.upperBound)",
            text: { Double($0).flatMap { range.contains($0) ? $0 : nil } }, node: { $0.double.flatMap { range.contains($0) ? $0 : nil } })
            ?? value
    }

    /// Such as `250ms`, `5s`, `15m`, `24h`, `7d`.
    package func duration(
        _ key: String, default value: Duration? = nil, in range: ClosedRange<Duration> = .zero ... .seconds(366 * 86_400)
    ) -> Duration {
        let parse: (String) -> Duration? = { DurationText.parse($0).flatMap { range.contains($0) ? $0 : nil } }
        let read = lookUp(
            key, required: value == nil,
            expected:
                "a duration such as 250ms, 5s, 15m or 24h, from \(DurationText.print(range.lowerBound)) to \(DurationText.print(range.upperBound))",
            text: parse, node: { $0.text.flatMap(parse) })
        return read ?? value ?? range.lowerBound
    }

    /// Bytes: a whole number, or text such as `64KiB`, `16MiB`, `2GiB`.
    package func bytes(_ key: String, default value: Int? = nil, in range: ClosedRange<Int> = 0...Int.max) -> Int {
        let parse: (String) -> Int? = { ByteCountText.parse($0).flatMap { range.contains($0) ? $0 : nil } }
        let read = lookUp(
            key, required: value == nil, expected: "a number of bytes such as 64KiB, 16MiB or 1048576 within its bounds", text: parse,
            node: { node in node.int.flatMap { range.contains($0) ? $0 : nil } ?? node.text.flatMap(parse) })
        return read ?? value ?? range.lowerBound
    }

    /// `host:port`, `[v6]:port` or `unix:/path`.
    package func address(_ key: String, default value: SettingsAddress? = nil) -> SettingsAddress {
        let read = lookUp(
            key, required: value == nil, expected: "an address such as 127.0.0.1:7800, [::1]:7800 or unix:/run/x.sock", text: SettingsAddress.init,
            node: { $0.text.flatMap(SettingsAddress.init) })
        return read ?? value ?? SettingsAddress(host: "127.0.0.1", port: 0)
    }

    package func optionalAddress(_ key: String) -> SettingsAddress? {
        has(key) ? address(key) : nil
    }

    /// A list of texts; in the environment separated by commas.
    package func strings(_ key: String, default value: [String] = []) -> [String] {
        lookUp(key, required: false, expected: "a list of texts", text: Self.list, node: \.texts) ?? value
    }

    /// A value that must never be printed: given itself, or by `<key>_file`, the path of a file whose first line it is.
    package func secret(_ key: String) -> Redacted<String> {
        guard let value = optionalSecret(key) else {
            fault(key, "is required: a secret, or \(key)_file with the path of a file that holds it")
            return Redacted("")
        }
        return value
    }

    package func optionalSecret(_ key: String) -> Redacted<String>? {
        let file = optionalString("\(key)_file")
        if let given = optionalString(key) {
            if file != nil { fault(key, "is given twice: itself and as \(key)_file") }
            return Redacted(given)
        }
        return file.map { path in
            let text = FileBytes.read(path, limit: 65_536).map { String(decoding: $0, as: UTF8.self) }
            if text == nil { fault("\(key)_file", "cannot be read") }
            return Redacted(text?.split(whereSeparator: \.isNewline).first.map(String.init) ?? "")
        }
    }

    private func optionalString(_ key: String, required: Bool) -> String? {
        lookUp(
            key, required: required, expected: "a text that is not empty", text: { $0.isEmpty ? nil : $0 },
            node: { $0.text?.isEmpty == false ? $0.text : nil })
    }

    private static func bool(_ text: String) -> Bool? {
        switch text {
        case "true", "1", "yes", "on": true
        case "false", "0", "no", "off": false
        default: nil
        }
    }

    private static func list(_ text: String) -> [String]? {
        text.split(separator: ",").map { String($0.drop(while: \.isWhitespace)) }
    }
}
