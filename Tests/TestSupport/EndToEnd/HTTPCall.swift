import Foundation

/// One call with curl's own program, for everything that is not load: admin calls, refusals, control of a simulated runtime.
package struct HTTPCall: Sendable {
    package let status: Int
    package let body: String

    package static func send(
        _ method: String, _ url: String, headers: [String: String] = [:], body: String? = nil, socket: String? = nil, limit: Int = 20
    ) async throws -> HTTPCall {
        var arguments = ["-sS", "-k", "-X", method, url, "-m", "\(limit)"]
        for (name, value) in headers { arguments += ["-H", "\(name): \(value)"] }
        if let body { arguments += ["-H", "Content-Type: application/json", "--data-binary", body] }
        if let socket { arguments += ["--unix-socket", socket] }
        let child = try ChildProcess("/usr/bin/curl", arguments + ["--write-out", "\n%{http_code}\n"])
        try await child.ended(within: .seconds(limit + 5))
        let lines = child.lines
        return HTTPCall(status: lines.last.flatMap(Int.init) ?? 0, body: lines.dropLast().joined(separator: "\n"))
    }

    package func value<Value: Decodable>(_ type: Value.Type) throws -> Value {
        try JSONDecoder().decode(type, from: Data(body.utf8))
    }

    /// The string, number or object at a path such as `data.0.id`.
    package func at(_ path: String) -> String? {
        var value: Any? = try? JSONSerialization.jsonObject(with: Data(body.utf8))
        for part in path.split(separator: ".") {
            if let list = value as? [Any], let index = Int(part) {
                value = index < list.count ? list[index] : nil
            } else {
                value = (value as? [String: Any])?[String(part)]
            }
        }
        return value.map { $0 as? String ?? "\($0)" }
    }
}
