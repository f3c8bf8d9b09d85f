import FoundationEssentials
import HTTPWire
import Program

/// Where the admin API is and with which token it is asked.
struct AdminAccess: Sendable {
    var url: String
    var token: AdminToken

    /// `PLIMSOLL_ADMIN_URL` and `PLIMSOLL_ADMIN_TOKEN`, or the named profile of `~/.config/plimsoll/profiles.json`:
    /// `{"default": {"url": …, "token": …}}`.
    static func find(profile: String?, environment: [String: String]) throws(CommandFailure) -> AdminAccess {
        if profile == nil, let url = environment["PLIMSOLL_ADMIN_URL"], let token = environment["PLIMSOLL_ADMIN_TOKEN"] {
            return try AdminAccess(checked: url, token)
        }
        let folder = environment["XDG_CONFIG_HOME"] ?? "\(environment["HOME"] ?? "")/.config"
        let path = "\(folder)/plimsoll/profiles.json"
        guard let data = try? Data(contentsOf: URL(filePath: path)) else {
            throw CommandFailure(.usage, "set PLIMSOLL_ADMIN_URL and PLIMSOLL_ADMIN_TOKEN, or write a profile into \(path)")
        }
        let name = profile ?? environment["PLIMSOLL_PROFILE"] ?? "default"
        let document: JSONValue
        do {
            document = try JSONValue.parse(Array(data))
        } catch {
            throw CommandFailure(.usage, "\(path): \(error.message)", cause: error)
        }
        guard let url = document[name]?["url"]?.string, let token = document[name]?["token"]?.string else {
            throw CommandFailure(.usage, "\(path) has no profile '\(name)' with url and token")
        }
        return try AdminAccess(checked: url, token)
    }

    init(url: String, token: String) {
        self.url = url
        self.token = AdminToken(token)
    }

    private init(checked url: String, _ token: String) throws(CommandFailure) {
        guard url.hasPrefix("http://") || url.hasPrefix("https://") else { throw CommandFailure(.usage, "'\(url)' is no http or https address") }
        self.init(url: url.hasSuffix("/") ? String(url.dropLast()) : url, token: token)
    }
}

/// An administrator's token. It is never printed.
struct AdminToken: Sendable, CustomStringConvertible, CustomReflectable {
    private let text: String

    init(_ text: String) {
        self.text = text
    }

    /// The value of the `authorization` header.
    var authorization: String { "Bearer \(text)" }

    var description: String { "<redacted>" }
    var customMirror: Mirror { Mirror(self, children: [:] as KeyValuePairs<String, Any>) }
}
